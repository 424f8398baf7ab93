"""
Rush requests: asked with a reason and a date, answered by a named supervisor.

Only public safety moves the order, within bounds. A hearing or somebody in custody gets a named start instead.
"""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from app.access import service as access
from app.access.service import Caller
from app.kit import ids
from app.kit.db import DbRole, Session
from app.kit.errors import Conflict, FieldError, Invalid, NotFound
from app.kit.rows import mapping
from app.ledger import service as ledger
from app.samples.evidence_rules import EvidenceKind, ToldBy
from app.samples.ranking_models import rush_request
from app.samples.ranking_rules import RushState, answer_by, days_off, moves_the_order
from app.samples.repo import evidence as evidence_repo
from app.samples.repo import ranking as repo
from app.samples.repo import read as read_repo
from app.samples.rules import FINAL
from app.samples.schemas import (
    CourtDateAtRisk,
    CourtDates,
    RushCount,
    RushDecisionIn,
    RushRequestIn,
    RushRequestList,
    RushRequestOut,
)
from app.samples.service.look_up import places_of
from app.samples.service.rerank import rerank

REVIEW_TAKES = timedelta(days=3)
"""From the bench to the report, added to the predicted start: writing and review."""


async def ask(
    session: Session, *, caller: Caller, sample_id: UUID | None, body: RushRequestIn
) -> RushRequestOut:
    """
    Ask for a sample to be taken before its turn. The answer is due in business days.

    Raises:
        NotFound: when the sample is not this agency's.
        Conflict: when its work is over, or a request for it waits for an answer.
        Invalid: when it is needed before today.

    """
    row = await read_repo.one(session, sample_id) if sample_id else None
    if row is None or row.agency_id != caller.agency_id:
        raise NotFound
    if row.status in FINAL:
        raise Conflict(f"This sample is {row.status}: there is nothing left to hurry.")
    today = session.now.date()
    if body.needed_by < today:
        message = "lies in the past"
        raise Invalid(errors=[FieldError("needed_by", message, "give a day that is still to come")])
    if await repo.open_request(session, row.id) is not None:
        raise Conflict("A rush request for this sample waits for its answer.")
    country = await access.country_of(session, row.laboratory_id)
    asked = {
        "id": ids.new(),
        "agency_id": row.agency_id,
        "laboratory_id": row.laboratory_id,
        "submission_id": row.submission_id,
        "sample_id": row.id,
        "reason": body.reason,
        "text": body.text,
        "needed_by": body.needed_by,
        "requested_by": caller.client_id,
        "requested_at": session.now,
        "answer_by": answer_by(today, days_off(country)),
        "state": RushState.OPEN,
    }
    await repo.add(session, rush_request, asked)
    await _record(session, mapping(row), caller, "rush.ask", asked)
    (found,) = await repo.requests(session, state="open", sample_id=row.id)
    return _out(session, found)


async def of_sample(session: Session, sample_id: UUID | None) -> RushRequestList:
    """
    Return the rush requests of one sample with their answers.

    Raises:
        NotFound: when the sample is not there for this caller.

    """
    if sample_id is None or await read_repo.version(session, sample_id) is None:
        raise NotFound
    found = await repo.requests(session, state=None, sample_id=sample_id)
    return RushRequestList(items=[_out(session, row) for row in found], counts=[])


async def waiting(session: Session, *, state: RushState | None) -> RushRequestList:
    """
    Return the laboratory's rush requests, the first to be answered first, and counts by agency and reason.
    """
    found = await repo.requests(session, state=state, sample_id=None)
    return RushRequestList(
        items=[_out(session, row) for row in found],
        counts=[RushCount.model_validate(mapping(row)) for row in await repo.counted(session)],
    )


