"""
Releases, reviews and reports, over HTTP.
"""

import asyncio

from fastapi import APIRouter, Request, Response, status
from fastapi.responses import StreamingResponse

from app.access.deps import (
    BenchCaller,
    FollowCaller,
    QueueCaller,
    ReadSession,
    ReleaseCaller,
    ReviewCaller,
    WriteSession,
)
from app.kit import ids
from app.kit.db import KEY_LOOKUP
from app.kit.errors import Unavailable
from app.kit.http import PROBLEMS, ClaimToken, Clock, Here, not_modified, problems
from app.results import service
from app.results.schemas import (
    AmendmentIn,
    CertificateIn,
    FileOut,
    FindingOut,
    Language,
    ReleaseIn,
    ReportIn,
    ReportOut,
    ReviewIn,
    ReviewOut,
    VerifiedOut,
)

router = APIRouter()

_HELD = problems(403, 404, 409, 412, 428)
_VERIFY: dict[int | str, dict[str, object]] = {status: PROBLEMS[status] for status in (404, 503)}
_PATIENCE_S = (0.05, 0.1, 0.2, 0.4)
"""How long a reader waits for the printer before being told to come back."""


@router.post(
    "/lab/findings/{finding_id}/release",
    status_code=status.HTTP_201_CREATED,
    responses=problems(403, 404, 409),
    tags=["technician"],
)
async def release_finding(
    finding_id: str, body: ReleaseIn, who: ReleaseCaller, session: WriteSession
) -> ReportOut:
    """
    Release a presumptive finding as a preliminary report, with the item's label scanned again.
    """
    return await service.release_finding(
        session,
        caller=who,
        finding_id=ids.read("fnd", finding_id),
        label_scanned=body.label_scanned,
    )


@router.post(
    "/lab/samples/{sample_id}/reviews",
    status_code=status.HTTP_201_CREATED,
    responses=_HELD,
    tags=["reviewer"],
)
async def review(
    here: Here,
    sample_id: str,
    body: ReviewIn,
    token: ClaimToken,
    who: ReviewCaller,
    session: WriteSession,
) -> ReviewOut:
    """
    Accept somebody else's record, or return it with remarks: signed, first technical, then administrative.
    """
    return await service.record_review(
        session,
        caller=who,
        sample_id=ids.read("smp", sample_id),
        token=token,
        lease_s=here.settings.claim_lease_s,
        body=body,
        reviewers_apart=here.settings.reviewers_apart,
    )


@router.post(
    "/lab/samples/{sample_id}/reports",
    status_code=status.HTTP_201_CREATED,
    responses=_HELD,
    tags=["reviewer"],
)
async def release_report(
    here: Here,
    sample_id: str,
    body: ReportIn,
    token: ClaimToken,
    who: ReviewCaller,
    session: WriteSession,
) -> ReportOut:
    """
    Release and sign the final report of a sample you have reviewed and accepted.
    """
    return await service.release_report(
        session,
        caller=who,
        sample_id=ids.read("smp", sample_id),
        token=token,
        lease_s=here.settings.claim_lease_s,
        body=body,
    )


@router.post(
    "/lab/reports/{number}/amendments",
    status_code=status.HTTP_201_CREATED,
    responses=problems(403, 404, 409),
    tags=["reviewer"],
)
async def amend(
    number: str, body: AmendmentIn, who: ReviewCaller, session: WriteSession
) -> ReportOut:
    """
    Issue a final report anew. Everyone who received the old one is told, and must acknowledge it.
    """
    return await service.amend(session, caller=who, number=number, body=body)


@router.post(
    "/lab/reports/{number}/certificates",
    status_code=status.HTTP_201_CREATED,
    responses=problems(403, 404, 409),
    tags=["technician"],
)
async def certify(
    here: Here, number: str, body: CertificateIn, who: BenchCaller, session: WriteSession
) -> ReportOut:
    """
    Issue a certificate of analyst that rests on a final report, as the designated analyst who made its analyses.
    """
    allowed = service.CertificateRules(
        folder=here.settings.certificates, approved_only=here.settings.profile == "production"
    )
    return await service.certify(session, caller=who, number=number, body=body, allowed=allowed)


