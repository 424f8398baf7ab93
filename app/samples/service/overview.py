"""
What is going on at the bench, for those who look at it as a whole.
"""

from uuid import UUID

from app.kit.db import Session
from app.kit.rows import mapping
from app.samples.repo import overview as repo
from app.samples.schemas.overview import ClaimLine


async def claim_of(session: Session, sample_id: UUID) -> ClaimLine | None:
    """
    Return who holds a sample, with the claim's token; None when nobody does. Laboratory only.
    """
    row = await repo.claim_of(session, sample_id)
    return ClaimLine.model_validate(mapping(row)) if row is not None else None
