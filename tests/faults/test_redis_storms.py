"""
Redis emptied, killed, frozen, absent, and workers restarted again and again: nothing is lost, no attempt is burnt.
"""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import psutil
import pytest
from redis import Redis
from sqlalchemy import text

from app import nudge
from app.embedded import Servers
from app.embedded.children import Child
from app.kit.db import Database, as_agency
from app.settings import Settings
from app.webhooks.rules import DeliveryState
from tests.faults.conftest import SOAK, Rounds, Tell
from tests.faults.crew import Story, brisk, hand
from tests.ports import free_port
from workers.courier import Pace

pytestmark = pytest.mark.timeout(600 if SOAK else 120)

AT_ONCE = 10
"""Events of one announcement."""


@pytest.fixture
def valkey(servers: Servers) -> Child:
    """
    The private Valkey, running.
    """
    if servers.valkey is None:
        pytest.skip("no Valkey for this platform")
    servers.valkey.start()
    return servers.valkey


@asynccontextmanager
async def trouble(kind: str, valkey: Child, redis_url: str) -> AsyncIterator[None]:
    """
    Keep hurting Redis in one way until the block ends; leave it running.
    """

    def flush() -> None:
        with suppress(Exception), Redis.from_url(redis_url) as redis:
            redis.flushall()

    def restart() -> None:
        valkey.kill()
        valkey.start()  # it keeps nothing: it comes back empty

    async def again(act: Callable[[], None], every_s: float) -> None:
        while True:
            await asyncio.to_thread(act)
            await asyncio.sleep(every_s)

    process = psutil.Process(valkey.pid) if kind == "frozen" else None
    task = None
    if process is not None:
        process.suspend()
    if kind in {"emptied", "killed"}:
        act, every_s = (flush, 0.2) if kind == "emptied" else (restart, 0.3)
        task = asyncio.create_task(again(act, every_s))
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if process is not None:
            process.resume()
        await asyncio.to_thread(valkey.start)


async def counted(database: Database, story: Story) -> tuple[int, int, float]:
    """
    Return how many of the agency's events are delivered, in how many attempts, and their delay's 95th percentile.
    """
    query = text(
        "SELECT (SELECT count(*) FROM delivery WHERE agency_id = :id AND state = 'delivered')"
        " AS done, (SELECT count(*) FROM attempt WHERE agency_id = :id) AS attempts,"
        " (SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM"
        "  d.settled_at - e.occurred_at)) FROM delivery AS d JOIN event AS e ON e.id = d.event_id"
        "  WHERE d.agency_id = :id AND d.state = 'delivered') AS delay_s"
    )
    async with database.reading(as_agency(story.agency.id)) as session:
        row = (await session.execute(query, {"id": story.agency.id})).one()
    return int(row.done), int(row.attempts), float(row.delay_s or 0)


