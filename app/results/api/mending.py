"""
What ends or takes back results: a closure after the screen, over HTTP.
"""

from fastapi import APIRouter, Response

from app.access.deps import HaltCaller, WriteSession
from app.kit import ids
from app.kit.http import Version, problems
from app.results import service
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
