"""
One agency's backlog of ten thousand for a receiver that never answers, and another agency's events (B8).

Counted in claims, not in seconds: a busy machine changes nothing about the order.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import text

from app.kit.db import WORKER, Database
from app.settings import Settings
from app.webhooks import service as webhooks
from app.webhooks.repo import dispatch
from app.webhooks.rules import DeliveryState, Reply
from app.webhooks.service import Claimed
from tests.database.plans import Plan, explain, listening
from tests.faults.conftest import Tell
from tests.workers.push import Agency, courier, hang, key_of, quiet, receiving
from workers.courier import Pace

BACKLOG = 10_000
MOST_BUFFERS = 1_500
"""Pages; the backlog alone is some hundreds, and a claim that walked it would touch each row."""
WANTED = 40
"""Events of the agency whose receiver is well."""
PACE = Pace()


@dataclass
class Street:
    """
    The noisy one and the other.
    """

    noisy: Agency
    other: Agency

    async def fill(self, count: int) -> None:
        """
        Owe the noisy one so many events.
        """
        for begun in range(0, count, 2_000):
            await self.noisy.announce(min(2_000, count - begun))


@pytest.fixture
async def street(
    config: Settings, database: Database, worker_database: Database
) -> AsyncIterator[Street]:
    """
    A receiver that never answers, and one that does.
    """
    await quiet(worker_database)
    key = key_of(config)
    async with receiving(otherwise=hang) as black_hole, receiving() as receiver:
        noisy = await Agency(database, worker_database, key).listen(black_hole)
        yield Street(noisy, await Agency(database, worker_database, key).listen(receiver))
    await quiet(worker_database)


async def claim(database: Database, *, cap: int = PACE.per_endpoint) -> list[Claimed]:
    """
    Claim as a courier with all its slots free would.
    """
    async with database.transaction(WORKER) as session:
        return await webhooks.claim_due(
            session, limit=PACE.at_once, lease_s=600, per_endpoint_cap=cap, suspects=0
        )


async def served(
    database: Database, other: Agency, *, most: int, cap: int = PACE.per_endpoint
) -> tuple[int, int]:
    """
    Claim and answer until the other agency has all it was owed; return how many claims, and how many of the noisy one.
    """
    left, held = WANTED, 0
    for number in range(1, most + 1):
        got = await claim(database, cap=cap)
        mine = [one for one in got if one.agency_id == other.id]
        held += len(got) - len(mine)
        left -= len(mine)
        async with database.transaction(WORKER) as session:
            told = [webhooks.Told(one, Reply(status=204), jitter=0) for one in mine]
            await webhooks.settle(session, told)
        if not left:
            return number, held
    return most + 1, held


class TestNoisyNeighbor:
    """
    Whoever never answers holds its share of slots, and nothing of anybody else's.
    """

    async def test_changes_nothing_for_the_other(
        self, street: Street, worker_database: Database, tell: Tell
    ) -> None:
        """
        As many claims beside the backlog as alone, by index, and never more than its share under way (B8, C6, C7).
        """
        await street.fill(BACKLOG)
        for generic in (False, True):
            plan = await _plan(worker_database, generic=generic)
            assert "delivery" not in plan.scanned
            assert "ix_delivery_open" in plan.indexes
            assert plan.buffers < MOST_BUFFERS, plan.buffers
        await street.other.announce(WANTED)
        beside, held = await served(worker_database, street.other, most=100)
        await quiet(worker_database)
        await street.other.announce(WANTED)
        alone, _ = await served(worker_database, street.other, most=100)

        tell(f"{WANTED} events: {beside} claims beside {BACKLOG} pending, {alone} alone")
        assert beside == alone == WANTED // PACE.per_endpoint
        assert held == PACE.per_endpoint

    async def test_first_come_first_served_would_starve_it(
        self, street: Street, worker_database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        Negative control: without shares and turns the other waits behind the whole backlog.
        """
        fair = "ORDER BY turn, due_at, id"
        assert fair in str(dispatch.CLAIM)
        unfair = text(str(dispatch.CLAIM).replace(fair, "ORDER BY due_at, id"))
        monkeypatch.setattr(dispatch, "CLAIM", unfair)
        await street.fill(500)
        await street.other.announce(WANTED)

        claims, held = await served(worker_database, street.other, most=20, cap=BACKLOG)

        assert claims == 21, "the control must show the harm"
        assert held == 20 * PACE.at_once

    async def test_holds_no_more_than_its_share_of_connections(
        self, street: Street, config: Settings, worker_database: Database
    ) -> None:
        """
        A courier at work: four hang, however often it looks, and the other's events have all come.
        """
        await street.fill(500)
        async with courier(
            worker_database, key_of(config), deadline_s=60, pace=Pace(look_again_s=0.05)
        ) as at_work:
            at_work.poke()
            await street.other.announce(WANTED)
            at_work.poke()
            async with asyncio.timeout(60):
                while not await _all_recorded(street.other):  # noqa: ASYNC110 - recorded by a task of its own
                    await asyncio.sleep(0.05)
            async with worker_database.reading(WORKER) as session:
                under_way = await session.execute(
                    text(
                        "SELECT count(*) FROM delivery WHERE agency_id = :id AND state = 'sending'"
                    ),
                    {"id": street.noisy.id},
                )
                assert under_way.scalar_one() == PACE.per_endpoint
            await at_work.close(patience_s=-5)


class _Undo(Exception):
    """
    Ends a transaction without a commit.
    """


async def _all_recorded(agency: Agency) -> bool:
    return all(view.state is DeliveryState.DELIVERED for view in await agency.deliveries())


async def _plan(database: Database, *, generic: bool) -> Plan:
    found: list[Plan] = []
    with contextlib.suppress(_Undo):
        async with database.transaction(WORKER) as session:
            with listening(database) as sent:
                await webhooks.claim_due(
                    session, limit=PACE.at_once, lease_s=60, per_endpoint_cap=4, suspects=1
                )
            claims = [one for one in sent if "lost AS MATERIALIZED" in one[0]]
            raise _Undo
    with contextlib.suppress(_Undo):
        async with database.transaction(WORKER) as session:
            found = await explain(session, claims, generic=generic)
            raise _Undo
    (plan,) = found
    return plan
