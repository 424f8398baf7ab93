"""
The one list of routers, and of the webhooks this service sends.
"""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Depends, FastAPI, Request, Response

from app import operate
from app.access.deps import bearer, caller
from app.results.api import router as results
from app.samples.api import router as samples
from app.samples.batch import router as batch
from app.samples.custody_api import router as custody
from app.samples.order_api import router as order
from app.samples.ranking_api import router as ranking
from app.web.router import ROUTERS as PAGES
from app.webhooks.api import router as webhooks
from app.webhooks.rules import EventType
from app.webhooks.schemas import EventOut

ROUTERS: tuple[APIRouter, ...] = (samples, custody, batch, ranking, order, results, webhooks)
PREFIX = "/v1"

TOLD: dict[EventType, str] = {
    EventType.SUBMISSION_ACCEPTED: "A submission and its samples are stored and ranked.",
    EventType.SUBMISSION_SHARED: "An agency has a part in the file from now on.",
    EventType.SUBMISSION_CORRECTED: "The agency has corrected what it had said about a seizure.",
    EventType.SAMPLE_RECEIVED: "The laboratory has the item in its hands.",
    EventType.SAMPLE_OVERDUE: "A step was not done by when it was promised; told once per step.",
    EventType.SAMPLE_WITHDRAWN: "The agency has taken a sample back before work began.",
    EventType.SAMPLE_REJECTED: "The laboratory has refused the item at intake.",
    EventType.SAMPLE_ON_HOLD: "Work on a sample is paused.",
    EventType.SAMPLE_RESUMED: "A paused or ended sample goes on where it was.",
    EventType.SAMPLE_STOPPED: "Work on a sample has ended before a report.",
    EventType.SAMPLE_CLOSED: "Only a screen was asked for; no final report follows.",
    EventType.FINDING_PRESUMPTIVE: "A presumptive finding is released: for safety and direction of inquiry; not proof.",
    EventType.REPORT_RELEASED: "A final, reviewed report is released.",
    EventType.REPORT_AMENDED: "A new report replaces a released one. A person must acknowledge it.",
    EventType.FINDING_CONTRADICTED: "What was released before does not hold. A person must acknowledge it.",
    EventType.FINDING_WITHDRAWN: "What was released before is taken back. A person must acknowledge it.",
    EventType.EVENT_UNACKNOWLEDGED: "A correction is still open: nobody at your agency has acknowledged it.",
    EventType.WEBHOOK_CHALLENGE: "The first push: answer 200 with exactly `data.challenge` as the body.",
    EventType.WEBHOOK_SECRET_ROTATED: "An endpoint's secret was replaced.",
    EventType.WEBHOOK_TEST: "Sent on the endpoint owner's request; concerns no file.",
}
"""What each outgoing event means. Every type has a row: the application does not start without it."""


def _documented(words: str) -> Callable[[EventOut], Awaitable[Response]]:
    async def receive(
        event: EventOut,
    ) -> Response:  # pragma: no cover - documents what receivers get
        del event
        return Response(status_code=204)

    receive.__doc__ = (
        f"{words}\n\nSigned as Standard Webhooks 1.0.0 (`webhook-id`, `webhook-timestamp`, `webhook-signature`)."
        " Answer 2xx within 20 seconds. The same `webhook-id` may come again, with the same bytes; ignore an event"
        " whose `sequence` is lower than the last one of that sample."
    )
    return receive


OPEN = frozenset({"verify"})
"""Operations under the prefix that need no key: whoever holds a report may check it."""


async def keyed(request: Request) -> None:
    """
    Ask for a key before anything else of a request is looked at.

    Raises:
        Unauthenticated: without a good one, unless the operation is open to everybody.

    """
    if request.scope["route"].name not in OPEN:
        await caller(request, await bearer(request))


def add_to(app: FastAPI) -> None:
    """
    Add every router, and the documentation of every outgoing event.
    """
    for router in ROUTERS:
        # Before anything else of a request is looked at: without a key nothing answers, not even that a field is wrong.
        app.include_router(router, prefix=PREFIX, dependencies=[Depends(keyed)])
    app.include_router(operate.router)
    for page in PAGES:
        app.include_router(page)
    for kind in EventType:
        app.webhooks.add_api_route(
            kind.value,
            _documented(TOLD[kind]),
            methods=["POST"],
            status_code=204,
            name=kind.value,
            tags=["webhook"],
        )
