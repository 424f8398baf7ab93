"""
Releases, reviews and reports, over HTTP.
"""

from fastapi import APIRouter, status

from app.access.deps import (
    FollowCaller,
    ReadSession,
    ReleaseCaller,
    ReviewCaller,
    WriteSession,
)
from app.kit import ids
from app.kit.http import ClaimToken, Here, problems
from app.results import service
from app.results.schemas import (
    FindingOut,
    ReleaseIn,
    ReportOut,
    ReviewIn,
    ReviewOut,
)

router = APIRouter()

_HELD = problems(403, 404, 409, 412, 428)


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
    Accept somebody else's results, or return them with remarks.
    """
    return await service.record_review(
        session,
        caller=who,
        sample_id=ids.read("smp", sample_id),
        token=token,
        lease_s=here.settings.claim_lease_s,
        body=body,
    )


@router.post(
    "/lab/samples/{sample_id}/reports",
    status_code=status.HTTP_201_CREATED,
    responses=_HELD,
    tags=["reviewer"],
)
async def release_report(
    here: Here, sample_id: str, token: ClaimToken, who: ReviewCaller, session: WriteSession
) -> ReportOut:
    """
    Release the final report of a sample you have reviewed and accepted.
    """
    return await service.release_report(
        session,
        caller=who,
        sample_id=ids.read("smp", sample_id),
        token=token,
        lease_s=here.settings.claim_lease_s,
    )


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
