"""
From a fact to a verified push, and every way a receiver can be unhelpful.
"""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.kit import ids
from app.kit.db import WORKER, Database, as_agency, as_laboratory
from app.kit.secrets import Key
from app.webhooks import rules
from app.webhooks import service as webhooks
from app.webhooks.rules import DeliveryState, DisabledReason, EventType, Outcome
from tests.workers.conftest import NewAgency
from tests.workers.push import courier, drip, flood, hang, receiving, reset, status
from workers.courier import Pace


class TestHappy:
    """
    Nothing goes wrong.
    """

    async def test_what_is_announced_arrives_verified(
        self, new_agency: NewAgency, worker_database: Database, key: Key
    ) -> None:
        """
        The reference library verifies each push.

        The body says what it concerns and where to read on.
        """
        async with receiving() as receiver, courier(worker_database, key) as at_work:
            agency = await new_agency().listen(receiver)
            events = await agency.announce(3)

            await at_work.drain()

            bodies = receiver.verified(agency.secret)
            expected = {ids.write("evt", one) for one in events}
            assert {hit.headers["webhook-id"] for hit in receiver.hits} == expected
            assert {body["data"]["event_id"] for body in bodies} == expected
            assert {body["data"]["sequence"] for body in bodies} == {1, 2, 3}
            for body in bodies:
                assert body["type"] == "sample.received"
                assert body["timestamp"] == body["data"]["occurred_at"]
                assert body["data"]["summary"] == {"status": "received"}
                assert body["data"]["link"] == f"/v1/samples/{body['data']['sample_id']}"
            for view in await agency.deliveries():
                assert view.state is DeliveryState.DELIVERED
                assert [one.outcome for one in view.attempts] == [Outcome.DELIVERED]
                assert view.attempts[0].status_code == 204

    async def test_nothing_is_owed_when_the_fact_is_rolled_back(
        self, new_agency: NewAgency, database: Database, worker_database: Database, key: Key
    ) -> None:
        """
        The event is part of the fact's transaction, and so is the bell.
        """
        async with receiving() as receiver, courier(worker_database, key) as at_work:
            agency = await new_agency().listen(receiver)
            with pytest.raises(RuntimeError):  # noqa: PT012 - the block is the transaction
                async with database.transaction(as_agency(agency.id)) as session:
                    await webhooks.announce(session, [agency.notice()])
                    assert session.bells == {"deliver"}
                    raise RuntimeError

            await at_work.drain()

            assert receiver.hits == []

    async def test_every_party_gets_its_own_event(
        self, new_agency: NewAgency, database: Database, worker_database: Database, key: Key
    ) -> None:
        """
        The laboratory announces; owner and parties are told under ids of their own, once each.
        """
        async with receiving() as first, receiving() as second:
            owner = await new_agency().listen(first)
            party = await new_agency().listen(second)
            parties = {owner.submission_id: [party.id, owner.id, party.id]}
            async with database.transaction(as_laboratory(owner.laboratory_id)) as session:
                (pairs,) = await webhooks.announce(session, [owner.notice()], recipients=parties)
            async with courier(worker_database, key) as at_work:
                await at_work.drain()

            assert [owner.id, party.id] == [agency_id for agency_id, _ in pairs]
            own = first.verified(owner.secret)[0]["data"]
            theirs = second.verified(party.secret)[0]["data"]
            assert own["event_id"] != theirs["event_id"]
            assert own["sample_id"] == theirs["sample_id"]

    async def test_a_filter_leaves_out_the_rest_but_never_a_test(
        self, new_agency: NewAgency, database: Database, worker_database: Database, key: Key
    ) -> None:
        """
        An endpoint for reports gets no receipts, and still its test.
        """
        async with receiving() as receiver, courier(worker_database, key) as at_work:
            agency = await new_agency().listen(receiver, event_types=[EventType.REPORT_RELEASED])
            await agency.announce()
            async with database.transaction(as_agency(agency.id)) as session:
                view = await webhooks.look_up(session, endpoint_id=agency.endpoint_id)
                await webhooks.send_test(session, endpoint_id=agency.endpoint_id)

            await at_work.drain()

            assert view.event_types == (EventType.REPORT_RELEASED,)
            assert [body["type"] for body in receiver.verified(agency.secret)] == ["webhook.test"]


