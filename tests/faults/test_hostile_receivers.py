"""
Receivers that do their worst: each costs itself a slot until the deadline, and nobody anything else (B7, fault 7).
"""

import asyncio
import os

import psutil
import pytest

from app.kit.db import Database
from app.kit.secrets import Key
from app.settings import Settings
from app.webhooks.rules import DeliveryState, Outcome
from app.webhooks.service import AttemptView
from tests.faults.conftest import Tell
from tests.workers.push import (
    Agency,
    Answer,
    Receiver,
    courier,
    drip,
    flood,
    hang,
    key_of,
    quiet,
    receiving,
    reset,
    status,
)
from workers.courier import Courier, Pace
from workers.outbound import Outbound

DEADLINE_S = 1.5
MEMORY_BYTES = 64 * 2**20


def raw(said: bytes) -> Answer:
    """
    Answer with these bytes, and close.
    """

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()

    return answer


async def drip_body(writer: asyncio.StreamWriter) -> None:
    """
    Answer 200 and send one byte of the body now and then, for ever.
    """
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


BOMB = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + b"\x1f\x8b" * 10

HOSTILE: dict[str, tuple[Answer, str]] = {
    "never answers": (hang, "timeout"),
    "drips its head": (drip, "timeout"),
    "drips its body": (drip_body, "200"),
    "never ends": (flood, "200"),
    "sends headers of two megabytes": (
        raw(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 2_000_000 + b"\r\n\r\n"),
        "protocol",
    ),
    "sends 200,000 headers": (
        raw(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200_000 + b"\r\n"),
        "protocol",
    ),
    "resets": (reset, "network|protocol"),
    "closes without a word": (raw(b""), "protocol"),
    "talks rubbish": (raw(b"\x00\xffNONSENSE 999\r\n\r\n"), "protocol"),
    "has a status of its own": (raw(b"HTTP/1.1 9999 OK\r\n\r\n"), "protocol"),
    "breaks off its head": (raw(b"HTTP/1.1 200 OK\r\nContent-Le"), "protocol"),
    "sends less than it says": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), "200"),
    "sends a compressed bomb": (raw(BOMB), "200"),
    "is out of patience for ten years": (status(429, "Retry-After: 315360000"), "429"),
    "is gone": (status(410), "410"),
}


def said(attempt: AttemptView) -> str:
    """
    Return what one attempt came to, in one word.
    """
    return str(attempt.status_code) if attempt.status_code is not None else str(attempt.error)


class TestHostile:
    """
    Every one at once, one courier, one deadline.
    """

    async def test_each_costs_its_slot_until_the_deadline_and_no_more(
        self, config: Settings, database: Database, worker_database: Database, tell: Tell
    ) -> None:
        """
        All slots are free when the deadline has passed, the memory is flat, a redirect leads nowhere (B5, B7).
        """
        await quiet(worker_database)
        key = key_of(config)
        async with (
            courier(
                worker_database, key, deadline_s=DEADLINE_S, pace=Pace(at_once=64, look_again_s=0.2)
            ) as at_work,
            receiving() as trap,
        ):
            table = HOSTILE | {
                f"redirects with {code}": (status(code, f"Location: {trap.url}"), str(code))
                for code in (301, 302, 303, 307, 308)
            }
            process = psutil.Process(os.getpid())
            before = process.memory_info().rss
            found = await _all_at_once(table, database, worker_database, key, at_work)
            grown = process.memory_info().rss - before

        wrong = {
            name: word for name, word in found.items() if word not in table[name][1].split("|")
        }
        tell(f"{len(table)} receivers, deadline {DEADLINE_S} s, memory {grown / 2**20:+.0f} MiB")
        assert not wrong
        assert trap.connections == 0
        assert grown < MEMORY_BYTES

    async def test_time_outs_per_operation_would_not_free_it(
        self, config: Settings, database: Database, worker_database: Database
    ) -> None:
        """
        Negative control: without the deadline over all, a byte now and then holds a slot for ever.
        """
        await quiet(worker_database)
        key = key_of(config)
        async with (
            receiving(drip) as receiver,
            Outbound(deadline_s=3600, allow_loopback=True) as outbound,
        ):
            outbound._client.timeout = 0.5
            agency = await Agency(database, worker_database, key).listen(receiver)
            await agency.announce()
            broken = Courier(worker_database, outbound, key, pace=Pace(look_again_s=0.2))
            broken.poke()
            await receiver.wait_for(1)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(broken.drain(), DEADLINE_S * 2)
            await broken.close(patience_s=-5)

    async def test_following_a_redirect_would_spring_the_trap(
        self, config: Settings, database: Database, worker_database: Database
    ) -> None:
        """
        Negative control: a client that follows lands where it was sent.
        """
        await quiet(worker_database)
        key = key_of(config)
        async with (
            receiving() as trap,
            receiving(status(307, f"Location: {trap.url}")) as receiver,
            Outbound(deadline_s=5, allow_loopback=True) as outbound,
        ):
            outbound._client.follow_redirects = True
            agency = await Agency(database, worker_database, key).listen(receiver)
            await agency.announce()
            broken = Courier(worker_database, outbound, key, pace=Pace(look_again_s=0.2))
            await broken.drain()
            await broken.close(patience_s=1)
            assert trap.connections == 1


async def _all_at_once(
    table: dict[str, tuple[Answer, str]],
    database: Database,
    worker_database: Database,
    key: Key,
    at_work: Courier,
) -> dict[str, str]:
    agencies: dict[str, Agency] = {}
    stops: list[asyncio.Event] = []

    async def play(name: str, answer: Answer, ready: asyncio.Event, stop: asyncio.Event) -> None:
        async with receiving(otherwise=answer) as receiver:
            agencies[name] = await _listening(database, worker_database, key, receiver)
            ready.set()
            await stop.wait()

    async with asyncio.TaskGroup() as tasks:
        for name, (answer, _) in table.items():
            ready, stop = asyncio.Event(), asyncio.Event()
            stops.append(stop)
            tasks.create_task(play(name, answer, ready, stop))
            await ready.wait()
        # Generous for a busy machine: without the deadline it would be for ever.
        await asyncio.wait_for(at_work.drain(), DEADLINE_S + 20)
        found = {}
        for name, agency in agencies.items():
            (view,) = await agency.deliveries()
            (attempt,) = view.attempts
            found[name] = said(attempt)
            good = attempt.outcome is Outcome.DELIVERED
            assert (view.state is DeliveryState.DELIVERED) is good, name
        for stop in stops:
            stop.set()
    return found


async def _listening(
    database: Database, worker_database: Database, key: Key, receiver: Receiver
) -> Agency:
    agency = await Agency(database, worker_database, key).listen(receiver)
    await agency.announce()
    return agency
