"""
The feed of what an agency is owed, and the corrections it has to acknowledge, over HTTP.
"""

import time
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Request, Response, status
from fastapi.responses import StreamingResponse

from app.access.deps import (
    AcknowledgeCaller,
    FollowCaller,
    QueueCaller,
    ReadSession,
    WriteSession,
    reading,
    still,
)
from app.kit import ids, paging
from app.kit.errors import Forbidden, Unauthenticated
from app.kit.http import Here, Limit, Wait, problems
from app.kit.waiting import POLL_S, until
from app.ledger import service as ledger
from app.webhooks import service
from app.webhooks.schemas import (
    AcknowledgementIn,
    AcknowledgementOut,
    EventDetailOut,
    EventOut,
    EventPage,
    UnacknowledgedPage,
)

router = APIRouter()

EventPath = Annotated[str, Path(max_length=40, examples=[ids.write("evt", UUID(int=0))])]
After = Annotated[str | None, Query(max_length=400, description="The `next` of the page before.")]


NDJSON = "application/x-ndjson"


@router.get(
    "/events",
    response_model=EventPage,
    responses={
        **problems(403),
        200: {
            "content": {NDJSON: {"schema": {"type": "string"}}},
            "description": "Also as NDJSON: an event per line, exactly as it is pushed, the cursor for"
            " the next page in `Assayline-Next`.",
        },
    },
    tags=["agency", "investigator"],
)
async def events(
    *,
    here: Here,
    request: Request,
    who: FollowCaller,
    after: After = None,
    limit: Limit = 50,
    wait: Wait = 0,
) -> Any:
    """
    Read the agency's events in order, from the beginning or after a cursor.

    Nothing is ever numbered behind a cursor already handed out: whoever polls here misses nothing,
    with or without webhooks. Tests stand in no feed. With `wait` an empty page is held back until
    there is something on it.
    """
    position = _position(here, who, after)

    async def look() -> tuple[int, list[bytes]] | None:
        present = await still(request) if wait else who
        async with reading(request, present) as session:
            page = await ledger.feed_page(
                session, agency_id=present.agency_id, after=position, limit=limit
            )
            found = await service.read_bodies(session, [event_id for _, event_id in page])
        return (page[-1][0], found) if page else None

    reached, bodies = await until(here.waker, look, within_s=wait) or (position, [])
    cursor = _cursor(here, who, reached)
    if NDJSON in request.headers.get("accept", ""):
        lines = b"".join(body + b"\n" for body in bodies)
        return Response(lines, media_type=NDJSON, headers={"Assayline-Next": cursor})
    return EventPage(
        items=[EventOut.model_validate_json(body) for body in bodies],
        next=cursor,
    )


def _position(here: Here, who: FollowCaller, after: str | None) -> int:
    if who.is_laboratory:
        raise Forbidden("The feed belongs to submitting agencies; a laboratory reads its queue.")
    if after is None:
        return 0
    (position,) = paging.read(here.cursor_key, scope=f"events:{who.agency_id}", cursor=after)
    return int(position)


def _cursor(here: Here, who: FollowCaller, position: int) -> str:
    return paging.write(here.cursor_key, scope=f"events:{who.agency_id}", values=[position])


KEEP_ALIVE_S = 15.0


