"""
An endpoint that fails again and again is left alone for a while, and so is one that asks for it.
"""

import asyncio
from typing import Any

from sqlalchemy import text

from app.kit.db import WORKER, Database
from app.kit.secrets import Key
from app.webhooks import rules
from app.webhooks import service as webhooks
from app.webhooks.rules import DeliveryState
from tests.workers.conftest import NewAgency
from tests.workers.push import Agency, courier, receiving, status
from workers.courier import Pace

ALL_AT_ONCE = Pace(look_again_s=0.1, at_once=32, per_endpoint=32)


async def endpoint(agency: Agency) -> Any:
    """
    Return what the worker knows of the agency's endpoint.
    """
    async with agency.worker_database.reading(WORKER) as session:
        found = await session.execute(
            text("SELECT failures, held_until FROM endpoint WHERE id = :id"),
            {"id": agency.endpoint_id},
        )
        return found.one()


async def hold_over(agency: Agency) -> None:
    """
    Let the hold end now, and make everything due.
    """
    async with agency.worker_database.transaction(WORKER) as session:
        await session.execute(
            text("UPDATE endpoint SET held_until = now() - interval '1 second' WHERE id = :id"),
            {"id": agency.endpoint_id},
        )
        await session.execute(
            text(
                "UPDATE delivery SET due_at = now() - interval '1 second'"
                " WHERE agency_id = :id AND state = 'pending'"
            ),
            {"id": agency.id},
        )


class TestCircuit:
    """
    Open, one tries, closed.
    """

    async def test_opens_after_failures_in_a_row_and_spares_attempts(
        self, new_agency: NewAgency, worker_database: Database, key: Key
    ) -> None:
        """
        With the circuit open no delivery is tried, however many are due: no attempt is used up.
        """
        async with (
            receiving(otherwise=status(500)) as receiver,
            courier(worker_database, key) as at_work,
        ):
            agency = await new_agency().listen(receiver)
            await agency.announce(rules.OPEN_AFTER)
            await at_work.drain()
            await agency.announce(20)
            await at_work.drain()

            assert len(receiver.hits) == rules.OPEN_AFTER
            found = await endpoint(agency)
            assert found.failures == rules.OPEN_AFTER
            assert found.held_until is not None
            untried = [view for view in await agency.deliveries() if not view.attempts]
            assert len(untried) == 20

    async def test_one_tries_for_all_and_success_closes_it(
        self, new_agency: NewAgency, worker_database: Database, key: Key
    ) -> None:
        """
        When the hold is over a single delivery goes; it fails: a longer hold; it arrives: all go.
        """
        async with (
            receiving(otherwise=status(500)) as receiver,
            courier(worker_database, key, pace=ALL_AT_ONCE) as at_work,
        ):
            agency = await new_agency().listen(receiver)
            await agency.announce(12)
            await at_work.drain()
            before = len(receiver.hits)
            await hold_over(agency)
            await at_work.drain()
            tried = len(receiver.hits) - before

            receiver.otherwise = status(204)
            await hold_over(agency)
            await at_work.drain()

            assert tried == 1
            assert {view.state for view in await agency.deliveries()} == {DeliveryState.DELIVERED}
            closed = await endpoint(agency)
            assert (closed.failures, closed.held_until) == (0, None)

    async def test_without_a_circuit_the_backlog_would_be_tried(
        self, new_agency: NewAgency, worker_database: Database, key: Key, monkeypatch: Any
    ) -> None:
        """
        Negative control: with a threshold out of reach every delivery is tried and fails.
        """
        monkeypatch.setattr("app.webhooks.repo.dispatch.OPEN_AFTER", 1_000_000)
        async with (
            receiving(otherwise=status(500)) as receiver,
            courier(worker_database, key) as at_work,
        ):
            agency = await new_agency().listen(receiver)
            await agency.announce(rules.OPEN_AFTER + 20)
            await at_work.drain()

            assert len(receiver.hits) == rules.OPEN_AFTER + 20

    async def test_patience_asked_for_covers_the_endpoint(
        self, new_agency: NewAgency, worker_database: Database, key: Key
    ) -> None:
        """
        429 with Retry-After: its other deliveries wait too, and for no longer than the cap.
        """
        busy = status(429, "Retry-After: 315360000")
        async with receiving(busy) as receiver, courier(worker_database, key) as at_work:
            agency = await new_agency().listen(receiver)
            await agency.announce()
            await at_work.drain()
            await agency.announce(3)
            await at_work.drain()

            assert len(receiver.hits) == 1
            async with worker_database.reading(WORKER) as session:
                held = await session.execute(
                    text(
                        "SELECT extract(epoch FROM held_until - now()) FROM endpoint WHERE id = :id"
                    ),
                    {"id": agency.endpoint_id},
                )
            assert 0 < held.scalar_one() <= rules.HOLDS_S[-1]


class TestSuspects:
    """
    A delivery that may kill its process is tried alone (B15).
    """

    async def test_are_claimed_one_at_a_time(
        self, new_agency: NewAgency, worker_database: Database
    ) -> None:
        """
        Ten were under way when a process died: they are taken up one by one, beside what is new.
        """
        async with receiving() as receiver:
            agency = await new_agency().listen(receiver)
        await agency.announce(10)

        async def claim(suspects: int) -> list[webhooks.Claimed]:
            async with worker_database.transaction(WORKER) as session:
                return await webhooks.claim_due(
                    session, limit=50, lease_s=0, per_endpoint_cap=50, suspects=suspects
                )

        first = await claim(1)
        await agency.announce(2)
        second = await claim(1)
        third = await claim(0)

        assert [one.suspect for one in first] == [False] * 10
        assert sorted(one.suspect for one in second) == [False, False, True]
        assert third == []

    async def test_a_courier_takes_them_all_in_the_end(
        self, new_agency: NewAgency, worker_database: Database, key: Key
    ) -> None:
        """
        One after the other, nothing is left.
        """
        async with receiving() as receiver:
            agency = await new_agency().listen(receiver)
            await agency.announce(10)
            async with worker_database.transaction(WORKER) as session:
                await webhooks.claim_due(session, limit=50, lease_s=0, per_endpoint_cap=50)
            async with courier(worker_database, key) as at_work, asyncio.timeout(20):
                while len(receiver.hits) < 10:
                    await at_work.drain()

            assert {view.state for view in await agency.deliveries()} == {DeliveryState.DELIVERED}
