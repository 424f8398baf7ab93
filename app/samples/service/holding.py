"""
Holding a claim: prove it, keep it, give it back, end it with the work done, or lose it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from app.access import service as access
from app.access.rules import Scope
from app.access.service import Caller
from app.kit import metrics
from app.kit.db import WORKER, Database, Session, as_laboratory
from app.kit.errors import AppError, NotFound, Stale
from app.kit.rows import mapping
from app.ledger import service as ledger
from app.samples.repo import evidence as evidence_repo
from app.samples.repo import moves as moves_repo
from app.samples.repo import queue as repo
from app.samples.repo import read as read_repo
from app.samples.rules import Act, ClaimOutcome, Stage
from app.samples.schemas import HeartbeatOut, HeldLine, HeldOut
from app.samples.service import risk
from app.samples.service.learn import learn
from app.samples.service.moves import Moved, apply, digest
from app.samples.service.rerank import judge_row, records_of

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


async def held(session: Session, *, caller: Caller, beyond_lease: bool = False) -> HeldOut:
    """
    Return what the caller holds; for a supervisor, what everybody holds, or what is kept beyond its lease.
    """
    holder = None if Scope.OVERSEE in caller.scopes else caller.client_id
    rows = await repo.held(session, holder=holder, beyond_lease=beyond_lease)
    return HeldOut(items=[HeldLine.model_validate(mapping(row)) for row in rows])


async def hold(
    session: Session,
    *,
    caller: Caller,
    sample_id: UUID | None,
    token: int,
    lease_s: int,
    opens: bool = False,
) -> Held:
    """
    Prove that this caller still holds this sample, prolong the lease, and keep the row locked until the commit.

    Everything a claim does begins with this UPDATE: a stale writer is refused by it, and counted. With ``opens`` work
    begins that is not concluded yet: from then on the claim does not lapse.

    Raises:
        NotFound: when the sample is not this laboratory's.
        Stale: when the claim has lapsed or been put back, or another claim holds the sample now.

    """
    row = None
    if sample_id is not None:
        row = await repo.extend(
            session,
            sample_id=sample_id,
            token=token,
            holder=caller.client_id,
            lease_s=lease_s,
            opens=opens,
        )
    if row is None or sample_id is None:
        await read_version(session, sample_id)
        metrics.FENCED.labels("claim").inc()
        _log.warning("fenced_write", sample=str(sample_id), token=token)
        raise Stale(
            "This claim no longer holds the sample: it lapsed, was put back or is finished.",
            extra=await _now(session, sample_id),
        )
    return Held(row.claim_id, sample_id, token, Stage(row.stage), row.aged_from)


async def _now(session: Session, sample_id: UUID | None) -> dict[str, Any]:
    # Who has it now is for the laboratory's own people: nobody else can come here with a claim.
    task = await repo.task(session, sample_id) if sample_id else None
    if task is None or task.holder is None:
        return {"held_by": None}
    names = await access.names(session, [task.holder])
    return {"held_by": names.get(task.holder)}


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
        raise Stale("This claim has ended.", extra=await _now(session, claim.sample_id))
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
    # A supervisor may put back what somebody else holds.
    holder = None if Scope.OVERSEE in caller.scopes else caller.client_id
    freed = await repo.free(session, sample_id=claim.sample_id, token=token, holder=holder)
    if freed is None or freed != claim.id:
        raise Stale("This claim has ended.")
    await repo.end_claim(session, claim_id=claim.id, outcome=ClaimOutcome.PUT_BACK, reason=reason)
    await apply(
        session,
        act=Act.PUT_BACK,
        sample_ids=[claim.sample_id],
        actor_id=caller.client_id,
        # In somebody's own words, so that it may name anybody: the claim keeps it, the chain its digest.
        details={"reason_sha256": digest(reason.encode())},
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
    content: Mapping[str, Any] | None = None,
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
        content: what endpoints with full content get besides, where this announces something released.

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
            content=content,
        )
        return moved[0]
    row = await read_repo.one(session, held.sample_id)
    if row is None:
        raise NotFound
    if found:
        await learn(session, sample=mapping(row), tests=found, actor_id=caller.client_id)
    (known,) = await evidence_repo.facts(session, [held.sample_id])
    records = await records_of(session, row.laboratory_id)
    judged = judge_row(known, records, await risk.policy_of(session), stage)
    rank_key = risk.key_of(judged.ranked, held.aged_from)
    assessments = risk.as_rows(
        judged, sample=mapping(row), cause=str(act), at=session.now, told_before=known.told
    )
    await moves_repo.add_assessments(session, assessments)
    await repo.next_stage(session, sample_id=held.sample_id, stage=stage, rank_key=rank_key)
    moved = await apply(
        session,
        act=act,
        sample_ids=[held.sample_id],
        actor_id=caller.client_id,
        details=details,
        summary=summary,
        rank_key=rank_key,
        assessment_id=risk.id_of(assessments[0]),
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
        details={"remarks_sha256": digest(remarks.encode())},
    )


async def lapse_expired(database: Database) -> int:
    """
    Give back every sample whose lease has run out, each laboratory in its own transaction, and count them.

    Where an analysis is open, or the holder has the item in their hands, the claim stays: that is recorded once and
    stands in the supervisor's list from then on. Called by the workers' sweep: it needs no doorbell.
    """
    async with database.reading(WORKER) as session:
        due = await repo.expired(session, limit=_LAPSES_AT_ONCE)
    by_laboratory: dict[UUID, list[UUID]] = {}
    for row in due:
        by_laboratory.setdefault(row.laboratory_id, []).append(row.sample_id)
    lapsed = 0
    for laboratory_id, sample_ids in by_laboratory.items():
        try:
            lapsed += await _lapse(database, laboratory_id, sample_ids)
        except AppError:
            # One laboratory's trouble must not keep the others' samples from their queues.
            _log.exception("lapse_failed", laboratory=str(laboratory_id))
    return lapsed


async def _lapse(database: Database, laboratory_id: UUID, sample_ids: Sequence[UUID]) -> int:
    async with database.transaction(as_laboratory(laboratory_id)) as session:
        freed = await repo.free_expired(session, sample_ids)
        if freed:
            await apply(
                session,
                act=Act.LAPSE,
                sample_ids=[row.sample_id for row in freed],
                actor_id=None,
            )
        kept = await repo.keep_expired(session, sample_ids)
        if kept:
            await _tell_kept(session, kept)
    metrics.RESCUED.labels("claim").inc(len(freed))
    return len(freed)


async def _tell_kept(session: Session, kept: Sequence[Any]) -> None:
    samples = {row.id: row for row in await read_repo.several(session, [k.sample_id for k in kept])}
    facts = []
    for one in kept:
        why = "work_open" if one.open_since else "in_hand"
        sample = samples[one.sample_id]
        _log.warning("claim_kept", sample=str(one.sample_id), claim=str(one.claim_id), why=why)
        facts.append(
            ledger.Fact(
                kind="sample.claim_kept",
                agency_id=sample.agency_id,
                laboratory_id=sample.laboratory_id,
                submission_id=sample.submission_id,
                sample_id=sample.id,
                version=sample.version,
                actor_id=None,
                details={"claim": str(one.claim_id), "why": why},
            )
        )
    await ledger.record(session, facts)
