"""
Endpoints, and what became of what was pushed to them, over HTTP.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response, status

from app.access.deps import ReadSession, WebhookCaller, WriteSession, require
from app.access.rules import Scope
from app.kit import ids, paging, secrets
from app.kit.errors import NotFound
from app.kit.http import Here, Limit, problems
from app.webhooks import service
from app.webhooks.schemas import (
    DeliveryOut,
    DeliveryPage,
    EndpointIn,
    EndpointOut,
    EndpointsOut,
    NewEndpointOut,
    TestOut,
)

router = APIRouter()

MANAGES = Depends(require(Scope.WEBHOOKS))
"""Admits whoever may manage endpoints, where nothing else of the caller is needed."""

EndpointPath = Annotated[str, Path(max_length=40, examples=[ids.write("end", UUID(int=0))])]
After = Annotated[str | None, Query(max_length=400, description="The `next` of the page before.")]


def _id(text: str) -> UUID:
    found = ids.read("end", text)
    if found is None:
        raise NotFound
    return found


@router.post(
    "/webhooks",
    status_code=status.HTTP_201_CREATED,
    responses=problems(403, 409),
    tags=["agency"],
    dependencies=[MANAGES],
)
async def create_webhook(
    here: Here, body: EndpointIn, session: WriteSession, response: Response
) -> NewEndpointOut:
    """
    Have events pushed to an address. The answer holds the secret, this once.

    A second endpoint with the same URL is refused, so that a repeated request makes no double. No
    Idempotency-Key is
    honored here: keeping the answer would keep the secret.
    """
    made = await service.create_endpoint(
        session,
        url=body.url,
        key=secrets.derive(here.settings.secret_key_bytes(), secrets.Purpose.WEBHOOK_SECRET),
        description=body.description,
        event_types=body.event_types,
        allow_loopback=here.settings.allow_loopback_webhooks,
    )
    response.headers["Location"] = f"/v1/webhooks/{ids.write('end', made.endpoint.id)}"
    response.headers["Cache-Control"] = "no-store"
    return NewEndpointOut.of(made)


@router.get("/webhooks", responses=problems(403), tags=["agency"], dependencies=[MANAGES])
async def webhooks(session: ReadSession) -> EndpointsOut:
    """
    List the agency's endpoints.
    """
    return EndpointsOut(
        items=[EndpointOut.of(one) for one in await service.list_endpoints(session)]
    )


@router.get(
    "/webhooks/{endpoint_id}", responses=problems(403, 404), tags=["agency"], dependencies=[MANAGES]
)
async def webhook(endpoint_id: EndpointPath, session: ReadSession) -> EndpointOut:
    """
    Read one endpoint.
    """
    return EndpointOut.of(await service.look_up(session, endpoint_id=_id(endpoint_id)))


@router.delete(
    "/webhooks/{endpoint_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(403, 404),
    tags=["agency"],
    dependencies=[MANAGES],
)
async def delete_webhook(endpoint_id: EndpointPath, session: WriteSession) -> None:
    """
    Push nothing more to an endpoint.

    What was pushed stays on record; the feed still holds every event.
    """
    await service.delete_endpoint(session, endpoint_id=_id(endpoint_id))


@router.post(
    "/webhooks/{endpoint_id}:test",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(403, 404, 409),
    tags=["agency"],
    dependencies=[MANAGES],
)
async def test_webhook(endpoint_id: EndpointPath, session: WriteSession) -> TestOut:
    """
    Push a `webhook.test` event; read the outcome at the endpoint's deliveries.
    """
    return TestOut(event_id=await service.send_test(session, endpoint_id=_id(endpoint_id)))


@router.get("/webhooks/{endpoint_id}/deliveries", responses=problems(403, 404), tags=["agency"])
async def webhook_deliveries(
    *,
    here: Here,
    endpoint_id: EndpointPath,
    who: WebhookCaller,
    session: ReadSession,
    after: After = None,
    limit: Limit = 50,
) -> DeliveryPage:
    """
    List what was pushed to an endpoint, the newest event first, with every attempt.
    """
    found = _id(endpoint_id)
    scope = f"deliveries:{who.agency_id}:{found}"
    before = None
    if after is not None:
        (text,) = paging.read(here.cursor_key, scope=scope, cursor=after)
        before = UUID(text)
    views = await service.list_deliveries(session, endpoint_id=found, before=before, limit=limit)
    following = None
    if len(views) == limit:
        following = paging.write(here.cursor_key, scope=scope, values=[str(views[-1].event_id)])
    return DeliveryPage(items=[DeliveryOut.of(one) for one in views], next=following)
