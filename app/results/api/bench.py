"""
At the bench, over HTTP: analyses and the findings drawn from them.
"""

from fastapi import APIRouter, status

from app.access.deps import BenchCaller, WriteSession
from app.kit import ids
from app.kit.http import ClaimToken, Here, problems
from app.results import service
from app.results.schemas import AnalysisIn, AnalysisOut, FindingIn, FindingOut

router = APIRouter()

_HELD = problems(403, 404, 409, 412, 428)


@router.post(
    "/lab/samples/{sample_id}/analyses",
    status_code=status.HTTP_201_CREATED,
    responses=_HELD,
    tags=["technician"],
)
async def record_analysis(
    here: Here,
    sample_id: str,
    body: AnalysisIn,
    token: ClaimToken,
    who: BenchCaller,
    session: WriteSession,
) -> AnalysisOut:
    """
    Record one technique applied to one aliquot, under your claim.
    """
    return await service.record_analysis(
        session,
        caller=who,
        sample_id=ids.read("smp", sample_id),
        token=token,
        lease_s=here.settings.claim_lease_s,
        body=body,
    )


@router.post(
    "/lab/samples/{sample_id}/findings",
    status_code=status.HTTP_201_CREATED,
    responses=_HELD,
    tags=["technician"],
)
async def record_finding(
    here: Here,
    sample_id: str,
    body: FindingIn,
    token: ClaimToken,
    who: BenchCaller,
    session: WriteSession,
) -> FindingOut:
    """
    Conclude your stage. A refusal says which rule is not met and what is missing.
    """
    return await service.record_finding(
        session,
        caller=who,
        sample_id=ids.read("smp", sample_id),
        token=token,
        lease_s=here.settings.claim_lease_s,
        body=body,
    )
