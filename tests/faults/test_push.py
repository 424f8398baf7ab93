"""
Pushing while processes and Redis die: real worker processes, real signals.
"""

import asyncio
import contextlib
import json
import os
import pickle
import random
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from sqlalchemy import text

from app import nudge
from app.embedded import Servers
from app.kit.db import WORKER, Database, Session
from app.kit.secrets import Key
from app.settings import Settings
from app.webhooks.rules import DeliveryState, Outcome
from tests.workers.push import Agency, Receiver, hang, key_of, quiet, receiving, status
from workers import main as worker_main
from workers import supervisor

CHILD = (
    "import asyncio, json, sys; from app.settings import Settings; from workers import main;"
    " asyncio.run(main.main(Settings(**json.loads(sys.stdin.readline()))))"
)
"""A worker process that takes its settings as the doorbell's child does."""


@pytest.fixture
def key(config: Settings) -> Key:
    """
    The key that seals webhook secrets.
    """
    return key_of(config)


@pytest.fixture
async def agency(database: Database, worker_database: Database, key: Key) -> Agency:
    """
    A new agency; whatever earlier tests left owing is settled first.
    """
    await quiet(worker_database)
    return Agency(database, worker_database, key)


def quick(config: Settings, **more: object) -> Settings:
    """
    Return settings with short leases, without a doorbell unless told otherwise.
    """
    short: dict[str, object] = {
        "redis_url": None,
        "delivery_deadline_s": 1.0,
        "delivery_lease_s": 2,
        "sweep_interval_s": 0.2,
    }
    return config.model_copy(update=short | more)


@asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[Process]:
    """
    Run a worker process; kill it when the block ends, unless it has ended.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, stdin=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.write(supervisor.written(settings))
    await process.stdin.drain()
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        process.stdin.close()


async def delivered(agency: Agency, count: int, *, within_s: float = 60) -> None:
    """
    Wait until that many of the agency's deliveries are recorded as delivered.
    """
    async with asyncio.timeout(within_s):
        while True:
            views = await agency.deliveries()
            if sum(view.state is DeliveryState.DELIVERED for view in views) >= count:
                return
            await asyncio.sleep(0.05)


class TestKilled:
    """
    A worker dies at the worst moment.
    """

    async def test_after_the_answer_and_before_the_record(
        self, config: Settings, agency: Agency, worker_database: Database
    ) -> None:
        """
        The same id and the same bytes come again.

        The attempt that was cut stays visible as unknown, and the receiver's 2xx is recorded later.
        """
        held = asyncio.Event()

        async def when_held(writer: asyncio.StreamWriter) -> None:
            await held.wait()
            await status(204)(writer)

        async with receiving(when_held) as receiver:
            await agency.listen(receiver)
            await agency.announce()
            patient = quick(config, delivery_deadline_s=3.0, delivery_lease_s=4)
            async with worker(patient) as victim:
                await receiver.wait_for(1)
                async with worker_database.transaction(WORKER) as session:
                    # From here on the worker cannot record what it is about to hear.
                    await session.execute(
                        text("SELECT 1 FROM delivery WHERE agency_id = :id FOR UPDATE"),
                        {"id": agency.id},
                    )
                    held.set()
                    await _until_somebody_waits(session)
                    victim.kill()
                    await victim.wait()

            async with worker(quick(config)):
                await delivered(agency, 1)

            assert len(receiver.hits) == 2
            first, second = receiver.hits
            assert (first.body, first.headers["webhook-id"]) == (
                second.body,
                second.headers["webhook-id"],
            )
            receiver.verified(agency.secret)
            (view,) = await agency.deliveries()
            outcomes = [one.outcome for one in view.attempts]
            assert outcomes == [Outcome.UNKNOWN, Outcome.DELIVERED]

    @pytest.mark.parametrize("seed", range(3))
    async def test_at_any_moment_under_load(
        self, config: Settings, agency: Agency, seed: int
    ) -> None:
        """
        Killed again and again: everything arrives, and attempts match what the receiver saw (D3).
        """
        print(f"seed {seed}")  # noqa: T201 - a failure must be repeatable
        chance = random.Random(seed)
        async with receiving() as receiver:
            await agency.listen(receiver)
            events = await agency.announce(40)
            for _ in range(3):
                async with worker(quick(config)):
                    with contextlib.suppress(TimeoutError):
                        await receiver.wait_for(len(receiver.hits) + chance.randint(1, 8))
                    await asyncio.sleep(chance.random() * 0.02)
            async with worker(quick(config)):
                await delivered(agency, len(events))

            views = await agency.deliveries()
            attempts = [one for view in views for one in view.attempts]
            known = [one for one in attempts if one.outcome is not Outcome.UNKNOWN]
            assert len({hit.headers["webhook-id"] for hit in receiver.hits}) == len(events)
            assert len(known) <= len(receiver.hits) <= len(attempts)
            sent = {(hit.headers["webhook-id"], hit.body) for hit in receiver.hits}
            assert len(sent) == len(events), "one id, one body"

    async def test_by_a_polite_signal_it_finishes_what_it_sends(
        self, config: Settings, agency: Agency
    ) -> None:
        """
        Five restarts by SIGTERM under load use up no attempt beyond the real sends (D3).
        """

        async def slowly(writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(0.1)
            writer.write(b"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n")
            await writer.drain()

        async with receiving(otherwise=slowly) as receiver:
            await agency.listen(receiver)
            events = await agency.announce(40)
            for _ in range(5):
                async with worker(quick(config)) as process:
                    await receiver.wait_for(len(receiver.hits) + 1)
                    process.send_signal(signal.SIGTERM)
                    assert await asyncio.wait_for(process.wait(), 30) == 0
            async with worker(quick(config)):
                await delivered(agency, len(events))

            views = await agency.deliveries()
            assert len(receiver.hits) == len(events)
            assert [len(view.attempts) for view in views] == [1] * len(events)


class TestNoRedis:
    """
    The sweep alone.
    """

    async def test_delivers_within_a_sweep(self, config: Settings, agency: Agency) -> None:
        """
        Without any Redis everything arrives; the delay is the sweep's interval.
        """
        async with receiving() as receiver:
            await agency.listen(receiver)
            stop = asyncio.Event()
            work = asyncio.create_task(worker_main.main(quick(config), stop=stop))
            await asyncio.sleep(0.5)
            begun = time.monotonic()
            await agency.announce(20)
            await receiver.wait_for(20, within_s=5)

            assert time.monotonic() - begun < 2
            await delivered(agency, 20)
            stop.set()
            await asyncio.wait_for(work, 10)

    async def test_a_ring_costs_a_tenth_of_a_second_and_then_nothing(self) -> None:
        """
        A Redis that accepts and never answers: two short waits, then the breaker is open (D2).
        """
        async with receiving(otherwise=hang) as black_hole:
            bell = nudge.ArqDoorbell(f"redis://127.0.0.1:{black_hole.port}/0")
            waits = []
            for _ in range(5):
                begun = time.monotonic()
                await bell.ring(frozenset({nudge.DELIVER}))
                waits.append(time.monotonic() - begun)
            await asyncio.sleep(0.3)
            await bell.close()

        assert all(wait < 0.15 for wait in waits)
        assert all(wait < 0.01 for wait in waits[2:])
        assert bell.failed == 5


class TestDoorbell:
    """
    Redis rings, dies, comes back, and is lied into.
    """

    @pytest.fixture
    def redis_url(self, config: Settings, servers: Servers) -> str:
        """
        The private Valkey.
        """
        if config.redis_url is None or servers.valkey is None:
            pytest.skip("no Valkey for this platform")
        servers.valkey.start()
        return config.redis_url

    async def test_makes_it_sooner_and_comes_back_when_redis_does(
        self, config: Settings, servers: Servers, agency: Agency, redis_url: str
    ) -> None:
        """
        With an hour between sweeps only the bell delivers, also after Redis was away (D5).
        """
        assert servers.valkey is not None
        print("seeds 2, 3")  # noqa: T201 - a failure must be repeatable
        settings = quick(config, redis_url=redis_url, sweep_interval_s=3600.0)
        bell = nudge.ArqDoorbell(redis_url)
        async with receiving() as receiver, worker(settings):
            await agency.listen(receiver)
            await asyncio.to_thread(_until_heard, redis_url)
            await _announce_and_ring(agency, bell, receiver, 1)

            for number in (2, 3):
                await asyncio.to_thread(servers.valkey.kill)
                await asyncio.sleep(random.Random(number).random())
                await asyncio.to_thread(servers.valkey.start)
                begun = time.monotonic()
                await asyncio.to_thread(_until_heard, redis_url)
                back = time.monotonic() - begun
                assert back < 5, f"back after {back:.1f} s"
                again = nudge.ArqDoorbell(redis_url)
                await _announce_and_ring(agency, again, receiver, number)
                await again.close()
        await bell.close()

    async def test_runs_no_pickle(
        self, config: Settings, agency: Agency, redis_url: str, tmp_path: Path
    ) -> None:
        """
        Whoever can write to Redis gets nothing executed (D4); the ring after it is still heard.
        """
        trace = tmp_path / "executed"
        redis: Redis = Redis.from_url(redis_url)
        settings = quick(config, redis_url=redis_url, sweep_interval_s=3600.0)
        bell = nudge.ArqDoorbell(redis_url)
        payloads = {
            "pickled": pickle.dumps(
                {"t": 1, "f": "deliver", "a": (_Bomb(trace),), "k": {}, "et": 1}
            ),
            "bare": pickle.dumps(_Bomb(trace)),
            "argued": json.dumps(
                {"t": 1, "f": "deliver", "a": [str(trace)], "k": {}, "et": 1}
            ).encode(),
        }
        async with receiving() as receiver, worker(settings):
            await agency.listen(receiver)
            await asyncio.to_thread(_until_heard, redis_url)
            for name, payload in payloads.items():
                await redis.set(f"arq:job:{name}", payload, ex=60)
                await redis.zadd(nudge.QUEUE, {name: int(time.time() * 1000)})
            async with asyncio.timeout(30):
                # These three only: a ring that a killed worker had begun keeps its place for minutes.
                while any(await redis.zmscore(nudge.QUEUE, list(payloads))):  # noqa: ASYNC110 - another process cannot set an Event
                    await asyncio.sleep(0.05)
            await _announce_and_ring(agency, bell, receiver, 1)

        assert not trace.exists()
        _Bomb(trace).go()
        assert trace.exists(), "the control must show that the payload is live"
        await redis.aclose()
        await bell.close()

    async def test_the_child_ends_with_its_parent(
        self, config: Settings, agency: Agency, redis_url: str
    ) -> None:
        """
        A worker killed outright leaves no doorbell process behind.
        """
        async with worker(quick(config, redis_url=redis_url)) as parent:
            await asyncio.to_thread(_until_heard, redis_url)
            children = psutil.Process(parent.pid).children()
            assert children
        async with asyncio.timeout(30):
            while any(child.is_running() for child in children):  # noqa: ASYNC110 - another process cannot set an Event
                await asyncio.sleep(0.05)


class _Bomb:
    """
    A payload that leaves a trace when it is unpickled.
    """

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def go(self) -> None:
        """
        Do what unpickling would do.
        """
        pickle.loads(pickle.dumps(self))  # noqa: S301 - the control

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return (os.mkdir, (str(self.trace),))


async def _announce_and_ring(
    agency: Agency, bell: nudge.ArqDoorbell, receiver: Receiver, count: int
) -> None:
    await agency.announce()
    await bell.ring(frozenset({nudge.DELIVER}))
    await receiver.wait_for(count, within_s=20)


async def _until_somebody_waits(session: Session) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND usename = 'assayline_worker' AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(3.5):
        while not (await session.execute(waiting)).scalar_one():  # noqa: ASYNC110 - another process cannot set an Event
            await asyncio.sleep(0.01)


def _until_heard(redis_url: str) -> None:
    # The arq worker writes its health key when it listens; the key dies with Redis.
    deadline = time.monotonic() + 60  # two processes start first; that is no promise
    while time.monotonic() < deadline:
        with contextlib.suppress(Exception), BlockingRedis.from_url(redis_url) as redis:
            if redis.exists(f"{nudge.QUEUE}:health-check"):
                return
        time.sleep(0.05)
    raise TimeoutError
