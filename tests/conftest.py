"""
One real PostgreSQL per test process, migrated once; a world of its own for each test.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from app import embedded, settings
from app.kit import db
from app.main import create_app
from app.migrations import upgrade
from app.settings import Settings
from tests.builders import World, build_world

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""What a crash would lose does not matter to a test database; the durability tests start servers of their own."""


@pytest.fixture(scope="session")
def servers() -> Iterator[embedded.Servers]:
    """
    A private PostgreSQL with the schema applied, and a private Valkey.
    """
    folder = Path(tempfile.mkdtemp(prefix="assayline-tests-"))
    folder.chmod(0o711)
    try:
        with embedded.running(folder / "data", settings_overrides=FAST) as running:
            asyncio.run(asyncio.to_thread(upgrade, running.owner_database_url))
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def config(servers: embedded.Servers) -> Settings:
    """
    Settings for these servers.
    """
    return settings.load(**servers.as_settings(), practice_clock=True)


@pytest.fixture(scope="session")
async def database(config: Settings) -> AsyncIterator[db.Database]:
    """
    The API's login.
    """
    database = db.connect(str(config.database_url), pool_size=10, overflow=20)
    yield database
    await database.dispose()


@pytest.fixture(scope="session")
async def worker_database(config: Settings) -> AsyncIterator[db.Database]:
    """
    The worker's login.
    """
    database = db.connect(str(config.worker_database_url), pool_size=10, overflow=20)
    yield database
    await database.dispose()


@pytest.fixture(scope="session")
async def application(config: Settings) -> AsyncIterator[FastAPI]:
    """
    The application, started.
    """
    app = create_app(config)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def world(application: FastAPI, database: db.Database) -> AsyncIterator[World]:
    """
    Two laboratories, two agencies and their people, all new.
    """
    world = await build_world(application, database)
    yield world
    await world.close()
