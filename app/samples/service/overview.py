"""
What is going on at the bench, for those who look at it as a whole.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.kit import ids
from app.kit.db import Session
from app.kit.rows import mapping
from app.samples.repo import evidence as evidence_repo
from app.samples.repo import overview as repo
from app.samples.rules import Stage
from app.samples.rules.capacity import AGES, WAITS, WINDOW_DAYS, arriving, empty_on
from app.samples.schemas.overview import (
    AgeCell,
    CapacityCell,
    ClaimLine,
    DayCell,
    OpenCell,
    OverviewOut,
    RecordCell,
    StreamCell,
    WaitCell,
)

_WINDOW = timedelta(days=WINDOW_DAYS)


async def claim_of(session: Session, sample_id: UUID) -> ClaimLine | None:
    """
    Return who holds a sample, with the claim's token; None when nobody does. Laboratory only.
    """
    row = await repo.claim_of(session, sample_id)
    return ClaimLine.model_validate(mapping(row)) if row is not None else None


async def first_risks(session: Session, sample_ids: Sequence[UUID]) -> dict[UUID, float]:
    """
    Return, for each of these samples, the probability of a lethal opioid when it was first assessed.
    """
    rows = await repo.first_risks(session, sample_ids) if sample_ids else ()
    return {row.sample_id: row.p_lethal_opioid for row in rows}


async def overview(session: Session) -> OverviewOut:
    """
    Return this laboratory's bench as a whole: what is open, how old, how fast, and what that leads to.
    """
    since = session.now - _WINDOW
    cells = await repo.open_samples(session, AGES)
    arrived = await repo.arrived(session, since=since, first_id=ids.first_at(since))
    done = await repo.done(session, since=since)
    finished = Counter(dict.fromkeys(Stage, 0))
    for row in done:
        finished[Stage(row.stage)] += row.samples
    paces = {stage: finished[stage] / WINDOW_DAYS for stage in Stage}
    moving = {str(stage): pace for stage, pace in paces.items() if pace > 0}
    waiting = await repo.waits(session, paces=moving, edges=WAITS) if moving else ()
    submitted = sum(row.samples for row in arrived)
    return OverviewOut(
        as_of=session.now,
        window_days=WINDOW_DAYS,
        open=_open(cells),
        ages=_ages(cells),
        streams=[_stream(cells, arrived, small=small) for small in (True, False)],
        days=_days(session.now, arrived, done),
        waits=[_wait(row) for row in waiting],
        capacity=_capacity(session.now, cells, paces, submitted / WINDOW_DAYS),
        records=[
            RecordCell(agency_id=row.agency_id, resolved=row.resolved, held=row.held)
            for row in await evidence_repo.records(session, session.tenant)
        ],
    )


def _open(cells: Sequence[Any]) -> list[OpenCell]:
    found: Counter[tuple[str, str]] = Counter()
    held: Counter[tuple[str, str]] = Counter()
    for row in cells:
        found[row.stage, row.band] += row.open
        held[row.stage, row.band] += row.held
    return [
        OpenCell(stage=Stage(stage), band=band, open=count, held=held[stage, band])
        for (stage, band), count in sorted(found.items())
    ]


def _ages(cells: Sequence[Any]) -> list[AgeCell]:
    counts: Counter[tuple[int, bool]] = Counter()
    for row in cells:
        counts[row.age, row.small_parcel] += row.open
    return [
        AgeCell(
            from_days=low, below_days=high, small_parcels=counts[at, True], others=counts[at, False]
        )
        for at, (low, high) in enumerate(zip((0, *AGES), (*AGES, None), strict=True))
    ]


def _stream(cells: Sequence[Any], arrived: Sequence[Any], *, small: bool) -> StreamCell:
    mine = [row for row in cells if row.small_parcel is small]
    return StreamCell(
        small_parcels=small,
        open=sum(row.open for row in mine),
        oldest=min((row.oldest for row in mine), default=None),
        submitted=sum(row.samples for row in arrived if row.small_parcel is small),
    )


def _days(now: datetime, arrived: Sequence[Any], done: Sequence[Any]) -> list[DayCell]:
    came: Counter[Any] = Counter()
    for row in arrived:
        came[row.day] += row.samples
    went = {(row.day, row.stage): row.samples for row in done}
    days = [now.date() - timedelta(days=back) for back in reversed(range(WINDOW_DAYS))]
    return [
        DayCell(
            day=day,
            submitted=came[day],
            screened=went.get((day, Stage.SCREEN), 0),
            confirmed=went.get((day, Stage.CONFIRM), 0),
            reported=went.get((day, Stage.REVIEW), 0),
        )
        for day in days
    ]


def _wait(row: Any) -> WaitCell:
    lows, highs = (0, *WAITS), (*WAITS, None)
    at = min(max(row.wait, 0), len(WAITS))
    return WaitCell(
        stage=Stage(row.stage), from_days=lows[at], below_days=highs[at], samples=row.samples
    )


def _capacity(
    now: datetime, cells: Sequence[Any], paces: dict[Stage, float], submitted_per_day: float
) -> list[CapacityCell]:
    found = []
    for stage in Stage:
        count = sum(row.open for row in cells if row.stage == stage)
        comes = arriving(stage, submitted_per_day, paces)
        found.append(
            CapacityCell(
                stage=stage,
                open=count,
                per_day=paces[stage],
                arriving_per_day=comes,
                empty_on=empty_on(now, count, per_day=paces[stage], arriving_per_day=comes),
            )
        )
    return found
