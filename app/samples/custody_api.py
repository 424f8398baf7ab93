"""
Custody, over HTTP: handovers, storage, portions, disposals and legal holds.
"""

from fastapi import APIRouter, status

from app.access.deps import (
    BenchCaller,
    CustodyCaller,
    EquipCaller,
    FollowCaller,
    HoldCaller,
    OverseeCaller,
    QueueCaller,
    ReadSession,
    StoreCaller,
    WriteSession,
)
from app.custody import service as custody_service
from app.custody.rules import HandoverOutcome
from app.kit import ids
from app.kit.http import problems
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
    PlaceCode,
    PortionIn,
    PortionOut,
    ReasonIn,
    StorageIn,
    StoragePlaceIn,
    StoragePlaceOut,
)
from app.samples.service import custody as service

router = APIRouter()

_READ = problems(403, 404)
_WRITE = problems(403, 404, 409)
_CREATED = status.HTTP_201_CREATED


@router.get("/samples/{sample_id}/custody", responses=_READ, tags=["agency", "investigator"])
async def custody(sample_id: str, who: FollowCaller, session: ReadSession) -> list[HoldingOut]:
    """
    Read who held a sample, first to last.
    """
    del who
    return await service.custody_of(session, ids.read("smp", sample_id))


@router.post(
    "/samples/{sample_id}/handovers",
    status_code=_CREATED,
    responses=_WRITE,
    tags=["agency", "technician"],
)
async def offer(
    sample_id: str, body: HandoverIn, who: CustodyCaller, session: WriteSession
) -> HandoverOut:
    """
    Offer an item you hold to another person. You hold it until they accept.
    """
    return await service.offer(session, caller=who, sample_id=ids.read("smp", sample_id), body=body)


@router.post("/handovers/{handover_id}/acceptance", responses=_WRITE, tags=["agency", "technician"])
async def accept_handover(
    handover_id: str, body: AcceptanceIn, who: CustodyCaller, session: WriteSession
) -> HandoverOut:
    """
    Accept an item that was offered to you: from now on you hold it.
    """
    return await service.accept(
        session, caller=who, handover_id=ids.read("hnd", handover_id), body=body
    )


@router.post("/handovers/{handover_id}/refusal", responses=_WRITE, tags=["agency", "technician"])
async def refuse_handover(
    handover_id: str, who: CustodyCaller, session: WriteSession
) -> HandoverOut:
    """
    Refuse an item that was offered to you: the giver goes on holding it.
    """
    return await service.close_handover(
        session,
        caller=who,
        handover_id=ids.read("hnd", handover_id),
        outcome=HandoverOutcome.REFUSED,
    )


@router.post("/handovers/{handover_id}/withdrawal", responses=_WRITE, tags=["agency", "technician"])
async def withdraw_handover(
    handover_id: str, who: CustodyCaller, session: WriteSession
) -> HandoverOut:
    """
    Withdraw your own offer.
    """
    return await service.close_handover(
        session,
        caller=who,
        handover_id=ids.read("hnd", handover_id),
        outcome=HandoverOutcome.WITHDRAWN,
    )


@router.get("/lab/places", responses=problems(403), tags=["technician"])
async def places(who: QueueCaller, session: ReadSession) -> list[StoragePlaceOut]:
    """
    Read the laboratory's storage places and how full they are.
    """
    del who
    return [StoragePlaceOut.model_validate(row) for row in await custody_service.places(session)]


@router.put("/lab/places/{code}", responses=problems(403, 409), tags=["supervisor"])
async def write_place(
    code: PlaceCode, body: StoragePlaceIn, who: EquipCaller, session: WriteSession
) -> list[StoragePlaceOut]:
    """
    Create a storage place, or change its name, capacity or whether it is closed.
    """
    del who
    await custody_service.write_place(
        session,
        code=code,
        name=body.name,
        parent=body.parent,
        capacity=body.capacity,
        closed=body.closed,
    )
    return [StoragePlaceOut.model_validate(row) for row in await custody_service.places(session)]


@router.post("/lab/samples/{sample_id}/storage", responses=_WRITE, tags=["technician"])
async def store(
    sample_id: str, body: StorageIn, who: StoreCaller, session: WriteSession
) -> list[HoldingOut]:
    """
    Put an item you hold into a storage place.
    """
    return await service.store(session, caller=who, sample_id=ids.read("smp", sample_id), body=body)


@router.delete("/lab/samples/{sample_id}/storage", responses=_WRITE, tags=["technician"])
async def take(sample_id: str, who: StoreCaller, session: WriteSession) -> list[HoldingOut]:
    """
    Take an item out of its storage place: from now on you hold it.
    """
    return await service.take(session, caller=who, sample_id=ids.read("smp", sample_id))


