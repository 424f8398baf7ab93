"""
What is late, and telling it once per step: nothing waits on a person remembering.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from app.clocks import service as clocks
from app.clocks.rules import TimeKind
from app.kit.db import Database, Session, as_laboratory
from app.kit.errors import AppError
from app.kit.rows import mapping
from app.ledger import service as ledger
from app.samples.repo import read as read_repo
from app.samples.schemas.clocks import ClockOut, ClocksOut
from app.samples.service.look_up import places_of, version_of
from app.webhooks import service as webhooks
from app.webhooks.rules import EventType

_AT_ONCE = 500
_HOUR = timedelta(hours=1)
_log = structlog.get_logger(__name__)


async def clocks_of(session: Session, sample_id: UUID | None) -> ClocksOut:
    """
    Return a sample's clocks, first to last.

    Raises:
        NotFound: when the sample is not there for this caller.

    """
    await version_of(session, sample_id)
    rows = await clocks.of_sample(session, sample_id) if sample_id else []
    return await _told(session, rows)


async def open_clocks(session: Session, *, limit: int) -> ClocksOut:
    """
    Return this laboratory's open clocks, the longest overdue first. What is not finished counts.
    """
    return await _told(session, await clocks.open_ones(session, limit=limit))


async def raise_overdue(database: Database) -> int:
    """
    Tell every party of what has just fallen overdue, once per step, and count it. Called by the sweep and by arq.
    """
    raised = 0
    for laboratory_id, promise_ids in (await clocks.due(database, limit=_AT_ONCE)).items():
        try:
            async with database.transaction(as_laboratory(laboratory_id)) as session:
                raised += await _raise(session, promise_ids)
        except AppError:
            # One laboratory's trouble must not keep the others' parties from being told.
            _log.exception("overdue_not_raised", laboratory=str(laboratory_id))
    return raised


async def _raise(session: Session, promise_ids: Sequence[UUID]) -> int:
    rows = await clocks.mark_raised(session, promise_ids)
    if not rows:
        return 0
    samples = {row.id: row for row in await read_repo.several(session, [r.sample_id for r in rows])}
    parties = await read_repo.parties(session, list({row.submission_id for row in rows}))
    notices = [
        webhooks.Notice(
            type=EventType.SAMPLE_OVERDUE,
            owner_agency_id=row.agency_id,
            laboratory_id=row.laboratory_id,
            submission_id=row.submission_id,
            sample_id=row.sample_id,
            sequence=samples[row.sample_id].version,
            summary={
                "status": samples[row.sample_id].status,
                "clock": row.clock,
                "time": row.time_kind,
                "promised_by": row.promised_by.isoformat(),
            },
        )
        for row in rows
    ]
    owed = await webhooks.announce(session, notices, recipients=parties)
    await ledger.record(
        session,
        [
            ledger.Fact(
                kind="sample.overdue",
                agency_id=row.agency_id,
                laboratory_id=row.laboratory_id,
                submission_id=row.submission_id,
                sample_id=row.sample_id,
                version=samples[row.sample_id].version,
                actor_id=None,
                details={"clock": row.clock, "policy": row.policy, "time": row.time_kind},
                notices=pairs,
            )
            for row, pairs in zip(rows, owed, strict=True)
        ],
    )
    return len(rows)


async def _told(session: Session, rows: Sequence[Any]) -> ClocksOut:
    policy = clocks.policy_of(session)
    places = await places_of(session, list({row.sample_id for row in rows if not row.ended_at}))
    items = []
    for row in rows:
        until: datetime = row.ended_at or row.paused_at or session.now
        place = places.get(row.sample_id)
        expected = place.predicted_at if place and place.stage == row.clock else None
        waits = row.ended_at is None and expected is not None
        items.append(
            ClockOut.model_validate(
                {
                    **mapping(row),
                    "time": row.time_kind,
                    "late": until > row.promised_by,
                    "late_by_hours": max((until - row.promised_by) / _HOUR, 0.0),
                    "working_hours": policy.passed(TimeKind.WORKING, row.started_at, until) / _HOUR,
                    "calendar_hours": (until - row.started_at) / _HOUR,
                    "predicted_start_at": expected if waits else None,
                    "predicted_breach": expected > row.promised_by
                    if waits and expected is not None
                    else None,
                }
            )
        )
    return ClocksOut(as_of=session.now, items=items)
