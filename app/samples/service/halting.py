"""
Taking a sample out of its course, with a reason, its words and a name, and letting it go on.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.access.rules import Scope
from app.access.service import Caller
from app.kit import ids
from app.kit.db import Session, acting, as_laboratory
from app.kit.errors import Conflict, NotFound
from app.samples.repo import halts as repo
from app.samples.repo import queue
from app.samples.rules import (
    Act,
    ClaimOutcome,
    HaltReason,
    Queue,
    Status,
    aged,
    moves_of,
)
from app.samples.schemas import SampleDetailOut
from app.samples.service.look_up import look_up
from app.samples.service.moves import Moved, apply, digest
from app.samples.service.rerank import rerank


class HeldByAnother(Conflict):
    """
    Somebody else holds this sample: its holder or a supervisor may put it on hold.
    """

    code = "held-by-another"
    title = "Held by somebody else"


async def halt(
    session: Session,
    *,
    caller: Caller,
    act: Act,
    sample_id: UUID | None,
    version: int,
    reason: HaltReason,
    note: str,
) -> SampleDetailOut:
    """
    Pause, end, resume or reopen a sample: recorded, announced to every party, and in step with the queue.

    Args:
        session: the open transaction.
        caller: who decides it.
        act: what happens; the table of moves says from where.
        sample_id: whom it happens to.
        version: the sample's version as the caller knows it.
        reason: why, as a code.
        note: why, in words.

    Raises:
        NotFound: when the sample is not there for this caller.
        Stale: when the sample has changed since the caller read it.
        Conflict: when it is not in a status that allows this.
        HeldByAnother: when somebody else holds it.

    """
    if sample_id is None:
        raise NotFound
    halt_id = ids.new()
    row: dict[str, Any] = {
        "id": halt_id,
        "act": act,
        "reason": reason,
        "note": note,
        "made_by": caller.client_id,
        "made_by_name": caller.name,
        "made_by_agency_id": caller.agency_id,
        "made_at": session.now,
    }
    laboratory_id = await repo.laboratory_of(session, sample_id)
    if laboratory_id is None:
        raise NotFound
    task = None
    if any(move.queue is Queue.LEAVES for move in moves_of(act)):
        # The queue is the laboratory's: an agency that withdraws acts for it in this one statement.
        async with acting(session, as_laboratory(laboratory_id)):
            task = await repo.take_out(session, sample_id)
    (moved,) = await apply(
        session,
        act=act,
        sample_ids=[sample_id],
        actor_id=caller.client_id,
        version=version,
        halt_id=halt_id,
        details={"halt": str(halt_id), "reason": reason, "note_sha256": digest(note.encode())},
        summary={"reason": reason},
    )
    if task is not None and task.holder is not None:
        await _end_claim(session, caller, act, task)
    sample = moved.row
    await repo.add(
        session,
        {
            **row,
            "agency_id": sample["agency_id"],
            "laboratory_id": sample["laboratory_id"],
            "submission_id": sample["submission_id"],
            "sample_id": sample["id"],
        },
    )
    await _goes_on(session, caller, act, moved)
    return await look_up(session, sample_id)


async def _end_claim(session: Session, caller: Caller, act: Act, task: Any) -> None:
    if task.holder != caller.client_id and Scope.OVERSEE not in caller.scopes:
        raise HeldByAnother
    ended: Mapping[Act, ClaimOutcome] = {
        move.act: move.ends_claim for move in moves_of(act) if move.ends_claim
    }
    await queue.end_claim(session, claim_id=task.claim_id, outcome=ended[act])


async def _goes_on(session: Session, caller: Caller, act: Act, moved: Moved) -> None:
    status = Status(moved.row["status"])
    for move in moves_of(act):
        if move.target is status and move.stage is not None and move.queue is Queue.ENTERS:
            aged_from = aged(moved.row["submitted_at"], moved.row["received_at"])
            await repo.put_in(session, moved=moved.row, stage=move.stage, aged_from=aged_from)
            break
    if act is Act.REOPEN:
        # What became known while it was over has moved nothing yet.
        await rerank(
            session,
            laboratory_id=moved.row["laboratory_id"],
            sample_ids=[moved.row["id"]],
            cause="reopened",
            actor_id=caller.client_id,
        )
