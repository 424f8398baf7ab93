"""
Measures the push: how soon a fact is received, and how many one worker delivers beside a bare httpx loop.

`python -m bench.push bare URL SECONDS` is that loop: it posts the bytes of its standard input and prints its rate.
"""

import asyncio
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg
import httpx
from fastapi import FastAPI

from app import embedded, settings
from app.access import service as access
from app.access.rules import AgencyKind, ClientKind, Role
from app.kit import ids, secrets
from app.kit.db import OPERATOR, Database, as_agency
from app.settings import Settings
from app.webhooks import service as webhooks
from app.webhooks.rules import EventType
from bench.world import SUBMISSION, client

ENDPOINTS = 4
"""Each may have four deliveries under way: together as many as one worker sends at once."""
AT_ONCE = 16
FACTS_PER_S = 10
_BATCH = 500


@dataclass
class Figure:
    """
    One figure, round by round, and what it is meant to be.
    """

    name: str
    unit: str = ""
    target: str = ""
    values: list[float] = field(default_factory=list)

    def line(self) -> str:
        """
        Write a line of the table.
        """
        middle, low, high = statistics.median(self.values), min(self.values), max(self.values)
        digits = 2 if not self.unit else 0
        span = f"[{low:,.{digits}f}-{high:,.{digits}f}]"
        return f"| {self.name} | {middle:,.{digits}f} {self.unit} {span} | {self.target} |"


def table(figures: Sequence[Figure]) -> str:
    """
    Write the table.
    """
    head = "| push | median [min-max] | target |\n|---|--:|---|"
    return "\n".join((head, *(one.line() for one in figures)))


