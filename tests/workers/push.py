"""
A receiver that misbehaves on request, and an agency whose events go there.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text
from standardwebhooks import Webhook

from app.kit import ids, secrets
from app.kit.db import WORKER, Database, as_agency
from app.settings import Settings
from app.webhooks import service as webhooks
from app.webhooks.rules import EventType
from app.webhooks.service import DeliveryView, Notice
from workers.courier import Courier, Pace
from workers.outbound import Outbound

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Hit:
    """
    One request as it arrived.
    """

    headers: Mapping[str, str]
    body: bytes


def status(code: int, *lines: str, body: bytes = b"") -> Answer:
    """
    Answer with a status, more header lines and a body.
    """

    async def answer(writer: asyncio.StreamWriter) -> None:
        head = [f"HTTP/1.1 {code} X", *lines, f"Content-Length: {len(body)}", "Connection: close"]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        await writer.drain()

    return answer


async def hang(_: asyncio.StreamWriter) -> None:
    """
    Never answer.
    """
    await asyncio.sleep(3600)


async def drip(writer: asyncio.StreamWriter) -> None:
    """
    Send one byte of the head now and then, for ever.
    """
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def reset(writer: asyncio.StreamWriter) -> None:
    """
    Break the connection off.
    """
    writer.transport.abort()


async def flood(writer: asyncio.StreamWriter) -> None:
    """
    Answer 200 with a body that does not end.
    """
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


@dataclass
class Receiver:
    """
    An HTTP server that records every request and answers as told, then 204.
    """

    script: deque[Answer] = field(default_factory=deque)
    hits: list[Hit] = field(default_factory=list)
    challenges: list[Hit] = field(default_factory=list)
    echoes: bool = True
    """Whether it answers a challenge by itself; such are no hits."""
    otherwise: Answer = field(default_factory=lambda: status(204))
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    connections: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        """
        Where it listens.
        """
        return f"http://127.0.0.1:{self.port}/hook"

    async def wait_for(self, count: int, *, within_s: float = 30) -> None:
        """
        Wait until that many requests have arrived.
        """
        async with asyncio.timeout(within_s), self.arrived:
            await self.arrived.wait_for(lambda: len(self.hits) >= count)

    def verified(self, secret: str) -> list[Any]:
        """
        Check every request with the reference library and return the bodies.
        """
        return [Webhook(secret).verify(hit.body, dict(hit.headers)) for hit in self.hits]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._exchange(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        else:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if self.echoes and b'"type":"webhook.challenge"' in body:
            token = json.loads(body)["data"]["challenge"]
            self.challenges.append(Hit(headers, body))
            await status(200, body=token.encode())(writer)
            return
        answer = self.script.popleft() if self.script else self.otherwise
        async with self.arrived:
            self.hits.append(Hit(headers, body))
            self.arrived.notify_all()
        await answer(writer)


@asynccontextmanager
async def receiving(*answers: Answer, otherwise: Answer | None = None) -> AsyncIterator[Receiver]:
    """
    Run a receiver until the block ends.
    """
    receiver = Receiver(script=deque(answers))
    if otherwise is not None:
        receiver.otherwise = otherwise
    busy: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(receiver._serve(reader, writer))
        busy.add(task)
        task.add_done_callback(busy.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in list(busy):
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
        await asyncio.sleep(0.01)  # transports close in the loop's next turns


def key_of(config: Settings) -> secrets.Key:
    """
    Return the key that seals webhook secrets.
    """
    return secrets.derive(config.secret_key_bytes(), secrets.Purpose.WEBHOOK_SECRET)


@dataclass
class Agency:
    """
    A made-up agency with an endpoint, and a made-up file of its own.
    """

    database: Database
    worker_database: Database
    key: secrets.Key
    id: UUID = field(default_factory=ids.new)
    laboratory_id: UUID = field(default_factory=ids.new)
    submission_id: UUID = field(default_factory=ids.new)
    endpoint_id: UUID = field(default_factory=ids.new)
    secret: str = ""

    async def listen(
        self,
        receiver: Receiver,
        *,
        event_types: list[EventType] | None = None,
        **wishes: Any,
    ) -> "Agency":
        """
        Create an endpoint there, one that has proved itself.
        """
        async with self.database.transaction(as_agency(self.id)) as session:
            made = await webhooks.create_endpoint(
                session,
                url=receiver.url,
                key=self.key,
                wish=webhooks.Wish(event_types=event_types, **wishes),
                allow_loopback=True,
                vouched=True,
            )
        self.endpoint_id, self.secret = made.endpoint.id, made.secret
        return self

    def notice(self, sequence: int = 1, **summary: Any) -> Notice:
        """
        Return a notice about this agency's file.
        """
        return Notice(
            type=EventType.SAMPLE_RECEIVED,
            owner_agency_id=self.id,
            laboratory_id=self.laboratory_id,
            submission_id=self.submission_id,
            sample_id=ids.new(),
            sequence=sequence,
            summary=summary or {"status": "received"},
        )

    async def announce(self, count: int = 1) -> list[UUID]:
        """
        Announce that many facts in one transaction and return the events' ids.
        """
        async with self.database.transaction(as_agency(self.id)) as session:
            notices = [self.notice(number + 1) for number in range(count)]
            owed = await webhooks.announce(session, notices)
        return [event_id for pairs in owed for _, event_id in pairs]

    async def deliveries(self) -> list[DeliveryView]:
        """
        Return what was sent, as the agency sees it, the oldest event first.
        """
        async with self.database.reading(as_agency(self.id)) as session:
            found = await webhooks.list_deliveries(session, endpoint_id=self.endpoint_id, limit=200)
        return found[::-1]

    async def hasten(self) -> None:
        """
        Make everything this agency is owed due at once, as if the wait were over.
        """
        async with self.worker_database.transaction(WORKER) as session:
            await session.execute(
                text(
                    "UPDATE delivery SET due_at = now() - interval '1 second'"
                    " WHERE agency_id = :id AND state = 'pending'"
                ),
                {"id": self.id},
            )
            await session.execute(
                text("UPDATE endpoint SET failures = 0, held_until = NULL WHERE agency_id = :id"),
                {"id": self.id},
            )


async def quiet(worker_database: Database) -> None:
    """
    Settle what earlier tests left, so that this one's couriers find its own deliveries only.
    """
    async with worker_database.transaction(WORKER) as session:
        await session.execute(
            text(
                "UPDATE delivery SET state = 'exhausted', settled_at = now(), lease_until = NULL,"
                " token = token + 1 WHERE settled_at IS NULL"
            )
        )


@asynccontextmanager
async def courier(
    worker_database: Database,
    key: secrets.Key,
    *,
    deadline_s: float = 2,
    pace: Pace | None = None,
) -> AsyncIterator[Courier]:
    """
    A courier of this process that may push to this machine.
    """
    async with Outbound(deadline_s=deadline_s, allow_loopback=True) as outbound:
        made = Courier(worker_database, outbound, key, pace=pace or Pace(look_again_s=0.2))
        try:
            yield made
        finally:
            await made.close(patience_s=deadline_s)