class TestRetry:
    """
    The receiver fails, and is tried again.
    """

    @pytest.mark.parametrize(
        "failure",
        [status(500), status(404), status(302), reset],
        ids=["error", "missing", "moved", "reset"],
    )
    async def test_repeats_the_same_bytes_under_the_same_id(
        self, new_agency: NewAgency, worker_database: Database, key: Key, failure: object
    ) -> None:
        """
        Only timestamp and signature are new.

        The first retry is due within five seconds of the database's clock.
        """
        assert callable(failure)
        async with receiving(failure) as receiver, courier(worker_database, key) as at_work:
            agency = await new_agency().listen(receiver)
            await agency.announce()
            await at_work.drain()
            (view,) = await agency.deliveries()
            assert view.state is DeliveryState.PENDING
            assert view.due_at is not None
            assert view.attempts[0].ended_at is not None
            wait = view.due_at - view.attempts[0].ended_at
            assert timedelta(seconds=2.5) <= wait <= timedelta(seconds=5)

            await asyncio.sleep(1.1)
            await agency.hasten()
            await at_work.drain()

            first, second = receiver.hits
            assert first.body == second.body
            assert first.headers["webhook-id"] == second.headers["webhook-id"]
            assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
            assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
            receiver.verified(agency.secret)
            (view,) = await agency.deliveries()
            assert view.state is DeliveryState.DELIVERED
            assert [one.outcome for one in view.attempts] == [Outcome.FAILED, Outcome.DELIVERED]

    async def test_follows_no_redirect(
        self, new_agency: NewAgency, worker_database: Database, key: Key
    ) -> None:
        """
        Not even one TCP connection goes where a redirect points.
        """
        async with receiving() as trap:
            moved = [status(code, f"Location: {trap.url}") for code in (301, 302, 303, 307, 308)]
            async with receiving(*moved) as receiver, courier(worker_database, key) as at_work:
                agency = await new_agency().listen(receiver)
                await agency.announce(len(moved))
                await at_work.drain()

            assert len(receiver.hits) == len(moved)
            assert trap.connections == 0

    async def test_waits_as_long_as_it_is_asked_to(
        self, new_agency: NewAgency, worker_database: Database, key: Key
    ) -> None:
        """
        503 with Retry-After: the next attempt is that far away, by the database's clock.
        """
        busy = status(503, "Retry-After: 600")
        async with receiving(busy) as receiver, courier(worker_database, key) as at_work:
            agency = await new_agency().listen(receiver)
            await agency.announce()
            await at_work.drain()

            (view,) = await agency.deliveries()
            assert view.due_at is not None
            assert view.attempts[0].ended_at is not None
            assert view.due_at - view.attempts[0].ended_at == timedelta(seconds=600)

    async def test_gone_disables_the_endpoint_and_keeps_what_is_owed(
        self, new_agency: NewAgency, database: Database, worker_database: Database, key: Key
    ) -> None:
        """
        410: nothing more is sent, nothing owed is lost.
        """
        async with receiving(status(410)) as receiver, courier(worker_database, key) as at_work:
            agency = await new_agency().listen(receiver)
            await agency.announce()
            await at_work.drain()
            await agency.hasten()
            await at_work.drain()

            async with database.reading(as_agency(agency.id)) as session:
                view = await webhooks.look_up(session, endpoint_id=agency.endpoint_id)
            assert view.disabled_reason is DisabledReason.GONE
            (owed,) = await agency.deliveries()
            assert owed.state is DeliveryState.PENDING
            assert len(receiver.hits) == 1

    async def test_ends_exhausted_after_the_whole_schedule(
        self, new_agency: NewAgency, worker_database: Database, key: Key
    ) -> None:
        """
        Ten attempts, each on record, and then a state that is listed; never silence.
        """
        async with (
            receiving(otherwise=status(500)) as receiver,
            courier(worker_database, key) as at_work,
        ):
            agency = await new_agency().listen(receiver)
            await agency.announce()
            for _ in range(rules.MOST_ATTEMPTS + 3):
                await at_work.drain()
                await agency.hasten()

            (view,) = await agency.deliveries()
            assert view.state is DeliveryState.EXHAUSTED
            assert view.due_at is None
            assert len(view.attempts) == len(receiver.hits) == rules.MOST_ATTEMPTS
            assert len({hit.body for hit in receiver.hits}) == 1

    async def test_a_last_attempt_that_never_came_back_is_exhausted(
        self, new_agency: NewAgency, worker_database: Database, key: Key
    ) -> None:
        """
        An event that kills its process is counted at claim, so it cannot loop for ever (B15).
        """
        async with receiving() as receiver:
            agency = await new_agency().listen(receiver)
            await agency.announce()
            for _ in range(rules.MOST_ATTEMPTS):
                async with worker_database.transaction(WORKER) as session:
                    claimed = await webhooks.claim_due(
                        session, limit=5, lease_s=0, per_endpoint_cap=5
                    )
                assert len(claimed) == 1
            async with courier(worker_database, key) as at_work:
                await at_work.drain()
            async with worker_database.transaction(WORKER) as session:
                await webhooks.retire_spent(session)

            assert receiver.hits == []
            (view,) = await agency.deliveries()
            assert view.state is DeliveryState.EXHAUSTED
            assert {one.outcome for one in view.attempts} == {Outcome.UNKNOWN}


