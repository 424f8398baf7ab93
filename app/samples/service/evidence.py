"""
New facts of one sample, and why it stands where it stands.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.access.service import Caller
from app.kit import ids
from app.kit.clock import to_us
from app.kit.db import DbRole, Session, acting, as_laboratory
from app.kit.errors import Conflict, NotFound
from app.ranking.assess import Stage
from app.ranking.harm import DAY_US
from app.ranking.whatif import WouldChange, would_change
from app.samples.evidence_rules import EvidenceKind, ToldBy, laboratory_knows
from app.samples.repo import evidence as repo
from app.samples.repo import read as read_repo
from app.samples.rules import aged
from app.samples.schemas import (
    AssessmentHistory,
    AssessmentLine,
    AssessmentOut,
    EvidenceIn,
    EvidenceOut,
    MovedReasonOut,
    ReasonOut,
    StandingOut,
    WouldChangeOut,
)
from app.samples.service import risk
from app.samples.service.look_up import places_of, risk_out
from app.samples.service.rerank import facts_of, records_of, rerank

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SAME = 5e-4
"""Bits that no reader would call a change."""
_ASKED = 3
"""Tests named as those that would change most."""
_LATEST = timedelta(days=200 * 365)


async def give(
    session: Session, *, caller: Caller, sample_id: UUID | None, body: EvidenceIn
) -> EvidenceOut:
    """
    Add one fact to what is known of a sample, rank it anew, and say what moved it.

    Raises:
        NotFound: when the sample is not there for this caller.
        Conflict: when its work is over, so that nothing can move any more.

    """
    row = await read_repo.one(session, sample_id) if sample_id else None
    if row is None or sample_id is None:
        raise NotFound
    by_laboratory = session.context.role is DbRole.LAB
    if not by_laboratory and row.agency_id != caller.agency_id:
        # A party that only follows the file has nothing to say about its exhibits.
        raise NotFound
    kind, told = _told(body)
    given = {
        "id": ids.new(),
        "agency_id": row.agency_id,
        "laboratory_id": row.laboratory_id,
        "submission_id": row.submission_id,
        "sample_id": sample_id,
        "told_by": ToldBy.LABORATORY if by_laboratory else ToldBy.AGENCY,
        "kind": kind,
        "body": told,
        "given_by": caller.client_id,
        "given_at": session.now,
    }
    await repo.add(session, [given])
    moved = await rerank(
        session,
        laboratory_id=row.laboratory_id,
        sample_ids=[sample_id],
        cause=f"evidence: {kind}",
        actor_id=caller.client_id,
    )
    if not moved:
        raise Conflict(f"This sample is {row.status}: new evidence cannot move it any more.")
    (one,) = moved
    before, after = (one.before, one.after) if by_laboratory else (one.told_before, one.told_after)
    places = await places_of(session, [sample_id])
    return EvidenceOut(
        id=given["id"],
        sample_id=sample_id,
        given_at=session.now,
        version=one.version,
        moved_bits=after.points - float(before["points"]),
        moved_by=changes(before["reasons"], [r.as_json() for r in after.reasons]),
        band_before=str(before["band"]),
        risk=risk_out(after.as_json()),
        place=places.get(sample_id),
    )


def changes(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> list[MovedReasonOut]:
    """
    Set two accounts side by side: what is new, gone, or of another size.
    """
    old = {(one["code"], one["text"]): one for one in before}
    new = {(one["code"], one["text"]): one for one in after}
    moved = []
    for key in {**new, **old}:
        was = old.get(key, {}).get("bits")
        now = new.get(key, {}).get("bits")
        if was is None or now is None or abs(now - was) > _SAME:
            moved.append(MovedReasonOut(code=key[0], text=key[1], bits_before=was, bits_after=now))
    return sorted(moved, key=lambda one: -abs((one.bits_after or 0) - (one.bits_before or 0)))


async def why(session: Session, sample_id: UUID | None) -> AssessmentOut:
    """
    Return a sample's assessment with every contribution, and what would change it most.

    Raises:
        NotFound: when the sample is not there for this caller.

    """
    row = await read_repo.with_assessment(session, sample_id) if sample_id else None
    if row is None or sample_id is None:
        raise NotFound
    detail: Mapping[str, Any] = row.risk
    asked = await _would_change(session, row.laboratory_id, sample_id)
    place = (await places_of(session, [sample_id])).get(sample_id)
    waits_from = to_us(aged(row.submitted_at, row.received_at))
    start = next((one for one in detail["reasons"] if one["code"] == "start"), None)
    return AssessmentOut.model_validate(
        {
            **risk_out(detail).model_dump(),
            "sample_id": sample_id,
            "stage": detail["stage"],
            "cause": row.cause,
            "assessed_at": row.assessed_at,
            "bench_minutes": detail["bench_days"] * 360,
            "head_start_days": detail["head_start_us"] / DAY_US,
            "ranks_as_if_received": _instant(waits_from - detail["head_start_us"]),
            "start": ReasonOut.model_validate(start) if start else None,
            "place": place,
            "would_change_most": asked,
        }
    )


async def history(session: Session, sample_id: UUID | None) -> AssessmentHistory:
    """
    Return every assessment a sample ever had, newest first.

    Raises:
        NotFound: when the sample is not there for this caller.

    """
    if sample_id is None or await read_repo.version(session, sample_id) is None:
        raise NotFound
    return AssessmentHistory(
        items=[
            AssessmentLine(
                assessed_at=row.assessed_at,
                policy=row.policy,
                stage=row.stage,
                cause=row.cause,
                band=row.band,
                p_lethal_opioid=row.p_lethal_opioid,
                harm_per_bench_day=row.harm_per_bench_day,
                head_start_days=row.head_start_us / DAY_US,
            )
            for row in await repo.assessments(session, sample_id)
        ]
    )


async def _would_change(
    session: Session, laboratory_id: UUID, sample_id: UUID
) -> list[WouldChangeOut]:
    by_laboratory = session.context.role is DbRole.LAB
    async with acting(session, as_laboratory(laboratory_id)):
        (row,) = await repo.facts(session, [sample_id])
        # To somebody who may not know what the laboratory has found, these places would tell it.
        if not row.queued or (not by_laboratory and laboratory_knows(row.learnt or ())):
            return []
        stage = Stage(row.stage)
        facts = facts_of(row, await records_of(session, laboratory_id))
        tried = would_change(facts, await risk.policy_of(session), stage)[:_ASKED]
        keys = [
            risk.key_of(verdict, row.aged_from)
            for one in tried
            for verdict in (one.detected, one.not_detected)
        ]
        now, *places = await repo.places_at(
            session, laboratory_id=laboratory_id, stage=stage, keys=[row.rank_key, *keys]
        )
    return [
        _told_change(one, now, places[2 * at], places[2 * at + 1], keys[2 * at : 2 * at + 2])
        for at, one in enumerate(tried)
    ]


def _told_change(
    one: WouldChange, now: int | None, up: int | None, down: int | None, keys: Sequence[int]
) -> WouldChangeOut:
    places = [
        StandingOut(result=result, place=place, ranks_as_if_received=_instant(key))
        for result, place, key in zip(("detected", "not_detected"), (up, down), keys, strict=True)
    ]
    text = (
        f"{one.words} would move this sample from place {_place(now)}"
        f" to between {_place(up)} and {_place(down)}"
    )
    return WouldChangeOut(
        technique=one.technique, text=text, answers=places, bits_between=one.between
    )


def _place(place: int | None) -> str:
    return f"{place:,}" if place is not None else "beyond 10,000"


def _instant(key: int) -> datetime:
    # A key may lie before the years a date can hold; a reader needs "long ago", not an error.
    return _EPOCH + max(timedelta(microseconds=key), -_LATEST)


def _told(body: EvidenceIn) -> tuple[EvidenceKind, dict[str, Any]]:
    if body.field_test is not None:
        return EvidenceKind.FIELD_TEST, body.field_test.model_dump(mode="json")
    if body.circumstance is not None:
        return EvidenceKind.CIRCUMSTANCE, {"circumstance": str(body.circumstance)}
    if body.reported_effect is not None:
        return EvidenceKind.REPORTED_EFFECT, {"effect": body.reported_effect}
    return EvidenceKind.SUSPICION, {"suspected": body.suspected}
