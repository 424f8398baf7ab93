"""
What the tests of tenancy share: what a context sees, and what it is denied.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from app import tables
from app.kit.db import Context, Database, as_agency

TABLES = sorted(tables.metadata.tables)

SEES = text("SELECT count(*) FROM sample")


async def seen(database: Database, agency_id: UUID) -> int:
    """
    Count the samples an agency sees.
    """
    async with database.reading(as_agency(agency_id)) as session:
        return int((await session.execute(SEES)).scalar_one())


async def readable(connection: AsyncConnection, table: str) -> list[Mapping[str, Any]]:
    """
    Return the rows of a table that this connection may read; none when it may not read it at all.
    """
    try:
        async with connection.begin_nested():
            found = await connection.execute(text(all_of(table)))
            return [{str(k): v for k, v in row.items()} for row in found.mappings()]
    except ProgrammingError as problem:
        if "permission denied" not in str(problem):
            raise
        return []


def all_of(table: str) -> str:
    """
    Ask for all of a table.
    """
    return f"SELECT * FROM {table}"


async def denied(database: Database, statement: str, context: Context | None = None) -> bool:
    """
    Say whether PostgreSQL refuses this statement for lack of a privilege.
    """
    try:
        if context is None:
            async with database.engine.execution_options(
                isolation_level="READ COMMITTED"
            ).connect() as connection:
                await connection.execute(text(statement))
        else:
            async with database.reading(context) as session:
                await session.execute(text(statement))
    except ProgrammingError as problem:
        return "permission denied" in str(problem)
    return False