class TestBadReceiver:
    """
    A receiver costs itself, and nobody else.
    """

    @pytest.mark.parametrize("behavior", [hang, drip])
    async def test_is_cut_off_at_the_deadline(
        self, new_agency: NewAgency, worker_database: Database, key: Key, behavior: object
    ) -> None:
        """
        No answer, or a byte now and then: the slot is free when the deadline has passed.
        """
        assert callable(behavior)
        loop = asyncio.get_running_loop()
        async with (
            receiving(behavior) as receiver,
            courier(worker_database, key, deadline_s=0.5) as at_work,
        ):
            agency = await new_agency().listen(receiver)
            await agency.announce()
            begun = loop.time()
            await at_work.drain()

            assert loop.time() - begun < 2
            (view,) = await agency.deliveries()
            assert [one.error for one in view.attempts] == ["timeout"]

    async def test_may_answer_at_any_length(
        self, new_agency: NewAgency, worker_database: Database, key: Key
    ) -> None:
        """
        64 KiB are read, the rest is not, and the 200 counts.
        """
        async with receiving(flood) as receiver, courier(worker_database, key) as at_work:
            agency = await new_agency().listen(receiver)
            await agency.announce()
            await at_work.drain()

            (view,) = await agency.deliveries()
            assert view.state is DeliveryState.DELIVERED

    async def test_holds_up_nobody_else_and_no_transaction(
        self, new_agency: NewAgency, worker_database: Database, key: Key
    ) -> None:
        """
        One agency's receiver hangs on a backlog: another's event arrives, no session idles (C1, B8).
        """
        async with (
            receiving(otherwise=hang) as black_hole,
            receiving() as receiver,
            courier(worker_database, key, deadline_s=4) as at_work,
        ):
            slow = await new_agency().listen(black_hole)
            await slow.announce(50)
            at_work.poke()
            await black_hole.wait_for(Pace().per_endpoint)
            other = await new_agency().listen(receiver)
            await other.announce()
            at_work.poke()

            await receiver.wait_for(1, within_s=2)
            await asyncio.sleep(1.2)

            async with worker_database.reading(WORKER) as session:
                idle = await session.execute(
                    text(
                        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                        " AND usename = 'assayline_worker' AND pid <> pg_backend_pid()"
                        " AND state LIKE 'idle in transaction%'"
                        " AND clock_timestamp() - state_change > interval '1 second'"
                    )
                )
            assert idle.scalar_one() == 0
            (view, *_) = await other.deliveries()
            assert view.state is DeliveryState.DELIVERED
            assert len(black_hole.hits) == Pace().per_endpoint
