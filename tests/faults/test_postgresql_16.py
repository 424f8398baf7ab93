"""
The whole main job on the oldest PostgreSQL at hand; every other test runs on 18.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app import embedded, settings
from app.kit import db
from app.ledger import service as ledger
from app.main import create_app
from app.migrations import upgrade
from tests.builders import build_world


@pytest.fixture
def servers() -> Iterator[embedded.Servers]:
    """
    A private PostgreSQL 16 with the schema applied, and no doorbell at all.
    """
    folder = Path(tempfile.mkdtemp(prefix="assayline-16-"))
    folder.chmod(0o711)
    try:
        with embedded.running(folder / "data", postgres_version=16, valkey=False) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def test_the_main_job_runs_on_postgresql_16(servers: embedded.Servers) -> None:
    """
    Submitted, screened, released, confirmed, reviewed, reported, numbered and verified.
    """
    await asyncio.to_thread(upgrade, servers.owner_database_url)
    database = db.connect(servers.database_url)
    worker = db.connect(servers.worker_database_url)
    app = create_app(settings.load(**servers.as_settings()))
    async with app.router.lifespan_context(app):
        world = await build_world(app, database)

        report = await world.reported(await world.received())
        await ledger.number_pending(worker)
        events = (await world.as_("agent").get("/v1/events")).json()["items"]

        await world.close()
    async with database.reading(db.OPERATOR) as session:
        version = (await session.execute(text("SHOW server_version_num"))).scalar_one()
    verdict = await ledger.verify(database)
    await database.dispose()
    await worker.dispose()
    assert version.startswith("16")
    assert report["kind"] == "final"
    assert [event["type"] for event in events] == [
        "submission.accepted",
        "sample.received",
        "finding.presumptive",
        "report.released",
    ]
    assert verdict.good
