"""
The counter: take an item in and check it, register what arrives unannounced.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.access import service as access
from app.access.rules import AgencyKind, ClientKind
from app.access.service import Caller
from app.attachments import service as attachments
from app.custody import service as custody
from app.custody.rules import STOPS, Nonconformance, nonconformances
from app.kit import ids
from app.kit.db import Session, acting, as_agency
from app.kit.errors import Conflict, FieldError, Invalid, NotFound
from app.ledger import service as ledger
from app.samples.repo import read as read_repo
from app.samples.rules import Act, HoldReason, RejectionReason, ResumptionReason, Status
from app.samples.schemas import SampleDetailOut
from app.samples.schemas.intake import IntakeOut, ReceiptIn, ReceiptOut, RegistrationIn
from app.samples.service import bench
from app.samples.service.custody import row_of
from app.samples.service.halting import halt
from app.samples.service.look_up import look_up, version_of
from app.samples.service.submit import submit


async def receive(session: Session, *, caller: Caller, receipt: ReceiptIn) -> ReceiptOut:
    """
    Take an item in: what it says is compared with what was announced, custody passes, the agency is told.

    What is another item stops work: nothing is received, and the sample is rejected. A broken seal or another weight
    waits on hold until a person accepts it in their own name.

    Raises:
        NotFound: when the label names nothing of this laboratory's.
        Conflict: when it has been received before.

    """
    sample = await look_up(session, ids.read("smp", receipt.sample_id))
    seizure = await read_repo.submission_body(session, sample.submission_id)
    found = _compare(sample, seizure, receipt)
    if sample.status is not Status.SUBMITTED:
        raise Conflict(
            f"This sample is {sample.status}; to receive it must be {Status.SUBMITTED}.",
            extra={"status_now": sample.status},
        )
    files = [key for text in receipt.attachment_ids if (key := ids.read("att", text))]
    await attachments.these(session, files, sample_id=sample.id)
    stopped = any(one in STOPS for one in found)
    written = await custody.record_intake(
        session,
        row_of(sample),
        client_id=caller.client_id,
        seal_number=receipt.seal_number,
        seal=receipt.seal_state,
        condition=receipt.condition,
        weighed_g=receipt.gross_weight_g,
        declared_g=_declared(seizure),
        hazards=receipt.hazards,
        attachment_ids=files,
        found=found,
        note=receipt.note,
        accepted_because=None if stopped else receipt.accept_because,
    )
    if stopped:
        await _reject(session, caller, sample, found)
    else:
        await bench.receive(session, caller=caller, receipt=receipt, found=found)
        if found and receipt.accept_because is None:
            await _wait(session, caller, sample.id, found)
    after = await look_up(session, sample.id)
    return ReceiptOut(
        sample_id=after.id,
        status=after.status,
        version=after.version,
        received_at=after.received_at,
        nonconformances=list(found),
        not_for_court=written["accepted_at"] is not None,
    )


async def accept(
    session: Session, *, caller: Caller, sample_id: UUID | None, because: str
) -> IntakeOut:
    """
    Accept a broken seal or another weight in one's own name: work goes on, and its results are not for court.

    Raises:
        NotFound: when nothing was written at this sample's intake.
        Conflict: when there is nothing to accept, or somebody has.

    """
    sample = await look_up(session, sample_id)
    accepted = await custody.accept_intake(
        session, sample.id, client_id=caller.client_id, because=because
    )
    await ledger.record(
        session,
        [
            ledger.Fact(
                kind="custody.intake_accepted",
                agency_id=sample.agency_id,
                laboratory_id=sample.laboratory_id,
                submission_id=sample.submission_id,
                sample_id=sample.id,
                version=sample.version,
                actor_id=caller.client_id,
                details={"nonconformances": list(accepted["nonconformances"])},
            )
        ],
    )
    if sample.status is Status.ON_HOLD:
        await halt(
            session,
            caller=caller,
            act=Act.RESUME,
            sample_id=sample.id,
            version=sample.version,
            reason=ResumptionReason.ANSWERED,
            note=because,
        )
    return IntakeOut.model_validate(dict(accepted))


async def intake_of(session: Session, sample_id: UUID | None) -> IntakeOut:
    """
    Return what was found when a sample came.

    Raises:
        NotFound: when the sample is not there for this caller, or has not come.

    """
    await version_of(session, sample_id)
    found = await custody.intake_of(session, sample_id) if sample_id else None
    if found is None:
        raise NotFound
    return IntakeOut.model_validate(dict(found))


async def not_for_court(session: Session, sample_id: UUID) -> str | None:
    """
    Return what must be said of every result of a sample that came not as it should; None when all was well.
    """
    found = await custody.intake_of(session, sample_id)
    if found is None or not found["nonconformances"]:
        return None
    what = ", ".join(one.replace("_", " ") for one in found["nonconformances"])
    return (
        f"Not for court: the item came with {what}, accepted by a named person for a safety screen."
    )


async def register(session: Session, *, caller: Caller, body: RegistrationIn) -> list[ReceiptOut]:
    """
    Register items that arrived unannounced in the name of the agency they come from, and receive them.

    Raises:
        Invalid: when there is no such agency, or it submits nothing.
        AlreadyThere: when an exhibit is known already: then it was announced, and its label is scanned.

    """
    agency_id = ids.read("agn", body.agency_id)
    agency = await access.agency(session, agency_id) if agency_id else None
    if agency is None or agency.kind != AgencyKind.SUBMITTING:
        raise Invalid(
            errors=[FieldError("agency_id", "submits nothing here", "name the agency it came from")]
        )
    # In the agency's name, but nobody of its people: that the counter wrote it is in the receipt and in the ledger.
    theirs = replace(
        caller, agency_id=agency.id, agency_kind=AgencyKind.SUBMITTING, kind=ClientKind.SYSTEM
    )
    here = ids.write("agn", caller.agency_id)
    submission = body.submission.model_copy(update={"laboratory_id": here})
    async with acting(session, as_agency(agency.id)):
        (stored,) = await submit(session, caller=theirs, bodies=[submission], placed=False)
    return [
        await receive(
            session,
            caller=caller,
            receipt=ReceiptIn(
                sample_id=ids.write("smp", sample.id),
                seal_number=body.seal_number,
                seal_state=body.seal_state,
                condition=body.condition,
            ),
        )
        for sample in stored.samples
    ]


def _compare(
    sample: SampleDetailOut, seizure: dict[str, Any], receipt: ReceiptIn
) -> tuple[Nonconformance, ...]:
    says_file = receipt.file_number_on_item or sample.agency_file_number
    says_exhibit = receipt.exhibit_number_on_item or sample.exhibit_number
    return nonconformances(
        label_fits=(says_file, says_exhibit) == (sample.agency_file_number, sample.exhibit_number),
        missing=receipt.missing,
        seal=receipt.seal_state,
        seal_fits=receipt.seal_as_announced,
        declared_g=_declared(seizure),
        weighed_g=receipt.gross_weight_g,
    )


def _declared(seizure: dict[str, Any]) -> Decimal | None:
    weight = (seizure.get("parcel") or {}).get("weight_g")
    return None if weight is None else Decimal(str(weight))


async def _reject(
    session: Session, caller: Caller, sample: SampleDetailOut, found: tuple[Nonconformance, ...]
) -> None:
    await halt(
        session,
        caller=caller,
        act=Act.REJECT,
        sample_id=sample.id,
        version=sample.version,
        reason=RejectionReason.LABEL_MISMATCH
        if Nonconformance.WRONG_LABEL in found
        else RejectionReason.NOT_AS_DESCRIBED,
        note=f"At intake: {', '.join(found)}.",
    )


async def _wait(
    session: Session, caller: Caller, sample_id: UUID, found: tuple[Nonconformance, ...]
) -> None:
    await halt(
        session,
        caller=caller,
        act=Act.HOLD,
        sample_id=sample_id,
        version=await version_of(session, sample_id),
        reason=HoldReason.AWAITING_AUTHORIZATION,
        note=f"At intake: {', '.join(found)}. Somebody must accept it, or it goes back.",
    )
