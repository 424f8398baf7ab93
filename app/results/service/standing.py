"""
What was released and does not hold: contradicted by later work, or taken back.

Told to every party and to everybody who was told the result, wherever the sample stands, and open there until a named
person acknowledges it.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.access.service import Caller
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import Conflict, NotFound
from app.kit.rows import mapping
from app.results import repo
from app.results.rules import Because, FindingKind, FindingOutcome, contradicts
from app.results.schemas import ContradictionIn, FindingOut, FindingWithdrawalIn
from app.results.service import announced
from app.samples import service as samples
from app.samples.rules import Act


async def contradict(
    session: Session,
    *,
    sample_id: UUID,
    finding_ids: Sequence[UUID],
    because: Because,
    actor_id: UUID | None,
    note_sha256: str | None = None,
) -> bool:
    """
    Mark released findings of one sample as contradicted and tell it, once; False when there is nothing new to tell.

    Call it in the transaction of the fact that speaks against them: a conclusion, a control that failed.
    """
    marked = await repo.contradict(session, finding_ids=finding_ids, because=because)
    if not marked:
        return False
    await _tell(session, sample_id, marked, because, actor_id, note_sha256)
    return True


async def against_presumptive(
    session: Session, *, sample_id: UUID, conclusion: Any, actor_id: UUID
) -> None:
    """
    Contradict the released presumptive findings that a confirming conclusion speaks against.
    """
    against = [
        row.id
        for row in await repo.findings(session, sample_id)
        if row.kind == FindingKind.PRESUMPTIVE
        and row.released_at is not None
        and contradicts(
            FindingOutcome(row.outcome),
            row.substances,
            FindingOutcome(conclusion["outcome"]),
            conclusion["substances"],
        )
    ]
    await contradict(
        session,
        sample_id=sample_id,
        finding_ids=against,
        because=Because.CONFIRMATION,
        actor_id=actor_id,
    )


async def spoken_against(session: Session, presumptive: Any) -> bool:
    """
    Say whether the latest conclusion contradicts a presumptive finding that nobody has released yet.
    """
    concluded = [
        row
        for row in await repo.findings(session, presumptive.sample_id)
        if row.kind == FindingKind.IDENTIFIED
    ]
    return bool(concluded) and contradicts(
        FindingOutcome(presumptive.outcome),
        presumptive.substances,
        FindingOutcome(concluded[-1].outcome),
        concluded[-1].substances,
    )


async def against_suspicion(
    session: Session, *, sample: Any, reported: Any, actor_id: UUID
) -> None:
    """
    Tell it when a reviewed report found nothing controlled where the agency, or its field test, said otherwise.
    """
    tests = sample.exhibit.get("field_tests") or ()
    suspected = sample.exhibit.get("suspected") or [
        one for one in tests if one.get("result") == "detected"
    ]
    if reported.outcome == FindingOutcome.NOTHING_CONTROLLED and suspected:
        await _tell(session, sample.id, [reported.id], Because.NOTHING_CONTROLLED, actor_id, None)


async def state_contradiction(
    session: Session, *, caller: Caller, finding_id: UUID | None, body: ContradictionIn
) -> FindingOut:
    """
    State that something speaks against a released finding: a control that turned out to have failed.

    Raises:
        NotFound: when there is no such finding in this laboratory.
        Conflict: when it was never released, or has been contradicted or withdrawn before.

    """
    found = await repo.find_finding(session, finding_id) if finding_id else None
    if found is None:
        raise NotFound
    told = await contradict(
        session,
        sample_id=found.sample_id,
        finding_ids=[found.id],
        because=Because(body.because),
        actor_id=caller.client_id,
        note_sha256=samples.digest(body.note.encode()),
    )
    if not told:
        raise Conflict(_standing(await repo.find_finding(session, found.id)))
    await _unlearn(session, found, caller)
    return await _read(session, found.id)


async def withdraw_finding(
    session: Session, *, caller: Caller, finding_id: UUID | None, body: FindingWithdrawalIn
) -> FindingOut:
    """
    Take a released finding back: nothing may rest on it, and what was concluded from it elsewhere is taken back too.

    Raises:
        NotFound: when there is no such finding in this laboratory.
        Conflict: when it was never released, or has been withdrawn before.

    """
    found = await repo.find_finding(session, finding_id) if finding_id else None
    if found is None:
        raise NotFound
    done = await repo.withdraw(
        session, finding_id=found.id, because=body.because, by_name=caller.name
    )
    if done is None:
        raise Conflict(_standing(await repo.find_finding(session, found.id)))
    await samples.apply(
        session,
        act=Act.TAKE_BACK,
        sample_ids=[found.sample_id],
        actor_id=caller.client_id,
        details={
            "finding": str(found.id),
            "because": body.because,
            "note_sha256": samples.digest(body.note.encode()),
        },
        summary={"finding_id": ids.write("fnd", found.id), "because": body.because},
        content=announced.content([done]),
    )
    await _unlearn(session, found, caller)
    return await _read(session, found.id)


async def _unlearn(session: Session, found: Any, caller: Caller) -> None:
    # The rank of this sample, and of those linked to it, must not rest on what does not hold.
    owner = {
        "id": found.sample_id,
        "agency_id": found.agency_id,
        "laboratory_id": found.laboratory_id,
        "submission_id": found.submission_id,
    }
    await samples.unlearn(session, sample=owner, actor_id=caller.client_id)


async def _tell(
    session: Session,
    sample_id: UUID,
    finding_ids: Sequence[UUID],
    because: Because,
    actor_id: UUID | None,
    note_sha256: str | None,
) -> None:
    told = [row for row in await repo.findings(session, sample_id) if row.id in finding_ids]
    await samples.apply(
        session,
        act=Act.CONTRADICT,
        sample_ids=[sample_id],
        actor_id=actor_id,
        details={
            "findings": [str(one) for one in finding_ids],
            "because": because,
            "note_sha256": note_sha256,
        },
        summary={"finding_id": ids.write("fnd", finding_ids[-1]), "because": because},
        content=announced.content(told),
    )


def _standing(row: Any) -> str:
    if row is None or row.released_at is None:
        return "This finding was never released: there is nothing to take back."
    if row.withdrawn_at is not None:
        return "This finding has been withdrawn already."
    return "This finding has been contradicted already."


async def _read(session: Session, finding_id: UUID) -> FindingOut:
    row = await repo.find_finding(session, finding_id)
    if row is None:
        raise NotFound
    return FindingOut.model_validate(mapping(row))
