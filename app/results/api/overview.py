"""
The bench as a whole, over HTTP.
"""

from fastapi import APIRouter

from app.access.deps import OverseeCaller, ReadSession
from app.kit.http import problems
from app.results import service
from app.samples.schemas.overview import FloorOut

router = APIRouter()


@router.get("/lab/overview", responses=problems(403), tags=["supervisor"])
async def overview(who: OverseeCaller, session: ReadSession) -> FloorOut:
    """
    Read what is open by stage and band, how old it is, how fast it moves, and what that leads to.

    Rates are means over the last 28 days. What will be late is what rates say, no promise.
    """
    del who
    return await service.floor(session)
