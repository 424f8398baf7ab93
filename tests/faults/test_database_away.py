"""
PostgreSQL stops at once, takes no more connections, or runs out of disk (fault 9, J4, J5).

Every time: 503 with Retry-After, no partial fact, and service again without a restart of ours; a history of every
client's requests is held against the tables at the end (H3).
"""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import PendingRollbackError

from app import embedded, settings
from app.embedded import places
from app.kit import db
from app.kit.db import as_agency
from app.kit.problems import passing
from app.main import create_app
from app.migrations import upgrade
from tests.api.asking import SUBMIT
from tests.builders import World, build_world
from tests.conftest import FAST

pytestmark = pytest.mark.timeout(240)


@dataclass
class History:
    """
    What the clients saw: what they sent, what was confirmed, what was refused for certain, what nobody knows.
    """

    sent: set[str] = field(default_factory=set)
    confirmed: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    odd: list[str] = field(default_factory=list)
    """Answers that are neither 201 nor 503 with Retry-After."""

    def note(self, number: str, answer: httpx.Response) -> None:
        """
        Note one answer.
        """
        self.sent.add(number)
        if answer.status_code == 201:
            self.confirmed.add(number)
        elif answer.status_code == 503 and "Retry-After" in answer.headers:
            self.unknown.add(number)
        else:
            self.odd.append(f"{number}: {answer.status_code} {answer.text[:200]}")

    def broken(self, stored: set[str], halves: int) -> list[str]:
        """
        Name every promise that was not kept.
        """
        found = {
            "confirmed and not stored": self.confirmed - stored,
            "stored and never sent": stored - self.sent,
            "stored, not confirmed, and not unknown": stored - self.confirmed - self.unknown,
        }
        said = [f"{name}: {sorted(bad)[:5]}" for name, bad in found.items() if bad]
        said += self.odd
        return said + ([f"{halves} facts stored in part"] if halves else [])


class Site:
    """
    A server of its own, an application before it, and an agency that submits.
    """

    def __init__(self, servers: embedded.Servers, world: World) -> None:
        """
        Begin with an empty history.
        """
        self.servers, self.world = servers, world
        self.history = History()
        self._count = 0

    async def submit(self, **more: Any) -> httpx.Response:
        """
        Submit one seizure and note the answer.
        """
        self._count += 1
        number = f"F-{self._count}"
        body = self.world.body(**more) | {"agency_file_number": number}
        answer = await self.world.as_("agent").post(SUBMIT, json=body)
        self.history.note(number, answer)
        return answer

    async def broken(self) -> list[str]:
        """
        Hold the history against what is stored.
        """
        # What looks on has connections of its own, and they died with the server.
        await self.world.database.dispose()
        agency = as_agency(self.world.agencies["agency"])
        async with self.world.database.reading(agency) as session:
            found = await session.execute(text("SELECT agency_file_number FROM submission"))
            stored = {row[0] for row in found}
            halves = await session.execute(
                text(
                    "SELECT count(*) FROM submission AS s"
                    " WHERE NOT EXISTS (SELECT FROM sample AS m WHERE m.submission_id = s.id)"
                    " OR NOT EXISTS (SELECT FROM event AS e WHERE e.submission_id = s.id)"
                    " OR NOT EXISTS (SELECT FROM holding AS h WHERE h.submission_id = s.id)"
                    " OR NOT EXISTS (SELECT FROM entry AS l WHERE l.submission_id = s.id)"
                )
            )
        return self.history.broken(stored, int(halves.scalar_one()))

    async def until_served(self) -> None:
        """
        Submit until one is taken again; the application is not touched.
        """
        async with asyncio.timeout(60):
            while (await self.submit()).status_code != 201:  # noqa: ASYNC110 - asks a server, has no event
                await asyncio.sleep(0.2)


@contextmanager
def own_servers(**overrides: str) -> Iterator[embedded.Servers]:
    """
    A PostgreSQL that tests may stop and fill.
    """
    folder = Path(tempfile.mkdtemp(prefix="assayline-away-"))
    folder.chmod(0o711)
    try:
        with embedded.running(
            folder / "data", valkey=False, settings_overrides=overrides
        ) as servers:
            upgrade(servers.owner_database_url)
            yield servers
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def site(servers: embedded.Servers, **more: Any) -> AsyncIterator[Site]:
    """
    Open an application and a world on these servers.
    """
    app = create_app(settings.load(**servers.as_settings(), **more))
    database = db.connect(servers.database_url, pool_size=2, overflow=2)
    async with app.router.lifespan_context(app):
        world = await build_world(app, database)
        try:
            yield Site(servers, world)
        finally:
            await world.close()
            await database.dispose()


@pytest.fixture(scope="module")
def servers_of_its_own() -> Iterator[embedded.Servers]:
    """
    A PostgreSQL with room for few connections, durable as in service: without that the history does find losses.
    """
    with own_servers(max_connections="14") as servers:
        yield servers


@pytest.fixture
def fast_server() -> Iterator[embedded.Servers]:
    """
    A PostgreSQL for the test that fills a disk and stops nothing.
    """
    with own_servers(**FAST) as servers:
        yield servers


