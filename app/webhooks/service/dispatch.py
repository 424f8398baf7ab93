"""
The dispatcher's side.

Claim what is due, read it in its recipient's name, settle it under the fence.

Three steps, three transactions, and the HTTP request in none of them. Every instant comes from the
database.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from app.kit import ids, metrics, secrets
from app.kit.db import Session
from app.webhooks.repo import deliveries, dispatch, endpoints
from app.webhooks.rules import (
    DeliveryState,
    DisabledReason,
    Outcome,
    Reply,
    Step,
    next_step,
)

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Counts:
    """
    What this process counted since it began; for the metrics.
    """

    fenced: int = 0
    """Writes the fence refused: another process had taken the delivery over (C4)."""
    delivered: int = 0
    failed: int = 0
    exhausted: int = 0
    unsealed: int = 0
    """Secrets that could not be opened: this process holds the wrong key."""

    def add(self, step: Step) -> None:
        """
        Count a settled attempt.
        """
        self.delivered += step.outcome is Outcome.DELIVERED
        self.failed += step.outcome is Outcome.FAILED
        self.exhausted += step.state is DeliveryState.EXHAUSTED
        metrics.ATTEMPTS.labels(step.outcome.value).inc()
        if step.state is DeliveryState.EXHAUSTED:
            metrics.ATTEMPTS.labels("exhausted").inc()


COUNTS = Counts()


@dataclass(frozen=True, slots=True)
class Claimed:
    """
    A delivery under this process's lease.

    All a worker may know of it before it acts for its recipient.
    """

    delivery_id: UUID
    agency_id: UUID
    endpoint_id: UUID
    token: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """
    What is needed to send a delivery. Lives in memory, for one attempt.
    """

    delivery_id: UUID
    message_id: str
    """The event's id as receivers know it: the same on every attempt."""
    url: str
    secrets: tuple[str, ...] = field(repr=False)
    body: bytes = field(repr=False)
    timestamp: int
    """Seconds since 1970 by the database's clock: new on every attempt."""


async def claim_due(
    session: Session, *, limit: int, lease_s: float, per_endpoint_cap: int
) -> list[Claimed]:
    """
    Claim deliveries that are due.

    It counts each as an attempt before anything is sent (B15).

    Args:
        session: the worker's own transaction, committed before any I/O.
        limit: how many at most.
        lease_s: for how long nobody else may claim them.
        per_endpoint_cap: how many one endpoint may have under way, so that a slow one holds up only
        itself.
    """
    found = await dispatch.claim_due(session, limit=limit, lease_s=lease_s, share=per_endpoint_cap)
    metrics.RESCUED.labels("delivery").inc(sum(row.rescued for row in found))
    return [
        Claimed(
            delivery_id=row.id,
            agency_id=row.agency_id,
            endpoint_id=row.endpoint_id,
            token=row.token,
            attempt=row.attempts,
        )
        for row in found
    ]


async def envelopes(
    session: Session, delivery_ids: Sequence[UUID], *, key: secrets.Key
) -> dict[UUID, Envelope]:
    """
    Read what these deliveries say and where they go.

    It sees only the recipient's own.

    A delivery whose secret cannot be opened is left out, logged and counted.

    Args:
        session: a transaction in the recipient's name.
        delivery_ids: deliveries of that recipient.
        key: opens the endpoints' secrets.
    """
    opened = {}
    for row in await deliveries.read_envelopes(session, delivery_ids):
        try:
            secret = secrets.unseal(key, row.secret_box, bound_to=row.endpoint_id.bytes).decode()
        except secrets.SecretsError as problem:
            COUNTS.unsealed += 1
            _log.error(
                "secret_not_opened",
                endpoint_id=ids.write("end", row.endpoint_id),
                reason=str(problem),
            )
            continue
        opened[row.id] = Envelope(
            delivery_id=row.id,
            message_id=ids.write("evt", row.event_id),
            url=row.url,
            secrets=(secret,),
            body=row.body,
            timestamp=int(session.now.timestamp()),
        )
    return opened


async def settle(session: Session, claimed: Claimed, reply: Reply, *, jitter: float) -> Step | None:
    """
    Record how an attempt went and what follows.

    It returns None when the fence refused it.

    Args:
        session: the worker's own transaction.
        claimed: the claim, with its token.
        reply: what became of the request.
        jitter: a random number from 0 to 1.
    """
    if reply.error in {"address", "url"}:
        metrics.ADDRESS_BLOCKS.inc()
    step = next_step(claimed.attempt, reply, jitter=jitter, now=session.now)
    values = {
        "id": claimed.delivery_id,
        "token": claimed.token,
        "number": claimed.attempt,
        "status_code": reply.status,
        "error": reply.error,
        "address": reply.address,
        "response_sha256": reply.response_sha256,
    }
    about = {
        "delivery_id": ids.write("dlv", claimed.delivery_id),
        "attempt": claimed.attempt,
        "status": reply.status,
        "error": reply.error,
    }
    if not await dispatch.settle(session, values, step):
        COUNTS.fenced += 1
        metrics.FENCED.labels("delivery").inc()
        _log.warning("fenced_write", token=claimed.token, **about)
        return None
    COUNTS.add(step)
    _log.info("delivery_settled", state=step.state.value, wait_s=round(step.wait_s, 1), **about)
    return step


async def disable_gone(session: Session, *, endpoint_id: UUID) -> bool:
    """
    Disable an endpoint whose receiver answered 410.

    It leaves what it is owed pending.

    Args:
        session: a transaction in the endpoint's owner's name.
        endpoint_id: the endpoint.
    """
    disabled = await endpoints.disable_endpoint(session, endpoint_id, DisabledReason.GONE)
    if disabled:
        _log.warning("endpoint_gone", endpoint_id=ids.write("end", endpoint_id))
    return disabled


async def retire_spent(session: Session) -> int:
    """
    Exhaust deliveries whose last attempt never came back.

    It returns how many there were.
    """
    spent = await dispatch.retire_spent(session)
    for delivery_id in spent:
        _log.warning(
            "delivery_exhausted", delivery_id=ids.write("dlv", delivery_id), cut_short=True
        )
    COUNTS.exhausted += len(spent)
    metrics.ATTEMPTS.labels("exhausted").inc(len(spent))
    return len(spent)
