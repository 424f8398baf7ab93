"""
Statements that take a sample out of the queue and put it back, and the record of why.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from app.kit import rows
from app.kit.db import DbRole, Session
from app.samples.models import claim, halt, queue_task, sample
from app.samples.rules import Stage


async def add(session: Session, row: rows.Row) -> None:
    """
    Store one halt.
    """
    await rows.insert(session, {halt: [row]})


async def find(session: Session, halt_id: UUID) -> Row[Any] | None:
    """
    Return one halt, or None when it is not there for this caller.
    """
    return (await session.execute(select(halt).where(halt.c.id == halt_id))).one_or_none()


async def laboratory_of(session: Session, sample_id: UUID) -> UUID | None:
    """
    Return whose queue a sample stands in, or None when this caller has no say in it: a mere follower has none.
    """
    c = sample.c
    whose = c.laboratory_id if session.context.role is DbRole.LAB else c.agency_id
    query = select(c.laboratory_id).where(c.id == sample_id, whose == session.tenant)
    return (await session.execute(query)).scalar_one_or_none()


async def take_out(session: Session, sample_id: UUID) -> Row[Any] | None:
    """
    Take a sample out of the laboratory's queue; return its claim and who holds it.

    It comes before the move itself: everybody locks the queue's row first and the sample second.
    """
    c = queue_task.c
    statement = delete(queue_task).where(c.sample_id == sample_id)
    return (await session.execute(statement.returning(c.claim_id, c.holder))).one_or_none()


async def put_in(session: Session, *, moved: rows.Row, stage: Stage, aged_from: Any) -> None:
    """
    Put a sample back into the queue at its old place; its token goes on counting, so that an old one stays stale.
    """
    last = select(func.coalesce(func.max(claim.c.token), 0)).where(claim.c.sample_id == moved["id"])
    values = select(
        literal(moved["id"]),
        literal(moved["laboratory_id"]),
        literal(stage.value),
        literal(moved["rank_key"], queue_task.c.rank_key.type),
        literal(aged_from, queue_task.c.aged_from.type),
        last.scalar_subquery(),
    )
    columns = ["sample_id", "laboratory_id", "stage", "rank_key", "aged_from", "token"]
    await session.execute(insert(queue_task).from_select(columns, values))
