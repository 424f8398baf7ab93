"""
Statements on promises.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, update

from app.clocks.models import promise
from app.kit import rows
from app.kit.db import Session


async def add(session: Session, promises: Sequence[rows.Row]) -> None:
    """
    Insert promises.
    """
    await rows.insert(session, {promise: promises})


async def open_of(session: Session, sample_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """
    Return the open promises of these samples, locked until the commit.
    """
    statement = (
        select(promise)
        .where(promise.c.sample_id.in_(sample_ids), promise.c.ended_at.is_(None))
        .with_for_update()
    )
    return (await session.execute(statement)).all()


async def change(session: Session, promise_id: UUID, values: dict[str, Any]) -> None:
    """
    Pause, resume or end one promise.
    """
    await session.execute(update(promise).where(promise.c.id == promise_id).values(values))


async def of_sample(session: Session, sample_id: UUID) -> Sequence[Row[Any]]:
    """
    Return a sample's promises that this caller may see, first to last.
    """
    statement = (
        select(promise)
        .where(promise.c.sample_id == sample_id)
        .order_by(promise.c.started_at, promise.c.clock)
    )
    return (await session.execute(statement)).all()


async def open_ones(session: Session, *, limit: int) -> Sequence[Row[Any]]:
    """
    Return this laboratory's open promises, the longest overdue first, then the next to fall due.
    """
    statement = (
        select(promise)
        .where(
            promise.c.laboratory_id == session.tenant,
            promise.c.ended_at.is_(None),
            promise.c.paused_at.is_(None),
        )
        .order_by(promise.c.promised_by)
        .limit(limit)
    )
    return (await session.execute(statement)).all()


async def due(session: Session, *, limit: int) -> Sequence[Row[Any]]:
    """
    Return what fell due and was not told yet, as ids only, for the worker.
    """
    c = promise.c
    statement = (
        select(c.id, c.laboratory_id)
        .where(
            c.promised_by <= session.now,
            c.ended_at.is_(None),
            c.paused_at.is_(None),
            c.raised_at.is_(None),
        )
        .order_by(c.promised_by)
        .limit(limit)
    )
    return (await session.execute(statement)).all()


async def mark_raised(session: Session, promise_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """
    Mark as told those that are still open and untold, and return them: each is told once.
    """
    c = promise.c
    statement = (
        update(promise)
        .where(
            c.id.in_(promise_ids),
            c.promised_by <= session.now,
            c.ended_at.is_(None),
            c.paused_at.is_(None),
            c.raised_at.is_(None),
        )
        .values(raised_at=session.now)
        .returning(promise)
    )
    return (await session.execute(statement)).all()
