"""
Where an agency wants its events: endpoints, how they prove themselves, and their secrets.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from app import nudge
from app.kit import clock, ids, secrets
from app.kit.db import Session
from app.kit.errors import Conflict, FieldError, Invalid, NotFound
from app.kit.rows import mapping
from app.webhooks import signing
from app.webhooks.repo import endpoints, events
from app.webhooks.rules import (
    UNFILTERED,
    Content,
    DisabledReason,
    EventType,
    fault_of_url,
)
from app.webhooks.service.announcing import write_body
from app.webhooks.views import EndpointView, NewEndpoint

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


class Unproved(Conflict):
    """
    This endpoint has not answered its challenge yet and gets nothing else until it has.
    """

    code = "endpoint-unproved"
    title = "Endpoint unproved"


class WrongProof(Conflict):
    """
    This is not what was sent to the endpoint last. Read the newest `webhook.challenge` that arrived there.
    """

    code = "wrong-proof"
    title = "Wrong proof"


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What an endpoint is to get.
    """

    event_types: Sequence[EventType] | None = None
    """Only these, and what nobody may filter out; all of them when None."""
    file_number_prefix: str | None = None
    """Only files whose number begins with this."""
    content: Content = Content.THIN

    def as_columns(self) -> dict[str, Any]:
        """
        Return it as stored.
        """
        return {
            "event_types": _filter(self.event_types) if self.event_types else None,
            "file_number_prefix": self.file_number_prefix,
            "content": self.content.value,
        }


async def create_endpoint(
    session: Session,
    *,
    url: str,
    key: secrets.Key,
    description: str | None = None,
    wish: Wish | None = None,
    allow_loopback: bool = False,
    vouched: bool = False,
) -> NewEndpoint:
    """
    Create an endpoint and challenge it.

    It returns its secret, once; it is stored sealed. Until somebody has answered the challenge
    nothing else is sent there. ``vouched`` says that whoever operates answers for the address, and
    spares the challenge; no caller of the API can say so.

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
    endpoint_id = ids.new()
    secret, columns = _fresh_keys(key, endpoint_id)
    await endpoints.add_endpoint(
        session,
        {
            "id": endpoint_id,
            "agency_id": session.tenant,
            "url": url,
            "description": description,
            "created_at": session.now,
            "verified_at": session.now if vouched else None,
            **columns,
            **(wish or Wish()).as_columns(),
        },
    )
    if not vouched:
        await _challenge(session, endpoint_id)
    return NewEndpoint(_view_of(await _found(session, endpoint_id)), secret)


def _fresh_keys(key: secrets.Key, endpoint_id: UUID) -> tuple[str, dict[str, Any]]:
    secret = signing.write_secret(os.urandom(signing.SECRET_BYTES))
    private, public = signing.write_keys(os.urandom(signing.SEED_BYTES))
    bound_to = endpoint_id.bytes
    return secret, {
        "secret_box": secrets.seal(key, secret.encode(), bound_to=bound_to),
        "signing_box": secrets.seal(key, private.encode(), bound_to=bound_to),
        "public_key": public,
    }


async def _challenge(session: Session, endpoint_id: UUID) -> None:
    token = base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")
    await endpoints.change_endpoint(
        session,
        endpoint_id,
        {"challenge_sha256": hashlib.sha256(token.encode()).digest(), "verified_at": None},
    )
    await _tell(
        session, EventType.WEBHOOK_CHALLENGE, endpoint_id, {"challenge": token}, only=endpoint_id
    )


async def challenge_endpoint(session: Session, *, endpoint_id: UUID) -> EndpointView:
    """
    Challenge an endpoint again, also one that its receiver had declared gone.

    Once it has answered, what it is still owed is sent.

    Raises:
        NotFound: when the agency has no such endpoint.

    """
    await _found(session, endpoint_id)
    cleared = {"disabled_at": None, "disabled_reason": None, "failures": 0, "held_until": None}
    await endpoints.change_endpoint(session, endpoint_id, cleared)
    await _challenge(session, endpoint_id)
    return _view_of(await _found(session, endpoint_id))


async def verify_endpoint(session: Session, *, endpoint_id: UUID, challenge: str) -> EndpointView:
    """
    Prove an endpoint with what its challenge said: for receivers that cannot echo it.

    Raises:
        NotFound: when the agency has no such endpoint.
        Disabled: when it gets nothing.
        WrongProof: when this is not what was sent there last.

    """
    found = await _found(session, endpoint_id)
    if found.disabled_at is not None:
        raise Disabled
    proof = hashlib.sha256(challenge.encode()).digest()
    if found.challenge_sha256 is None or not hmac.compare_digest(proof, found.challenge_sha256):
        raise WrongProof
    await endpoints.verify_endpoint(session, endpoint_id, proof)
    session.ring(nudge.DELIVER)
    return _view_of(await _found(session, endpoint_id))


async def rotate_secret(
    session: Session, *, endpoint_id: UUID, key: secrets.Key, overlap: timedelta
) -> NewEndpoint:
    """
    Give an endpoint a new secret and new keys, and tell every endpoint of the agency.

    For as long as ``overlap`` the ones before sign along; without an overlap they are worth nothing
    at once, as they should be when somebody else may hold them.

    Raises:
        NotFound: when the agency has no such endpoint.

    """
    found = await _found(session, endpoint_id)
    secret, columns = _fresh_keys(key, endpoint_id)
    lasting = overlap > timedelta()
    until = session.now + overlap
    await endpoints.change_endpoint(
        session,
        endpoint_id,
        {
            **columns,
            "previous_box": found.secret_box if lasting else None,
            "previous_signing_box": found.signing_box if lasting else None,
            "previous_until": until if lasting else None,
            "rotated_at": session.now,
        },
    )
    more = {"public_key": columns["public_key"], "previous_until": clock.iso(until)}
    await _tell(session, EventType.WEBHOOK_SECRET_ROTATED, endpoint_id, more, only=None)
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
        Unproved: when it has not answered its challenge.
    """
    found = await _found(session, endpoint_id)
    if found.disabled_at is not None:
        raise Disabled
    if found.verified_at is None:
        raise Unproved
    return await _tell(session, EventType.WEBHOOK_TEST, endpoint_id, {}, only=endpoint_id)


async def _tell(
    session: Session,
    type_: EventType,
    endpoint_id: UUID,
    more: Mapping[str, Any],
    *,
    only: UUID | None,
) -> UUID:
    event_id = ids.new()
    data = {
        "event_id": ids.write("evt", event_id),
        "endpoint_id": ids.write("end", endpoint_id),
        "occurred_at": clock.iso(session.now),
        **more,
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
                "type": type_.value,
                "sequence": 0,
                "occurred_at": session.now,
                "body": write_body(type_, session.now, data),
            }
        ],
        only_endpoint=only,
    )
    session.ring(nudge.DELIVER)
    return event_id


async def stuck(session: Session) -> list[dict[str, Any]]:
    """
    Return, per endpoint of every agency, what has not arrived there: for the operator, no content.
    """
    return [dict(mapping(row)) for row in await endpoints.stuck(session)]


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
        file_number_prefix=row.file_number_prefix,
        content=Content(row.content),
        public_key=row.public_key,
        created_at=row.created_at,
        verified_at=row.verified_at,
        rotated_at=row.rotated_at,
        previous_until=row.previous_until,
        held_until=row.held_until,
        disabled_at=row.disabled_at,
        disabled_reason=DisabledReason(row.disabled_reason) if row.disabled_reason else None,
    )