async def decide(
    session: Session, *, caller: Caller, request_id: UUID | None, body: RushDecisionIn
) -> RushRequestOut:
    """
    Answer a rush request, under one's own name.

    Raises:
        NotFound: when it is not this laboratory's.
        Conflict: when it is answered, or the sample's work is over.
        Invalid: when a grant that reserves a start names no day, or a day is over.

    """
    asked = await repo.request(session, request_id) if request_id else None
    if asked is None:
        raise NotFound
    if asked.state != RushState.OPEN:
        raise Conflict(f"This request is {asked.state}.")
    row = await read_repo.one(session, asked.sample_id)
    if row is None or row.status in FINAL:
        raise Conflict("The sample's work is over.")
    granted = body.decision == "grant"
    reserves = granted and not moves_the_order(asked.reason)
    for name, day in (("start_by", body.start_by), ("earliest_on", body.earliest_on)):
        if day is not None and day < session.now.date():
            message = "lies in the past"
            raise Invalid(errors=[FieldError(name, message, "give a day that is still to come")])
    if reserves and body.start_by is None:
        message = "is needed: this grant reserves a start and leaves the order alone"
        raise Invalid(
            errors=[FieldError("start_by", message, "give the day by which the bench takes it")]
        )
    answered = {
        "state": RushState.GRANTED if granted else RushState.REFUSED,
        "decided_by": caller.client_id,
        "decided_by_name": caller.name,
        "decided_at": session.now,
        "remarks": body.remarks,
        "start_by": body.start_by if reserves else None,
        "earliest_on": None if granted else body.earliest_on,
    }
    await repo.answer(session, asked.id, **answered)
    if reserves:
        await repo.reserve(
            session,
            {
                "sample_id": asked.sample_id,
                "laboratory_id": asked.laboratory_id,
                "start_by": body.start_by,
                "rush_request_id": asked.id,
            },
        )
    await _record(
        session, mapping(row), caller, f"rush.{body.decision}", {**mapping(asked), **answered}
    )
    if granted and not reserves:
        await _head_start(session, mapping(row), caller, asked.id)
    (found,) = [
        one
        for one in await repo.requests(session, state=None, sample_id=asked.sample_id)
        if one.id == asked.id
    ]
    return _out(session, found)


async def court_dates(session: Session) -> CourtDates:
    """
    Report open samples with a hearing ahead, and whether they will be done by then. Nothing moves because of it.
    """
    rows = await repo.hearings_ahead(session, today=session.now.date())
    places = await places_of(session, [row.sample_id for row in rows])
    items = []
    for row in rows:
        place = places.get(row.sample_id)
        predicted = place.predicted_at if place else None
        if row.start_by is not None:
            start = datetime.combine(row.start_by, time(), tzinfo=session.now.tzinfo)
            predicted = min(predicted or start, start)
        done = predicted + REVIEW_TAKES if predicted else None
        items.append(
            CourtDateAtRisk(
                sample_id=row.sample_id,
                agency_id=row.agency_id,
                agency_file_number=row.agency_file_number,
                exhibit_number=row.exhibit_number,
                status=row.status,
                hearing_kind=row.kind,
                hearing_on=row.held_on,
                predicted_at=done,
                start_by=row.start_by,
                at_risk=done.date() > row.held_on if done else None,
            )
        )
    return CourtDates(as_of=session.now, items=items)


async def _head_start(
    session: Session, sample: Mapping[str, Any], caller: Caller, request_id: UUID
) -> None:
    assert session.context.role is DbRole.LAB  # only a supervisor decides
    await evidence_repo.add(
        session,
        [
            {
                "id": ids.new(),
                "agency_id": sample["agency_id"],
                "laboratory_id": sample["laboratory_id"],
                "submission_id": sample["submission_id"],
                "sample_id": sample["id"],
                "told_by": ToldBy.LABORATORY,
                "kind": EvidenceKind.PUBLIC_SAFETY,
                "body": {"rush_request": str(request_id)},
                "given_by": caller.client_id,
                "given_at": session.now,
            }
        ],
    )
    await rerank(
        session,
        laboratory_id=sample["laboratory_id"],
        sample_ids=[sample["id"]],
        cause="rush granted: public safety",
        actor_id=caller.client_id,
    )


async def _record(
    session: Session,
    sample: Mapping[str, Any],
    caller: Caller,
    kind: str,
    asked: Mapping[str, Any],
) -> None:
    days = ("needed_by", "answer_by", "start_by", "earliest_on")
    await ledger.record(
        session,
        [
            ledger.Fact(
                kind=kind,
                agency_id=sample["agency_id"],
                laboratory_id=sample["laboratory_id"],
                submission_id=sample["submission_id"],
                sample_id=sample["id"],
                version=sample["version"],
                actor_id=caller.client_id,
                details={
                    "rush_request": str(asked["id"]),
                    "reason": str(asked["reason"]),
                    **{day: asked[day].isoformat() for day in days if asked.get(day)},
                },
            )
        ],
    )


def _out(session: Session, row: Any) -> RushRequestOut:
    overdue = row.state == RushState.OPEN and row.answer_by < session.now.date()
    return RushRequestOut.model_validate({**mapping(row), "overdue": overdue})
