"""
Where an agency wants its events: endpoints, their secrets, and what became of what was sent there.
"""

import os
from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app import nudge
from app.kit import clock, ids, secrets
from app.kit.db import Session
from app.kit.errors import Conflict, FieldError, Invalid, NotFound
from app.webhooks import signing
from app.webhooks.repo import deliveries, endpoints, events
from app.webhooks.rules import (
    UNFILTERED,
    DeliveryState,
    DisabledReason,
    EventType,
    Outcome,
    fault_of_url,
)
from app.webhooks.service.announcing import write_body
from app.webhooks.views import AttemptView, DeliveryView, EndpointView, NewEndpoint

MOST_ENDPOINTS = 20
_NO_FILE = UUID(int=0)
"""A test concerns no file; the column wants an id all the same."""


class SameUrl(Conflict):
    """
    This agency already has an endpoint with this URL.
    """

    code = "endpoint-exists"
    title = "Endpoint exists"


class TooMany(Conflict):
    """
    An agency may have twenty endpoints. Delete one first.
    """

    code = "too-many-endpoints"
    title = "Too many endpoints"


class Disabled(Conflict):
    """
    This endpoint is disabled and gets nothing, not even a test.
    """

    code = "endpoint-disabled"
    title = "Endpoint disabled"


async def create_endpoint(
    session: Session,
    *,
    url: str,
    key: secrets.Key,
    description: str | None = None,
    event_types: Sequence[EventType] | None = None,
    allow_loopback: bool = False,
) -> NewEndpoint:
    """
    Create an endpoint.

    It returns its secret, once; it is stored sealed.

    Raises:
        Invalid: when the URL is not one that may be pushed to.
        SameUrl: when the agency already pushes there.
        TooMany: when it has as many endpoints as it may.
    """
    fault = fault_of_url(url, allow_loopback=allow_loopback)
    if fault is not None:
        remedy = "use an https address on the public internet"
        raise Invalid(errors=[FieldError("url", f"The URL {fault}.", remedy)])
    await endpoints.lock_endpoints(session)
    present = await endpoints.list_endpoints(session)
    for row in present:
        if row.url == url and row.disabled_at is None:
            raise SameUrl(extra={"endpoint_id": ids.write("end", row.id)})
    if len(present) >= MOST_ENDPOINTS:
        raise TooMany
    secret = signing.write_secret(os.urandom(signing.SECRET_BYTES))
    endpoint_id = ids.new()
    values: dict[str, Any] = {
        "id": endpoint_id,
        "agency_id": session.tenant,
        "url": url,
        "description": description,
        "event_types": _filter(event_types) if event_types else None,
        "secret_box": secrets.seal(key, secret.encode(), bound_to=endpoint_id.bytes),
        "created_at": session.now,
    }
    await endpoints.add_endpoint(session, values)
    return NewEndpoint(_view_of(await _found(session, endpoint_id)), secret)


async def list_endpoints(session: Session) -> list[EndpointView]:
    """
    Return the agency's endpoints, the oldest first.
    """
    return [_view_of(row) for row in await endpoints.list_endpoints(session)]


async def look_up(session: Session, *, endpoint_id: UUID) -> EndpointView:
    """
    Return one endpoint.

    Raises:
        NotFound: when the agency has no such endpoint.

    """
    return _view_of(await _found(session, endpoint_id))


async def delete_endpoint(session: Session, *, endpoint_id: UUID) -> None:
    """
    Send nothing more to an endpoint, and list it no more.

    It keeps what was sent on record.

    Raises:
        NotFound: when the agency has no such endpoint.
    """
    if not await endpoints.disable_endpoint(session, endpoint_id, DisabledReason.DELETED):
        raise NotFound


async def send_test(session: Session, *, endpoint_id: UUID) -> UUID:
    """
    Owe a test event, and return its id.

    It sends it through the same door as every other event.

    Raises:
        NotFound: when the agency has no such endpoint.
        Disabled: when it gets nothing.
    """
    found = await _found(session, endpoint_id)
    if found.disabled_at is not None:
        raise Disabled
    event_id = ids.new()
    data = {
        "event_id": ids.write("evt", event_id),
        "endpoint_id": ids.write("end", endpoint_id),
        "occurred_at": clock.iso(session.now),
    }
    await events.add_events(
        session,
        [
            {
                "id": event_id,
                "agency_id": session.tenant,
                # No laboratory has a part in it: only the agency itself may ever read this row.
                "laboratory_id": session.tenant,
                "submission_id": _NO_FILE,
                "sample_id": None,
                "type": EventType.WEBHOOK_TEST.value,
                "sequence": 0,
                "occurred_at": session.now,
                "body": write_body(EventType.WEBHOOK_TEST, session.now, data),
            }
        ],
        only_endpoint=endpoint_id,
    )
    session.ring(nudge.DELIVER)
    return event_id


async def list_deliveries(
    session: Session, *, endpoint_id: UUID, before: UUID | None = None, limit: int = 50
) -> list[DeliveryView]:
    """
    Return what was sent to an endpoint, the newest event first.

    Args:
        session: the agency's transaction.
        endpoint_id: the endpoint.
        before: continue behind this event.
        limit: how many at most.

    Raises:
        NotFound: when the agency has no such endpoint.

    """
    await _found(session, endpoint_id)
    found = await deliveries.list_deliveries(session, endpoint_id, before=before, limit=limit)
    tries: dict[UUID, list[AttemptView]] = defaultdict(list)
    if found:
        for row in await deliveries.list_attempts(session, [row.id for row in found]):
            tries[row.delivery_id].append(
                AttemptView(
                    number=row.number,
                    started_at=row.started_at,
                    ended_at=row.ended_at,
                    outcome=Outcome(row.outcome),
                    status_code=row.status_code,
                    error=row.error,
                )
            )
    return [
        DeliveryView(
            id=row.id,
            event_id=row.event_id,
            type=EventType(row.type),
            occurred_at=row.occurred_at,
            sample_id=row.sample_id,
            state=DeliveryState(row.state),
            due_at=row.due_at if row.settled_at is None else None,
            settled_at=row.settled_at,
            attempts=tuple(tries[row.id]),
        )
        for row in found
    ]


async def _found(session: Session, endpoint_id: UUID) -> endpoints.Found:
    row = await endpoints.find_endpoint(session, endpoint_id)
    if row is None:
        raise NotFound
    return row


def _filter(wanted: Sequence[EventType]) -> list[str]:
    # A test and a correction must reach their endpoint whatever the endpoint asked for.
    return sorted({one.value for one in (*wanted, *UNFILTERED)})


def _asked_for(stored: Sequence[str] | None) -> tuple[EventType, ...] | None:
    if not stored:
        return None
    return tuple(EventType(one) for one in stored if one not in UNFILTERED)


def _view_of(row: endpoints.Found) -> EndpointView:
    return EndpointView(
        id=row.id,
        url=row.url,
        description=row.description,
        event_types=_asked_for(row.event_types),
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        disabled_reason=DisabledReason(row.disabled_reason) if row.disabled_reason else None,
    )
