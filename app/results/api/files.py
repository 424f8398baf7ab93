"""
Attached files, over HTTP.
"""

from base64 import b64encode
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response, status

from app.access.deps import AttachCaller, FollowCaller, ReadSession
from app.attachments import service as attachments
from app.attachments.rules import LONGEST_NAME, MOST_BYTES, AttachmentKind
from app.kit import ids
from app.kit.http import Clock, Here, problems
from app.results import service
from app.results.schemas.files import AttachmentOut

router = APIRouter()

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    "/samples/{sample_id}/attachments",
    status_code=status.HTTP_201_CREATED,
    responses=problems(403, 404, 413),
    tags=["agency", "technician"],
    openapi_extra=_BODY,
    max_body_size=MOST_BYTES,
)
async def attach(
    here: Here,
    sample_id: str,
    name: Annotated[str, Query(min_length=1, max_length=LONGEST_NAME)],
    request: Request,
    who: AttachCaller,
    now: Clock,
    kind: AttachmentKind = AttachmentKind.DOCUMENT,
) -> AttachmentOut:
    """
    Attach a file: its bytes are the body, as they are. Any format is stored, none is interpreted.
    """
    # Read before the transaction opens: a slow sender must not hold a connection.
    content = await request.body()
    async with here.database.transaction(who.context, now=now) as session:
        return await service.attach(
            session,
            caller=who,
            sample_id=ids.read("smp", sample_id),
            kind=kind,
            name=name,
            said_type=request.headers.get("content-type"),
            content=content,
        )


@router.get(
    "/samples/{sample_id}/attachments",
    responses=problems(403, 404),
    tags=["agency", "investigator", "technician"],
)
async def attachments_of(
    sample_id: str, who: FollowCaller, session: ReadSession
) -> list[AttachmentOut]:
    """
    List a sample's files; an agency sees its own, photographs, and what was disclosed.
    """
    del who
    return await service.attachments_of(session, ids.read("smp", sample_id))


@router.get(
    "/attachments/{attachment_id}",
    responses={**problems(403, 404), 200: {"content": {"*/*": {}}}},
    response_class=Response,
    tags=["agency", "investigator", "technician"],
)
async def attachment(attachment_id: str, who: FollowCaller, session: ReadSession) -> Response:
    """
    Download a file. Its hash is checked at every read: what was damaged is not handed out.
    """
    del who
    stored, content = await attachments.read(session, ids.read("att", attachment_id))
    return Response(
        content,
        media_type=stored.media_type,
        headers={
            # Always a download: a browser must not run what somebody attached.
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(stored.name, safe='')}",
            "Content-Security-Policy": "sandbox",
            "ETag": f'"{stored.sha256.hex()}"',
            "Repr-Digest": f"sha-256=:{_base64(stored.sha256)}:",
        },
    )


def _base64(data: bytes) -> str:
    return b64encode(data).decode()
