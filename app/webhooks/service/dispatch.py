"""
The dispatcher's side.

Claim what is due, read it in its recipient's name, settle it under the fence.

Three steps, three transactions, and the HTTP request in none of them. Every instant comes from the
database.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from app.kit import ids, metrics, secrets
from app.kit.db import Session
from app.webhooks.repo import deliveries, dispatch, endpoints
from app.webhooks.rules import (
    Content,
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
    """How many there have been, this one included: its number on record."""
    turn: int
    """The same, counted since the last replay: its place in the schedule."""
    suspect: bool
    """The attempt before was recorded by nobody: this delivery may kill who sends it."""


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
    challenge_sha256: bytes | None
    """What an answer must hash to, so that the endpoint is proved; None unless it is a challenge."""
    timestamp: int
    """Seconds since 1970 by the database's clock: new on every attempt."""


async def claim_due(
    session: Session, *, limit: int, lease_s: float, per_endpoint_cap: int, suspects: int = 1
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
        suspects: how many of those whose last attempt was cut short.
    """
    found = await dispatch.claim_due(
        session, limit=limit, lease_s=lease_s, share=per_endpoint_cap, suspects=suspects
    )
    metrics.RESCUED.labels("delivery").inc(sum(row.suspect for row in found))
    return [
        Claimed(
            delivery_id=row.id,
            agency_id=row.agency_id,
            endpoint_id=row.endpoint_id,
            token=row.token,
            attempt=row.attempts,
            turn=row.attempts - row.attempts_before,
            suspect=row.suspect,
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
            keys = _keys(row, key, session.now)
        except secrets.SecretsError as problem:
            COUNTS.unsealed += 1
            _log.error(
                "secret_not_opened",
                endpoint_id=ids.write("end", row.endpoint_id),
                reason=str(problem),
            )
            continue
        # A part in the file may have ended since the event: then the link answers 404, and nothing more goes out.
        whole = row.content == Content.FULL and row.full_body is not None and row.reads
        opened[row.id] = Envelope(
            delivery_id=row.id,
            message_id=ids.write("evt", row.event_id),
            url=row.url,
            secrets=keys,
            body=row.full_body if whole else row.body,
            challenge_sha256=row.challenge_sha256 if row.challenge else None,
            timestamp=int(session.now.timestamp()),
        )
    return opened


def _keys(row: Any, key: secrets.Key, now: datetime) -> tuple[str, ...]:
    # The newest first; during a rotation the ones before sign along.
    boxes = [row.secret_box, row.signing_box]
    if row.previous_until is not None and row.previous_until > now:
        boxes += [row.previous_box, row.previous_signing_box]
    bound_to = row.endpoint_id.bytes
    return tuple(
        secrets.unseal(key, box, bound_to=bound_to).decode() for box in boxes if box is not None
    )


@dataclass(frozen=True, slots=True)
class Told:
    """
    How one attempt went.
    """

    claimed: Claimed
    reply: Reply
    jitter: float
    """A random number from 0 to 1."""


async def settle(session: Session, told: Sequence[Told]) -> list[Step | None]:
    """
    Record how attempts went and what follows, all in one transaction.

    It returns None for each that the fence refused.

    Args:
        session: the worker's own transaction.
        told: the claims, with their tokens, and what became of the requests.
    """
    steps = [
        next_step(one.claimed.turn, one.reply, jitter=one.jitter, now=session.now) for one in told
    ]
    passed = await dispatch.settle(
        session,
        [
            (
                {
                    "id": one.claimed.delivery_id,
                    "token": one.claimed.token,
                    "number": one.claimed.attempt,
                    "status_code": one.reply.status,
                    "error": one.reply.error,
                    "address": one.reply.address,
                    "response_sha256": one.reply.response_sha256,
                },
                step,
            )
            for one, step in zip(told, steps, strict=True)
        ],
    )
    return [
        _noted(one, step if one.claimed.delivery_id in passed else None, step)
        for one, step in zip(told, steps, strict=True)
    ]


def _noted(one: Told, passed: Step | None, step: Step) -> Step | None:
    about = {
        "delivery_id": ids.write("dlv", one.claimed.delivery_id),
        "attempt": one.claimed.attempt,
        "status": one.reply.status,
        "error": one.reply.error,
    }
    if one.reply.error in {"address", "url"}:
        metrics.ADDRESS_BLOCKS.inc()
    if passed is None:
        COUNTS.fenced += 1
        metrics.FENCED.labels("delivery").inc()
        _log.warning("fenced_write", token=one.claimed.token, **about)
        return None
    COUNTS.add(step)
    _log.info("delivery_settled", state=step.state.value, wait_s=round(step.wait_s, 1), **about)
    if step.state is DeliveryState.EXHAUSTED:
        _log.warning("delivery_exhausted", delivery_id=about["delivery_id"], cut_short=False)
    return passed


async def note_proof(session: Session, *, endpoint_id: UUID, proof: bytes) -> bool:
    """
    Note that an endpoint answered its challenge, unless that was another challenge.

    Args:
        session: a transaction in the endpoint's owner's name.
        endpoint_id: the endpoint.
        proof: the hash of what was answered.
    """
    proved = await endpoints.verify_endpoint(session, endpoint_id, proof)
    if proved:
        _log.info("endpoint_proved", endpoint_id=ids.write("end", endpoint_id))
    return proved


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
