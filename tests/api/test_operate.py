"""
What operators read: liveness, readiness, figures and logs (I7, I8, I9).
"""

import asyncio
import contextlib
import json
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest
import structlog
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from app import embedded, nudge, settings
from app.access import service as access
from app.access.rules import ClientKind, Role
from app.kit import db, figures, ids
from app.kit import metrics as counted
from app.kit.db import OPERATOR, Database
from app.main import create_app
from app.migrations import upgrade
from app.settings import Settings
from tests.api.asking import SUBMIT
from tests.builders import World
from tests.ports import free_port
from workers.telling import telling

BOUNDED = {
    "operation",
    "status",
    "reason",
    "outcome",
    "what",
    "stage",
    "table",
    "le",
}
"""Every label there may be; none of them names an agency, a sample or a person."""

IDS = re.compile(r"[a-z]{3}_[0-9a-z]{26}|[0-9a-f]{8}-[0-9a-f]{4}-|F-[0-9a-f]{6}")

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def monitor(world: World) -> httpx.AsyncClient:
    """
    Return a program that may read the figures and nothing else.
    """
    async with world.database.transaction(OPERATOR) as session:
        client_id = await access.create_client(
            session,
            agency_id=world.agencies["laboratory"],
            name="prometheus",
            kind=ClientKind.SYSTEM,
            roles=[Role.MONITOR],
        )
        world.keys["monitor"] = await access.create_key(session, client_id=client_id)
    return world.as_("monitor")


async def scrape(client: httpx.AsyncClient) -> Figures:
    """
    Read and parse the figures.
    """
    answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(found: Figures, name: str, **labels: str) -> float:
    """
    Return one figure.
    """
    return found[name, frozenset(labels.items())]


class TestMetrics:
    """
    What is counted, in Prometheus' form (I7).
    """

    async def test_labels_are_bounded_and_name_nobody(self, world: World) -> None:
        """
        The scrape parses; its labels are the listed ones, and no id or file number is among their values.
        """
        await world.submit()
        await world.as_("agent").get("/v1/samples/smp_whatever%0Ainjected")
        await world.as_("agent").get("/nothing/like/this")

        found = await scrape(await monitor(world))

        assert {label for _, labels in found for label, _ in labels} <= BOUNDED | {"quantile"}
        assert not [one for _, labels in found for _, one in labels if IDS.search(one)]
        assert value(found, "assayline_database_up") == 1
        assert all(name.startswith(("assayline_", "process_")) for name, _ in found)

    def test_an_id_as_a_label_is_seen(self) -> None:
        """
        Negative control: the pattern above knows our ids and file numbers (H6).
        """
        assert IDS.search("smp_01h455vb4pex5vsknk084sn02q")
        assert IDS.search("F-0123456789ab")

    async def test_events_are_counted(self, world: World) -> None:
        """
        A denial, a missing key, a stored answer, a replay, a reused key and a double each move their counter by one.
        """
        client = await monitor(world)
        agent = world.as_("agent")
        key = {"Idempotency-Key": "counted"}
        before = await scrape(client)

        await world.as_("technician").post(SUBMIT, json=world.body())
        await agent.get("/v1/samples", headers={"Authorization": "none"})
        body = world.body()
        for sent in (body, body, world.body()):
            await agent.post(SUBMIT, json=sent, headers=key)
        await agent.post(SUBMIT, json=body)

        after = await scrape(client)
        moved = {
            "forbidden": ("assayline_authz_denials_total", {"reason": "forbidden"}),
            "no_key": ("assayline_authz_denials_total", {"reason": "no_key"}),
            "stored": ("assayline_idempotency_total", {"outcome": "stored"}),
            "replayed": ("assayline_idempotency_total", {"outcome": "replayed"}),
            "reused": ("assayline_idempotency_total", {"outcome": "reused"}),
            "double": ("assayline_doubles_refused_total", {}),
        }
        for what, (name, labels) in moved.items():
            assert value(after, name, **labels) - value(before, name, **labels) == 1, what

    async def test_a_fenced_write_is_counted(self, world: World) -> None:
        """
        Work under a claim that is over is refused, and counted (C4).
        """
        client = await monitor(world)
        before = await scrape(client)
        claim = await world.claim(sample_id=await world.received())
        await world.as_("technician").delete(
            f"/v1/lab/claims/{claim['id']}",
            params={"reason": "no time"},
            headers={"If-Match": f'"{claim["token"]}"'},
        )

        refused = await world.conclude(claim, "presumptive", [ids.write("ana", ids.new())])

        after = await scrape(client)
        name = "assayline_fenced_writes_total"
        assert refused.status_code == 412
        assert value(after, name, what="claim") - value(before, name, what="claim") == 1

    async def test_what_waits_is_told(self, world: World) -> None:
        """
        A push that is owed and a sample that waits are in the figures, with the age of the oldest.
        """
        client = await monitor(world)
        before = await scrape(client)
        made = await world.as_("agent").post(
            "/v1/webhooks", json={"url": "https://receiver.example/figures"}
        )
        assert made.status_code == 201, made.text
        await world.received()

        after = await scrape(client)

        def rose(name: str, **labels: str) -> float:
            return value(after, name, **labels) - before.get((name, frozenset(labels.items())), 0)

        assert rose("assayline_deliveries_pending") >= 1
        assert rose("assayline_samples_waiting", stage="screen") == 1
        assert value(after, "assayline_oldest_undelivered_seconds") >= 0
        assert value(after, "assayline_ledger_pending") >= 2

    async def test_the_function_tells_numbers_only(self, world: World, database: Database) -> None:
        """
        Every figure the database tells has its gauge, and every gauge is told; agencies may not ask at all.
        """
        await world.received()
        async with database.reading(OPERATOR) as session:
            told = (await session.execute(text("SELECT name, label, value FROM figures()"))).all()

        assert {row.name for row in told} <= set(figures.FIGURES)
        assert set(figures.FIGURES) - {"samples_held", "dead_rows"} <= {row.name for row in told}
        for context in (
            db.as_agency(world.agencies["agency"]),
            db.as_laboratory(world.agencies["laboratory"]),
        ):
            with pytest.raises(Exception, match="permission denied"):
                async with database.reading(context) as session:
                    await session.execute(text("SELECT * FROM figures()"))

    async def test_without_a_database(self) -> None:
        """
        A scrape is answered while the database is away, and says that it is.
        """
        nowhere = db.connect("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")

        body = await figures.scrape(nowhere)

        await nowhere.dispose()
        assert b"assayline_database_up 0.0" in body

    def test_every_counter_is_documented(self) -> None:
        """
        The runbook has a line for each name an operator may see.
        """
        runbook = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text()
        names = {family.name for family in counted.REGISTRY.collect()}

        assert [
            name for name in sorted(names) if name not in runbook and "process_" not in name
        ] == []


