"""
A file: who has a part in it, and what was corrected in it, over HTTP.
"""

from fastapi import APIRouter, Response, status

from app.access.deps import FollowCaller, ReadSession, ShareCaller, WriteSession
from app.kit import ids
from app.kit.http import Version, problems
from app.samples import service
from app.samples.schemas import CorrectionIn, CorrectionLine, CorrectionOut, PartiesOut, PartyIn

router = APIRouter()

_CHANGES = problems(403, 404, 409, 412, 428)


@router.get(
    "/submissions/{submission_id}/parties",
    responses=problems(403, 404),
    tags=["agency", "investigator"],
)
async def parties(
    submission_id: str, response: Response, who: FollowCaller, session: ReadSession
) -> PartiesOut:
    """
    See who has a part in a file: the file's agency and the laboratory see all, a party its own.
    """
    del who
    found = await service.parties_of(session, ids.read("sub", submission_id))
    response.headers["ETag"] = f'"{found.version}"'
    return found


@router.post(
    "/submissions/{submission_id}/parties",
    status_code=status.HTTP_201_CREATED,
    responses=_CHANGES,
    tags=["agency"],
)
async def share(
    submission_id: str,
    version: Version,
    body: PartyIn,
    response: Response,
    who: ShareCaller,
    session: WriteSession,
) -> PartiesOut:
    """
    Give an agency a part in a file of your own, or renew it. It reads the file and gets its events until it expires.
    """
    found = await service.share(
        session,
        caller=who,
        submission_id=ids.read("sub", submission_id),
        version=version,
        body=body,
    )
    response.headers["ETag"] = f'"{found.version}"'
    return found


@router.delete(
    "/submissions/{submission_id}/parties/{agency_id}", responses=_CHANGES, tags=["agency"]
)
async def unshare(
    submission_id: str,
    agency_id: str,
    version: Version,
    response: Response,
    who: ShareCaller,
    session: WriteSession,
) -> PartiesOut:
    """
    End an agency's part in a file at once. Corrections of results it was told still reach it.
    """
    found = await service.unshare(
        session,
        caller=who,
        submission_id=ids.read("sub", submission_id),
        version=version,
        agency_id=ids.read("agn", agency_id),
    )
    response.headers["ETag"] = f'"{found.version}"'
    return found


@router.post(
    "/submissions/{submission_id}/corrections",
    status_code=status.HTTP_201_CREATED,
    responses=_CHANGES,
    tags=["agency"],
)
async def correct(
    submission_id: str,
    version: Version,
    body: CorrectionIn,
    response: Response,
    who: ShareCaller,
    session: WriteSession,
) -> CorrectionOut:
    """
    Correct what you submitted, or add references and hearings. Before and after are kept, every party is told.

    What bears on the risk ranks the samples concerned anew. File and exhibit numbers change only before work begins.
    """
    found = await service.correct(
        session,
        caller=who,
        submission_id=ids.read("sub", submission_id),
        version=version,
        body=body,
    )
    response.headers["ETag"] = f'"{found.version}"'
    return found


@router.get(
    "/submissions/{submission_id}/corrections",
    responses=problems(403, 404),
    tags=["agency", "investigator", "technician"],
)
async def corrections(
    submission_id: str, who: FollowCaller, session: ReadSession
) -> list[CorrectionLine]:
    """
    Read what was corrected in a file, first to last.
    """
    del who
    return await service.corrections_of(session, ids.read("sub", submission_id))
