"""
Deliveries and attempts as their owner sees them.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from app.kit.db import Session
from app.webhooks.models import attempt, delivery, endpoint, event

Found = Row[Any]


async def list_deliveries(
    session: Session, endpoint_id: UUID, *, before: UUID | None, limit: int
) -> Sequence[Found]:
    """
    Return an endpoint's deliveries, the newest event first.
    """
    query = (
        select(delivery, event.c.type, event.c.occurred_at, event.c.sample_id)
        .join(event, event.c.id == delivery.c.event_id)
        .where(delivery.c.endpoint_id == endpoint_id, delivery.c.agency_id == session.tenant)
    )
    if before is not None:
        query = query.where(delivery.c.event_id < before)
    return (await session.execute(query.order_by(delivery.c.event_id.desc()).limit(limit))).all()


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
    """
    query = (
        select(
            delivery.c.id,
            delivery.c.event_id,
            delivery.c.endpoint_id,
            endpoint.c.url,
            endpoint.c.secret_box,
            event.c.body,
        )
        .join(event, event.c.id == delivery.c.event_id)
        .join(endpoint, endpoint.c.id == delivery.c.endpoint_id)
        .where(delivery.c.id.in_(delivery_ids))
    )
    return (await session.execute(query)).all()
