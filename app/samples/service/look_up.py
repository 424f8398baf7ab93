"""
Reading. ``look_up`` is the only way to a sample: what is not the caller's and what is not there answer alike.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.kit import ids
from app.kit.db import Session
from app.kit.errors import NotFound
from app.kit.rows import mapping
from app.samples.repo import halts
from app.samples.repo import read as repo
from app.samples.repo.read import Filters
from app.samples.rules import BASIS, Stage
from app.samples.schemas import (
    PlaceOut,
    RiskOut,
    SampleDetailOut,
    SampleOut,
    StatusesOut,
    StatusLine,
    SubmissionLine,
    SubmissionOut,
)

__all__ = ["Filters"]

_COUNTED = 10_000
"""A place beyond this is not counted out."""


def risk_out(detail: Mapping[str, Any]) -> RiskOut:
    """
    Shape a stored assessment for callers.
    """
    return RiskOut.model_validate({name: detail[name] for name in RiskOut.model_fields})


def sample_out(row: Mapping[str, Any]) -> SampleOut:
    """
    Shape a stored sample for callers.
    """
    return SampleOut.model_validate({**row, "exhibit": row["body"], "folded": []})


async def version_of(session: Session, sample_id: UUID | None) -> int:
    """
    Return a sample's version: its ETag, read from one row.

    Raises:
        NotFound: when it is not there for this caller.

    """
    found = await repo.version(session, sample_id) if sample_id else None
    if found is None:
        raise NotFound
    return found


async def look_up(session: Session, sample_id: UUID | None) -> SampleDetailOut:
    """
    Return one sample with its latest assessment.

    Raises:
        NotFound: when it is not there for this caller.

    """
    row = await repo.one(session, sample_id) if sample_id else None
    if row is None:
        raise NotFound
    why = await halts.find(session, row.halt_id) if row.halt_id else None
    return SampleDetailOut.model_validate(
        {
            **mapping(row),
            "exhibit": row.body,
            "folded": [],
            "risk": risk_out(row.risk),
            "halt": mapping(why) if why else None,
        }
    )


async def look_up_several(session: Session, sample_ids: Sequence[UUID]) -> dict[UUID, SampleOut]:
    """
    Return these samples, those that are there for this caller.
    """
    rows = await repo.several(session, sample_ids) if sample_ids else ()
    return {row.id: sample_out(mapping(row)) for row in rows}


async def statuses(session: Session, *, sample_ids: Sequence[str]) -> StatusesOut:
    """
    Return where these samples stand, in this order, and which of them this caller cannot see.
    """
    wanted = list(dict.fromkeys(key for one in sample_ids if (key := ids.read("smp", one))))
    found = {row.id: row for row in await repo.statuses(session, wanted)}
    return StatusesOut(
        items=[StatusLine.model_validate(mapping(found[key])) for key in wanted if key in found],
        missing=[key for key in wanted if key not in found],
    )


async def page(
    session: Session, *, filters: Filters, before: UUID | None, limit: int
) -> tuple[list[SampleOut], bool]:
    """
    Return one page of samples, newest first, and whether there are more.
    """
    rows = await repo.page(session, filters=filters, before=before, limit=limit + 1)
    return [sample_out(mapping(row)) for row in rows[:limit]], len(rows) > limit


async def submission(session: Session, submission_id: UUID | None) -> SubmissionOut:
    """
    Return one submission with its samples and hearings.

    Raises:
        NotFound: when it is not there for this caller.

    """
    found = await repo.whole_submission(session, submission_id) if submission_id else None
    if found is None:
        raise NotFound
    row, samples, hearings = found
    return SubmissionOut.model_validate(
        {
            **mapping(row),
            "seizure": row.body,
            "hearings": [{"kind": one.kind, "date": one.held_on} for one in hearings],
            "samples": [sample_out(mapping(one)) for one in samples],
        }
    )


async def submission_page(
    session: Session, *, file_number: str | None, before: UUID | None, limit: int
) -> tuple[list[SubmissionLine], bool]:
    """
    Return one page of submissions, newest first, and whether there are more.
    """
    rows = await repo.submission_page(
        session, file_number=file_number, before=before, limit=limit + 1
    )
    lines = [SubmissionLine.model_validate(mapping(row)) for row in rows[:limit]]
    return lines, len(rows) > limit


async def places_of(session: Session, sample_ids: Sequence[UUID]) -> dict[UUID, PlaceOut]:
    """
    Return where these samples stand in line.
    """
    return {row.sample_id: _place(session, row) for row in await repo.places(session, sample_ids)}


async def place_of(session: Session, sample_id: UUID | None) -> PlaceOut:
    """
    Return where one sample stands in line.

    Raises:
        NotFound: when it is not there for this caller.

    """
    await version_of(session, sample_id)
    found = await places_of(session, [sample_id]) if sample_id else {}
    over = PlaceOut(as_of=session.now, stage=None, at_bench=False, place=None, predicted_at=None)
    return next(iter(found.values()), over)


def _place(session: Session, row: Any) -> PlaceOut:
    place = None if row.at_bench or row.ahead >= _COUNTED else row.ahead + 1
    predicted = None
    if place is not None and row.finished >= BASIS and row.finished_to > row.finished_from:
        # The pace of the last completions, up to now: a bench that has stopped pushes the prediction out.
        pace: timedelta = (session.now - row.finished_from) / row.finished
        predicted = session.now + place * pace
    return PlaceOut(
        as_of=session.now,
        stage=Stage(row.stage),
        at_bench=row.at_bench,
        place=place,
        predicted_at=predicted,
    )
