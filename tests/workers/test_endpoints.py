"""
Endpoints, their deliveries and the feed, over HTTP.
"""

from collections.abc import Sequence
from uuid import UUID

import pytest
from sqlalchemy import text

from app.kit import ids
from app.kit.db import Database, as_agency
from app.kit.secrets import Key
from app.ledger import service as ledger
from app.webhooks import service as webhooks
from app.webhooks.service import Notice
from app.webhooks.signing import read_secret
from tests.builders import World
from tests.workers.push import Agency, courier, quiet, receiving


def fact(notice: Notice, pairs: Sequence[tuple[UUID, UUID]]) -> ledger.Fact:
    """
    Return the ledger's side of a notice.
    """
    return ledger.Fact(
        kind="received",
        agency_id=notice.owner_agency_id,
        laboratory_id=notice.laboratory_id,
        submission_id=notice.submission_id,
        sample_id=notice.sample_id,
        version=notice.sequence,
        actor_id=None,
        details={},
        notices=pairs,
    )


async def vouch(world: World) -> None:
    """
    Take this agency's endpoints for proved, as if each had answered its challenge.
    """
    async with world.database.transaction(as_agency(world.agencies["agency"])) as session:
        await session.execute(text("UPDATE endpoint SET verified_at = now()"))


class TestManage:
    """
    What an agency does with its endpoints.
    """

    async def test_the_secret_is_shown_once(self, world: World) -> None:
        """
        The answer to the creation holds it; nothing later does.
        """
        agent = world.as_("agent")
        made = await agent.post("/v1/webhooks", json={"url": "https://hooks.example.org/a"})

        assert made.status_code == 201, made.text
        assert len(read_secret(made.json()["secret"])) == 32
        assert made.headers["cache-control"] == "no-store"
        one = await agent.get(made.headers["location"])
        every = await agent.get("/v1/webhooks")
        assert one.json() == made.json()["endpoint"]
        assert every.json()["items"] == [one.json()]
        assert "secret" not in one.text + every.text

    @pytest.mark.parametrize(
        "body",
        [
            {"url": "http://hooks.example.org/"},
            {"url": "https://169.254.169.254/"},
            {"url": "https://me:pass@hooks.example.org/"},
            {"url": ""},
            {"url": "https://hooks.example.org/", "event_types": ["all"]},
            {"url": "https://hooks.example.org/", "event_types": []},
            {"url": "https://hooks.example.org/", "secret": "whsec_mine"},
            {"url": "https://hooks.example.org/", "description": "a\nb"},
            {},
        ],
    )
    async def test_what_cannot_be_is_refused_with_a_remedy(
        self, world: World, body: dict[str, object]
    ) -> None:
        """
        Each fault names its field and the way out.
        """
        answer = await world.as_("agent").post("/v1/webhooks", json=body)

        assert answer.status_code == 422, answer.text
        assert all(one["field"] and one["remedy"] for one in answer.json()["errors"])
        assert answer.json()["errors"]

    async def test_a_double_is_refused(self, world: World) -> None:
        """
        The same URL twice would mean every event twice.
        """
        agent = world.as_("agent")
        body = {"url": "https://hooks.example.org/a"}
        made = await agent.post("/v1/webhooks", json=body)

        double = await agent.post("/v1/webhooks", json=body)

        assert double.status_code == 409
        assert double.json()["endpoint_id"] == made.json()["endpoint"]["id"]

    async def test_a_deleted_one_is_gone(self, world: World) -> None:
        """
        It reads, deletes and tests as if it had never been, and its URL is free again.
        """
        agent = world.as_("agent")
        body = {"url": "https://hooks.example.org/a"}
        path = (await agent.post("/v1/webhooks", json=body)).headers["location"]

        assert (await agent.delete(path)).status_code == 204
        assert (await agent.delete(path)).status_code == 404
        assert (await agent.get(path)).status_code == 404
        assert (await agent.post(f"{path}:test")).status_code == 404
        assert (await agent.post("/v1/webhooks", json=body)).status_code == 201

    async def test_a_test_goes_to_its_endpoint_alone(self, world: World) -> None:
        """
        The agency's other endpoints, which it did not ask to test, are owed nothing.
        """
        agent = world.as_("agent")
        paths = [
            (
                await agent.post("/v1/webhooks", json={"url": f"https://hooks.example.org/{name}"})
            ).headers["location"]
            for name in ("one", "other")
        ]

        await vouch(world)

        await agent.post(f"{paths[0]}:test")

        owed = [(await agent.get(f"{path}/deliveries")).json()["items"] for path in paths]
        types = [[one["type"] for one in items] for items in owed]
        assert types == [["webhook.test", "webhook.challenge"], ["webhook.challenge"]]

    async def test_another_agency_s_is_nowhere(self, world: World) -> None:
        """
        Not yours and not there answer alike, whatever is asked of it.
        """
        body = {"url": "https://hooks.example.org/a"}
        made = await world.as_("agent").post("/v1/webhooks", json=body)
        theirs = made.headers["location"]
        other = world.as_("other_agent")
        for path in (theirs, f"/v1/webhooks/{ids.write('end', ids.new())}", "/v1/webhooks/x"):
            answers = [
                await other.get(path),
                await other.delete(path),
                await other.post(f"{path}:test"),
                await other.post(f"{path}:challenge"),
                await other.post(f"{path}:verify", json={"challenge": "x"}),
                await other.post(f"{path}:rotate-secret", json={}),
                await other.post(f"{path}:replay", json={"only_exhausted": True}),
                await other.get(f"{path}/health"),
                await other.get(f"{path}/deliveries"),
            ]
            assert [answer.status_code for answer in answers] == [404] * 9
            assert {answer.json()["detail"] for answer in answers} == {
                "There is no such thing here."
            }
        assert (await other.get("/v1/webhooks")).json()["items"] == []

    @pytest.mark.parametrize("person", ["investigator", "technician", "supervisor"])
    async def test_is_not_for_everybody(self, world: World, person: str) -> None:
        """
        Only who may manage webhooks may list them.
        """
        assert (await world.as_(person).get("/v1/webhooks")).status_code == 403


