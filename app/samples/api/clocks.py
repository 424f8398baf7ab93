"""
Clocks, over HTTP.
"""

from fastapi import APIRouter

from app.access.deps import FollowCaller, QueueCaller, ReadSession
from app.kit import ids
from app.kit.http import Limit, problems
from app.samples import service
from app.samples.schemas.clocks import ClocksOut

router = APIRouter()


@router.get(
    "/samples/{sample_id}/clocks",
    responses=problems(403, 404),
    tags=["agency", "investigator", "technician"],
)
async def clocks(sample_id: str, who: FollowCaller, session: ReadSession) -> ClocksOut:
    """
    Read what was promised by when for one sample, in working and in calendar time, and whether it is late.
    """
    del who
    return await service.clocks_of(session, ids.read("smp", sample_id))


@router.get("/lab/clocks", responses=problems(403), tags=["technician", "supervisor"])
async def open_clocks(who: QueueCaller, session: ReadSession, limit: Limit = 50) -> ClocksOut:
    """
    See the laboratory's open clocks, the longest overdue first. An unfinished sample counts.
    """
    del who
    return await service.open_clocks(session, limit=limit)
