"""
Workers that die at the worst moments, and one that comes back from the dead: real signals, real processes.
"""

import asyncio
import random
import signal
from contextlib import AsyncExitStack

import httpx
import pytest
from redis import Redis
from sqlalchemy import text

from app.embedded import Servers
from app.kit.db import WORKER, Database, as_agency
from app.settings import Settings
from app.webhooks import service as webhooks
from app.webhooks.rules import MOST_ATTEMPTS, DeliveryState, Outcome
from tests.faults.conftest import SOAK, Rounds, Tell
from tests.faults.crew import Story, brisk, hand
from tests.ports import free_port
from tests.workers.push import status

pytestmark = pytest.mark.timeout(1200 if SOAK else 120)

POINTS = (
    "dies before the claim commits",
    "dies after the claim",
    "dies after the answer",
    "dies after the record",
)
SHORT = {"delivery_lease_s": 1}
"""For whoever is to be killed: what it leaves behind is taken over a second later."""
IN_FLIGHT = 4
"""What one endpoint has under way at most: so many receipts one crash may repeat."""


class TestKillMatrix:
    """
    kill -9 at each point of a delivery (B2).
    """

    @pytest.mark.parametrize("point", [*POINTS, "mid-request"])
    async def test_everything_arrives_and_ends_delivered(
        self, config: Settings, story: Story, point: str, rounds: Rounds, tell: Tell
    ) -> None:
        """
        Every event comes, under one id and with the same bytes, and as often as crashes explain (B2, B3, B14).
        """
        seed = 20261125
        chance = random.Random(f"{seed}/{point}")
        count = rounds(1, 20)
        for _ in range(count):
            await story.announce(chance.randint(1, 6))
            await _one_crash(config, story, point)
        async with hand(brisk(config)):
            found = await story.account(extra=count * (IN_FLIGHT + 1))
        tell(
            f"seed {seed}: {count} kills, {len(story.owed)} events, {len(story.receiver.hits)} receipts"
        )
        assert not found.broken()

    async def test_the_check_sees_a_record_before_its_delivery(
        self, config: Settings, story: Story
    ) -> None:
        """
        Negative control: who records first and sends later loses what it was killed with.
        """
        await story.announce(3)
        async with hand(brisk(config, **SHORT), "records before it sends") as victim:
            assert await victim.ended() == -signal.SIGKILL
        async with hand(brisk(config)):
            found = await story.account(extra=IN_FLIGHT, within_s=4)
        assert any("owed and never came" in one for one in found.broken()), found.broken()


async def _one_crash(config: Settings, story: Story, point: str) -> None:
    if point == "mid-request":
        before = len(story.receiver.hits)
        held = asyncio.Event()

        async def hold(_: asyncio.StreamWriter) -> None:
            await held.wait()

        story.receiver.script.append(hold)
        async with hand(brisk(config, **SHORT)) as victim:
            await story.receiver.wait_for(before + 1)
            victim.send(signal.SIGKILL)
            assert await victim.ended() == -signal.SIGKILL
        held.set()
        story.receiver.script.clear()
        return
    async with hand(brisk(config, **SHORT), point) as victim:
        assert await victim.ended() == -signal.SIGKILL