class TestHealth:
    """
    Liveness asks nobody; readiness asks what it promises (I8).
    """

    async def test_a_server_that_could_lose_what_it_confirms(self, world: World) -> None:
        """
        The tests' own server trades durability for speed: it is not ready, and the process lives all the same (A1).
        """
        answer = await world.as_("agent").get("/readyz")

        assert answer.status_code == 503
        assert "fsync, full_page_writes, synchronous_commit is off" in answer.json()["detail"]
        assert (await world.as_("agent").get("/livez")).json() == {"status": "ok"}

    async def test_each_dependency(self) -> None:
        """
        Ready; degraded without Redis; not ready of another schema, without writes, and without a database; then again.
        """
        with durable() as servers:
            await asyncio.to_thread(upgrade, servers.owner_database_url)
            await self._walk(servers)

    async def _walk(self, servers: embedded.Servers) -> None:
        here = settings.load(**servers.as_settings())
        for redis, told in (
            (None, {"status": "ok", "doorbell": "none"}),
            ("redis://127.0.0.1:1", {"status": "degraded", "doorbell": "silent"}),
        ):
            async with serving(here.model_copy(update={"redis_url": redis})) as (_, client):
                assert (await client.get("/readyz")).json() == told
        async with serving(here) as (app, client):
            app.state.schema = "0000"
            other = await client.get("/readyz")
            assert (other.status_code, "needs 0000" in other.text) == (503, True)
        await self._alter(servers, "SET default_transaction_read_only = on")
        async with serving(here) as (_, client):
            standby = await client.get("/readyz")
            assert (standby.status_code, "takes no writes" in standby.text) == (503, True)
        await self._alter(servers, "RESET default_transaction_read_only")
        away = here.model_copy(update={"database_url": "postgresql+asyncpg://x@127.0.0.1:1/x"})
        async with serving(away) as (_, client):
            gone = await client.get("/readyz")
            assert (gone.status_code, gone.headers["Retry-After"]) == (503, "2")
            assert (await client.get("/livez")).status_code == 200
        async with serving(here) as (_, client):
            assert (await client.get("/readyz")).status_code == 200

    async def _alter(self, servers: embedded.Servers, what: str) -> None:
        owner = db.connect(servers.owner_database_url, pool_size=1, overflow=0)
        async with owner.engine.connect() as connection:
            await connection.execute(text("SET default_transaction_read_only = off"))
            name = (await connection.execute(text("SELECT current_database()"))).scalar_one()
            await connection.execute(text(f'ALTER DATABASE "{name}" {what}'))
        await owner.dispose()

    async def test_a_doorbell_that_is_heard(self, application: FastAPI) -> None:
        """
        With a Redis that answers, the doorbell is heard.
        """
        assert await application.state.doorbell.answers() in {nudge.Bell.HEARD, nudge.Bell.NONE}


