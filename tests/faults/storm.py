"""
A service under load whose processes are killed at random, and what must be true of it afterwards.

The clients keep a history of their own: what was sent, what was acknowledged. The receiver keeps another: which event
came, and with which bytes. Afterwards both are held against the database.
"""

import asyncio
import hashlib
import json
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from app import embedded, settings
from app.access import service as access
from app.access.rules import AgencyKind, ClientKind, Role
from app.kit import db, ids
from app.kit.db import OPERATOR, as_agency
from tests.ports import free_port

API = "app.main:create_app"
WORKER = "workers.main"
_STARTS_WITHIN_S = 90


@dataclass
class History:
    """
    What the clients and the receiver saw.
    """

    sent: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    came: dict[str, list[str]] = field(default_factory=dict)
    """Event id: the hash of each body that came under it."""


@dataclass
class Verdict:
    """
    What the database says, beside the history.
    """

    stored: set[str]
    owed: set[str]
    unsettled: int
    history: History

    def broken(self) -> list[str]:
        """
        Name every promise that was not kept.
        """
        seen = self.history
        checks = {
            "acknowledged but not stored": seen.acknowledged - self.stored,
            "stored but never sent": self.stored - seen.sent,
            "owed but never delivered": self.owed - set(seen.came),
            "delivered but never owed": set(seen.came) - self.owed,
            "one id, different bytes": {
                key for key, hashes in seen.came.items() if len(set(hashes)) > 1
            },
        }
        found = [f"{name}: {len(bad)}" for name, bad in checks.items() if bad]
        return found + ([f"unsettled deliveries: {self.unsettled}"] if self.unsettled else [])


class Child:
    """
    One of our processes, started again after each kill.
    """

    def __init__(self, arguments: list[str], environment: Mapping[str, str], log: Path) -> None:
        """
        Start it.
        """
        self._arguments, self._environment, self._log = arguments, environment, log
        self._process: subprocess.Popen[bytes] | None = None
        self.kills = 0
        self.start()

    def start(self) -> None:
        """
        Start it.
        """
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._arguments],
                env=dict(self._environment),
                stdout=out,
                stderr=out,
            )

    def kill(self) -> None:
        """
        End it as a crash would.
        """
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self.kills += 1


@dataclass
class Storm:
    """
    A running service, its clients' key, and the handles of its processes.
    """

    url: str
    key: str
    laboratory: str
    agency_id: Any
    api: Child
    worker: Child
    servers: embedded.Servers
    database: db.Database
    history: History

    async def submit(self, client: httpx.AsyncClient, number: str) -> bool:
        """
        Submit one seizure; True when it was acknowledged now or found to be stored already.
        """
        body = {
            "agency_file_number": number,
            "seized_at": "2026-03-01T10:00:00Z",
            "laboratory_id": self.laboratory,
            "samples": [{"exhibit_number": "1", "suspected": ["heroin"]}],
        }
        self.history.sent.add(number)
        try:
            answer = await client.post("/v1/submissions", json=body)
        except httpx.HTTPError:
            return False
        if answer.status_code == 201:
            self.history.acknowledged.add(number)
        return answer.status_code in {201, 409}

    async def verdict(self, *, within_s: float) -> Verdict:
        """
        Wait until nothing is owed any more, or for so long at most, and say what is there.
        """
        deadline = asyncio.get_running_loop().time() + within_s
        while True:
            found = await self._look()
            if not found.broken() or asyncio.get_running_loop().time() > deadline:
                return found
            await asyncio.sleep(0.5)

    async def recorded(self) -> int:
        """
        Return how many deliveries the worker has recorded as made.
        """
        async with self.database.reading(as_agency(self.agency_id)) as session:
            made = await session.execute(
                text("SELECT count(*) FROM delivery WHERE state = 'delivered'")
            )
        return int(made.scalar_one())

    async def _look(self) -> Verdict:
        async with self.database.reading(as_agency(self.agency_id)) as session:
            stored = await session.execute(text("SELECT agency_file_number FROM sample"))
            owed = await session.execute(text("SELECT id FROM event"))
            unsettled = await session.execute(
                text("SELECT count(*) FROM delivery WHERE state <> 'delivered'")
            )
            return Verdict(
                {row[0] for row in stored},
                {ids.write("evt", row[0]) for row in owed},
                unsettled.scalar_one(),
                self.history,
            )


