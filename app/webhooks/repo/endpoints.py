"""
Every statement on endpoints.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select, update

from app.kit.db import Session
from app.webhooks.models import endpoint
from app.webhooks.rules import DisabledReason

Found = Row[Any]

_NOT_DELETED = endpoint.c.disabled_reason.is_distinct_from(DisabledReason.DELETED.value)


async def lock_endpoints(session: Session) -> None:
    """
    Let one transaction at a time change this agency's endpoints.

    Their number and their addresses are counted.
    """
    await session.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended(f"endpoint/{session.tenant}", 0)))
    )


async def add_endpoint(session: Session, values: Mapping[str, Any]) -> None:
    """
    Insert an endpoint.
    """
    await session.execute(insert(endpoint).values(**values))


async def list_endpoints(session: Session) -> Sequence[Found]:
    """
    Return this agency's endpoints, the oldest first.
    """
    query = select(endpoint).where(endpoint.c.agency_id == session.tenant, _NOT_DELETED)
    return (await session.execute(query.order_by(endpoint.c.id))).all()


async def find_endpoint(session: Session, endpoint_id: UUID) -> Found | None:
    """
    Return one of this agency's endpoints.
    """
    query = select(endpoint).where(
        endpoint.c.id == endpoint_id, endpoint.c.agency_id == session.tenant, _NOT_DELETED
    )
    return (await session.execute(query)).one_or_none()


async def disable_endpoint(session: Session, endpoint_id: UUID, reason: DisabledReason) -> bool:
    """
    Send nothing more to an endpoint.

    It returns False when there is none, or not any more.

    Deleting is allowed after the receiver said 410; nothing else overwrites a reason.
    """
    changed = await session.execute(
        update(endpoint)
        .where(
            endpoint.c.id == endpoint_id,
            endpoint.c.agency_id == session.tenant,
            _NOT_DELETED if reason is DisabledReason.DELETED else endpoint.c.disabled_at.is_(None),
        )
        .values(
            disabled_at=func.coalesce(endpoint.c.disabled_at, func.now()),
            disabled_reason=reason.value,
        )
    )
    return changed.rowcount == 1
