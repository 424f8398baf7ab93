"""
The counter, over HTTP: receipts, what was found, unannounced items, labels.
"""

from fastapi import APIRouter, Response, status

from app.access.deps import BenchCaller, FollowCaller, ReadSession, WriteSession
from app.kit import ids
from app.kit.http import problems
from app.samples.schemas.custody import ReasonIn
from app.samples.schemas.intake import IntakeOut, ReceiptIn, ReceiptOut, RegistrationIn
from app.samples.service import intake as service
from app.samples.service import labels

router = APIRouter()


@router.post(
    "/lab/receipts",
    status_code=status.HTTP_201_CREATED,
    responses=problems(403, 404, 409),
    tags=["technician"],
)
async def receive(receipt: ReceiptIn, who: BenchCaller, session: WriteSession) -> ReceiptOut:
    """
    Receive an item by scanning its label: custody passes, the agency is told, the sample enters the queue.

    Another item stops work. A broken seal or another weight waits until a person accepts it: its results are then
    marked "not for court".
    """
    return await service.receive(session, caller=who, receipt=receipt)


@router.post(
    "/lab/registrations",
    status_code=status.HTTP_201_CREATED,
    responses=problems(403, 409),
    tags=["technician"],
)
async def register_at_counter(
    body: RegistrationIn, who: BenchCaller, session: WriteSession
) -> list[ReceiptOut]:
    """
    Register and receive, in one request, what arrived unannounced, in the name of the agency it comes from.
    """
    return await service.register(session, caller=who, body=body)


@router.post(
    "/lab/samples/{sample_id}/intake-acceptance",
    responses=problems(403, 404, 409),
    tags=["technician"],
)
async def accept_intake(
    sample_id: str, body: ReasonIn, who: BenchCaller, session: WriteSession
) -> IntakeOut:
    """
    Accept a broken seal or another weight in your own name, for a safety screen that is not for court.
    """
    return await service.accept(
        session, caller=who, sample_id=ids.read("smp", sample_id), because=body.reason
    )


@router.get(
    "/samples/{sample_id}/intake",
    responses=problems(403, 404),
    tags=["agency", "investigator", "technician"],
)
async def intake(sample_id: str, who: FollowCaller, session: ReadSession) -> IntakeOut:
    """
    Read what was found when an item came.
    """
    del who
    return await service.intake_of(session, ids.read("smp", sample_id))


@router.get(
    "/submissions/{submission_id}/labels.pdf",
    responses={**problems(403, 404), 200: {"content": {"application/pdf": {}}}},
    response_class=Response,
    tags=["agency", "technician"],
)
async def labels_pdf(submission_id: str, who: FollowCaller, session: ReadSession) -> Response:
    """
    Print a label for each sample: its QR code is the sample's id, as a scanner types it.
    """
    del who
    found = await labels.sheet(session, ids.read("sub", submission_id))
    return Response(found, media_type="application/pdf")


@router.get(
    "/samples/{sample_id}/label.zpl",
    responses={**problems(403, 404), 200: {"content": {"text/plain": {}}}},
    response_class=Response,
    tags=["agency", "technician"],
)
async def label_zpl(sample_id: str, who: FollowCaller, session: ReadSession) -> Response:
    """
    Return one label for a label printer.
    """
    del who
    found = await labels.zpl(session, ids.read("smp", sample_id))
    return Response(found, media_type="text/plain; charset=utf-8")