@router.get(
    "/events/stream",
    response_class=StreamingResponse,
    responses={
        **problems(403, 409),
        200: {
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
            "description": "Server-sent events: `id` is a cursor, `event` the type, `data` the event"
            " as it is pushed.",
        },
    },
    tags=["agency", "investigator"],
)
async def stream(
    *,
    here: Here,
    request: Request,
    who: FollowCaller,
    after: After = None,
    last_event_id: Annotated[str | None, Header(max_length=400)] = None,
) -> StreamingResponse:
    """
    Follow the agency's events as they happen (server-sent events).

    A browser's EventSource sends `Last-Event-ID` by itself and so misses nothing when it reconnects;
    without one, and without `after`, the stream begins with the first event there ever was. It ends
    within seconds when its key is revoked. It holds no database connection.
    """
    position = _position(here, who, last_event_id or after)
    following: service.Following = request.app.state.following
    following.check(who.client_id)
    return StreamingResponse(
        _told(here, request, who, position),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _told(
    here: Here, request: Request, who: FollowCaller, position: int
) -> AsyncIterator[bytes]:
    following: service.Following = request.app.state.following
    with following.streaming(who.client_id):
        yield b"retry: 2000\n\n"
        said_at = time.monotonic()
        while True:
            since = here.waker.generation
            try:
                present = await still(request)
            except Unauthenticated:
                return
            # Once a second the generation is not the same for want of a word: look for oneself.
            found = await following.behind(
                present.agency_id, position, generation=since * 1_000_000 + int(time.monotonic())
            )
            for one in found:
                position = one.position
                head = f"id: {_cursor(here, who, position)}\nevent: {one.type}\n"
                yield head.encode() + b"data: " + one.body + b"\n\n"
            if found:
                said_at = time.monotonic()
                continue
            if time.monotonic() - said_at > KEEP_ALIVE_S:
                said_at = time.monotonic()
                yield b": still here\n\n"
            await here.waker.wait(since, at_most_s=POLL_S)


@router.get("/events/unacknowledged", responses=problems(403), tags=["agency", "investigator"])
async def unacknowledged(
    here: Here, who: AcknowledgeCaller, session: ReadSession, after: After = None, limit: Limit = 50
) -> UnacknowledgedPage:
    """
    List the corrections nobody at your agency has acknowledged yet, the oldest first.
    """
    return await _open_page(here, f"unacknowledged:{who.agency_id}", session, after, limit)


@router.get("/events/{event_id}", responses=problems(403, 404), tags=["agency", "investigator"])
async def event(event_id: EventPath, who: FollowCaller, session: ReadSession) -> EventDetailOut:
    """
    Read one event as it was pushed, and who acknowledged it where that is needed.
    """
    del who
    return EventDetailOut.of(await service.read_event(session, event_id=ids.read("evt", event_id)))


@router.post(
    "/events/{event_id}/acknowledgement",
    status_code=status.HTTP_201_CREATED,
    responses={
        **problems(403, 404, 409),
        200: {
            "model": AcknowledgementOut,
            "description": "It was acknowledged before, by whom it says.",
        },
    },
    tags=["agency", "investigator"],
)
async def acknowledge(
    event_id: EventPath,
    body: AcknowledgementIn,
    who: AcknowledgeCaller,
    session: WriteSession,
    response: Response,
) -> AcknowledgementOut:
    """
    Acknowledge a correction, as a person: your name goes into the record.

    Until somebody at your agency has, it is repeated after one, three and seven days and then every
    week, and the laboratory sees that it is open. Whoever was first stands.
    """
    view, first = await service.acknowledge(
        session, caller=who, event_id=ids.read("evt", event_id), action=body.action
    )
    if not first:
        response.status_code = status.HTTP_200_OK
    return AcknowledgementOut.of(view)


@router.get("/lab/unacknowledged", responses=problems(403), tags=["reviewer", "supervisor"])
async def lab_unacknowledged(
    here: Here, who: QueueCaller, session: ReadSession, after: After = None, limit: Limit = 50
) -> UnacknowledgedPage:
    """
    List the corrections this laboratory sent that somebody has still to acknowledge.

    At level `telephone` machines were not enough: call the agency.
    """
    return await _open_page(here, f"lab-unacknowledged:{who.agency_id}", session, after, limit)


async def _open_page(
    here: Here, scope: str, session: ReadSession, after: str | None, limit: int
) -> UnacknowledgedPage:
    behind = UUID(paging.read(here.cursor_key, scope=scope, cursor=after)[0]) if after else None
    views = await service.list_unacknowledged(session, after=behind, limit=limit)
    names = await service.named(session, views)
    following = None
    if len(views) == limit:
        following = paging.write(here.cursor_key, scope=scope, values=[str(views[-1].event_id)])
    items = [AcknowledgementOut.of(one, agency_name=names.get(one.agency_id)) for one in views]
    return UnacknowledgedPage(items=items, next=following)
