"""
What became of what was sent to an endpoint: its deliveries, its health, and having things sent again.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog

from app import nudge
from app.kit import ids
from app.kit.db import Session
from app.webhooks.repo import deliveries
from app.webhooks.rules import DeliveryState, EventType, Outcome
from app.webhooks.service.endpoints import Disabled, Unproved, look_up
from app.webhooks.views import AttemptView, DeliveryView, HealthView, Replayed, Undelivered

_log = structlog.get_logger(__name__)

MOST_REPLAYED = 10_000
"""In one call; what is left out is asked for again."""

LATE_AFTER_S = 60.0
"""What is younger is on its way; only what is older is worth a banner."""


async def list_deliveries(
    session: Session,
    *,
    endpoint_id: UUID,
    state: DeliveryState | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> list[DeliveryView]:
    """
    Return what was sent to an endpoint, the newest event first.

    Args:
        session: the agency's transaction.
        endpoint_id: the endpoint.
        state: only those in this state.
        before: continue behind this event.
        limit: how many at most.

    Raises:
        NotFound: when the agency has no such endpoint.

    """
    await look_up(session, endpoint_id=endpoint_id)
    found = await deliveries.list_deliveries(
        session, endpoint_id, state=state, before=before, limit=limit
    )
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
                    address=row.address,
                    response_sha256=row.response_sha256.hex() if row.response_sha256 else None,
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


async def replay(
    session: Session,
    *,
    endpoint_id: UUID,
    asked_by: UUID | None,
    event_ids: Sequence[UUID] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    only_exhausted: bool = False,
) -> Replayed:
    """
    Have events sent again to an endpoint: some by id, those of a time, or those that were given up.

    Each is sent under its own id with its own bytes, as new attempts on record behind the old ones,
    with the whole schedule before it. What was never owed to this endpoint, because it came before
    it, is owed now. Who asked is recorded; None stands for the operator.

    Raises:
        NotFound: when the agency has no such endpoint.
        Disabled: when it gets nothing.
        Unproved: when it has not answered its challenge.

    """
    found = await look_up(session, endpoint_id=endpoint_id)
    if found.disabled_at is not None:
        raise Disabled
    if found.verified_at is None:
        raise Unproved
    chosen = {
        "event_ids": [str(one) for one in event_ids] if event_ids is not None else None,
        "since": since,
        "until": until,
        "only_exhausted": only_exhausted,
    }
    count = await deliveries.replay_deliveries(
        session, {"endpoint_id": endpoint_id, "most": MOST_REPLAYED, **chosen}
    )
    replay_id = ids.new()
    await deliveries.add_replay(
        session,
        {
            **chosen,
            "event_ids": list(event_ids) if event_ids is not None else None,
            "id": replay_id,
            "agency_id": session.tenant,
            "endpoint_id": endpoint_id,
            "asked_by": asked_by,
            "asked_at": session.now,
            "replayed": count,
        },
    )
    _log.info(
        "deliveries_replayed",
        endpoint_id=ids.write("end", endpoint_id),
        count=count,
        by_operator=asked_by is None,
    )
    if count:
        session.ring(nudge.DELIVER)
    return Replayed(count=count, more=count == MOST_REPLAYED)


async def health(session: Session, *, endpoint_id: UUID) -> HealthView:
    """
    Return how an endpoint does: how often it takes what is sent, how fast, and what it still misses.

    Raises:
        NotFound: when the agency has no such endpoint.

    """
    found = await look_up(session, endpoint_id=endpoint_id)
    tried = await deliveries.health(session, endpoint_id)
    (left,) = await deliveries.waiting(session, only=endpoint_id)
    return HealthView(
        attempts=tried.attempts,
        success_rate=tried.delivered / tried.attempts if tried.attempts else None,
        p95_s=tried.p95_s,
        last_delivered_at=tried.last_delivered_at,
        last_failed_at=tried.last_failed_at,
        pending=left.pending,
        exhausted=left.exhausted,
        oldest_undelivered_at=_oldest(left.oldest, left.oldest_exhausted),
        held_until=found.held_until,
        disabled_at=found.disabled_at,
    )


async def undelivered(session: Session) -> Undelivered:
    """
    Return how much this agency's endpoints have not got: for a banner where its people look.

    Cheap: it reads open and given-up deliveries by index, and none that arrived.
    """
    lines = await deliveries.waiting(session, older_than_s=LATE_AFTER_S)
    oldest = _oldest(*(line.oldest for line in lines), *(line.oldest_exhausted for line in lines))
    return Undelivered(
        pending=sum(line.pending for line in lines),
        exhausted=sum(line.exhausted for line in lines),
        oldest_at=oldest,
    )


def _oldest(*instants: datetime | None) -> datetime | None:
    return min((one for one in instants if one is not None), default=None)