@contextmanager
def durable() -> Iterator[embedded.Servers]:
    """
    A PostgreSQL of its own that keeps what it confirms.
    """
    folder = Path(tempfile.mkdtemp(prefix="assayline-ready-"))
    folder.chmod(0o711)
    try:
        with embedded.running(folder / "data", valkey=False) as servers:
            yield servers
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def serving(here: Settings) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    """
    The application with these settings, and a client of it.
    """
    app = create_app(here)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://a.test"
        ) as client,
    ):
        yield app, client


class TestLogs:
    """
    One JSON object per line, with instant, event and trace; a line per state change (I9).
    """

    async def test_every_line_of_a_run(self, config: Settings, world: World) -> None:
        """
        A served run: each line parses and has its fields, a caller's trace is kept, and no file number is told (E14).
        """
        port = free_port()
        environment = settings.for_child(config)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "uvicorn", "app.main:create_app", "--factory"),
            *("--port", str(port), "--no-access-log", "--log-level", "info"),
            env=environment,
            stderr=asyncio.subprocess.PIPE,
        )
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        body = world.body(references=[{"kind": "court", "number": "CANARY-77"}])
        body["samples"][0]["description"] = 'canary\r\n{"event": "forged"} \x1b[31m'
        url = f"http://127.0.0.1:{port}"
        headers = {"Authorization": f"Bearer {world.keys['agent']}"}
        try:
            async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
                await _until_up(client)
                given = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
                stored = await client.post(SUBMIT, json=body, headers=given)
                missing = await client.get("/v1/samples/CANARY%0Aforged")
        finally:
            process.terminate()
            _, told = await process.communicate()
        assert stored.status_code == 201, stored.text

        lines = [json.loads(line) for line in told.decode().splitlines()]

        assert all({"timestamp", "event", "level", "trace"} <= set(line) for line in lines)
        assert all(line["timestamp"].endswith("Z") for line in lines)
        changes = [line for line in lines if line["event"] == "state_changed"]
        assert {line["sample"] for line in changes} >= {stored.json()["samples"][0]["id"]}
        assert {line["trace"] for line in changes} == {trace}
        answered = {line["operation"]: line for line in lines if line["event"] == "answered"}
        assert answered["submit"]["trace"] == trace
        assert answered["submit"]["client"] == ids.write("cli", world.clients["agent"])
        assert answered["sample"]["trace"] == missing.json()["trace"]
        for secret in (b"CANARY", b"canary", b"forged", body["agency_file_number"].encode()):
            assert secret not in told
        assert world.keys["agent"].encode() not in told

    async def test_what_is_rolled_back_is_not_told(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        A change is logged when it is committed, and never when it is not.
        """
        told = structlog.testing.CapturingLogger()
        monkeypatch.setattr(db, "_log", told)
        context = db.as_agency(world.agencies["agency"])
        with contextlib.suppress(RuntimeError):
            async with world.database.transaction(context) as session:
                session.tell("state_changed", fact="undone")
                raise RuntimeError
        async with world.database.transaction(context) as session:
            session.tell("state_changed", fact="done")

        assert [call.kwargs["fact"] for call in told.calls] == ["done"]


async def _until_up(client: httpx.AsyncClient) -> None:
    for _ in range(200):
        with contextlib.suppress(httpx.TransportError):
            if (await client.get("/livez")).status_code == 200:
                return
        await asyncio.sleep(0.1)
    raise AssertionError("the API did not start")


async def test_a_worker_tells_its_own(config: Settings) -> None:
    """
    A worker answers scrapes where the settings name a port; a port that is taken keeps nothing from being pushed (I7).
    """
    port = free_port()
    here = config.model_copy(update={"metrics_port": port})

    with telling(here), telling(here):
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://127.0.0.1:{port}/metrics")

    assert "assayline_delivery_attempts_total" in answer.text
