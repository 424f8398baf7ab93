"""
Who holds each sample: exactly one holder at any instant, from the agency's first statement on.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement

from app.custody import repo
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import Conflict
from app.kit.rows import mapping


async def begin(session: Session, samples: Sequence[Mapping[str, Any]], *, client_id: UUID) -> None:
    """
    Begin custody with the submitting agency.
    """
    await repo.add(
        session,
        [
            _holding(session, sample, sample["agency_id"], client_id, purpose="seized")
            for sample in samples
        ],
    )


async def receive(
    session: Session,
    sample: Mapping[str, Any],
    *,
    client_id: UUID,
    seal_number: str | None,
    condition: str | None,
) -> None:
    """
    Pass custody to the laboratory, to the person at its counter.

    Raises:
        Conflict: when nobody holds the sample, so that nobody can hand it over.

    """
    if not await repo.end(session, [sample["id"]]):
        raise Conflict("Nobody holds this sample, so nobody can hand it over.")
    await repo.add(
        session,
        [
            {
                **_holding(session, sample, sample["laboratory_id"], client_id, purpose="analysis"),
                "seal_number": seal_number,
                "condition": condition,
            }
        ],
    )


def in_hand(sample_id: ColumnElement[UUID], client_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """
    Return the condition, for another domain's statement, that this person has this sample in their hands at present.
    """
    return repo.in_hand(sample_id, client_id)


async def history(session: Session, sample_id: UUID) -> list[Mapping[str, Any]]:
    """
    Return a sample's holdings, first to last.
    """
    return [mapping(row) for row in await repo.history(session, sample_id)]


def _holding(
    session: Session,
    sample: Mapping[str, Any],
    agency_id: UUID,
    client_id: UUID,
    *,
    purpose: str,
) -> dict[str, Any]:
    return {
        "id": ids.new(),
        "agency_id": sample["agency_id"],
        "laboratory_id": sample["laboratory_id"],
        "submission_id": sample["submission_id"],
        "sample_id": sample["id"],
        "holder_agency_id": agency_id,
        "holder_client_id": client_id,
        "since": session.now,
        "purpose": purpose,
    }
