"""
Statements on who holds what.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, exists, select, update

from app.custody.models import holding
from app.kit import rows
from app.kit.db import Session


async def add(session: Session, held: Sequence[rows.Row]) -> None:
    """
    Insert holdings.
    """
    await rows.insert(session, {holding: held})


async def end(session: Session, sample_ids: Sequence[UUID]) -> Sequence[UUID]:
    """
    End the present holding of these samples and return whose were ended.
    """
    statement = (
        update(holding)
        .where(holding.c.sample_id.in_(sample_ids), holding.c.until.is_(None))
        .values(until=session.now)
        .returning(holding.c.sample_id)
    )
    return (await session.execute(statement)).scalars().all()


def in_hand(sample_id: ColumnElement[UUID], client_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """
    Return the condition that this person holds this sample now.
    """
    c = holding.c
    return exists().where(
        c.sample_id == sample_id, c.holder_client_id == client_id, c.until.is_(None)
    )


async def history(session: Session, sample_id: UUID) -> Sequence[Row[Any]]:
    """
    Return a sample's holdings, first to last.
    """
    statement = select(holding).where(holding.c.sample_id == sample_id).order_by(holding.c.since)
    return (await session.execute(statement)).all()
