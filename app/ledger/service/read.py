"""
Hands the record out by number, and says how far numbering is behind.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select

from app.kit.db import Session
from app.ledger.models import feed, pending


async def feed_page(
    session: Session, *, agency_id: UUID, after: int, limit: int
) -> list[tuple[int, UUID]]:
    """
    Return the next events of an agency's feed, as position and event id, after a position.

    Positions are given under the head's lock and seen only once it is released, so nothing ever
    appears at or before a position that was already handed out. They count one agency's own
    events: they tell nobody how much others do. A position may be skipped; that means nothing.
    """
    found = await session.execute(
        select(feed.c.position, feed.c.event_id)
        .where(feed.c.agency_id == agency_id, feed.c.position > after)
        .order_by(feed.c.position)
        .limit(limit)
    )
    return [(row.position, row.event_id) for row in found]


async def feed_top(session: Session, *, agency_id: UUID) -> int:
    """
    Return the last position of an agency's feed: one look into its index.
    """
    found = await session.execute(
        select(feed.c.position)
        .where(feed.c.agency_id == agency_id)
        .order_by(feed.c.position.desc())
        .limit(1)
    )
    return found.scalar_one_or_none() or 0


async def oldest_pending_age(session: Session) -> timedelta | None:
    """
    Return how long the oldest entry has waited for its number; None when none waits.

    Asked as operator or worker; more than five seconds is an alarm.
    """
    age = await session.execute(select(func.now() - func.min(pending.c.waiting_since)))
    found: timedelta | None = age.scalar_one()
    return found
