"""
Statements on a laboratory's own techniques and methods.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Table, func, select

from app.kit import rows
from app.kit.db import Session
from app.results.models import method, own_technique


async def techniques(session: Session) -> Sequence[Row[Any]]:
    """
    Return every version of the laboratory's own techniques, oldest first.
    """
    statement = select(own_technique).order_by(own_technique.c.code, own_technique.c.version)
    return (await session.execute(statement)).all()


async def methods(session: Session) -> Sequence[Row[Any]]:
    """
    Return every version of the laboratory's methods, oldest first.
    """
    return (await session.execute(select(method).order_by(method.c.code, method.c.version))).all()


async def next_version(session: Session, table: Table, code: str) -> int:
    """
    Return the version that a new entry of this code gets.
    """
    newest = select(func.coalesce(func.max(table.c.version), 0)).where(table.c.code == code)
    return int((await session.execute(newest)).scalar_one()) + 1


async def add(session: Session, table: Table, row: rows.Row) -> bool:
    """
    Insert one version, unless somebody else has just written it.
    """
    written = await rows.insert(
        session, {table: [row]}, returning="version", on_conflict="(laboratory_id, code, version)"
    )
    return bool(written)
