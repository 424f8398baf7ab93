"""
Custody of samples: each act with its entry in the ledger.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.access.rules import ClientKind
from app.access.service import Caller
from app.custody import service as custody
from app.custody.rules import Actor, HandoverOutcome
from app.kit import ids
from app.kit.db import DbRole, Session
from app.kit.errors import FieldError, Forbidden, Invalid, NotFound
from app.ledger import service as ledger
from app.samples.schemas import SampleDetailOut
from app.samples.schemas.custody import (
    AcceptanceIn,
    ConsumptionIn,
    DisposalIn,
    DisposalOut,
    HandoverIn,
    HandoverOut,
    HoldingOut,
    LastUseOut,
    LegalHoldOut,
    PortionIn,
    PortionOut,
    StorageIn,
)
from app.samples.service.look_up import look_up, version_of


async def custody_of(session: Session, sample_id: UUID | None) -> list[HoldingOut]:
    """
    Return who held a sample, first to last.

    Raises:
        NotFound: when it is not there for this caller.

    """
    await version_of(session, sample_id)
    held = await custody.history(session, sample_id) if sample_id else []
    return [HoldingOut.model_validate(dict(row)) for row in held]


async def offer(
    session: Session, *, caller: Caller, sample_id: UUID | None, body: HandoverIn
) -> HandoverOut:
    """
    Offer an item to another person: open until that person accepts.

    Raises:
        NotFound: when the sample is not there for this caller.
        Invalid: when an agency offers it to an agency.
        CustodyRefused: when the caller does not hold it, or offers it to themselves.

    """
    sample = await look_up(session, sample_id)
    if body.to_agency and not caller.is_laboratory:
        message = "is for the laboratory, which gives an item back"
        raise Invalid(errors=[FieldError("to_agency", message, "name a person of your agency")])
    row = await custody.offer(
        session,
        row_of(sample),
        actor=_actor(caller),
        receiver=ids.read("cli", body.to_client_id) if body.to_client_id else None,
        to_agency_id=sample.agency_id if body.to_agency else caller.agency_id,
        reason=body.reason,
        seal_number=body.seal_number,
    )
    await _record(session, caller, sample, "offered", {"handover": str(row["id"])})
    return HandoverOut.model_validate(dict(row))


async def accept(
    session: Session, *, caller: Caller, handover_id: UUID | None, body: AcceptanceIn
) -> HandoverOut:
    """
    Accept a handover.

    Raises:
        NotFound: when it is not there for this caller.
        CustodyRefused: when it was offered to somebody else.
        Conflict: when it is not open any more.

    """
    row = await custody.accept(session, handover_id, actor=_actor(caller), condition=body.condition)
    return await _handed(session, caller, row)


async def close_handover(
    session: Session, *, caller: Caller, handover_id: UUID | None, outcome: HandoverOutcome
) -> HandoverOut:
    """
    Refuse or withdraw a handover: the giver goes on holding the item.

    Raises:
        NotFound: when it is not there for this caller.
        CustodyRefused: when the caller is not the one who may.
        Conflict: when it is not open any more.

    """
    row = await custody.close_handover(session, handover_id, actor=_actor(caller), outcome=outcome)
    return await _handed(session, caller, row)


async def store(
    session: Session, *, caller: Caller, sample_id: UUID | None, body: StorageIn
) -> list[HoldingOut]:
    """
    Put an item into storage.

    Raises:
        NotFound: when the sample is not there for this caller.
        CustodyRefused: when the caller does not hold it, or the place is full or closed.

    """
    sample = await look_up(session, sample_id)
    await custody.store(
        session,
        row_of(sample),
        actor=_actor(caller),
        code=body.place,
        seal_number=body.seal_number,
    )
    await _record(session, caller, sample, "stored", {"place": body.place})
    return await custody_of(session, sample.id)


async def take(session: Session, *, caller: Caller, sample_id: UUID | None) -> list[HoldingOut]:
    """
    Take an item out of storage.

    Raises:
        NotFound: when the sample is not there for this caller.
        CustodyRefused: when it is not in storage.

    """
    sample = await look_up(session, sample_id)
    place_id = await custody.take(session, row_of(sample), actor=_actor(caller))
    await _record(session, caller, sample, "taken", {"place": str(place_id)})
    return await custody_of(session, sample.id)


async def split(
    session: Session, *, caller: Caller, sample_id: UUID | None, body: PortionIn
) -> list[PortionOut]:
    """
    Record the whole of a sample, or a part of a portion.

    Raises:
        NotFound: when the sample is not there for this caller.
        CustodyRefused: when the parts would exceed what they come from.

    """
    sample = await look_up(session, sample_id)
    await check_in_hand(session, sample.id)
    await custody.split(
        session,
        row_of(sample),
        client_id=caller.client_id,
        label=body.label,
        parent=body.parent,
        amount=body.amount,
        unit=body.unit,
        tolerance=body.tolerance,
    )
    amount = f"{body.amount.normalize():f} {body.unit}" if body.amount is not None else None
    details = {"label": body.label, "parent": body.parent, "amount": amount}
    await _record(session, caller, sample, "split", details)
    return await portions_of(session, sample.id)


async def consume(
    session: Session, *, caller: Caller, sample_id: UUID | None, body: ConsumptionIn
) -> list[PortionOut]:
    """
    Record what was used of a portion.

    Raises:
        NotFound: when the sample is not there for this caller.
        CustodyRefused: when the portion does not have that much left.
        LastOfSample: when it would use up the sample and nobody has authorized it.

    """
    sample = await look_up(session, sample_id)
    await check_in_hand(session, sample.id)
    await custody.consume(
        session,
        sample.id,
        client_id=caller.client_id,
        label=body.portion,
        amount=body.amount,
        analysis_id=None,
    )
    details = {"label": body.portion, "amount": f"{body.amount.normalize():f}"}
    await _record(session, caller, sample, "consumed", details)
    return await portions_of(session, sample.id)


async def portions_of(session: Session, sample_id: UUID | None) -> list[PortionOut]:
    """
    Return a sample's portions and what is left of each.

    Raises:
        NotFound: when the sample is not there for this caller.

    """
    await version_of(session, sample_id)
    if sample_id is None:
        raise NotFound
    return [PortionOut.model_validate(row) for row in await custody.portions_of(session, sample_id)]


async def authorize_last_use(
    session: Session, *, caller: Caller, sample_id: UUID | None, reason: str
) -> LastUseOut:
    """
    Authorize, as a supervisor, that what is left of a sample be used up.

    Raises:
        NotFound: when the sample is not there for this caller.
        Conflict: when it is authorized already.

    """
    sample = await look_up(session, sample_id)
    row = await custody.authorize_last_use(
        session, row_of(sample), client_id=caller.client_id, reason=reason
    )
    await _record(session, caller, sample, "last_use_authorized", {})
    return LastUseOut.model_validate(row)


async def propose_disposal(
    session: Session, *, caller: Caller, sample_id: UUID | None, body: DisposalIn
) -> DisposalOut:
    """
    Propose an item's return or destruction.

    Raises:
        NotFound: when the sample is not there for this caller.
        CustodyRefused: when custody or a legal hold does not allow it.

    """
    sample = await look_up(session, sample_id)
    row = await custody.propose_disposal(
        session,
        row_of(sample),
        actor=_actor(caller),
        kind=body.kind,
        method=body.method,
        authority_reference=body.authority_reference,
    )
    details = {"disposal": str(row["id"]), "kind": body.kind}
    await _record(session, caller, sample, "disposal_proposed", details)
    return DisposalOut.model_validate(dict(row))


async def close_disposal(
    session: Session, *, caller: Caller, disposal_id: UUID | None, confirmed: bool
) -> DisposalOut:
    """
    Confirm a disposal as its second person, or withdraw it as the laboratory.

    Raises:
        NotFound: when it is not there for this caller.
        CustodyRefused: when the caller cannot be the second person, or a legal hold lies on the file.
        Conflict: when it is closed already.

    """
    act = custody.confirm_disposal if confirmed else custody.withdraw_disposal
    row = await act(session, disposal_id, actor=_actor(caller))
    sample = await look_up(session, row["sample_id"])
    details = {"disposal": str(row["id"]), "kind": row["kind"]}
    await _record(session, caller, sample, f"disposal_{row['outcome']}", details)
    return DisposalOut.model_validate(dict(row))


async def place_hold(
    session: Session, *, caller: Caller, sample_id: UUID | None, reason: str
) -> LegalHoldOut:
    """
    Lay a legal hold on the file of a sample.

    Raises:
        NotFound: when the sample is not there for this caller.

    """
    sample = await look_up(session, sample_id)
    row = await custody.place_hold(session, row_of(sample), actor=_actor(caller), reason=reason)
    await _record(session, caller, sample, "hold_placed", {"hold": str(row["id"])})
    return LegalHoldOut.model_validate(dict(row))


async def lift_hold(session: Session, *, caller: Caller, hold_id: UUID | None) -> LegalHoldOut:
    """
    Lift a legal hold of one's own agency.

    Raises:
        NotFound: when it is not there for this caller.
        Forbidden: when another party laid it.
        Conflict: when it is lifted already.

    """
    row = await custody.lift_hold(session, hold_id, actor=_actor(caller))
    await ledger.record(
        session,
        [
            ledger.Fact(
                kind="custody.hold_lifted",
                agency_id=_owner(session, row["agency_id"]),
                laboratory_id=row["laboratory_id"],
                submission_id=row["submission_id"],
                sample_id=None,
                version=1,
                actor_id=caller.client_id,
                details={"hold": str(row["id"])},
            )
        ],
    )
    return LegalHoldOut.model_validate(dict(row))


async def holds_of(session: Session, sample_id: UUID | None) -> list[LegalHoldOut]:
    """
    Return the legal holds on the file of a sample, lifted ones included.

    Raises:
        NotFound: when the sample is not there for this caller.

    """
    sample = await look_up(session, sample_id)
    held = await custody.holds_of(session, sample.submission_id)
    return [LegalHoldOut.model_validate(dict(row)) for row in held]


async def check_in_hand(session: Session, sample_id: UUID) -> None:
    """
    Refuse work on an item that is in transit, elsewhere or gone.

    Raises:
        CustodyRefused: with the reason.

    """
    why = await custody.why_not_analyzed(session, sample_id)
    if why is not None:
        raise custody.CustodyRefused(why)


async def _handed(session: Session, caller: Caller, row: Mapping[str, Any]) -> HandoverOut:
    sample = await look_up(session, row["sample_id"])
    await _record(session, caller, sample, str(row["outcome"]), {"handover": str(row["id"])})
    return HandoverOut.model_validate(dict(row))


async def _record(
    session: Session,
    caller: Caller,
    sample: SampleDetailOut,
    what: str,
    details: Mapping[str, Any],
) -> None:
    await ledger.record(
        session,
        [
            ledger.Fact(
                kind=f"custody.{what}",
                agency_id=_owner(session, sample.agency_id),
                laboratory_id=sample.laboratory_id,
                submission_id=sample.submission_id,
                sample_id=sample.id,
                version=sample.version,
                actor_id=caller.client_id,
                details=details,
            )
        ],
    )


def _owner(session: Session, agency_id: UUID) -> UUID:
    # A party that is not the owner writes its acts into the record under its own name.
    return session.tenant if session.context.role is DbRole.AGENCY else agency_id


def row_of(sample: SampleDetailOut) -> dict[str, Any]:
    """
    Return whose a sample is, as rows of other domains keep it.
    """
    return {
        "id": sample.id,
        "agency_id": sample.agency_id,
        "laboratory_id": sample.laboratory_id,
        "submission_id": sample.submission_id,
    }


def _actor(caller: Caller) -> Actor:
    if caller.kind is not ClientKind.PERSON:
        raise Forbidden("Custody is taken and given by persons, never by a program.")
    return Actor(caller.client_id, caller.agency_id)
