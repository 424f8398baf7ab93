"""
What ends or takes back results: a closure after the screen, a contradiction, a withdrawal, over HTTP.
"""

from fastapi import APIRouter, Response

from app.access.deps import HaltCaller, WriteSession
from app.kit import ids
from app.kit.http import Version, problems
from app.results import service
from app.results.schemas import ContradictionIn, FindingOut, FindingWithdrawalIn
from app.samples.schemas import ClosureIn, SampleDetailOut

router = APIRouter()


@router.post(
    "/lab/samples/{sample_id}/closure",
    responses=problems(403, 404, 409, 412, 428),
    tags=["technician", "reviewer", "supervisor"],
)
async def close(
    sample_id: str,
    version: Version,
    body: ClosureIn,
    response: Response,
    who: HaltCaller,
    session: WriteSession,
) -> SampleDetailOut:
    """
    Close a sample of which only a screen was asked for, once its presumptive finding has gone out.
    """
    found = await service.close_after_screen(
        session, caller=who, sample_id=ids.read("smp", sample_id), version=version, body=body
    )
    response.headers["ETag"] = f'"{found.version}"'
    return found


@router.post(
    "/lab/findings/{finding_id}/contradiction",
    responses=problems(403, 404, 409),
    tags=["technician", "reviewer", "supervisor"],
)
async def contradict(
    finding_id: str, body: ContradictionIn, who: HaltCaller, session: WriteSession
) -> FindingOut:
    """
    State that a control behind a released finding failed: whoever was told the finding is told so at once.

    It stays open at each of them until a named person acknowledges it, also when the file is closed.
    """
    return await service.state_contradiction(
        session, caller=who, finding_id=ids.read("fnd", finding_id), body=body
    )


@router.post(
    "/lab/findings/{finding_id}/withdrawal",
    responses=problems(403, 404, 409),
    tags=["technician", "reviewer", "supervisor"],
)
async def withdraw_finding(
    finding_id: str, body: FindingWithdrawalIn, who: HaltCaller, session: WriteSession
) -> FindingOut:
    """
    Take a released finding back: whoever was told it is told so at once, and nothing may rest on it any more.
    """
    return await service.withdraw_finding(
        session, caller=who, finding_id=ids.read("fnd", finding_id), body=body
    )
