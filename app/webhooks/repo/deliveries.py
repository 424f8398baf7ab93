"""
Deliveries and attempts as their owner sees them.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, column, exists, insert, select, table, text

from app.kit.db import Session
from app.webhooks.models import attempt, delivery, endpoint, event, replay

Found = Row[Any]

_submission = table("submission", column("id"))


async def list_deliveries(
    session: Session, endpoint_id: UUID, *, state: str | None, before: UUID | None, limit: int
) -> Sequence[Found]:
    """
    Return an endpoint's deliveries, the newest event first.
    """
    query = (
        select(delivery, event.c.type, event.c.occurred_at, event.c.sample_id)
        .join(event, event.c.id == delivery.c.event_id)
        .where(delivery.c.endpoint_id == endpoint_id, delivery.c.agency_id == session.tenant)
    )
    if state is not None:
        query = query.where(delivery.c.state == state)
    if before is not None:
        query = query.where(delivery.c.event_id < before)
    return (await session.execute(query.order_by(delivery.c.event_id.desc()).limit(limit))).all()


async def about(
    session: Session, submission_id: UUID, sample_id: UUID, *, limit: int
) -> Sequence[Found]:
    """
    Return this agency's deliveries about one sample or its whole file, the newest event first.
    """
    query = (
        select(delivery, event.c.type, event.c.occurred_at, endpoint.c.url)
        .join(event, event.c.id == delivery.c.event_id)
        .join(endpoint, endpoint.c.id == delivery.c.endpoint_id)
        .where(
            event.c.submission_id == submission_id,
            event.c.sample_id.is_(None) | (event.c.sample_id == sample_id),
            event.c.agency_id == session.tenant,
            delivery.c.agency_id == session.tenant,
            ~delivery.c.challenge,
        )
    )
    return (await session.execute(query.order_by(event.c.id.desc()).limit(limit))).all()


async def list_attempts(session: Session, delivery_ids: Sequence[UUID]) -> Sequence[Found]:
    """
    Return the attempts of these deliveries in their order.
    """
    query = select(attempt).where(
        attempt.c.delivery_id.in_(delivery_ids), attempt.c.agency_id == session.tenant
    )
    return (await session.execute(query.order_by(attempt.c.delivery_id, attempt.c.number))).all()


async def read_envelopes(session: Session, delivery_ids: Sequence[UUID]) -> Sequence[Found]:
    """
    Return what these deliveries need to be sent, in their recipient's context.

    ``reads`` says whether the recipient has a part in the file at this moment.
    """
    query = (
        select(
            delivery.c.id,
            delivery.c.event_id,
            delivery.c.endpoint_id,
            delivery.c.challenge,
            endpoint.c.url,
            endpoint.c.secret_box,
            endpoint.c.signing_box,
            endpoint.c.previous_box,
            endpoint.c.previous_signing_box,
            endpoint.c.previous_until,
            endpoint.c.challenge_sha256,
            endpoint.c.content,
            event.c.body,
            event.c.full_body,
            # Row-level security shows a submission to its agency and to its parties, and to nobody else.
            exists().where(_submission.c.id == event.c.submission_id).label("reads"),
        )
        .join(event, event.c.id == delivery.c.event_id)
        .join(endpoint, endpoint.c.id == delivery.c.endpoint_id)
        .where(delivery.c.id.in_(delivery_ids))
    )
    return (await session.execute(query)).all()


_REPLAY = text(
    """
    SELECT replay_deliveries(:endpoint_id, CAST(:event_ids AS uuid[]), CAST(:since AS timestamptz),
                             CAST(:until AS timestamptz), CAST(:only_exhausted AS boolean),
                             CAST(:most AS int))
    """
)


async def replay_deliveries(session: Session, values: Mapping[str, Any]) -> int:
    """
    Owe events again to one of this agency's endpoints, and return how many.
    """
    return int((await session.execute(_REPLAY, values)).scalar_one())


async def add_replay(session: Session, values: Mapping[str, Any]) -> None:
    """
    Record who had what sent again.
    """
    await session.execute(insert(replay).values(**values))


# The last thousand attempts say how an endpoint does today; older ones say how it did.
_HEALTH = text(
    """
    SELECT count(*) FILTER (WHERE a.ended_at IS NOT NULL) AS attempts,
           count(*) FILTER (WHERE a.outcome = 'delivered') AS delivered,
           CAST(percentile_cont(0.95) WITHIN GROUP (
               ORDER BY extract(epoch FROM a.ended_at - a.started_at)) AS float8) AS p95_s,
           max(a.ended_at) FILTER (WHERE a.outcome = 'delivered') AS last_delivered_at,
           max(a.ended_at) FILTER (WHERE a.outcome = 'failed') AS last_failed_at
    FROM (SELECT id FROM delivery
          WHERE endpoint_id = :endpoint_id AND agency_id = :tenant
          ORDER BY event_id DESC LIMIT 1000) AS d
    JOIN attempt AS a ON a.delivery_id = d.id
    WHERE a.started_at > now() - interval '24 hours'
    """
)

_WAITING = text(
    """
    SELECT p.id AS endpoint_id, o.pending, o.oldest, x.exhausted, x.oldest_exhausted
    FROM endpoint AS p
    CROSS JOIN LATERAL (
        SELECT count(*) AS pending, min(e.occurred_at) AS oldest
        FROM delivery AS d JOIN event AS e ON e.id = d.event_id
        WHERE d.endpoint_id = p.id AND d.settled_at IS NULL AND NOT d.challenge
          AND e.occurred_at < now() - make_interval(secs => :older_than_s)
    ) AS o
    CROSS JOIN LATERAL (
        SELECT count(*) AS exhausted, min(e.occurred_at) AS oldest_exhausted
        FROM delivery AS d JOIN event AS e ON e.id = d.event_id
        WHERE d.endpoint_id = p.id AND d.state = 'exhausted' AND NOT d.challenge
    ) AS x
    WHERE p.agency_id = :tenant AND p.disabled_reason IS DISTINCT FROM 'deleted'
      AND (CAST(:only AS uuid) IS NULL OR p.id = :only)
    """
)


async def health(session: Session, endpoint_id: UUID) -> Found:
    """
    Return how an endpoint did over the last day.
    """
    values = {"endpoint_id": endpoint_id, "tenant": session.tenant}
    return (await session.execute(_HEALTH, values)).one()


async def waiting(
    session: Session, *, only: UUID | None = None, older_than_s: float = 0
) -> Sequence[Found]:
    """
    Return, per endpoint of this agency, how much has not arrived there, and since when.
    """
    values = {"tenant": session.tenant, "only": only, "older_than_s": older_than_s}
    return (await session.execute(_WAITING, values)).all()