async def test_an_immediate_stop(servers_of_its_own: embedded.Servers) -> None:
    """
    Under load the server stops as by a crash, and comes back: 503 meanwhile, then as if nothing had been.
    """
    servers = servers_of_its_own
    async with site(servers) as here:
        stop = asyncio.Event()

        async def load() -> None:
            while not stop.is_set():
                await here.submit()
                await asyncio.sleep(0)

        clients = [asyncio.create_task(load()) for _ in range(4)]
        async with asyncio.timeout(60):
            while len(here.history.confirmed) < 20:  # noqa: ASYNC110 - the load's own progress
                await asyncio.sleep(0.01)
            os.kill(int(servers.postgres.pid or 0), signal.SIGQUIT)
            while not here.history.unknown or servers.postgres.alive:  # noqa: ASYNC110 - a process's end
                await asyncio.sleep(0.01)
            read = await here.world.as_("agent").get("/v1/samples")
        assert (read.status_code, read.headers["Retry-After"]) == (503, "2")
        stop.set()
        await asyncio.gather(*clients)

        await asyncio.to_thread(servers.postgres.start)
        await here.until_served()

        assert (await here.world.as_("agent").get("/v1/samples")).status_code == 200
        assert await here.broken() == []


async def test_no_connection_left(servers_of_its_own: embedded.Servers) -> None:
    """
    Others hold every connection the server gives: 503, and service again as soon as they let go.
    """
    servers = servers_of_its_own
    async with site(servers, pool_size=2, pool_overflow=0, pool_timeout_s=0.5) as here:
        await here.submit()
        pool: Any = here.world.app.state.resources.database
        await pool.dispose()
        plain = servers.database_url.replace("+asyncpg", "")
        hoard = []
        with suppress(asyncpg.PostgresError):
            while True:
                hoard.append(await asyncpg.connect(plain))
        assert hoard

        refused = await here.submit()
        assert refused.status_code == 503
        for connection in hoard:
            await connection.close()
        await here.until_served()

        assert await here.broken() == []


async def test_a_pool_in_use(servers_of_its_own: embedded.Servers) -> None:
    """
    Two hundred at once on a pool of two: each is served or told to come again within its time-out (J5).
    """
    async with site(servers_of_its_own, pool_size=2, pool_overflow=0, pool_timeout_s=0.3) as here:
        answers = await asyncio.gather(*(here.submit() for _ in range(200)))

        statuses = {answer.status_code for answer in answers}
        assert statuses <= {201, 503}
        await here.until_served()
        assert await here.broken() == []


@contextmanager
def small_disk(servers: embedded.Servers) -> Iterator[Path]:
    """
    A tmpfs of two megabytes that the server may write to.
    """
    folder = Path(tempfile.mkdtemp(prefix="assayline-disk-"))
    folder.chmod(0o711)
    disk = folder / "disk"
    disk.mkdir()
    account = places.server_account()
    owner = f",uid={account.uid},gid={account.gid}" if account else ""
    mounted = subprocess.run(
        [
            str(shutil.which("mount")),
            "-t",
            "tmpfs",
            "-o",
            f"size=2m,mode=700{owner}",
            "tmpfs",
            str(disk),
        ],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("mounting a tmpfs is not allowed here")
    try:
        yield disk
    finally:
        servers.postgres.stop()
        subprocess.run([str(shutil.which("umount")), str(disk)], check=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small tmpfs")
async def test_a_full_disk(fast_server: embedded.Servers) -> None:
    """
    The disk of one table fills up: 503 and not half a fact; with room again it goes on by itself.
    """
    servers = fast_server
    with small_disk(servers) as disk:
        async with site(servers) as here:
            await _put_on(servers, disk)
            filler = disk / "filler"
            with filler.open("wb", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(b"x" * 4096)
            long = [{"exhibit_number": str(n), "description": "x" * 1500} for n in range(40)]
            async with asyncio.timeout(60):
                while (await here.submit(samples=long)).status_code == 201:
                    pass

            assert here.history.unknown
            assert here.history.odd == []
            read = await here.world.as_("agent").get("/v1/samples")
            assert read.status_code == 200
            filler.unlink()
            await here.until_served()

            assert await here.broken() == []


async def _put_on(servers: embedded.Servers, disk: Path) -> None:
    url = servers.admin_database_url.replace("+asyncpg", "").rpartition("/")[0] + "/assayline"
    connection = await asyncpg.connect(url)
    await connection.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
    await connection.execute("ALTER TABLE sample SET TABLESPACE small")
    await connection.close()


@pytest.mark.parametrize(
    ("stored", "halves", "odd", "said"),
    [
        ({"F-2"}, 0, [], "confirmed and not stored"),
        ({"F-1", "F-2", "F-9"}, 0, [], "stored and never sent"),
        ({"F-1", "F-2", "F-3"}, 0, [], "stored, not confirmed"),
        ({"F-1", "F-2"}, 1, [], "stored in part"),
        ({"F-1", "F-2"}, 0, ["F-3: 500"], "500"),
    ],
)
def test_what_is_broken_is_seen(stored: set[str], halves: int, odd: list[str], said: str) -> None:
    """
    Negative control: a lost, an invented, a falsely refused, a half-stored fact and a plain failure are each seen (H6).
    """
    history = History(sent={"F-1", "F-2", "F-3"}, confirmed={"F-1"}, unknown={"F-2"}, odd=odd)

    assert said in " ".join(history.broken(stored, halves))


async def test_an_answer_before_the_commit_is_seen(
    servers_of_its_own: embedded.Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Negative control: an API that confirms and then does not commit is found out by the same history (H6).
    """
    async with site(servers_of_its_own) as here:
        await here.submit()
        monkeypatch.setattr(db, "COMMIT", "ROLLBACK")
        monkeypatch.setattr(db, "COMMITTED", "ROLLBACK")
        await here.submit()
        monkeypatch.undo()

        assert "confirmed and not stored" in " ".join(await here.broken())


def test_a_statement_after_the_one_that_died_passes_too() -> None:
    """
    What SQLAlchemy says to a further statement on a dead connection answers 503, as the first one does.
    """
    assert passing(
        PendingRollbackError("Can't reconnect until invalid transaction is rolled back.")
    )
    assert not passing(ValueError())
