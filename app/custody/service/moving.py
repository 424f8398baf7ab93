"""
From the agency to the laboratory, and from person to person.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement

from app.custody import repo, rules
from app.custody.models import handover
from app.custody.rules import Actor, HandoverOutcome, Holder, Item, Purpose, Transit
from app.kit import ids
from app.kit.db import DbRole, Session
from app.kit.errors import Conflict, Forbidden, NotFound
from app.kit.rows import mapping


async def begin(
    session: Session, samples: Sequence[Mapping[str, Any]], *, client_id: UUID | None
) -> None:
    """
    Begin custody with the submitting agency; with no person named where nobody there has said who has it.
    """
    await repo.add(
        session,
        [
            held(session, sample, sample["agency_id"], client_id, purpose=Purpose.SEIZED)
            for sample in samples
        ],
    )


async def receive(
    session: Session,
    sample: Mapping[str, Any],
    *,
    client_id: UUID,
    seal_number: str | None,
    condition: str | None,
) -> None:
    """
    Pass custody to the laboratory, to the person at its counter.

    Raises:
        Conflict: when nobody holds the sample, so that nobody can hand it over.

    """
    if not await repo.end(session, [sample["id"]]):
        raise Conflict("Nobody holds this sample, so nobody can hand it over.")
    await repo.supersede_handovers(session, sample["id"], by=client_id)
    receiving = held(session, sample, sample["laboratory_id"], client_id, purpose=Purpose.ANALYSIS)
    await repo.add(session, [receiving | {"seal_number": seal_number, "condition": condition}])


async def history(session: Session, sample_id: UUID) -> list[Mapping[str, Any]]:
    """
    Return a sample's holdings, first to last; to the laboratory with the codes of its storage places.
    """
    held = [mapping(row) for row in await repo.history(session, sample_id)]
    stored = {row["place_id"] for row in held if row["place_id"]}
    codes: dict[UUID, str] = {}
    if stored and session.context.role is DbRole.LAB:
        codes = await repo.codes(session, list(stored))
    return [{**row, "place": codes.get(row["place_id"])} for row in held]


def in_hand(sample_id: ColumnElement[UUID], client_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """
    Return the condition, for another domain's statement, that this person has this sample in their hands at present.
    """
    return repo.in_hand(sample_id, client_id)


async def item_of(session: Session, sample_id: UUID) -> Item:
    """
    Return where an item is, locked until the commit.
    """
    # Who reads a file by a part in it locks nothing of it, and still learns where the item is.
    row = await repo.present(session, sample_id) or await repo.where_is(session, sample_id)
    transit = await repo.open_handover(session, sample_id)
    disposal = await repo.standing_disposal(session, sample_id)
    return Item(
        holder=Holder(row.holder_agency_id, row.holder_client_id, row.place_id) if row else None,
        transit=Transit(transit.from_client_id, transit.to_agency_id, transit.to_client_id)
        if transit
        else None,
        disposal_open=disposal is not None and disposal.closed_at is None,
    )


async def why_not_analyzed(session: Session, sample_id: UUID) -> str | None:
    """
    Say why no analysis can start on a sample of this laboratory; None when one can.
    """
    row = await repo.where_is(session, sample_id)
    if row is None:
        return rules.GONE
    holder = Holder(row.holder_agency_id, row.holder_client_id, row.place_id)
    transit = None
    if row.from_client_id is not None:
        transit = Transit(row.from_client_id, row.to_agency_id, row.to_client_id)
    return rules.why_not_analyzed(Item(holder, transit), session.tenant)


async def offer(
    session: Session,
    sample: Mapping[str, Any],
    *,
    actor: Actor,
    receiver: UUID | None,
    to_agency_id: UUID,
    reason: str,
    seal_number: str | None,
) -> Mapping[str, Any]:
    """
    Open a handover: the giver holds the item until the other person accepts.

    Raises:
        CustodyRefused: when the actor does not hold the item, or offers it to themselves.

    """
    item = await item_of(session, sample["id"])
    refuse(rules.why_not_offered(item, actor, receiver))
    row: dict[str, Any] = {
        **_file_of(sample),
        "id": ids.new(),
        "from_client_id": actor.client_id,
        "to_agency_id": to_agency_id,
        "to_client_id": receiver,
        "reason": reason,
        "seal_number": seal_number,
        "opened_at": session.now,
        "closed_at": None,
        "closed_by": None,
        "outcome": None,
    }
    await repo.insert(session, handover, row)
    return row


async def accept(
    session: Session, handover_id: UUID | None, *, actor: Actor, condition: str | None
) -> Mapping[str, Any]:
    """
    Accept a handover: from this instant on the actor holds the item.

    Raises:
        NotFound: when there is no such handover for this caller.
        CustodyRefused: when the actor is not the one it was offered to.
        Conflict: when it is not open any more.

    """
    found = await _find(session, handover_id)
    item = await item_of(session, found["sample_id"])
    if found["closed_at"] is not None:
        raise Conflict("This handover is not open any more.", extra={"outcome": found["outcome"]})
    refuse(rules.why_not_accepted(item, actor))
    closed = await _close(session, found["id"], actor, HandoverOutcome.ACCEPTED)
    await repo.end(session, [found["sample_id"]])
    receiving = held(
        session, found, found["to_agency_id"], actor.client_id, purpose=Purpose.TRANSFER
    )
    receiving |= {
        "seal_number": found["seal_number"],
        "condition": condition,
    }
    await repo.add(session, [receiving])
    return closed


async def close_handover(
    session: Session, handover_id: UUID | None, *, actor: Actor, outcome: HandoverOutcome
) -> Mapping[str, Any]:
    """
    Refuse a handover as the one it was offered to, or withdraw it as the giver. The giver goes on holding the item.

    Raises:
        NotFound: when there is no such handover for this caller.
        Forbidden: when the actor is not the one who may.
        Conflict: when it is not open any more.

    """
    found = await _find(session, handover_id)
    item = await item_of(session, found["sample_id"])
    if outcome is HandoverOutcome.WITHDRAWN:
        if found["from_client_id"] != actor.client_id:
            raise Forbidden("Only the giver can withdraw a handover.")
    else:
        refuse(rules.why_not_accepted(item, actor))
    return await _close(session, found["id"], actor, outcome)


def held(
    session: Session,
    sample: Mapping[str, Any],
    agency_id: UUID,
    client_id: UUID | None,
    *,
    purpose: Purpose,
    place_id: UUID | None = None,
    recorded_by: UUID | None = None,
) -> dict[str, Any]:
    """
    Return a new holding of a sample, from this instant on.
    """
    return {
        **_file_of(sample),
        "id": ids.new(),
        "holder_agency_id": agency_id,
        "holder_client_id": client_id,
        "place_id": place_id,
        "since": session.now,
        "purpose": purpose,
        "recorded_by": recorded_by or client_id,
    }


def refuse(why: str | None) -> None:
    """
    Refuse with this reason, if there is one.

    Raises:
        CustodyRefused: with the reason.

    """
    if why is not None:
        raise CustodyRefused(why)


class CustodyRefused(Conflict):
    """
    Custody does not allow this.
    """

    code = "custody"
    title = "Not allowed by custody"


def _file_of(sample: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "agency_id": sample["agency_id"],
        "laboratory_id": sample["laboratory_id"],
        "submission_id": sample["submission_id"],
        # A row of custody's own has both: its own id, and its sample's.
        "sample_id": sample.get("sample_id") or sample["id"],
    }


async def _find(session: Session, handover_id: UUID | None) -> Mapping[str, Any]:
    found = await repo.find(session, handover, handover_id) if handover_id else None
    if found is None:
        raise NotFound
    return mapping(found)


async def _close(
    session: Session, handover_id: UUID, actor: Actor, outcome: HandoverOutcome
) -> Mapping[str, Any]:
    closed = await repo.close(
        session,
        handover,
        handover_id,
        closed_at=session.now,
        closed_by=actor.client_id,
        outcome=outcome,
    )
    if closed is None:
        raise Conflict("This handover is not open any more.")
    return mapping(closed)
