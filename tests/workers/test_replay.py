"""
Having things sent again: the same id, the same bytes, new attempts, and a record of who asked.
"""

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.kit import ids
from app.kit.clock import utc_now
from app.kit.db import Database, as_agency
from app.kit.secrets import Key
from app.webhooks import rules
from app.webhooks import service as webhooks
from app.webhooks.rules import DeliveryState
from tests.builders import World
from tests.workers.push import Agency, courier, quiet, receiving, status


@pytest.fixture
async def agency(world: World, database: Database, worker_database: Database, key: Key) -> Agency:
    """
    The world's agency, with everything owed before settled.
    """
    await quiet(worker_database)
    return Agency(database, worker_database, key, id=world.agencies["agency"])


def path_of(agency: Agency, more: str = "") -> str:
    """
    Return the endpoint's path.
    """
    return f"/v1/webhooks/{ids.write('end', agency.endpoint_id)}{more}"


async def test_what_was_given_up_is_listed_counted_and_sent_again(
    world: World, agency: Agency, worker_database: Database, key: Key
) -> None:
    """
    Exhausted is a state: listed, counted, replayed; the whole schedule is before it again (B10).
    """
    agent = world.as_("agent")
    async with (
        receiving(otherwise=status(500)) as receiver,
        courier(worker_database, key) as at_work,
    ):
        await agency.listen(receiver)
        await agency.announce(2)
        for _ in range(rules.MOST_ATTEMPTS):
            await at_work.drain()
            await agency.hasten()
        listed = await agent.get(path_of(agency, "/deliveries"), params={"state": "exhausted"})
        ill = (await agent.get(path_of(agency, "/health"))).json()

        replayed = await agent.post(path_of(agency, ":replay"), json={"only_exhausted": True})
        await agency.hasten()
        await at_work.drain()
        receiver.otherwise = status(204)
        await agency.hasten()
        await at_work.drain()

        assert len(listed.json()["items"]) == 2
        assert (ill["exhausted"], ill["success_rate"]) == (2, 0.0)
        assert ill["oldest_undelivered_at"] is not None
        assert replayed.status_code == 202
        assert replayed.json() == {"replayed": 2, "more": False}
        for view in await agency.deliveries():
            assert view.state is DeliveryState.DELIVERED
            assert len(view.attempts) == rules.MOST_ATTEMPTS + 2
        assert len({(hit.headers["webhook-id"], hit.body) for hit in receiver.hits}) == 2
        well = (await agent.get(path_of(agency, "/health"))).json()
        assert (well["exhausted"], well["pending"]) == (0, 0)
        assert well["p95_seconds"] is not None


async def test_one_a_range_and_since(
    world: World, agency: Agency, worker_database: Database, key: Key
) -> None:
    """
    Chosen by id, by a span of time, or all since an instant; what is under way is left alone.
    """
    agent = world.as_("agent")
    async with receiving() as receiver, courier(worker_database, key) as at_work:
        await agency.listen(receiver)
        first = await agency.announce()
        between = utc_now()
        await agency.announce(2)
        await at_work.drain()

        async def again(**body: object) -> int:
            before = len(receiver.hits)
            answer = await agent.post(path_of(agency, ":replay"), json=body)
            assert answer.status_code == 202, answer.text
            await at_work.drain()
            assert len(receiver.hits) - before == answer.json()["replayed"]
            count: int = answer.json()["replayed"]
            return count

        assert await again(event_ids=[ids.write("evt", first[0])]) == 1
        assert await again(since=between.isoformat()) == 2
        early = (between - timedelta(hours=1)).isoformat()
        assert await again(since=early, until=between.isoformat()) == 1
        assert await again(since=early) == 3
        assert await again(event_ids=[ids.write("evt", ids.new())]) == 0
        assert len({hit.headers["webhook-id"] for hit in receiver.hits}) == 3
        receiver.verified(agency.secret)


async def test_what_came_before_the_endpoint(
    world: World, agency: Agency, worker_database: Database, key: Key
) -> None:
    """
    A new endpoint catches up: what happened before it was proved is owed to it now.
    """
    begun = utc_now() - timedelta(minutes=1)
    await agency.announce(3)
    async with receiving() as receiver, courier(worker_database, key) as at_work:
        await agency.listen(receiver)
        await at_work.drain()
        assert receiver.hits == []

        await world.as_("agent").post(path_of(agency, ":replay"), json={"since": begun.isoformat()})
        await at_work.drain()

        assert len(receiver.hits) == 3


async def test_who_asked_is_recorded(world: World, agency: Agency, database: Database) -> None:
    """
    By whom, when, and how much; the operator's has no name of the agency's.
    """
    async with receiving() as receiver:
        await agency.listen(receiver)
    await agency.announce()
    await world.as_("agent").post(path_of(agency, ":replay"), json={"only_exhausted": True})
    async with database.transaction(as_agency(agency.id)) as session:
        await webhooks.replay(
            session, endpoint_id=agency.endpoint_id, asked_by=None, since=utc_now()
        )

    async with database.reading(as_agency(agency.id)) as session:
        rows = (await session.execute(text("SELECT * FROM replay ORDER BY id"))).all()

    assert [row.asked_by for row in rows] == [world.clients["agent"], None]
    assert [row.only_exhausted for row in rows] == [True, False]


@pytest.mark.parametrize(
    "body", [{}, {"until": "2026-01-01T00:00:00Z"}, {"event_ids": []}, {"since": "yesterday"}]
)
async def test_a_wish_for_nothing_is_refused(
    world: World, agency: Agency, body: dict[str, object]
) -> None:
    """
    Everything ever is not sent again by accident.
    """
    async with receiving() as receiver:
        await agency.listen(receiver)

    answer = await world.as_("agent").post(path_of(agency, ":replay"), json=body)

    assert answer.status_code == 422


async def test_nobody_replays_to_anothers_endpoint(
    world: World, agency: Agency, database: Database
) -> None:
    """
    The function that owes again checks the tenant itself: called past the service it owes nothing.
    """
    async with receiving() as receiver:
        await agency.listen(receiver)
    await agency.announce()
    call = text("SELECT replay_deliveries(:id, NULL, now() - interval '1 day', NULL, false, 100)")

    async with database.transaction(as_agency(world.agencies["other_agency"])) as session:
        theirs = (await session.execute(call, {"id": agency.endpoint_id})).scalar_one()
    async with database.transaction(as_agency(agency.id)) as session:
        own = (await session.execute(call, {"id": agency.endpoint_id})).scalar_one()

    assert (theirs, own) == (0, 1)


async def test_the_banner_counts_what_did_not_arrive(
    agency: Agency, database: Database, worker_database: Database, key: Key
) -> None:
    """
    Nothing while it is young; then what waits and what was given up, until it has arrived.
    """
    async with (
        receiving(otherwise=status(500)) as receiver,
        courier(worker_database, key) as at_work,
    ):
        await agency.listen(receiver)
        await agency.announce()
        await at_work.drain()

        async def counted() -> int:
            async with database.reading(as_agency(agency.id)) as session:
                return (await webhooks.undelivered(session)).count

        young = await counted()
        for _ in range(rules.MOST_ATTEMPTS):
            await agency.hasten()
            await at_work.drain()
        given_up = await counted()

        assert (young, given_up) == (0, 1)