class TestCrashAndEmptyRedis:
    """
    The receiver has said 2xx, nobody has recorded it, and Redis is wiped at that moment (fault 1).
    """

    async def test_the_same_comes_again_and_is_recorded(
        self,
        config: Settings,
        servers: Servers,
        story: Story,
        rounds: Rounds,
        tell: Tell,
    ) -> None:
        """
        One id, the same bytes, twice; the attempts read unknown, delivered.
        """
        if config.redis_url is None or servers.valkey is None:
            pytest.skip("no Valkey for this platform")
        servers.valkey.start()
        crashes = rounds(4, 200)
        for turn in range(crashes // IN_FLIGHT):
            await story.announce(IN_FLIGHT)
            await _crash_each(config)
            with Redis.from_url(config.redis_url) as redis:
                redis.flushall()
            await story.end_leases()
            async with hand(brisk(config, redis_url=config.redis_url)):
                found = await story.account(extra=(turn + 1) * IN_FLIGHT)
            assert not found.broken()
            assert all(len(bodies) == 2 for bodies in found.bodies.values())
            outcomes = [[one.outcome for one in view.attempts] for view in found.views]
            assert outcomes == [[Outcome.UNKNOWN, Outcome.DELIVERED]] * len(outcomes)
        tell(
            f"{crashes} crashes, each with FLUSHALL; each event came twice, with one id and one body"
        )

    async def test_the_check_sees_a_retry_under_another_id(
        self, config: Settings, story: Story
    ) -> None:
        """
        Negative control: a sender that names each attempt anew cannot be told from two events.
        """
        await story.announce()
        flaw = "names each attempt anew"
        async with hand(brisk(config, **SHORT), flaw, "dies after the answer") as victim:
            await victim.ended()
        async with hand(brisk(config), flaw):
            await story.receiver.wait_for(2)
            found = await story.account(extra=1, within_s=1)
        assert any("came and was never owed" in one for one in found.broken()), found.broken()


async def _crash_each(config: Settings) -> None:
    # So many side by side, each with one delivery.
    async with AsyncExitStack() as stack:
        victims = [
            await stack.enter_async_context(
                hand(brisk(config, delivery_lease_s=60), "dies after the answer", at_once=1)
            )
            for _ in range(IN_FLIGHT)
        ]
        for victim in victims:
            assert await victim.ended() == -signal.SIGKILL


class TestZombie:
    """
    A worker is stopped in mid-send, loses its lease, and goes on when all is over (fault 2, C4).
    """

    async def test_its_word_comes_too_late_and_is_counted(
        self, config: Settings, story: Story, rounds: Rounds, tell: Tell
    ) -> None:
        """
        The fence refuses it, the metric counts it, and the state is the other worker's.
        """
        times = rounds(1, 20)
        for _ in range(times):
            refused = await _zombie(config, story)
            assert refused == 1
            found = await story.account(extra=times)
            assert not found.broken()
            outcomes = [one.outcome for one in found.views[-1].attempts]
            assert outcomes == [Outcome.UNKNOWN, Outcome.DELIVERED]
        tell(f"{times} workers stopped and continued; {times} stale writes refused and counted")

    async def test_without_the_fence_it_would_win(self, config: Settings, story: Story) -> None:
        """
        Negative control: without the token what was delivered is owed again.
        """
        refused = await _zombie(config, story, "has no fence")
        assert refused == 0
        (view,) = await story.agency.deliveries()
        assert view.state is DeliveryState.PENDING


async def _zombie(config: Settings, story: Story, *flaws: str) -> float:
    before = len(story.receiver.hits)
    thawed = asyncio.Event()

    async def too_late(writer: asyncio.StreamWriter) -> None:
        await thawed.wait()
        await status(500)(writer)

    story.receiver.script.append(too_late)
    await story.announce()
    port = free_port()
    lease_s = 3 if SOAK else 60
    patient = brisk(config, metrics_port=port, delivery_lease_s=lease_s, delivery_deadline_s=50.0)
    async with hand(patient, *flaws) as zombie:
        await story.receiver.wait_for(before + 1)
        zombie.send(signal.SIGSTOP)
        if SOAK:
            await asyncio.sleep(2 * lease_s)  # that long it is dead to the world
        else:
            await story.end_leases()
        async with hand(brisk(config)):
            await story.receiver.wait_for(before + 2)
            async with asyncio.timeout(30):
                while (await story.agency.deliveries())[-1].state is not DeliveryState.DELIVERED:  # noqa: ASYNC110 - another process cannot set an Event
                    await asyncio.sleep(0.05)
        thawed.set()
        zombie.send(signal.SIGCONT)
        async with asyncio.timeout(30), httpx.AsyncClient() as client:
            while True:
                told = (await client.get(f"http://127.0.0.1:{port}/metrics", timeout=20)).text
                if settled := _settled(told):
                    return settled["fenced"]
                await asyncio.sleep(0.05)


def _settled(told: str) -> dict[str, float] | None:
    # Whichever way it went, the worker has counted it.
    figures = {"fenced": 0.0, "failed": 0.0}
    for line in told.splitlines():
        name, _, value = line.rpartition(" ")
        if name == 'assayline_fenced_writes_total{what="delivery"}':
            figures["fenced"] = float(value)
        if name == 'assayline_delivery_attempts_total{outcome="failed"}':
            figures["failed"] = float(value)
    return figures if any(figures.values()) else None


class TestPoison:
    """
    An event that kills whoever sends it, in the middle of a storm of restarts (fault 10, B15).
    """

    async def test_ends_exhausted_and_the_others_flow(
        self,
        config: Settings,
        story: Story,
        worker_database: Database,
        rounds: Rounds,
        tell: Tell,
    ) -> None:
        """
        Ten deaths, then it is given up; its neighbors have come, each counted as often as it was sent.
        """
        deaths = rounds(2, MOST_ATTEMPTS)
        await _poison(story, worker_database, spent=MOST_ATTEMPTS - deaths, others=5)
        died = await _storm_of_restarts(config, story, most=deaths + 1)
        views = await story.agency.deliveries()
        lost = [view for view in views if view.state is DeliveryState.EXHAUSTED]
        assert len(lost) == 1
        assert died == deaths
        assert {one.outcome for one in lost[0].attempts} == {Outcome.UNKNOWN}
        others = [view for view in views if view.state is DeliveryState.DELIVERED]
        assert len(others) == len(views) - 1
        sent = len(story.receiver.hits)
        known = sum(one.outcome is Outcome.DELIVERED for v in others for one in v.attempts)
        assert known == len(others)
        tell(f"{died} workers killed by one event; {len(others)} others came with {sent} receipts")

    async def test_counted_when_it_is_done_it_would_kill_for_ever(
        self, config: Settings, story: Story, worker_database: Database
    ) -> None:
        """
        Negative control: attempts counted at their end never use up the poison's.
        """
        await _poison(story, worker_database, spent=MOST_ATTEMPTS - 1, others=0)
        died = await _storm_of_restarts(config, story, "counts when it is done", most=3)
        assert died == 3


async def _poison(story: Story, worker_database: Database, *, spent: int, others: int) -> None:
    agency = story.agency
    async with agency.database.transaction(as_agency(agency.id)) as session:
        await webhooks.announce(session, [agency.notice(99, poison=True)])
    async with worker_database.transaction(WORKER) as session:
        # As after so many deaths.
        await session.execute(
            text("UPDATE delivery SET attempts = :spent WHERE agency_id = :id"),
            {"spent": spent, "id": agency.id},
        )
    if others:
        await story.announce(others)


async def _storm_of_restarts(config: Settings, story: Story, *flaws: str, most: int) -> int:
    # Whoever dies is started again, as a supervisor would; who does not die is told to end.
    died = 0
    while died < most:
        settings = brisk(config, **SHORT)
        async with hand(settings, "is killed by poison", *flaws) as worker:
            async with asyncio.timeout(60):
                while worker.process.is_alive() and await _open(story):  # noqa: ASYNC110 - another process cannot set an Event
                    await asyncio.sleep(0.05)
            worker.send(signal.SIGTERM)
            if await worker.ended() == 0:
                return died
            died += 1
    return died


async def _open(story: Story) -> bool:
    settled = {DeliveryState.DELIVERED, DeliveryState.EXHAUSTED}
    return any(view.state not in settled for view in await story.agency.deliveries())