@router.get("/lab/samples/{sample_id}/portions", responses=_READ, tags=["technician"])
async def portions(sample_id: str, who: QueueCaller, session: ReadSession) -> list[PortionOut]:
    """
    Read a sample's portions and what is left of each.
    """
    del who
    return await service.portions_of(session, ids.read("smp", sample_id))


@router.post(
    "/lab/samples/{sample_id}/portions",
    status_code=_CREATED,
    responses=_WRITE,
    tags=["technician"],
)
async def split(
    sample_id: str, body: PortionIn, who: BenchCaller, session: WriteSession
) -> list[PortionOut]:
    """
    Record the whole of a sample as weighed, or a part of a portion. Parts and uses never exceed what they come from.
    """
    return await service.split(session, caller=who, sample_id=ids.read("smp", sample_id), body=body)


@router.post(
    "/lab/samples/{sample_id}/consumptions",
    status_code=_CREATED,
    responses=_WRITE,
    tags=["technician"],
)
async def consume(
    sample_id: str, body: ConsumptionIn, who: BenchCaller, session: WriteSession
) -> list[PortionOut]:
    """
    Record what was used of a portion, beside what analyses record themselves.
    """
    return await service.consume(
        session, caller=who, sample_id=ids.read("smp", sample_id), body=body
    )


@router.post(
    "/lab/samples/{sample_id}/last-use-authorizations",
    status_code=_CREATED,
    responses=_WRITE,
    tags=["supervisor"],
)
async def authorize_last_use(
    sample_id: str, body: ReasonIn, who: OverseeCaller, session: WriteSession
) -> LastUseOut:
    """
    Authorize that what is left of a sample be used up, once, by somebody else.
    """
    return await service.authorize_last_use(
        session, caller=who, sample_id=ids.read("smp", sample_id), reason=body.reason
    )


@router.post(
    "/lab/samples/{sample_id}/disposals",
    status_code=_CREATED,
    responses=_WRITE,
    tags=["technician"],
)
async def propose_disposal(
    sample_id: str, body: DisposalIn, who: StoreCaller, session: WriteSession
) -> DisposalOut:
    """
    Propose to return or destroy an item. It is done when a second person confirms it, and no legal hold stands.
    """
    return await service.propose_disposal(
        session, caller=who, sample_id=ids.read("smp", sample_id), body=body
    )


@router.post(
    "/disposals/{disposal_id}/confirmation", responses=_WRITE, tags=["agency", "technician"]
)
async def confirm_disposal(
    disposal_id: str, who: CustodyCaller, session: WriteSession
) -> DisposalOut:
    """
    Confirm a disposal as its second person: a witness of the destruction, or whoever takes the item back.
    """
    return await service.close_disposal(
        session, caller=who, disposal_id=ids.read("dsp", disposal_id), confirmed=True
    )


@router.post("/disposals/{disposal_id}/withdrawal", responses=_WRITE, tags=["technician"])
async def withdraw_disposal(
    disposal_id: str, who: StoreCaller, session: WriteSession
) -> DisposalOut:
    """
    Withdraw a disposal that nobody has confirmed.
    """
    return await service.close_disposal(
        session, caller=who, disposal_id=ids.read("dsp", disposal_id), confirmed=False
    )


@router.get("/samples/{sample_id}/legal-holds", responses=_READ, tags=["agency", "investigator"])
async def legal_holds(
    sample_id: str, who: FollowCaller, session: ReadSession
) -> list[LegalHoldOut]:
    """
    Read the legal holds on a sample's file.
    """
    del who
    return await service.holds_of(session, ids.read("smp", sample_id))


@router.post(
    "/samples/{sample_id}/legal-holds",
    status_code=_CREATED,
    responses=_WRITE,
    tags=["agency", "investigator", "supervisor"],
)
async def place_legal_hold(
    sample_id: str, body: ReasonIn, who: HoldCaller, session: WriteSession
) -> LegalHoldOut:
    """
    Lay a legal hold on a sample's whole file: nothing of it may be returned or destroyed.
    """
    return await service.place_hold(
        session, caller=who, sample_id=ids.read("smp", sample_id), reason=body.reason
    )


@router.post(
    "/legal-holds/{hold_id}/lifting",
    responses=_WRITE,
    tags=["agency", "investigator", "supervisor"],
)
async def lift_legal_hold(hold_id: str, who: HoldCaller, session: WriteSession) -> LegalHoldOut:
    """
    Lift a hold that your agency laid. Other parties' holds stand.
    """
    return await service.lift_hold(session, caller=who, hold_id=ids.read("hld", hold_id))
