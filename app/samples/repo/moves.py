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
from app.samples.rules import Act, Move, moves_of


@lru_cache
def _statement(act: Act, *, rekeyed: bool, versioned: bool) -> TextClause:
    moves = moves_of(act)
    returns = any(move.came_from and not move.remembers for move in moves)
    targets = " ".join(f"WHEN {_meets(move, 'before')} THEN '{move.target}'" for move in moves)
    allowed = " OR ".join(dict.fromkeys(_meets(move, "sample") for move in moves))
    stamps = {move.stamps for move in moves if move.stamps}
    sets = "".join(f", {column} = :now" for column in sorted(stamps))
    if rekeyed:
        sets += ", rank_key = :rank_key, assessment_id = :assessment_id"
    if any(move.remembers for move in moves):
        backs = " ".join(f"WHEN {_meets(move, 'before')} THEN '{move.remembers}'" for move in moves)
        sets += f", resumes_to = CASE {backs} END, halt_id = :halt_id"
    if returns:
        sets += ", resumes_to = NULL, halt_id = NULL"
    held = " AND sample.version = :version" if versioned else ""
    return text(
        f"""
        WITH before AS MATERIALIZED (
            SELECT id, status, resumes_to FROM sample
            WHERE id = ANY (:ids) AND ({allowed}){held} FOR UPDATE)
        UPDATE sample SET status = CASE {targets} END, version = version + 1, updated_at = :now{sets}
        FROM before
        WHERE sample.id = before.id AND ({allowed}){held}
        RETURNING sample.*, before.status AS from_status
        """  # noqa: S608 - put together from the table of moves only
    )


def _meets(move: Move, table: str) -> str:
    condition = f"{table}.status = '{move.source}'"
    return (
        f"({condition} AND {table}.resumes_to = '{move.came_from}')"
        if move.came_from
        else condition
    )


async def carry_out(
    session: Session,
    *,
    act: Act,
    sample_ids: Sequence[UUID],
    rank_key: int | None = None,
    assessment_id: UUID | None = None,
    version: int | None = None,
    halt_id: UUID | None = None,
) -> Sequence[Row[Any]]:
    """
    Move these samples, each from whatever allowed status it is in now; return those that moved.

    Args:
        session: the open transaction.
        act: what happens; ``MOVES`` says from where to where.
        sample_ids: whom it happens to.
        rank_key: the key of the next stage, where the move queues for one.
        assessment_id: what that key was computed by.
        version: the version it must still have, where the caller named one.
        halt_id: why it is taken out of its course, where it is.

    """
    values: dict[str, Any] = {"ids": list(sample_ids), "now": session.now}
    rekeyed = rank_key is not None
    if rekeyed:
        values |= {"rank_key": rank_key, "assessment_id": assessment_id}
    if version is not None:
        values["version"] = version
    if any(move.remembers for move in moves_of(act)):
        values["halt_id"] = halt_id
    statement = _statement(act, rekeyed=rekeyed, versioned=version is not None)
    return (await session.execute(statement, values)).all()


async def standing(session: Session, sample_id: UUID) -> Row[Any] | None:
    """
    Return a sample's present status and version, or None when it is not there for this caller.
    """
    c = sample.c
    query = select(c.status, c.version, c.resumes_to).where(c.id == sample_id)
    return (await session.execute(query)).one_or_none()


async def add_assessments(session: Session, fresh: Sequence[rows.Row]) -> None:
    """
    Store more assessments; earlier ones stay.
    """
    await rows.insert(session, {assessment: fresh})