@router.get("/lab/samples/{sample_id}/file", responses=problems(403, 404), tags=["reviewer"])
async def file(sample_id: str, who: QueueCaller, session: ReadSession) -> FileOut:
    """
    Open everything a reviewer judges, with the hash of the record to sign.
    """
    del who
    return await service.file_of(session, ids.read("smp", sample_id))


@router.get(
    "/samples/{sample_id}/findings",
    responses=problems(403, 404),
    tags=["agency", "investigator", "technician"],
)
async def findings(sample_id: str, who: FollowCaller, session: ReadSession) -> list[FindingOut]:
    """
    Read a sample's findings; an agency sees those that are released.
    """
    del who
    return await service.findings_of(session, ids.read("smp", sample_id))


@router.get(
    "/samples/{sample_id}/reports",
    responses=problems(403, 404),
    tags=["agency", "investigator", "technician"],
)
async def reports(sample_id: str, who: FollowCaller, session: ReadSession) -> list[ReportOut]:
    """
    Read a sample's reports, preliminary and final, first to last.
    """
    del who
    return await service.reports_of(session, ids.read("smp", sample_id))


@router.get(
    "/samples/{sample_id}/reports/{number}.pdf",
    response_class=Response,
    responses={
        200: {"content": {"application/pdf": {}}, "description": "The stored bytes, PDF/A-2b."},
        **problems(403, 404),
    },
    tags=["agency", "investigator", "technician"],
)
async def report_pdf(
    here: Here,
    request: Request,
    sample_id: str,
    number: str,
    who: FollowCaller,
    language: Language = "en",
) -> Response:
    """
    Read a report on paper, in English or in French. The bytes are stored when first printed and never made again.

    A report is printed within a second of its release. Until then the answer waits a moment, and is then 503 with
    Retry-After.
    """
    for wait_s in _PATIENCE_S:
        # No transaction stays open between two looks.
        async with here.database.reading(who.context) as session:
            found = await service.document_of(
                session, sample_id=ids.read("smp", sample_id), number=number, language=language
            )
        if found is not None:
            break
        await asyncio.sleep(wait_s)
    else:
        raise Unavailable("This report is being printed.", retry_after_s=1)
    etag = f'"{found.sha256}"'
    unchanged = not_modified(request, etag)
    if unchanged is not None:
        return unchanged
    name = f"report-{found.number}-{language}.pdf"
    return Response(
        found.pdf,
        media_type="application/pdf",
        headers={"ETag": etag, "Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.get(
    "/samples/{sample_id}/packet.zip",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"application/zip": {}}, "description": "The archive, as it is made."},
        **problems(403, 404, 409),
    },
    tags=["agency", "investigator", "technician"],
)
async def packet(here: Here, clock: Clock, sample_id: str, who: FollowCaller) -> StreamingResponse:
    """
    Disclose everything a sample's report rests on, with a manifest that ``sha256sum -c`` accepts.

    Reports, analyses, data files, controls, methods, custody, ledger. The disclosure itself goes into the ledger. An
    agency gets it once the final report is released.
    """
    name, content = await service.open_packet(
        here.database, caller=who, sample_id=ids.read("smp", sample_id), now=clock
    )
    return StreamingResponse(
        content,
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.get("/verify/{report}", responses=_VERIFY, tags=["anyone"])
async def verify(here: Here, report: str) -> VerifiedOut:
    """
    Check a report you hold: its number, its hash, and whether it has been replaced. Nothing else is told.

    No key is needed. What was never issued and what is no id at all answer alike.
    """
    async with here.database.reading(KEY_LOOKUP) as session:
        return await service.verify(session, ids.read("rep", report))