@asynccontextmanager
async def storm(folder: Path, *, api: str = API, worker: str = WORKER) -> AsyncIterator[Storm]:
    """
    Start everything, durable as in service, with one agency whose endpoint is a receiver of our own.
    """
    from app.migrations import upgrade  # noqa: PLC0415 - heavy, and needed here only

    history = History()
    with embedded.running(folder / "data") as servers:
        await asyncio.to_thread(upgrade, servers.owner_database_url)
        chosen = settings.load(
            **servers.as_settings(), sweep_interval_s=0.5, delivery_lease_s=3, delivery_deadline_s=2
        )
        environment = settings.for_child(chosen)
        port = free_port()
        async with _receiver(history) as hook:
            database = db.connect(servers.database_url)
            api_child = Child(
                ["uvicorn", api, "--factory", "--port", str(port), "--log-level", "warning"],
                environment,
                folder / "api.log",
            )
            worker_child = Child([worker], environment, folder / "worker.log")
            url = f"http://127.0.0.1:{port}"
            try:
                agency_id, laboratory, key = await _people(database)
                await _until_ready(url)
                await _endpoint(url, key, hook, database, agency_id)
                yield Storm(
                    url,
                    key,
                    laboratory,
                    agency_id,
                    api_child,
                    worker_child,
                    servers,
                    database,
                    history,
                )
            finally:
                api_child.kill()
                worker_child.kill()
                await database.dispose()


async def _people(database: db.Database) -> tuple[Any, str, str]:
    async with database.transaction(OPERATOR) as session:
        laboratory = await access.create_agency(
            session, name="Laboratory", kind=AgencyKind.LABORATORY
        )
        agency = await access.create_agency(session, name="Agency", kind=AgencyKind.SUBMITTING)
        client = await access.create_client(
            session, agency_id=agency, name="feed", kind=ClientKind.SYSTEM, roles=[Role.AGENT]
        )
        key = await access.create_key(session, client_id=client)
    return agency, ids.write("agn", laboratory), key


async def _until_ready(url: str) -> None:
    # Two processes import everything first: on a busy machine that alone takes half a minute.
    async with httpx.AsyncClient() as client, asyncio.timeout(_STARTS_WITHIN_S):
        while True:
            with suppress(httpx.HTTPError):
                if (await client.get(f"{url}/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.1)


async def _endpoint(url: str, key: str, hook: str, database: db.Database, agency_id: UUID) -> None:
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}) as client:
        answer = await client.post(f"{url}/v1/webhooks", json={"url": hook})
        assert answer.status_code == 201, answer.text
    # Taken for proved, whichever worker is at work: what is broken in these storms is something else.
    prove = text("UPDATE endpoint SET verified_at = now() WHERE url = :url RETURNING id")
    async with asyncio.timeout(30):
        proved = False
        while not proved:
            async with database.transaction(as_agency(agency_id)) as session:
                proved = (await session.execute(prove, {"url": hook})).one_or_none() is not None


@asynccontextmanager
async def _receiver(history: History) -> AsyncIterator[str]:
    connected: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                headers = dict(
                    line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line
                )
                body = await reader.readexactly(int(headers["content-length"]))
                told = json.loads(body)
                event = told["data"]["event_id"]
                history.came.setdefault(event, []).append(hashlib.sha256(body).hexdigest())
                if told["type"] == "webhook.challenge":
                    proof = told["data"]["challenge"].encode()
                    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(proof)}\r\n\r\n"
                    writer.write(head.encode() + proof)
                    await writer.drain()
                    continue
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    finally:
        server.close()
        for writer in connected:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def nemesis(
    victims: Mapping[str, Callable[[], None]],
    *,
    seed: int,
    rounds: int,
    every_s: tuple[float, float],
) -> None:
    """
    Strike a random victim, wait, strike again; the seed tells the whole plan.
    """
    chance = random.Random(seed)
    for _ in range(rounds):
        await asyncio.sleep(chance.uniform(*every_s))
        await asyncio.to_thread(victims[chance.choice(sorted(victims))])