class Receiver(asyncio.Protocol):
    """
    Answers every request 204, and notes when it came.
    """

    def __init__(self, hits: list[tuple[float, bytes]]) -> None:
        """
        Note into this list.
        """
        self._hits = hits
        self._got = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Keep the way back.
        """
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """
        Answer what is complete.
        """
        self._got += data
        while (end := self._got.find(b"\r\n\r\n")) >= 0:
            head = self._got[:end].lower()
            size = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            if len(self._got) < end + 4 + size:
                return
            self._hits.append((time.time(), self._got[end + 4 : end + 4 + size]))
            self._got = self._got[end + 4 + size :]
            if self._transport is not None:
                self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


@dataclass
class Push:
    """
    The agencies, their receiver, and what sends to it.
    """

    app: FastAPI
    servers: embedded.Servers
    laboratory_id: UUID
    agencies: Sequence[UUID]
    agent: str
    url: str
    hits: list[tuple[float, bytes]]

    def settings(self, *, bell: bool) -> Settings:
        """
        Return a worker's settings: the usual ones.
        """
        given = self.servers.as_settings()
        return settings.load(**(given if bell else {**given, "redis_url": "none"}))

    @contextmanager
    def workers(self, count: int, *, bell: bool) -> Iterator[None]:
        """
        Run so many worker processes until the block ends.
        """
        made = [
            subprocess.Popen(
                [sys.executable, "-m", "workers.main"],
                env=dict(settings.for_child(self.settings(bell=bell))),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for _ in range(count)
        ]
        try:
            yield
        finally:
            for one in made:
                one.kill()
                one.wait()

    async def quiet(self) -> None:
        """
        Owe nothing any more.
        """
        login, _, _ = self.servers.admin_database_url.rpartition("/")
        admin = await asyncpg.connect(f"{login.replace('+asyncpg', '')}/assayline")
        await admin.execute(
            "UPDATE delivery SET state = 'exhausted', settled_at = now(), lease_until = NULL,"
            " token = token + 1 WHERE settled_at IS NULL"
        )
        await admin.execute("VACUUM ANALYZE delivery")
        await admin.close()
        self.hits.clear()

    async def owe(self, count: int) -> None:
        """
        Owe so many events, to each endpoint as many as to the others.
        """
        database: Database = self.app.state.resources.database
        for agency_id in self.agencies:
            for _ in range(0, count // len(self.agencies), _BATCH):
                notices = [
                    webhooks.Notice(
                        type=EventType.SAMPLE_RECEIVED,
                        owner_agency_id=agency_id,
                        laboratory_id=self.laboratory_id,
                        submission_id=ids.new(),
                        sample_id=ids.new(),
                        sequence=1,
                        summary={"status": "received"},
                    )
                    for _ in range(_BATCH)
                ]
                async with database.transaction(as_agency(agency_id)) as session:
                    await webhooks.announce(session, notices)

    async def until(self, count: int) -> None:
        """
        Wait until so many requests have come.
        """
        async with asyncio.timeout(120):
            while len(self.hits) < count:  # noqa: ASYNC110 - a protocol's callback fills the list
                await asyncio.sleep(0.005)

    async def rate(self, workers: int, *, seconds: float) -> float:
        """
        Return how many deliveries come in a second, once they come.
        """
        await self.quiet()
        await self.owe(int((seconds + 2) * 400 * workers) + len(self.agencies) * _BATCH)
        with self.workers(workers, bell=False):
            await self.until(AT_ONCE * 4 * workers)
            if workers > 1:
                await asyncio.sleep(3)  # until the second has started too
            before, begun = len(self.hits), time.monotonic()
            await asyncio.sleep(seconds)
            return (len(self.hits) - before) / (time.monotonic() - begun)

    async def bare(self, *, seconds: float) -> float:
        """
        Return how many posts a bare httpx loop makes in a second: the bytes of a delivery just made.
        """
        body = self.hits[-1][1]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.push", "bare", self.url, str(seconds)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate(body)
        return float(out)

    async def delays_ms(self, *, bell: bool, seconds: float) -> list[float]:
        """
        Submit at a fixed rate; return how long after each fact's instant in the database its event was received.
        """
        await self.quiet()
        count = max(20, int(seconds * FACTS_PER_S))
        with self.workers(1, bell=bell):
            async with client(self.app, self.agent) as agent:
                await self._submit(agent, "warm")
                await self.until(1)
                await asyncio.sleep(2 if bell else 0.5)  # until the doorbell is heard, too
                begun = time.monotonic()
                for number in range(count):
                    # No two facts at the same place between two sweeps.
                    due = begun + (number + random.random()) / FACTS_PER_S
                    await asyncio.sleep(max(0, due - time.monotonic()))
                    await self._submit(agent, str(number))
            await self.until(count + 1)
        return [_delay_ms(came, body) for came, body in self.hits[1:]]

    async def _submit(self, agent: httpx.AsyncClient, number: str) -> None:
        body = SUBMISSION | {
            "agency_file_number": f"PUSH-{number}-{time.time_ns()}",
            "laboratory_id": ids.write("agn", self.laboratory_id),
        }
        (await agent.post("/v1/submissions", json=body)).raise_for_status()


def _delay_ms(came: float, body: bytes) -> float:
    occurred = datetime.fromisoformat(json.loads(body)["data"]["occurred_at"])
    return (came - occurred.timestamp()) * 1e3


@asynccontextmanager
async def prepared(app: FastAPI, servers: embedded.Servers) -> AsyncIterator[Push]:
    """
    Make agencies with an endpoint each, all at one receiver in this process.
    """
    hits: list[tuple[float, bytes]] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Receiver(hits), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    database: Database = app.state.resources.database
    chosen = settings.load(**servers.as_settings())
    key = secrets.derive(chosen.secret_key_bytes(), secrets.Purpose.WEBHOOK_SECRET)
    async with database.transaction(OPERATOR) as session:
        laboratory = await access.create_agency(
            session, name="Receiving laboratory", kind=AgencyKind.LABORATORY
        )
        agencies = [
            await access.create_agency(
                session, name=f"Receiver {number}", kind=AgencyKind.SUBMITTING
            )
            for number in range(ENDPOINTS)
        ]
        client_id = await access.create_client(
            session,
            agency_id=agencies[0],
            name="push",
            kind=ClientKind.SYSTEM,
            roles=[Role.AGENT],
        )
        agent = await access.create_key(session, client_id=client_id)
    url = f"http://127.0.0.1:{port}/hook"
    for agency_id in agencies:
        async with database.transaction(as_agency(agency_id)) as session:
            await webhooks.create_endpoint(
                session, url=url, key=key, wish=webhooks.Wish(), allow_loopback=True, vouched=True
            )
    try:
        yield Push(app, servers, laboratory, agencies, agent, url, hits)
    finally:
        server.close()


async def measure(
    app: FastAPI, servers: embedded.Servers, *, rounds: int, seconds: float
) -> list[Figure]:
    """
    Run every round and return the figures.
    """
    sweep_ms = settings.load(**servers.as_settings()).sweep_interval_s * 1e3
    slowest = f"p99 at most {sweep_ms + 1000:,.0f} ms: the sweep and a second"
    names = {
        "bell p50": Figure("fact to received, with the doorbell, p50", "ms"),
        "bell p99": Figure("fact to received, with the doorbell, p99", "ms", "at most 300 ms"),
        "sweep p50": Figure("fact to received, without Redis, p50", "ms"),
        "sweep p99": Figure("fact to received, without Redis, p99", "ms", slowest),
        "one": Figure("deliveries by one worker", "per s"),
        "bare": Figure("posts of a bare httpx loop", "per s"),
        "ratio": Figure("one worker by the bare loop", "", "at least 0.35"),
        "two": Figure("two workers by one", "", "at least 1.7"),
    }
    async with prepared(app, servers) as push:
        for number in range(rounds):
            found: dict[str, float] = {}
            for kind, bell in (("bell", servers.valkey is not None), ("sweep", False)):
                cuts = statistics.quantiles(
                    await push.delays_ms(bell=bell, seconds=seconds), n=100, method="inclusive"
                )
                found |= {f"{kind} p50": cuts[49], f"{kind} p99": cuts[98]}
            found["one"] = await push.rate(1, seconds=seconds)
            found["bare"] = await push.bare(seconds=seconds)
            found["ratio"] = found["one"] / found["bare"]
            found["two"] = await push.rate(2, seconds=seconds) / found["one"]
            for name, value in found.items():
                names[name].values.append(value)
            told = ", ".join(f"{name} {value:,.2f}" for name, value in found.items())
            print(f"push, round {number + 1} of {rounds}: {told}", file=sys.stderr)
    return list(names.values())


NOTES = """\
A fact here is a submission: it is stored, announced and committed as a released result is, by the same code. The
delay is from the fact's instant in the database, before its commit, to the last byte at the receiver; facts come at a
fixed rate, ten in a second. Workers are processes of their own with the usual settings; the receiver is in the
measuring process, for both sides alike. One worker has sixteen deliveries under way at four endpoints; the bare loop,
also a process of its own, posts the same bytes by sixteen tasks over connections that stay open, without a claim, a
signature, a record or a vetted address. Two workers share the cores with the database and the receiver."""


async def _bare(url: str, seconds: float, body: bytes) -> float:
    done = 0
    headers = {"Content-Type": "application/json", "webhook-signature": "v1," + "x" * 44}
    async with httpx.AsyncClient(trust_env=False, timeout=20) as poster:

        async def loop() -> None:
            nonlocal done
            while True:
                (await poster.post(url, content=body, headers=headers)).raise_for_status()
                done += 1

        tasks = [asyncio.create_task(loop()) for _ in range(AT_ONCE)]
        await asyncio.sleep(0.5)  # connections are made
        before, begun = done, time.monotonic()
        await asyncio.sleep(seconds)
        rate = (done - before) / (time.monotonic() - begun)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return rate


if __name__ == "__main__":
    print(asyncio.run(_bare(sys.argv[2], float(sys.argv[3]), sys.stdin.buffer.read())))
