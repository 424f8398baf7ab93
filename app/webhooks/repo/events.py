"""
Events as they are stored, and what of them is owed to whom.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text

from app.kit import rows
from app.kit.db import Session
from app.webhooks.models import event

Found = Row[Any]


async def add_events(
    session: Session, events: Sequence[rows.Row], *, only_endpoint: UUID | None = None
) -> int:
    """
    Insert events and owe them to whom they concern, or to one endpoint alone.

    It returns how many deliveries that makes.
    """
    await rows.insert(session, {event: events})
    owed = await session.execute(
        text("SELECT owe_deliveries(CAST(:ids AS uuid[]), :only)"),
        {"ids": [str(row["id"]) for row in events], "only": only_endpoint},
    )
    return int(owed.scalar_one())


async def read_events(session: Session, event_ids: Sequence[UUID]) -> Mapping[UUID, Found]:
    """
    Return the types and bodies of these events.
    """
    c = event.c
    found = await session.execute(select(c.id, c.type, c.body).where(c.id.in_(event_ids)))
    return {row.id: row for row in found}


async def informed(
    session: Session, submission_ids: Sequence[UUID], types: Sequence[str]
) -> Sequence[Found]:
    """
    Return which agency was told one of these types about which file and sample.
    """
    c = event.c
    query = select(c.submission_id, c.sample_id, c.agency_id).distinct()
    found = await session.execute(
        query.where(c.submission_id.in_(submission_ids), c.type.in_(types))
    )
    return found.all()


async def find_event(session: Session, event_id: UUID) -> Found | None:
    """
    Return one of this agency's events.
    """
    query = select(event).where(event.c.id == event_id, event.c.agency_id == session.tenant)
    return (await session.execute(query)).one_or_none()
