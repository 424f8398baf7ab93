"""
What was found when an item came, and who accepted what was not as it should be.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.custody import repo
from app.custody.models import intake
from app.custody.rules import Nonconformance, SealState
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import Conflict, NotFound
from app.kit.rows import mapping


async def record_intake(
    session: Session,
    sample: Mapping[str, Any],
    *,
    client_id: UUID,
    seal_number: str | None,
    seal: SealState,
    condition: str | None,
    weighed_g: Decimal | None,
    declared_g: Decimal | None,
    hazards: Sequence[str],
    attachment_ids: Sequence[UUID],
    found: Sequence[Nonconformance],
    note: str | None,
    accepted_because: str | None,
) -> Mapping[str, Any]:
    """
    Write what was found. With a reason, the person at the counter accepts it at once.
    """
    accepted = bool(found) and accepted_because is not None
    row: dict[str, Any] = {
        "id": ids.new(),
        "agency_id": sample["agency_id"],
        "laboratory_id": sample["laboratory_id"],
        "submission_id": sample["submission_id"],
        "sample_id": sample["id"],
        "seal_number": seal_number,
        "seal_state": seal,
        "condition": condition,
        "gross_weight_g": None if weighed_g is None else str(weighed_g),
        "declared_weight_g": None if declared_g is None else str(declared_g),
        "hazards": list(hazards),
        "attachment_ids": list(attachment_ids),
        "nonconformances": list(found),
        "note": note,
        "received_by": client_id,
        "received_at": session.now,
        "accepted_at": session.now if accepted else None,
        "accepted_by": client_id if accepted else None,
        "accepted_because": accepted_because if accepted else None,
    }
    await repo.insert(session, intake, row)
    return row


async def intake_of(session: Session, sample_id: UUID) -> Mapping[str, Any] | None:
    """
    Return what was found when a sample came; None before it did, or where nothing was written.
    """
    row = await repo.intake_of(session, sample_id)
    return mapping(row) if row else None


async def accept_intake(
    session: Session, sample_id: UUID, *, client_id: UUID, because: str
) -> Mapping[str, Any]:
    """
    Accept, in one's own name, what was not as it should be.

    Raises:
        NotFound: when nothing was written at this sample's intake.
        Conflict: when there is nothing to accept, or somebody has.

    """
    row = await repo.intake_of(session, sample_id)
    if row is None:
        raise NotFound
    if not row.nonconformances:
        raise Conflict("Everything was as it should be: there is nothing to accept.")
    accepted = await repo.accept_intake(session, row.id, by=client_id, because=because)
    if accepted is None:
        raise Conflict("This has been accepted already.")
    return mapping(accepted)
