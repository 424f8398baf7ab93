"""
The bench: receive, take the next, keep it, give it back, finish it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.access.service import Caller
from app.custody import service as custody
from app.custody.rules import Nonconformance
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import Conflict, NotFound
from app.kit.rows import mapping
from app.samples.repo import queue as repo
from app.samples.repo import ranking as ranking_repo
from app.samples.repo import read as read_repo
from app.samples.rules import (
    OLDEST_EVERY,
    Act,
    Stage,
    aged,
    claim_scope,
    oldest_starts,
)
from app.samples.schemas import (
    ClaimOut,
    QueueLine,
    QueueOut,
    ReasonOut,
    ReceiptIn,
)
from app.samples.service.folding import fold_claimed
from app.samples.service.look_up import look_up, risk_out, sample_out
from app.samples.service.moves import apply


async def receive(
    session: Session, *, caller: Caller, receipt: ReceiptIn, found: Sequence[Nonconformance] = ()
) -> None:
    """
    Take an item in: custody passes, the agency is told (also of what was not as it should be), the sample is queued.

    Raises:
        NotFound: when the label names nothing of this laboratory's.
        Conflict: when it has been received before.

    """
    sample_id = ids.read("smp", receipt.sample_id)
    row = await read_repo.one(session, sample_id) if sample_id else None
    if row is None or sample_id is None:
        raise NotFound
    aged_from = aged(row.submitted_at, session.now)
    rank_key = row.rank_key + (aged_from - row.submitted_at) // timedelta(microseconds=1)
    moved = await apply(
        session,
        act=Act.RECEIVE,
        sample_ids=[sample_id],
        actor_id=caller.client_id,
        details={
            "seal_number": receipt.seal_number,
            "condition": receipt.condition,
            "seal_state": receipt.seal_state,
            "nonconformances": list(found),
        },
        summary={
            "small_parcel": row.small_parcel,
            "small_quantity": row.small_quantity,
            **({"nonconformances": list(found)} if found else {}),
        },
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
            reasons=_strongest(row.detail["reasons"]),
            folded=False,
        )
        for place, row in enumerate(rows, start=1)
    ]
    return QueueOut(stage=stage, items=items)


async def claim_at(
    session: Session, *, caller: Caller, bench: str, count: int, lease_s: int
) -> list[ClaimOut]:
    """
    Take the next samples for a declared bench: at its first stage where any wait, screens before confirmations.

    Raises:
        NotFound: when no such bench is declared.

    """
    station = await ranking_repo.bench(session, bench)
    if station is None:
        raise NotFound
    for stage in station.stages:
        claims = await claim_next(
            session,
            caller=caller,
            stage=Stage(stage),
            count=count,
            lease_s=lease_s,
            every=station.oldest_every,
        )
        if claims:
            return claims
    return []


async def claim_next(
    session: Session,
    *,
    caller: Caller,
    stage: Stage,
    count: int,
    lease_s: int,
    every: int = OLDEST_EVERY,
) -> list[ClaimOut]:
    """
    Take the next samples at a stage: first-ranked, and every twentieth start the oldest.

    A reserved start that is due comes before the first-ranked, and never in the place of the oldest.

    Raises:
        Forbidden: when the caller may not claim at this stage.

    """
    caller.needs(claim_scope(stage))
    before = await repo.count_starts(
        session, laboratory_id=session.tenant, stage=stage, count=count
    )
    oldest = oldest_starts(before, count, every)
    reserved = await _take_reserved(
        session, caller=caller, stage=stage, most=count - oldest, lease_s=lease_s
    )
    taken = [
        *reserved,
        *await repo.take_next(
            session,
            laboratory_id=session.tenant,
            stage=stage,
            holder=caller.client_id,
            lease_s=lease_s,
            oldest=oldest,
            ranked=count - oldest - len(reserved),
        ),
    ]
    if len(taken) < count:
        # The queue was shorter than asked for: what did not start is not a start.
        await repo.count_starts(
            session, laboratory_id=session.tenant, stage=stage, count=len(taken) - count
        )
    return await _claimed(session, caller, taken)


async def _take_reserved(
    session: Session, *, caller: Caller, stage: Stage, most: int, lease_s: int
) -> list[Any]:
    # Named starts that supervisors granted: few, and looked for by their own index.
    due = await ranking_repo.reserved_due(session, stage=stage, today=session.now.date(), most=most)
    taken = [
        await repo.take_named(
            session, sample_id=sample_id, stage=stage, holder=caller.client_id, lease_s=lease_s
        )
        for sample_id in due
    ]
    return [one for one in taken if one is not None]


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
    return [_claim_out(claim, rows[claim.sample_id]) for claim in first_ranked]


def _claim_out(claim: Any, row: Any) -> ClaimOut:
    stage, sample = Stage(claim.stage), sample_out(mapping(row))
    folded = fold_claimed(sample, stage)
    return ClaimOut(
        id=claim.id,
        token=claim.token,
        stage=stage,
        taken_as_oldest=claim.taken_as_oldest,
        lease_until=claim.lease_until,
        sample=sample,
        risk=None if folded else risk_out(row.risk),
    )


def _strongest(reasons: Sequence[Mapping[str, Any]]) -> list[ReasonOut]:
    # Where every sample starts tells nobody why this one comes before that one.
    telling = [reason for reason in reasons if reason["code"] != "start"]
    return [ReasonOut.model_validate(reason) for reason in telling[:3]]
