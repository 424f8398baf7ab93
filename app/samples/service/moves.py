"""
Carrying a move out: the status, its entry in the ledger, and the event every party is owed, together.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.clocks import service as clocks
from app.kit.db import Session
from app.kit.errors import Conflict, NotFound, Stale
from app.kit.rows import mapping
from app.ledger import service as ledger
from app.samples.repo import moves as moves_repo
from app.samples.repo import read as read_repo
from app.samples.rules import Act, Move, moves_of
from app.samples.schemas import SampleOut
from app.webhooks import service as webhooks
from app.webhooks.rules import EventType

__all__ = ["Moved", "apply", "digest"]


@dataclass(frozen=True, slots=True)
class Moved:
    """
    A sample after its move, as stored, and the status it came from.
    """

    row: Mapping[str, Any]
    from_status: str


async def apply(
    session: Session,
    *,
    act: Act,
    sample_ids: Sequence[UUID],
    actor_id: UUID | None,
    details: Mapping[str, Any] | None = None,
    summary: Mapping[str, Any] | None = None,
    content: Mapping[str, Any] | None = None,
    rank_key: int | None = None,
    assessment_id: UUID | None = None,
    version: int | None = None,
    halt_id: UUID | None = None,
) -> list[Moved]:
    """
    Make one move with each of these samples, record it, and announce it where the table of moves says so.

    Args:
        session: the open transaction.
        act: what happens.
        sample_ids: whom it happens to.
        actor_id: who did it; None for the service itself.
        details: what the ledger keeps besides; no floats, no names, no substances.
        summary: what the event says besides the status; safe to log.
        content: what endpoints with full content get besides the sample itself, as JSON values.
        rank_key: the key of the next stage, where the move queues for one.
        assessment_id: what that key was computed by.
        version: the version the caller knows; the move itself refuses when it is no longer that.
        halt_id: why the sample is taken out of its course, where it is.

    Raises:
        NotFound: when one of them is not there for this caller.
        Stale: when its version is no longer the one the caller knows.
        Conflict: when one of them is not in a status that allows this.

    """
    rows = await moves_repo.carry_out(
        session,
        act=act,
        sample_ids=sample_ids,
        rank_key=rank_key,
        assessment_id=assessment_id,
        version=version,
        halt_id=halt_id,
    )
    if len(rows) != len(set(sample_ids)):
        await _refuse(session, act, sample_ids, {row.id for row in rows}, version)
    moved = [Moved(mapping(row), row.from_status) for row in rows]
    await _keep_time(session, moved)
    owed = await _announce(session, act, moved, summary or {}, content or {})
    await ledger.record(
        session,
        [
            ledger.Fact(
                kind=f"sample.{act}",
                agency_id=one.row["agency_id"],
                laboratory_id=one.row["laboratory_id"],
                submission_id=one.row["submission_id"],
                sample_id=one.row["id"],
                version=one.row["version"],
                actor_id=actor_id,
                details={"from": one.from_status, "to": one.row["status"], **(details or {})},
                notices=pairs,
            )
            for one, pairs in zip(moved, owed, strict=True)
        ],
    )
    return moved


async def _keep_time(session: Session, moved: Sequence[Moved]) -> None:
    async def bands() -> Mapping[UUID, str]:
        chosen = {one.row["id"]: one.row["assessment_id"] for one in moved}
        found = await read_repo.bands(session, list(chosen.values()))
        return {sample_id: found[assessment] for sample_id, assessment in chosen.items()}

    steps = [clocks.Step(one.row, one.from_status, str(one.row["status"])) for one in moved]
    await clocks.follow(session, steps, bands=bands)


def digest(data: bytes) -> str:
    """
    Return the SHA-256 of what the ledger refers to without repeating it.
    """
    return hashlib.sha256(data).hexdigest()


async def _refuse(
    session: Session, act: Act, wanted: Sequence[UUID], moved: set[UUID], version: int | None
) -> None:
    left = next(sample_id for sample_id in wanted if sample_id not in moved)
    now = await moves_repo.standing(session, left)
    if now is None:
        raise NotFound
    extra = {"status_now": now.status, "version_now": now.version}
    if version is not None and now.version != version:
        raise Stale(extra=extra)
    needed = ", ".join(sorted({_needed(move) for move in moves_of(act)}))
    raise Conflict(
        f"This sample is {now.status}; to {act.replace('_', ' ')} it must be {needed}.",
        extra=extra,
    )


def _needed(move: Move) -> str:
    return f"{move.source} (from {move.came_from})" if move.came_from else str(move.source)


async def _announce(
    session: Session,
    act: Act,
    moved: Sequence[Moved],
    summary: Mapping[str, Any],
    content: Mapping[str, Any],
) -> list[Sequence[tuple[UUID, UUID]]]:
    told = next((move.announces for move in moves_of(act) if move.announces), None)
    if told is None or not moved:
        return [() for _ in moved]
    recipients = await read_repo.parties(session, list({one.row["submission_id"] for one in moved}))
    notices = [
        webhooks.Notice(
            type=EventType(told),
            owner_agency_id=one.row["agency_id"],
            laboratory_id=one.row["laboratory_id"],
            submission_id=one.row["submission_id"],
            sample_id=one.row["id"],
            sequence=one.row["version"],
            summary={"status": one.row["status"], **summary},
            content={"sample": _whole(one.row), **content},
        )
        for one in moved
    ]
    return list(await webhooks.announce(session, notices, recipients=recipients))


def _whole(row: Mapping[str, Any]) -> Mapping[str, Any]:
    # As its reader would fetch it.
    return SampleOut.model_validate({**row, "exhibit": row["body"], "folded": []}).model_dump(
        mode="json"
    )
