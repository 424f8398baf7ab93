"""
Every statement on endpoints.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select, text, update

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


async def change_endpoint(session: Session, endpoint_id: UUID, values: Mapping[str, Any]) -> bool:
    """
    Change one of this agency's endpoints, and return whether there was one.
    """
    changed = await session.execute(
        update(endpoint)
        .where(endpoint.c.id == endpoint_id, endpoint.c.agency_id == session.tenant, _NOT_DELETED)
        .values(**values)
    )
    return changed.rowcount == 1


async def verify_endpoint(session: Session, endpoint_id: UUID, proof: bytes) -> bool:
    """
    Note that an endpoint is proved, if this is the proof of its present challenge.
    """
    changed = await session.execute(
        update(endpoint)
        .where(
            endpoint.c.id == endpoint_id,
            endpoint.c.agency_id == session.tenant,
            endpoint.c.challenge_sha256 == proof,
            endpoint.c.disabled_at.is_(None),
        )
        .values(
            verified_at=func.coalesce(endpoint.c.verified_at, func.now()),
            failures=0,
            held_until=None,
        )
    )
    return changed.rowcount == 1


async def stuck(session: Session) -> Sequence[Found]:
    """
    Return, per endpoint of every agency, what has not arrived there: metadata only, as the operator.
    """
    return (await session.execute(_STUCK)).all()


_STUCK = text(
    """
    SELECT p.id, p.agency_id, p.url, p.disabled_reason, p.verified_at, p.held_until, p.failures,
           x.exhausted, o.pending, least(o.oldest, x.oldest) AS oldest
    FROM endpoint AS p
    CROSS JOIN LATERAL (
        SELECT count(*) AS pending, min(d.created_at) AS oldest FROM delivery AS d
        WHERE d.endpoint_id = p.id AND d.settled_at IS NULL
    ) AS o
    CROSS JOIN LATERAL (
        SELECT count(*) AS exhausted, min(d.created_at) AS oldest FROM delivery AS d
        WHERE d.endpoint_id = p.id AND d.state = 'exhausted'
    ) AS x
    WHERE p.disabled_reason IS DISTINCT FROM 'deleted'
    ORDER BY x.exhausted DESC, o.pending DESC, p.id
    """
)
