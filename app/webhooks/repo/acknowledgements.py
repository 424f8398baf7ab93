"""
Corrections that wait for somebody to acknowledge them.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, select, text

from app.kit import rows
from app.kit.db import DbRole, Session
from app.webhooks.models import acknowledgement, event

Found = Row[Any]


def _with_event() -> Select[Any]:
    return select(
        acknowledgement,
        event.c.type,
        event.c.submission_id,
        event.c.sample_id,
        event.c.sequence,
        event.c.occurred_at,
        event.c.body,
    ).join(event, event.c.id == acknowledgement.c.event_id)


async def open_all(session: Session, opened: Sequence[rows.Row]) -> None:
    """
    Open these.
    """
    await rows.insert(session, {acknowledgement: opened})


async def find(session: Session, event_id: UUID) -> Found | None:
    """
    Return the acknowledgement this agency owes, or gave, for one of its events.
    """
    query = _with_event().where(
        acknowledgement.c.event_id == event_id, acknowledgement.c.agency_id == session.tenant
    )
    return (await session.execute(query)).one_or_none()


async def list_open(session: Session, *, after: UUID | None, limit: int) -> Sequence[Found]:
    """
    Return what is open, the oldest first: this agency's own, or all of this laboratory's.
    """
    c = acknowledgement.c
    mine = c.laboratory_id if session.context.role is DbRole.LAB else c.agency_id
    query = _with_event().where(mine == session.tenant, c.acknowledged_at.is_(None))
    if after is not None:
        query = query.where(c.event_id > after)
    return (await session.execute(query.order_by(c.event_id).limit(limit))).all()


async def count_open(session: Session) -> int:
    """
    Count what this agency has not acknowledged.
    """
    query = select(func.count()).where(
        acknowledgement.c.agency_id == session.tenant, acknowledgement.c.acknowledged_at.is_(None)
    )
    return int((await session.execute(query)).scalar_one())


# Whoever is first stands: the state is asked for again in the statement itself.
_GIVE = text(
    """
    UPDATE acknowledgement
    SET acknowledged_at = :at, acknowledged_by = :by, acknowledged_name = :name, action = :action,
        remind_at = NULL
    WHERE event_id = :event_id AND acknowledged_at IS NULL
    RETURNING event_id
    """
)


async def give(session: Session, event_id: UUID, *, by: UUID, name: str, action: str) -> bool:
    """
    Acknowledge.

    It returns False when somebody was first.
    """
    values = {"event_id": event_id, "at": session.now, "by": by, "name": name, "action": action}
    return (await session.execute(_GIVE, values)).one_or_none() is not None


async def due(session: Session, *, limit: int) -> Sequence[Found]:
    """
    Return which laboratory has to remind of which event now, as the worker may see it.
    """
    c = acknowledgement.c
    query = select(c.event_id, c.laboratory_id).where(
        c.acknowledged_at.is_(None), c.remind_at <= func.now()
    )
    return (await session.execute(query.order_by(c.remind_at).limit(limit))).all()


_REMIND = text(
    """
    UPDATE acknowledgement AS a
    SET reminders = a.reminders + 1,
        remind_at = now() + make_interval(secs => (CAST(:waits AS float8[]))
                                                  [least(a.reminders + 2, cardinality(:waits))])
    FROM event AS e
    WHERE a.event_id = ANY (:event_ids) AND e.id = a.event_id
      AND a.acknowledged_at IS NULL AND a.remind_at <= now()
    RETURNING a.event_id, a.agency_id, a.laboratory_id, a.reminders, a.opened_at,
              e.submission_id, e.sample_id, e.sequence, e.type
    """
)


async def remind(
    session: Session, event_ids: Sequence[UUID], waits: Sequence[timedelta]
) -> Sequence[Found]:
    """
    Count a reminder of each that is still open and still due, and return those.
    """
    values = {"event_ids": list(event_ids), "waits": [one.total_seconds() for one in waits]}
    return (await session.execute(_REMIND, values)).all()
