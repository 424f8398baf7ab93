"""
Evidence and assessments, over HTTP.
"""

from fastapi import APIRouter, status

from app.access.deps import EvidenceCaller, FollowCaller, ReadSession, WriteSession
from app.kit import ids
from app.kit.http import problems
from app.samples import service
from app.samples.schemas import AssessmentHistory, AssessmentOut, EvidenceIn, EvidenceOut

router = APIRouter()


@router.post(
    "/samples/{sample_id}/evidence",
    status_code=status.HTTP_201_CREATED,
    responses=problems(403, 404, 409),
    tags=["agency", "technician"],
)
async def give_evidence(
    sample_id: str, body: EvidenceIn, who: EvidenceCaller, session: WriteSession
) -> EvidenceOut:
    """
    Add one fact that has become known: a field test, a circumstance such as a linked overdose, an effect, a name.

    The answer says the new risk and what moved it. Nothing that was said before is replaced.
    """
    return await service.give(session, caller=who, sample_id=ids.read("smp", sample_id), body=body)


@router.get(
    "/samples/{sample_id}/assessment",
    responses=problems(403, 404),
    tags=["agency", "investigator", "technician"],
)
async def assessment(sample_id: str, who: FollowCaller, session: ReadSession) -> AssessmentOut:
    """
    Read why a sample stands where it stands: every contribution in order of size, and what would change it most.
    """
    del who
    return await service.why(session, ids.read("smp", sample_id))


@router.get(
    "/samples/{sample_id}/assessments",
    responses=problems(403, 404),
    tags=["agency", "investigator", "technician"],
)
async def assessments(sample_id: str, who: FollowCaller, session: ReadSession) -> AssessmentHistory:
    """
    Read every assessment a sample ever had, newest first. None is ever changed.
    """
    del who
    return await service.history(session, ids.read("smp", sample_id))
