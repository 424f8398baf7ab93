"""
Keeping the clocks: started, stopped and ended by the very moves of the samples, in their transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from uuid import UUID

from app import nudge
from app.clocks import repo
from app.clocks.rules import Clock, ClockPolicy, Effect, TimeKind, ending, read_policy
from app.kit import ids
from app.kit.db import WORKER, Database, Session

_US = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Step:
    """
    One sample's move, as the clocks see it.
    """

    sample: Mapping[str, Any]
    source: str
    target: str


def policy_of(session: Session) -> ClockPolicy:
    """
    Return the clocks of this installation.
    """
    return _policy(session.clocks)


@cache
def _policy(path: Path | None) -> ClockPolicy:
    if path is not None:
        return read_policy(path.read_text(encoding="utf-8"))
    shipped = resources.files("app.clocks").joinpath("policy.toml")
    return read_policy(shipped.read_text(encoding="utf-8"))


async def follow(session: Session, steps: Sequence[Step], *, bands: Callable[[], Any]) -> None:
    """
    Let every clock follow these moves. Moves that change no clock cost nothing.

    Args:
        session: the moves' own transaction.
        steps: what moved from where to where.
        bands: returns the bands by sample, when they are needed.

    """
    policy = policy_of(session)
    effects = [
        (step, clock, effect)
        for step in steps
        for clock in policy.clocks.values()
        if (effect := clock.effect(step.source, step.target)) is not None
    ]
    if not effects:
        return
    known = {
        (row.sample_id, row.clock): row
        for row in await repo.open_of(session, list({one.sample["id"] for one, _, _ in effects}))
    }
    for step, clock, effect in effects:
        row = known.get((step.sample["id"], clock.name))
        if row is not None and effect is not Effect.START:
            values = _changed(session, policy, row, effect, step.target)
            if values:
                await repo.change(session, row.id, values)
    starting = [
        (step, clock)
        for step, clock, effect in effects
        if effect is Effect.START and (step.sample["id"], clock.name) not in known
    ]
    if starting:
        session.ring(nudge.OVERDUE)
        banded: Mapping[UUID, str] = await bands()
        await repo.add(
            session,
            [
                _started(session, policy, step, clock, banded[step.sample["id"]])
                for step, clock in starting
            ],
        )


def _started(
    session: Session, policy: ClockPolicy, step: Step, clock: Clock, band: str
) -> dict[str, Any]:
    sample = step.sample
    start: datetime = session.now
    if clock.from_receipt and sample["received_at"] is not None:
        start = sample["received_at"]
    return {
        "id": ids.new(),
        "agency_id": sample["agency_id"],
        "laboratory_id": sample["laboratory_id"],
        "submission_id": sample["submission_id"],
        "sample_id": sample["id"],
        "clock": clock.name,
        "time_kind": clock.kind,
        "band": band,
        "policy": policy.version,
        "started_at": start,
        "promised_by": policy.due(clock.kind, start, clock.promised(band)),
    }


def _changed(
    session: Session, policy: ClockPolicy, row: Any, effect: Effect, target: str
) -> dict[str, Any]:
    kind = TimeKind(row.time_kind)
    if effect is Effect.END:
        # What a hold had stopped is judged as it stood then.
        at = row.paused_at or session.now
        how = ending(target, promised_by=row.promised_by, now=at)
        return {"ended_at": session.now, "ending": how}
    if effect is Effect.PAUSE and row.paused_at is None:
        left = policy.passed(kind, session.now, row.promised_by)
        return {"paused_at": session.now, "left_us": left // _US}
    if effect is Effect.RESUME and row.paused_at is not None:
        promised_by = row.promised_by
        if row.left_us > 0:
            promised_by = policy.due(kind, session.now, row.left_us * _US)
        return {"paused_at": None, "left_us": None, "promised_by": promised_by}
    return {}


async def of_sample(session: Session, sample_id: UUID) -> Sequence[Any]:
    """
    Return a sample's promises, first to last.
    """
    return await repo.of_sample(session, sample_id)


async def open_ones(session: Session, *, limit: int) -> Sequence[Any]:
    """
    Return this laboratory's open promises, the longest overdue first.
    """
    return await repo.open_ones(session, limit=limit)


async def due(database: Database, *, limit: int) -> dict[UUID, list[UUID]]:
    """
    Return, by laboratory, the promises that fell due and were not told yet.
    """
    found: dict[UUID, list[UUID]] = {}
    async with database.reading(WORKER) as session:
        for row in await repo.due(session, limit=limit):
            found.setdefault(row.laboratory_id, []).append(row.id)
    return found


async def mark_raised(session: Session, promise_ids: Sequence[UUID]) -> Sequence[Any]:
    """
    Mark as told those that are still open and untold, and return them.
    """
    return await repo.mark_raised(session, promise_ids)
