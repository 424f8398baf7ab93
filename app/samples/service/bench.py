"""
The bench: receive, take the next, keep it, give it back, finish it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from app.access.service import Caller
from app.custody import service as custody
from app.kit import ids
from app.kit.db import WORKER, Database, Session, as_laboratory
from app.kit.errors import Conflict, NotFound, Stale
from app.kit.rows import mapping
from app.samples.repo import moves as moves_repo
from app.samples.repo import queue as repo
from app.samples.repo import read as read_repo
from app.samples.rules import (
    POST_DAYS,
    Act,
    ClaimOutcome,
    Stage,
    claim_scope,
    oldest_starts,
)
from app.samples.schemas import (
    ClaimOut,
    HeartbeatOut,
    QueueLine,
    QueueOut,
    ReasonOut,
    ReceiptIn,
    ReceiptOut,
)
from app.samples.service import risk
from app.samples.service.look_up import look_up, risk_out, sample_out
from app.samples.service.moves import Moved, apply

_log = structlog.get_logger(__name__)

_LAPSES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Held:
    """
    A claim that its bearer still holds, locked until the commit.
    """

    claim_id: UUID
    sample_id: UUID
    token: int
    stage: Stage
    aged_from: datetime


async def receive(session: Session, *, caller: Caller, receipt: ReceiptIn) -> ReceiptOut:
    """
    Take an item in: custody passes, the agency is told, the sample enters the queue.

    Raises:
        NotFound: when the label names nothing of this laboratory's.
        Conflict: when it has been received before.

    """
    sample_id = ids.read("smp", receipt.sample_id)
    row = await read_repo.one(session, sample_id) if sample_id else None
    if row is None or sample_id is None:
        raise NotFound
    aged_from = max(row.submitted_at, session.now - timedelta(days=POST_DAYS))
    rank_key = row.rank_key + (aged_from - row.submitted_at) // timedelta(microseconds=1)
    moved = await apply(
        session,
        act=Act.RECEIVE,
        sample_ids=[sample_id],
        actor_id=caller.client_id,
        details={"seal_number": receipt.seal_number, "condition": receipt.condition},
        summary={"small_parcel": row.small_parcel, "small_quantity": row.small_quantity},
        rank_key=rank_key,
        assessment_id=row.assessment_id,
    )
    sample = moved[0].row
    await custody.receive(
        session,
        sample,
        client_id=caller.client_id,
        seal_number=receipt.seal_number,
        condition=receipt.condition,
    )
    await repo.enter(
        session,
        [
            {
                "sample_id": sample_id,
                "laboratory_id": sample["laboratory_id"],
                "stage": Stage.SCREEN,
                "rank_key": rank_key,
                "aged_from": aged_from,
                "token": 0,
            }
        ],
    )
    return ReceiptOut.model_validate({**sample, "sample_id": sample_id})


async def queue_head(session: Session, *, stage: Stage, limit: int) -> QueueOut:
    """
    Return the head of the queue at one stage, in order, with the three strongest reasons of each.
    """
    rows = await repo.head(session, laboratory_id=session.tenant, stage=stage, limit=limit)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    items = [
        QueueLine(
            place=place,
            sample_id=row.sample_id,
            agency_file_number=row.agency_file_number,
            exhibit_number=row.exhibit_number,
            small_parcel=row.small_parcel,
            small_quantity=row.small_quantity,
            rank_key=row.rank_key,
            ranks_as_if_received=epoch + timedelta(microseconds=row.rank_key),
            aged_from=row.aged_from,
            band=row.band,
            held=row.holder is not None,
            reasons=[ReasonOut.model_validate(reason) for reason in row.detail["reasons"][:3]],
        )
        for place, row in enumerate(rows, start=1)
    ]
    return QueueOut(stage=stage, items=items)


async def claim_next(
    session: Session, *, caller: Caller, stage: Stage, count: int, lease_s: int
) -> list[ClaimOut]:
    """
    Take the next samples at a stage: first-ranked, and every twentieth start the oldest.

    Raises:
        Forbidden: when the caller may not claim at this stage.

    """
    caller.needs(claim_scope(stage))
    before = await repo.count_starts(
        session, laboratory_id=session.tenant, stage=stage, count=count
    )
    oldest = oldest_starts(before, count)
    taken = await repo.take_next(
        session,
        laboratory_id=session.tenant,
        stage=stage,
        holder=caller.client_id,
        lease_s=lease_s,
        oldest=oldest,
        ranked=count - oldest,
    )
    if len(taken) < count:
        # The queue was shorter than asked for: what did not start is not a start.
        await repo.count_starts(
            session, laboratory_id=session.tenant, stage=stage, count=len(taken) - count
        )
    return await _claimed(session, caller, taken)


async def claim_named(
    session: Session, *, caller: Caller, sample_id: UUID | None, stage: Stage, lease_s: int
) -> list[ClaimOut]:
    """
    Take one named sample.

    Raises:
        NotFound: when it is not this laboratory's.
        Conflict: when somebody holds it, or it does not wait for this stage.

    """
    caller.needs(claim_scope(stage))
    if sample_id is None:
        raise NotFound
    taken = await repo.take_named(
        session, sample_id=sample_id, stage=stage, holder=caller.client_id, lease_s=lease_s
    )
    if taken is None:
        task = await repo.task(session, sample_id)
        detail = await look_up(session, sample_id)
        if task is None:
            raise Conflict(f"This sample is {detail.status} and not in the queue.")
        if task.holder is None and task.stage == stage:
            raise Conflict("Somebody is taking this sample at this moment; try again.")
        held = "is held" if task.holder is not None else "is free"
        raise Conflict(
            f"This sample {held} and waits for the stage {task.stage}.",
            extra={"stage": task.stage, "held_until": _iso(task.lease_until)},
        )
    return await _claimed(session, caller, [taken])


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


async def _claimed(session: Session, caller: Caller, taken: Sequence[Any]) -> list[ClaimOut]:
    if not taken:
        return []
    order = {row.sample_id: row for row in taken}
    await apply(
        session,
        act=Act.CLAIM,
        sample_ids=list(order),
        actor_id=caller.client_id,
        details={"stage": taken[0].stage},
    )
    rows = {row.id: row for row in await read_repo.several(session, list(order))}
    first_ranked = sorted(order.values(), key=lambda row: (row.rank_key, row.sample_id))
    return [
        ClaimOut(
            id=claim.id,
            token=claim.token,
            stage=Stage(claim.stage),
            taken_as_oldest=claim.taken_as_oldest,
            lease_until=claim.lease_until,
            sample=sample_out(mapping(rows[claim.sample_id])),
            risk=risk_out(rows[claim.sample_id].risk),
        )
        for claim in first_ranked
    ]


async def hold(
    session: Session, *, caller: Caller, sample_id: UUID | None, token: int, lease_s: int
) -> Held:
    """
    Prove that this caller still holds this sample, prolong the lease, and keep the row locked until the commit.

    Everything a claim does begins with this UPDATE: a stale writer is refused by it, and counted.

    Raises:
        NotFound: when the sample is not this laboratory's.
        Stale: when the claim has lapsed or been put back, or another claim holds the sample now.

    """
    row = None
    if sample_id is not None:
        row = await repo.extend(
            session, sample_id=sample_id, token=token, holder=caller.client_id, lease_s=lease_s
        )
    if row is None or sample_id is None:
        await read_version(session, sample_id)
        _log.warning("fenced_write", sample=str(sample_id), token=token)
        raise Stale(
            "This claim no longer holds the sample: it lapsed, was put back or is finished."
        )
    return Held(row.claim_id, sample_id, token, Stage(row.stage), row.aged_from)


async def read_version(session: Session, sample_id: UUID | None) -> None:
    """
    Refuse when the sample is not there for this caller.

    Raises:
        NotFound: when it is not there.

    """
    if sample_id is None or await read_repo.version(session, sample_id) is None:
        raise NotFound


async def heartbeat(
    session: Session, *, caller: Caller, claim_id: UUID | None, token: int, lease_s: int
) -> HeartbeatOut:
    """
    Prolong a lease. Not a recorded move.

    Raises:
        NotFound: when there is no such claim in this laboratory.
        Stale: when it has ended.

    """
    claim = await repo.find_claim(session, claim_id) if claim_id else None
    if claim is None:
        raise NotFound
    row = await repo.extend(
        session, sample_id=claim.sample_id, token=token, holder=caller.client_id, lease_s=lease_s
    )
    if row is None or row.claim_id != claim.id:
        raise Stale("This claim has ended.")
    return HeartbeatOut(id=claim.id, token=token, lease_until=row.lease_until)


async def put_back(
    session: Session, *, caller: Caller, claim_id: UUID | None, token: int, reason: str
) -> None:
    """
    Give a sample back to the queue, at its old place, with a reason.

    Raises:
        NotFound: when there is no such claim in this laboratory.
        Stale: when it has ended.

    """
    claim = await repo.find_claim(session, claim_id) if claim_id else None
    if claim is None:
        raise NotFound
    freed = await repo.free(
        session, sample_id=claim.sample_id, token=token, holder=caller.client_id
    )
    if freed is None or freed != claim.id:
        raise Stale("This claim has ended.")
    await repo.end_claim(session, claim_id=claim.id, outcome=ClaimOutcome.PUT_BACK, reason=reason)
    await apply(
        session,
        act=Act.PUT_BACK,
        sample_ids=[claim.sample_id],
        actor_id=caller.client_id,
        details={"reason": reason},
    )


async def finish(
    session: Session,
    *,
    held: Held,
    caller: Caller,
    act: Act,
    stage: Stage | None,
    found: Sequence[Mapping[str, Any]] = (),
    summary: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
) -> Moved:
    """
    End a claim with its work done and queue the sample for its next stage, if there is one.

    Args:
        session: the open transaction.
        held: the claim, as ``hold`` returned it.
        caller: who finishes.
        act: what was done.
        stage: what comes next; None ends the sample's time in the queue.
        found: the laboratory's screen results, which move the rank of what comes next.
        summary: what the event says; safe to log.
        details: what the ledger keeps besides.

    """
    await repo.end_claim(session, claim_id=held.claim_id, outcome=ClaimOutcome.DONE)
    if stage is None:
        await repo.leave(session, held.sample_id)
        moved = await apply(
            session,
            act=act,
            sample_ids=[held.sample_id],
            actor_id=caller.client_id,
            details=details,
            summary=summary,
        )
        return moved[0]
    row = await read_repo.one(session, held.sample_id)
    if row is None:
        raise NotFound
    seizure = await read_repo.submission_body(session, row.submission_id)
    judged = risk.judge(seizure, row.body, stage=stage, found=found)
    rank_key = risk.key_of(judged, held.aged_from)
    assessment = risk.as_row(judged, sample=mapping(row), cause=str(act), at=session.now)
    await moves_repo.add_assessment(session, assessment)
    await repo.next_stage(session, sample_id=held.sample_id, stage=stage, rank_key=rank_key)
    moved = await apply(
        session,
        act=act,
        sample_ids=[held.sample_id],
        actor_id=caller.client_id,
        details=details,
        summary=summary,
        rank_key=rank_key,
        assessment_id=risk.id_of(assessment),
    )
    return moved[0]


async def return_to_bench(session: Session, *, held: Held, caller: Caller, remarks: str) -> Moved:
    """
    Send a sample from review back to be confirmed again, with the reviewer's remarks.
    """
    return await finish(
        session,
        held=held,
        caller=caller,
        act=Act.RETURN,
        stage=Stage.CONFIRM,
        details={"remarks": remarks},
    )


async def lapse_expired(database: Database) -> int:
    """
    Give back every sample whose lease has run out, each laboratory in its own transaction, and count them.

    Called by the workers' sweep: it needs no doorbell.
    """
    async with database.reading(WORKER) as session:
        due = await repo.expired(session, limit=_LAPSES_AT_ONCE)
    by_laboratory: dict[UUID, list[UUID]] = {}
    for row in due:
        by_laboratory.setdefault(row.laboratory_id, []).append(row.sample_id)
    lapsed = 0
    for laboratory_id, sample_ids in by_laboratory.items():
        async with database.transaction(as_laboratory(laboratory_id)) as session:
            freed = await repo.free_expired(session, sample_ids)
            if freed:
                await apply(
                    session,
                    act=Act.LAPSE,
                    sample_ids=[row.sample_id for row in freed],
                    actor_id=None,
                )
            lapsed += len(freed)
    return lapsed
