"""
The one statement that changes a status.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, select, text

from app.kit import rows
from app.kit.db import Session
from app.samples.models import assessment, sample
from app.samples.rules import Act, moves_of


@lru_cache
def _statement(act: Act, *, rekeyed: bool) -> TextClause:
    moves = moves_of(act)
    targets = " ".join(f"WHEN '{move.source}' THEN '{move.target}'" for move in moves)
    sources = ", ".join(f"'{move.source}'" for move in moves)
    stamps = {move.stamps for move in moves if move.stamps}
    stamped = "".join(f", {column} = :now" for column in sorted(stamps))
    key = ", rank_key = :rank_key, assessment_id = :assessment_id" if rekeyed else ""
    return text(
        f"""
        WITH before AS MATERIALIZED (
            SELECT id, status FROM sample WHERE id = ANY (:ids) AND status IN ({sources}) FOR UPDATE)
        UPDATE sample SET status = CASE before.status {targets} END,
               version = version + 1, updated_at = :now{stamped}{key}
        FROM before
        WHERE sample.id = before.id AND sample.status IN ({sources})
        RETURNING sample.*, before.status AS from_status
        """  # noqa: S608 - put together from the table of moves only
    )


async def carry_out(
    session: Session,
    *,
    act: Act,
    sample_ids: Sequence[UUID],
    rank_key: int | None = None,
    assessment_id: UUID | None = None,
) -> Sequence[Row[Any]]:
    """
    Move these samples, each from whatever allowed status it is in now; return those that moved.

    Args:
        session: the open transaction.
        act: what happens; ``MOVES`` says from where to where.
        sample_ids: whom it happens to.
        rank_key: the key of the next stage, where the move queues for one.
        assessment_id: what that key was computed by.

    """
    values: dict[str, Any] = {"ids": list(sample_ids), "now": session.now}
    rekeyed = rank_key is not None
    if rekeyed:
        values |= {"rank_key": rank_key, "assessment_id": assessment_id}
    return (await session.execute(_statement(act, rekeyed=rekeyed), values)).all()


async def status(session: Session, sample_id: UUID) -> str | None:
    """
    Return a sample's present status, or None when it is not there for this caller.
    """
    return (
        await session.execute(select(sample.c.status).where(sample.c.id == sample_id))
    ).scalar_one_or_none()


async def add_assessment(session: Session, row: rows.Row) -> None:
    """
    Store one more assessment; earlier ones stay.
    """
    await rows.insert(session, {assessment: [row]})