async def all_delivered(
    database: Database, story: Story, *, within_s: float
) -> tuple[list[str], int, float]:
    """
    Wait until everything is recorded as delivered, or for so long; return what is broken, the attempts and the delay.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while True:
        done, attempts, delay_s = await counted(database, story)
        came = {hit.headers["webhook-id"] for hit in story.receiver.hits}
        broken = [f"never came: {len(story.owed - came)}"] if story.owed - came else []
        if done != len(story.owed):
            broken.append(f"not recorded: {len(story.owed) - done}")
        if not broken or loop.time() > deadline:
            return broken, attempts, delay_s
        await asyncio.sleep(0.1)


class TestRedisLoss:
    """
    Redis loses everything, in four ways (B9).
    """

    @pytest.mark.parametrize("kind", ["emptied", "killed", "frozen", "never started"])
    async def test_loses_nothing(
        self,
        config: Settings,
        valkey: Child,
        story: Story,
        database: Database,
        kind: str,
        rounds: Rounds,
        tell: Tell,
    ) -> None:
        """
        Every event is delivered, each in one attempt; without Redis the delay is the sweep's (a-d).
        """
        assert config.redis_url is not None
        url = f"redis://127.0.0.1:{free_port()}/0" if kind == "never started" else config.redis_url
        bell = nudge.ArqDoorbell(url)
        settings = brisk(config, redis_url=url, sweep_interval_s=0.5)
        async with hand(settings), trouble(kind, valkey, config.redis_url):
            for _ in range(rounds(10, 200)):
                await story.announce(AT_ONCE)
                await bell.ring(frozenset({nudge.DELIVER}))
                await asyncio.sleep(0.1)
            broken, attempts, delay_s = await all_delivered(database, story, within_s=60)
        await bell.close()
        tell(
            f"{len(story.owed)} events, {attempts} attempts, {len(story.receiver.hits)} receipts;"
            f" sweep every 0.5 s, p95 from the fact to its record {delay_s:.2f} s"
        )
        assert not broken
        assert attempts == len(story.receiver.hits) == len(story.owed)
        if SOAK:
            assert delay_s <= 0.5 + 1

    async def test_without_a_sweep_it_would(
        self, config: Settings, story: Story, database: Database
    ) -> None:
        """
        Negative control: a worker that works by the bell alone delivers nothing when there is none.
        """
        url = f"redis://127.0.0.1:{free_port()}/0"
        await story.announce()
        async with hand(brisk(config, redis_url=url), "sweeps nothing"):
            broken, _, _ = await all_delivered(database, story, within_s=2)
        assert "never came: 1" in broken


class TestRestartStorm:
    """
    Redis and workers start again and again while events flow (D3).
    """

    async def test_of_redis_burns_no_attempt(
        self,
        config: Settings,
        valkey: Child,
        story: Story,
        database: Database,
        rounds: Rounds,
        tell: Tell,
    ) -> None:
        """
        As many attempts as requests came, and as events were owed; the worker outlives it.
        """
        times = rounds(4, 20)
        async with hand(brisk(config, redis_url=config.redis_url)) as worker:
            for _ in range(times):
                await story.announce(AT_ONCE)
                await asyncio.to_thread(valkey.kill)
                await story.announce(AT_ONCE)
                await asyncio.to_thread(valkey.start)
            broken, attempts, _ = await all_delivered(database, story, within_s=60)
            assert worker.process.is_alive()
        tell(f"Valkey killed {times} times; {len(story.owed)} events, {attempts} attempts")
        assert not broken
        assert attempts == len(story.receiver.hits) == len(story.owed)

    async def test_of_workers_burns_no_attempt(
        self, config: Settings, story: Story, database: Database, rounds: Rounds, tell: Tell
    ) -> None:
        """
        SIGTERM burns none at all; kill -9 no more than what was under way, and all comes.
        """
        seed = 20261125
        chance = random.Random(seed)
        times = rounds(3, 10)
        await _ended_again_and_again(config, story, chance, times, signal.SIGTERM)
        async with hand(brisk(config)):
            broken, attempts, _ = await all_delivered(database, story, within_s=60)
        assert not broken
        assert attempts == len(story.receiver.hits) == len(story.owed)

        await _ended_again_and_again(config, story, chance, times, signal.SIGKILL)
        async with hand(brisk(config)):
            broken, attempts, _ = await all_delivered(database, story, within_s=60)
        tell(
            f"seed {seed}: {times} SIGTERM, {times} kill -9; {len(story.owed)} events,"
            f" {attempts} attempts, {len(story.receiver.hits)} receipts"
        )
        assert not broken
        receipts = len(story.receiver.hits)
        # Under way at once: the endpoint's share, and one suspect that an earlier kill left.
        most = times * (Pace().per_endpoint + 1)
        assert receipts <= attempts <= len(story.owed) + most

    async def test_the_check_sees_attempts_without_a_send(
        self, config: Settings, story: Story, database: Database
    ) -> None:
        """
        Negative control: whoever claims and dies before it sends leaves more attempts than requests.
        """
        await story.announce(3)
        async with hand(brisk(config, delivery_lease_s=1), "dies after the claim") as victim:
            await victim.ended()
        async with hand(brisk(config)):
            broken, attempts, _ = await all_delivered(database, story, within_s=30)
        assert not broken
        assert attempts > len(story.receiver.hits)
        assert all(
            view.state is DeliveryState.DELIVERED for view in await story.agency.deliveries()
        )


async def _ended_again_and_again(
    config: Settings, story: Story, chance: random.Random, times: int, number: signal.Signals
) -> None:
    for _ in range(times):
        await story.announce(AT_ONCE)
        async with hand(brisk(config, delivery_lease_s=1)) as worker:
            await story.receiver.wait_for(len(story.receiver.hits) + chance.randint(1, AT_ONCE - 2))
            worker.send(number)
            code = await worker.ended()
            assert code == (0 if number == signal.SIGTERM else -number)
