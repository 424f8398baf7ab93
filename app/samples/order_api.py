"""
What supervisors decide about the order: rush requests, policies, benches; and how good the order was. Over HTTP.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, status
from pydantic import StringConstraints

from app.access.deps import (
    FollowCaller,
    OrderCaller,
    QueueCaller,
    ReadSession,
    RushCaller,
    WriteSession,
)
from app.kit import ids
from app.kit.http import problems
from app.samples import service
from app.samples.ranking_rules import RushState
from app.samples.schemas import (
    BenchIn,
    BenchList,
    BenchOut,
    CourtDates,
    PolicyDecisionIn,
    PolicyIn,
    PolicyList,
    PolicyOut,
    QualityOut,
    RushDecisionIn,
    RushRequestIn,
    RushRequestList,
    RushRequestOut,
)

router = APIRouter()

BenchName = Annotated[str, Path(), StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,49}$")]


@router.post(
    "/samples/{sample_id}/rush-requests",
    status_code=status.HTTP_201_CREATED,
    responses=problems(403, 404, 409),
    tags=["agency"],
)
async def ask_rush(
    sample_id: str, body: RushRequestIn, who: RushCaller, session: WriteSession
) -> RushRequestOut:
    """
    Ask for a sample to be taken before its turn. A named supervisor answers within two business days.

    A hearing or somebody in custody gets a reserved start; only public safety moves the order, within bounds.
    """
    return await service.rush.ask(
        session, caller=who, sample_id=ids.read("smp", sample_id), body=body
    )


@router.get(
    "/samples/{sample_id}/rush-requests",
    responses=problems(403, 404),
    tags=["agency", "investigator", "supervisor"],
)
async def rush_requests_of(
    sample_id: str, who: FollowCaller, session: ReadSession
) -> RushRequestList:
    """
    Read the rush requests of a sample with their answers.
    """
    del who
    return await service.rush.of_sample(session, ids.read("smp", sample_id))


@router.get("/lab/rush-requests", responses=problems(403), tags=["supervisor"])
async def rush_requests(
    who: QueueCaller, session: ReadSession, state: Annotated[RushState | None, Query()] = None
) -> RushRequestList:
    """
    See the laboratory's rush requests, the first to be answered first, and how many each agency made.
    """
    del who
    return await service.rush.waiting(session, state=state)


@router.post(
    "/lab/rush-requests/{request_id}/decision",
    status_code=status.HTTP_201_CREATED,
    responses=problems(403, 404, 409),
    tags=["supervisor"],
)
async def decide_rush(
    request_id: str, body: RushDecisionIn, who: OrderCaller, session: WriteSession
) -> RushRequestOut:
    """
    Grant or refuse a rush request, under your own name. A refusal says the earliest day it may be expected.
    """
    return await service.rush.decide(
        session, caller=who, request_id=ids.read("rsh", request_id), body=body
    )


@router.get("/lab/court-dates", responses=problems(403), tags=["supervisor"])
async def court_dates(who: OrderCaller, session: ReadSession) -> CourtDates:
    """
    See open samples with a hearing ahead, and which will not be done by then. Nothing moves because of it.
    """
    del who
    return await service.rush.court_dates(session)


@router.get("/lab/policy", responses=problems(403), tags=["technician", "supervisor"])
async def policy_in_force(who: QueueCaller, session: ReadSession) -> PolicyOut:
    """
    Read the ranking policy in force: every weight with its source.
    """
    del who
    return await service.policies.in_force(session)


@router.get("/lab/policies", responses=problems(403), tags=["technician", "supervisor"])
async def policies(who: QueueCaller, session: ReadSession) -> PolicyList:
    """
    List the ranking policies there are and were, the one in force first.
    """
    del who
    return await service.policies.everything(session)


@router.post(
    "/lab/policies",
    status_code=status.HTTP_201_CREATED,
    responses=problems(403, 409),
    tags=["supervisor"],
)
async def propose_policy(body: PolicyIn, who: OrderCaller, session: WriteSession) -> PolicyOut:
    """
    Propose a ranking policy. It is validated and compared with the one in force; it ranks nothing yet.
    """
    return await service.policies.propose(session, caller=who, body=body)


@router.get(
    "/lab/policies/{policy_id}", responses=problems(403, 404), tags=["technician", "supervisor"]
)
async def policy(policy_id: str, who: QueueCaller, session: ReadSession) -> PolicyOut:
    """
    Read one policy, where it stands, and who would move up and down under it.
    """
    del who
    return await service.policies.look_up(session, ids.read("pol", policy_id))


@router.post(
    "/lab/policies/{policy_id}/comparison",
    status_code=status.HTTP_201_CREATED,
    responses=problems(403, 404),
    tags=["supervisor"],
)
async def compare_policy(policy_id: str, who: OrderCaller, session: WriteSession) -> dict[str, Any]:
    """
    Compare a policy anew with the one in force, on the queue as it stands and on the last 90 days.
    """
    del who
    return await service.policies.compare(session, ids.read("pol", policy_id))


@router.post(
    "/lab/policies/{policy_id}/decision",
    status_code=status.HTTP_201_CREATED,
    responses=problems(403, 404, 409),
    tags=["supervisor"],
)
async def decide_policy(
    policy_id: str, body: PolicyDecisionIn, who: OrderCaller, session: WriteSession
) -> PolicyOut:
    """
    Approve or reject a policy that somebody else proposed. Approved, every open sample is ranked anew by it.
    """
    return await service.policies.decide(
        session, caller=who, policy_id=ids.read("pol", policy_id), body=body
    )


@router.get("/lab/benches", responses=problems(403), tags=["technician", "supervisor"])
async def benches(who: QueueCaller, session: ReadSession) -> BenchList:
    """
    List the declared benches.
    """
    del who
    return await service.benches.everything(session)


@router.put("/lab/benches/{name}", responses=problems(403), tags=["supervisor"])
async def declare_bench(
    name: BenchName, body: BenchIn, who: OrderCaller, session: WriteSession
) -> BenchOut:
    """
    Declare what a bench does: screens, confirms or both, and how often it takes the oldest.
    """
    return await service.benches.declare(session, caller=who, name=name, body=body)


@router.get("/lab/ranking/quality", responses=problems(403), tags=["technician", "supervisor"])
async def ranking_quality(
    who: QueueCaller, session: ReadSession, days: Annotated[int, Query(ge=1, le=400)] = 30
) -> QualityOut:
    """
    Read how good the order was by the laboratory's own results, as stored day by day.
    """
    del who
    return await service.quality.shown(session, days=days)
