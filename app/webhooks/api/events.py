"""
The feed of what an agency is owed, and the corrections it has to acknowledge, over HTTP.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response, status

from app.access.deps import (
    AcknowledgeCaller,
    FollowCaller,
    QueueCaller,
    ReadSession,
    WriteSession,
)
from app.kit import ids, paging
from app.kit.errors import Forbidden
from app.kit.http import Here, Limit, problems
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


@router.get("/events", responses=problems(403), tags=["agency", "investigator"])
async def events(
    here: Here, who: FollowCaller, session: ReadSession, after: After = None, limit: Limit = 50
) -> EventPage:
    """
    Read the agency's events in order, from the beginning or after a cursor.

    Nothing is ever numbered behind a cursor already handed out: whoever polls here misses nothing,
    with or without
    webhooks. Tests stand in no feed.
    """
    if who.is_laboratory:
        raise Forbidden("The feed belongs to submitting agencies; a laboratory reads its queue.")
    scope = f"events:{who.agency_id}"
    position = 0
    if after is not None:
        (position,) = paging.read(here.cursor_key, scope=scope, cursor=after)
    page = await ledger.feed_page(session, agency_id=who.agency_id, after=position, limit=limit)
    bodies = await service.read_bodies(session, [event_id for _, event_id in page]) if page else []
    reached = page[-1][0] if page else position
    return EventPage(
        items=[EventOut.model_validate(body) for body in bodies],
        next=paging.write(here.cursor_key, scope=scope, values=[reached]),
    )


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
