"""
Endpoints, and what became of what was pushed to them, over HTTP.
"""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response, status

from app.access.deps import ReadSession, WebhookCaller, WriteSession, require
from app.access.rules import Scope
from app.kit import ids, paging, secrets
from app.kit.errors import NotFound
from app.kit.http import Here, Limit, problems
from app.webhooks import service
from app.webhooks.rules import DeliveryState
from app.webhooks.schemas import (
    ChallengeIn,
    DeliveryOut,
    DeliveryPage,
    EndpointIn,
    EndpointOut,
    EndpointsOut,
    HealthOut,
    NewEndpointOut,
    ReplayIn,
    ReplayOut,
    RotationIn,
    TestOut,
)

router = APIRouter()

MANAGES = Depends(require(Scope.WEBHOOKS))
"""Admits whoever may manage endpoints, where nothing else of the caller is needed."""

EndpointPath = Annotated[str, Path(max_length=40, examples=[ids.write("end", UUID(int=0))])]
After = Annotated[str | None, Query(max_length=400, description="The `next` of the page before.")]


def _key(here: Here) -> secrets.Key:
    return secrets.derive(here.settings.secret_key_bytes(), secrets.Purpose.WEBHOOK_SECRET)


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

    First comes a `webhook.challenge`, signed like everything: answer it with status 200 and exactly
    `data.challenge` as the body, or hand it in at `:verify`. Nothing else is sent before; what
    happens meanwhile is in the feed, and `:replay` sends it.
    A second endpoint with the same URL is refused, so that a repeated request makes no double. No
    Idempotency-Key is
    honored here: keeping the answer would keep the secret.
    """
    made = await service.create_endpoint(
        session,
        url=body.url,
        key=_key(here),
        description=body.description,
        wish=service.Wish(
            event_types=body.event_types,
            file_number_prefix=body.file_number_prefix,
            content=body.content,
        ),
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
    state: DeliveryState | None = None,
    after: After = None,
    limit: Limit = 50,
) -> DeliveryPage:
    """
    List what was pushed to an endpoint, the newest event first, with every attempt.
    """
    found = _id(endpoint_id)
    scope = f"deliveries:{who.agency_id}:{found}:{state}"
    before = None
    if after is not None:
        (text,) = paging.read(here.cursor_key, scope=scope, cursor=after)
        before = UUID(text)
    views = await service.list_deliveries(
        session, endpoint_id=found, state=state, before=before, limit=limit
    )
    following = None
    if len(views) == limit:
        following = paging.write(here.cursor_key, scope=scope, values=[str(views[-1].event_id)])
    return DeliveryPage(items=[DeliveryOut.of(one) for one in views], next=following)


@router.post(
    "/webhooks/{endpoint_id}:challenge",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(403, 404),
    tags=["agency"],
    dependencies=[MANAGES],
)
async def challenge_webhook(endpoint_id: EndpointPath, session: WriteSession) -> EndpointOut:
    """
    Challenge an endpoint again; one that had answered 410 is taken up again when it answers.
    """
    return EndpointOut.of(await service.challenge_endpoint(session, endpoint_id=_id(endpoint_id)))


@router.post(
    "/webhooks/{endpoint_id}:verify",
    responses=problems(403, 404, 409),
    tags=["agency"],
    dependencies=[MANAGES],
)
async def verify_webhook(
    endpoint_id: EndpointPath, body: ChallengeIn, session: WriteSession
) -> EndpointOut:
    """
    Prove an endpoint whose receiver cannot echo its challenge: hand in what arrived there.
    """
    view = await service.verify_endpoint(
        session, endpoint_id=_id(endpoint_id), challenge=body.challenge
    )
    return EndpointOut.of(view)


@router.post(
    "/webhooks/{endpoint_id}:rotate-secret",
    responses=problems(403, 404),
    tags=["agency"],
    dependencies=[MANAGES],
)
async def rotate_webhook_secret(
    here: Here,
    endpoint_id: EndpointPath,
    body: RotationIn,
    session: WriteSession,
    response: Response,
) -> NewEndpointOut:
    """
    Replace an endpoint's secret and keys. The answer holds the new secret, this once.

    During the overlap every push carries the signatures of both, the new first. Every endpoint of
    the agency is told by `webhook.secret_rotated`.
    """
    made = await service.rotate_secret(
        session,
        endpoint_id=_id(endpoint_id),
        key=_key(here),
        overlap=timedelta(hours=body.overlap_hours),
    )
    response.headers["Cache-Control"] = "no-store"
    return NewEndpointOut.of(made)


@router.post(
    "/webhooks/{endpoint_id}:replay",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(403, 404, 409),
    tags=["agency"],
)
async def replay_webhook(
    endpoint_id: EndpointPath, body: ReplayIn, who: WebhookCaller, session: WriteSession
) -> ReplayOut:
    """
    Have events sent again, under their own ids and with their own bytes, as new attempts.
    """
    made = await service.replay(
        session,
        endpoint_id=_id(endpoint_id),
        asked_by=who.client_id,
        event_ids=[found for one in body.event_ids if (found := ids.read("evt", one))]
        if body.event_ids is not None
        else None,
        since=body.since,
        until=body.until,
        only_exhausted=body.only_exhausted,
    )
    return ReplayOut.of(made)


@router.get(
    "/webhooks/{endpoint_id}/health",
    responses=problems(403, 404),
    tags=["agency"],
    dependencies=[MANAGES],
)
async def webhook_health(endpoint_id: EndpointPath, session: ReadSession) -> HealthOut:
    """
    See how an endpoint does: how much it takes, how fast, and what it still misses.
    """
    return HealthOut.of(await service.health(session, endpoint_id=_id(endpoint_id)))
