"""
Writing many rows, of several tables, in one round trip.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row as SqlRow
from sqlalchemy import Table, TextClause, text

from app.kit.db import Session

Row = Mapping[str, Any]


def mapping(row: SqlRow[Any]) -> Mapping[str, Any]:
    """
    Return a result row by its columns' names.
    """
    return {str(name): value for name, value in row._mapping.items()}  # noqa: SLF001 - SQLAlchemy's public name


def _plain(value: object) -> str:
    match value:
        case UUID():
            return str(value)
        case datetime() | date():
            return value.isoformat()
        case bytes():
            return "\\x" + value.hex()
    message = f"cannot write a {type(value).__name__} into a row"
    raise TypeError(message)


def to_json(value: object) -> str:
    """
    Write a value as PostgreSQL's ``jsonb`` reads it; ids, instants and bytes included.

    Raises:
        ValueError: for NaN and infinities, which JSON has no words for.

    """
    return json.dumps(
        value, default=_plain, allow_nan=False, ensure_ascii=False, separators=(",", ":")
    )


@lru_cache(maxsize=256)
def _statement(names: tuple[str, ...], returning: str, conflict: str) -> TextClause:
    # The composite type of each table names its columns, so no column list can go stale.
    parts = [
        f"INSERT INTO {name} SELECT r.*"  # noqa: S608 - names come from Table objects only
        f" FROM jsonb_populate_recordset(NULL::{name}, :{name}) AS r"
        for name in names
    ]
    parts[-1] += (f" ON CONFLICT {conflict} DO NOTHING" if conflict else "") + (
        f" RETURNING {returning}" if returning else ""
    )
    before = ", ".join(f"w{number} AS ({part})" for number, part in enumerate(parts[:-1]))
    return text((f"WITH {before} " if before else "") + parts[-1])


async def insert(
    session: Session,
    rows: Mapping[Table, Sequence[Row]],
    *,
    returning: str = "",
    on_conflict: str = "",
) -> Sequence[Any]:
    """
    Insert the rows of each table in one statement, in one round trip.

    Args:
        session: the open transaction.
        rows: for each table its rows, as mappings of column to value; absent columns become NULL.
        returning: columns of the LAST table to return, as SQL.
        on_conflict: columns, in parentheses, whose conflict in the LAST table skips the row instead of raising.

    """
    filled = {table: some for table, some in rows.items() if some}
    if not filled:
        return []
    statement = _statement(tuple(table.name for table in filled), returning, on_conflict)
    result = await session.execute(
        statement, {table.name: to_json(some) for table, some in filled.items()}
    )
    return result.all() if returning else []
