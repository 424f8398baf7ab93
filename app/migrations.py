"""
Bringing the schema up to date as the owner, and telling whether it is.
"""

from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

import app
from alembic import command
from app.kit import db


class SchemaError(Exception):
    """
    The database is not at the schema this program needs; the message names the remedy.
    """


def configuration(owner_url: str) -> Config:
    """
    Build Alembic's configuration for one database.
    """
    config = Config(toml_file=Path(app.__file__).parents[1] / "pyproject.toml")
    config.attributes["url"] = owner_url
    return config


def upgrade(owner_url: str) -> None:
    """
    Apply every migration that is missing. Must not be called inside a running event loop.
    """
    command.upgrade(configuration(owner_url), "head")


def newest() -> str | None:
    """
    Return the revision this program was written for.
    """
    return ScriptDirectory.from_config(configuration("")).get_current_head()


async def check(url: str, context: db.Context) -> None:
    """
    Refuse a database whose schema is missing or of another revision.

    Args:
        url: The serving process's own login.
        context: The role that login starts in.

    Raises:
        SchemaError: Naming the remedy.
    """
    database = db.connect(url, pool_size=1, overflow=0, application="assayline-check")
    try:
        async with database.reading(context) as session:
            made = text("SELECT to_regclass('alembic_version') IS NOT NULL")
            if not (await session.execute(made)).scalar_one():
                raise SchemaError("the database has no schema yet: run `assayline migrate`")
            row = await session.execute(text("SELECT version_num FROM alembic_version"))
            found = row.scalar_one_or_none()
    finally:
        await database.dispose()
    wanted = newest()
    if found != wanted:
        raise SchemaError(
            f"the schema is at revision {found}, this program needs {wanted}:"
            " run `assayline migrate`, or the program that belongs to the schema"
        )