class TestDeliveries:
    """
    What an agency sees of its pushes.
    """

    async def test_lists_them_page_by_page(
        self, world: World, worker_database: Database, key: Key
    ) -> None:
        """
        The newest first, each with its attempts; a cursor serves its own agency and endpoint only.
        """
        await quiet(worker_database)
        agent = world.as_("agent")
        async with receiving() as receiver, courier(worker_database, key) as at_work:
            made = await agent.post("/v1/webhooks", json={"url": receiver.url})
            assert made.status_code == 201, made.text
            path = made.headers["location"]
            await at_work.drain()
            sent = [(await agent.post(f"{path}:test")).json()["event_id"] for _ in range(5)]
            await at_work.drain()

        seen: list[str] = []
        after: str | None = None
        while True:
            query = {"limit": "2"} | ({"after": after} if after else {})
            page = (await agent.get(f"{path}/deliveries", params=query)).json()
            for item in page["items"]:
                assert item["state"] == "delivered"
                proved = item["type"] == "webhook.challenge"
                assert [one["status_code"] for one in item["attempts"]] == [200 if proved else 204]
                seen += [] if proved else [item["event_id"]]
            after = page["next"]
            if after is None:
                break
        assert seen == sent[::-1]

        first = (await agent.get(f"{path}/deliveries", params={"limit": "1"})).json()["next"]
        other = await agent.post("/v1/webhooks", json={"url": "https://hooks.example.org/b"})
        strange = await agent.get(f"{other.headers['location']}/deliveries?after={first}")
        assert strange.status_code == 422


class TestFeed:
    """
    Everything again, without any webhook.
    """

    async def test_holds_what_is_pushed(
        self, world: World, database: Database, worker_database: Database, key: Key
    ) -> None:
        """
        An event is in the feed with the very content that was pushed, in order, and once.
        """
        await quiet(worker_database)
        agent = world.as_("agent")
        agency = Agency(database, worker_database, key, id=world.agencies["agency"])
        async with receiving() as receiver, courier(worker_database, key) as at_work:
            await agency.listen(receiver)
            for sequence in (1, 2, 3):
                async with database.transaction(as_agency(agency.id)) as session:
                    notice = agency.notice(sequence)
                    (pairs,) = await webhooks.announce(session, [notice])
                    await ledger.record(session, [fact(notice, pairs)])
                await ledger.number_pending(worker_database)
            await at_work.drain()
            pushed = receiver.verified(agency.secret)

        page = (await agent.get("/v1/events", params={"limit": "2"})).json()
        rest = (await agent.get("/v1/events", params={"after": page["next"]})).json()
        again = (await agent.get("/v1/events", params={"after": rest["next"]})).json()

        told = [item["data"] for item in page["items"] + rest["items"]]
        assert [data["sequence"] for data in told] == [1, 2, 3]
        assert told == sorted((body["data"] for body in pushed), key=lambda data: data["sequence"])
        assert again["items"] == []

    async def test_a_cursor_is_its_agency_s_own(self, world: World) -> None:
        """
        Another agency's cursor is refused; a laboratory has no feed.
        """
        cursor = (await world.as_("agent").get("/v1/events")).json()["next"]

        refused = await world.as_("other_agent").get("/v1/events", params={"after": cursor})

        assert refused.status_code == 422
        assert (await world.as_("technician").get("/v1/events")).status_code == 403
