"""
Taking a sample out of its course, and letting it go on, over HTTP.

Every one of these needs the sample's ETag in ``If-Match``: nobody ends what somebody else has just changed.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.access.deps import BenchCaller, HaltCaller, OverseeCaller, SubmitCaller, WriteSession
from app.access.service import Caller
from app.kit import ids
from app.kit.http import Version, problems
from app.samples import service
from app.samples.rules import Act
from app.samples.schemas import (
    HaltIn,
    HoldIn,
    RejectionIn,
    ReopeningIn,
    ResumptionIn,
    SampleDetailOut,
    StopIn,
    WithdrawalIn,
)

router = APIRouter()

_ANSWERS = problems(403, 404, 409, 412, 428)


class _Decision:
    """
    Who decides it, knowing which version, in which transaction; the answer is given the new ETag.
    """

    def __init__(self, version: Version, response: Response, session: WriteSession) -> None:
        """
        Take them from the request.
        """
        self._version = version
        self._response = response
        self._session = session

    async def carry_out(
        self, act: Act, sample_id: str, body: HaltIn, who: Caller
    ) -> SampleDetailOut:
        """
        Carry it out.
        """
        found = await service.halt(
            self._session,
            caller=who,
            act=act,
            sample_id=ids.read("smp", sample_id),
            version=self._version,
            reason=body.reason,
            note=body.note,
        )
        self._response.headers["ETag"] = f'"{found.version}"'
        return found


Decision = Annotated[_Decision, Depends(_Decision, scope="function")]


@router.post("/samples/{sample_id}/withdrawal", responses=_ANSWERS, tags=["agency"])
async def withdraw(
    sample_id: str, body: WithdrawalIn, who: SubmitCaller, decision: Decision
) -> SampleDetailOut:
    """
    Take a sample back before work begins. Afterwards only the laboratory's supervisor can stop it.
    """
    return await decision.carry_out(Act.WITHDRAW, sample_id, body, who)


@router.post("/lab/samples/{sample_id}/rejection", responses=_ANSWERS, tags=["technician"])
async def reject(
    sample_id: str, body: RejectionIn, who: BenchCaller, decision: Decision
) -> SampleDetailOut:
    """
    Refuse an item at intake that is not what its label or submission says.
    """
    return await decision.carry_out(Act.REJECT, sample_id, body, who)


@router.post(
    "/lab/samples/{sample_id}/hold",
    responses=_ANSWERS,
    tags=["technician", "reviewer", "supervisor"],
)
async def hold(
    sample_id: str, body: HoldIn, who: HaltCaller, decision: Decision
) -> SampleDetailOut:
    """
    Pause a sample. It leaves the queue, cannot be claimed, and keeps its place for when it goes on.

    What somebody holds is put on hold by its holder or by a supervisor; the claim ends.
    """
    return await decision.carry_out(Act.HOLD, sample_id, body, who)


@router.post(
    "/lab/samples/{sample_id}/resumption",
    responses=_ANSWERS,
    tags=["technician", "reviewer", "supervisor"],
)
async def resume(
    sample_id: str, body: ResumptionIn, who: HaltCaller, decision: Decision
) -> SampleDetailOut:
    """
    Let a paused sample go on where it was, at its old place.
    """
    return await decision.carry_out(Act.RESUME, sample_id, body, who)


@router.post("/lab/samples/{sample_id}/stop", responses=_ANSWERS, tags=["supervisor"])
async def stop(
    sample_id: str, body: StopIn, who: OverseeCaller, decision: Decision
) -> SampleDetailOut:
    """
    End work at whatever stage: a plea, charges withdrawn. A claim on it ends, and what was released stays owed.
    """
    return await decision.carry_out(Act.STOP, sample_id, body, who)


@router.post("/lab/samples/{sample_id}/reopening", responses=_ANSWERS, tags=["supervisor"])
async def reopen(
    sample_id: str, body: ReopeningIn, who: OverseeCaller, decision: Decision
) -> SampleDetailOut:
    """
    Let a withdrawn, rejected, stopped or closed sample go on where it was.
    """
    return await decision.carry_out(Act.REOPEN, sample_id, body, who)
