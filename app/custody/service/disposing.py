"""
Returning and destroying: two people, an authority, and no legal hold of any party.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.custody import repo, rules
from app.custody.models import disposal, legal_hold
from app.custody.rules import Actor, DisposalKind, Purpose
from app.custody.service.moving import held, item_of, refuse
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import Conflict, Forbidden, NotFound
from app.kit.rows import mapping


async def propose_disposal(
    session: Session,
    sample: Mapping[str, Any],
    *,
    actor: Actor,
    kind: DisposalKind,
    method: str,
    authority_reference: str,
) -> Mapping[str, Any]:
    """
    Propose an item's return or destruction; it is done when a second person confirms it.

    Raises:
        CustodyRefused: when it is not in the actor's hands, in transit, or a legal hold lies on its file.

    """
    holds = await _standing(session, sample["submission_id"])
    item = await item_of(session, sample["id"])
    refuse(rules.why_not_disposed(item, actor, holds))
    row: dict[str, Any] = {
        "id": ids.new(),
        "agency_id": sample["agency_id"],
        "laboratory_id": sample["laboratory_id"],
        "submission_id": sample["submission_id"],
        "sample_id": sample["id"],
        "kind": kind,
        "method": method,
        "authority_reference": authority_reference,
        "performed_by": actor.client_id,
        "proposed_at": session.now,
        "second_by": None,
        "closed_at": None,
        "outcome": None,
    }
    await repo.insert(session, disposal, row)
    return row


async def confirm_disposal(
    session: Session, disposal_id: UUID | None, *, actor: Actor
) -> Mapping[str, Any]:
    """
    Confirm a disposal as its second person: a witness at the laboratory, or the agency's person who takes it back.

    Raises:
        NotFound: when there is no such disposal for this caller.
        Conflict: when it is closed already.
        CustodyRefused: when the actor cannot be the second person, or a legal hold lies on the file.

    """
    found = await _find(session, disposal_id)
    holds = await _standing(session, found["submission_id"])
    item = await item_of(session, found["sample_id"])
    if found["closed_at"] is not None:
        raise Conflict("This disposal is closed already.", extra={"outcome": found["outcome"]})
    kind = DisposalKind(found["kind"])
    refuse(
        rules.why_not_confirmed(
            item,
            kind,
            performer=found["performed_by"],
            owner_agency_id=found["agency_id"],
            actor=actor,
            holds=holds,
        )
    )
    closed = await _close(session, found["id"], actor, "done")
    await repo.end(session, [found["sample_id"]])
    if kind is DisposalKind.RETURNED:
        back = held(session, found, actor.agency_id, actor.client_id, purpose=Purpose.RETURNED)
        await repo.add(session, [back])
    return closed


async def withdraw_disposal(
    session: Session, disposal_id: UUID | None, *, actor: Actor
) -> Mapping[str, Any]:
    """
    Withdraw a disposal that nobody has confirmed.

    Raises:
        NotFound: when there is no such disposal for this caller.
        Forbidden: when the actor is not of the laboratory that proposed it.
        Conflict: when it is closed already.

    """
    found = await _find(session, disposal_id)
    if actor.agency_id != found["laboratory_id"]:
        raise Forbidden("Only the laboratory that proposed a disposal can withdraw it.")
    return await _close(session, found["id"], actor, "withdrawn")


async def place_hold(
    session: Session, sample: Mapping[str, Any], *, actor: Actor, reason: str
) -> Mapping[str, Any]:
    """
    Lay a legal hold on a sample's whole file: nothing of it may be returned or destroyed.
    """
    await repo.one_at_a_time(session, f"holds {sample['submission_id']}")
    row: dict[str, Any] = {
        "id": ids.new(),
        "agency_id": sample["agency_id"],
        "laboratory_id": sample["laboratory_id"],
        "submission_id": sample["submission_id"],
        "placed_by_agency_id": actor.agency_id,
        "placed_by": actor.client_id,
        "reason": reason,
        "placed_at": session.now,
        "lifted_at": None,
        "lifted_by": None,
    }
    await repo.insert(session, legal_hold, row)
    return row


async def lift_hold(session: Session, hold_id: UUID | None, *, actor: Actor) -> Mapping[str, Any]:
    """
    Lift a hold of one's own agency.

    Raises:
        NotFound: when there is no such hold for this caller.
        Forbidden: when another party laid it.
        Conflict: when it is lifted already.

    """
    found = await repo.find(session, legal_hold, hold_id) if hold_id else None
    if found is None:
        raise NotFound
    if found.placed_by_agency_id != actor.agency_id:
        raise Forbidden("A legal hold is lifted only by the party that laid it.")
    lifted = await repo.close(
        session, legal_hold, found.id, lifted_at=session.now, lifted_by=actor.client_id
    )
    if lifted is None:
        raise Conflict("This hold is lifted already.")
    return mapping(lifted)


async def holds_of(session: Session, submission_id: UUID) -> list[Mapping[str, Any]]:
    """
    Return the legal holds of a file, lifted ones included.
    """
    return [mapping(row) for row in await repo.holds(session, submission_id)]


async def _standing(session: Session, submission_id: UUID) -> int:
    # Under one lock with those who lay a hold: one that is laid at this instant is either seen here, or waits.
    await repo.one_at_a_time(session, f"holds {submission_id}")
    return sum(row.lifted_at is None for row in await repo.holds(session, submission_id))


async def _find(session: Session, disposal_id: UUID | None) -> Mapping[str, Any]:
    found = await repo.find(session, disposal, disposal_id) if disposal_id else None
    if found is None:
        raise NotFound
    return mapping(found)


async def _close(
    session: Session, disposal_id: UUID, actor: Actor, outcome: str
) -> Mapping[str, Any]:
    closed = await repo.close(
        session,
        disposal,
        disposal_id,
        closed_at=session.now,
        second_by=actor.client_id,
        outcome=outcome,
    )
    if closed is None:
        raise Conflict("This disposal is closed already.")
    return mapping(closed)
