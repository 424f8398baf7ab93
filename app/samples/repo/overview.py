"""
What is going on at the bench, for those who look at it as a whole.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from app.kit.db import Session
from app.samples.models import claim, queue_task

_CLAIM = (
    select(
        claim.c.id,
        claim.c.token,
        claim.c.stage,
        claim.c.sample_id,
        claim.c.holder,
        claim.c.taken_at,
        queue_task.c.lease_until,
    )
    .join(queue_task, queue_task.c.claim_id == claim.c.id)
    .where(queue_task.c.sample_id == claim.c.sample_id)
)


async def claim_of(session: Session, sample_id: UUID) -> Row[Any] | None:
    """
    Return the open claim on a sample, or None.
    """
    statement = _CLAIM.where(claim.c.sample_id == sample_id, claim.c.ended_at.is_(None))
    return (await session.execute(statement)).one_or_none()
