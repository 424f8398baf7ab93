"""
Techniques and methods, over HTTP.
"""

from fastapi import APIRouter

from app.access.deps import BenchCaller, EquipCaller, QueueCaller, ReadSession, WriteSession
from app.kit import ids
from app.kit.http import problems
from app.results import service
from app.results.schemas.methods import (
    MethodCode,
    MethodIn,
    MethodOut,
    MethodsOut,
    OwnCode,
    SuggestionsOut,
    TechniqueIn,
    TechniqueOut,
    TechniquesOut,
)

router = APIRouter()


@router.get("/lab/techniques", responses=problems(403), tags=["technician"])
async def techniques(who: QueueCaller, session: ReadSession) -> TechniquesOut:
    """
    Read the technique table: the shipped one, with its version, and your laboratory's additions.
    """
    del who
    return await service.techniques(session)


@router.put("/lab/techniques/{code}", responses=problems(403, 409), tags=["supervisor"])
async def write_technique(
    code: OwnCode, body: TechniqueIn, who: EquipCaller, session: WriteSession
) -> TechniqueOut:
    """
    Add a technique of your laboratory's own, or another version of one.
    """
    return await service.write_technique(session, caller=who, code=code, body=body)


@router.get("/lab/methods", responses=problems(403), tags=["technician"])
async def methods(who: QueueCaller, session: ReadSession) -> MethodsOut:
    """
    Read your laboratory's methods in their present versions.
    """
    del who
    return await service.methods(session)


@router.put("/lab/methods/{code}", responses=problems(403, 409), tags=["supervisor"])
async def write_method(
    code: MethodCode, body: MethodIn, who: EquipCaller, session: WriteSession
) -> MethodOut:
    """
    Register a method, or another version of one. Analyses keep naming the version they were made by.
    """
    return await service.write_method(session, caller=who, code=code, body=body)


@router.get("/lab/samples/{sample_id}/methods", responses=problems(403, 404), tags=["technician"])
async def suggest(sample_id: str, who: BenchCaller, session: ReadSession) -> SuggestionsOut:
    """
    See what may be tried next on a sample; where there is little, what leaves it whole comes first.
    """
    del who
    return await service.suggest(session, ids.read("smp", sample_id))
