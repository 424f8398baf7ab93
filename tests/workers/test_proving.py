"""
An endpoint gets nothing before it has proved that who registered it also receives there (F7).
"""

import json

from app.kit.db import Database, as_agency
from app.kit.secrets import Key
from app.webhooks import service as webhooks
from tests.builders import World
from tests.workers.push import Agency, courier, quiet, receiving, status


async def created(world: World, url: str) -> tuple[str, str]:
    """
    Register an endpoint through the API and return its path and its secret.
    """
    made = await world.as_("agent").post("/v1/webhooks", json={"url": url})
    assert made.status_code == 201, made.text
    assert made.json()["endpoint"]["verified_at"] is None
    return made.headers["location"], made.json()["secret"]


class TestChallenge:
    """
    The first push.
    """

    async def test_said_back_it_proves(
        self, world: World, worker_database: Database, key: Key
    ) -> None:
        """
        A receiver that answers with what it was sent is proved, by a push signed like every other.
        """
        await quiet(worker_database)
        async with receiving() as receiver, courier(worker_database, key) as at_work:
            path, secret = await created(world, receiver.url)
            await at_work.drain()

            found = (await world.as_("agent").get(path)).json()
            await world.submit()
            await at_work.drain()

            assert found["verified_at"] is not None
            receiver.hits += receiver.challenges
            bodies = receiver.verified(secret)
            assert {body["type"] for body in bodies} == {"submission.accepted", "webhook.challenge"}

    async def test_an_unproved_endpoint_receives_nothing_else(
        self, world: World, worker_database: Database, key: Key
    ) -> None:
        """
        It answers 200 like anything on the web, and gets its challenge and no event.
        """
        await quiet(worker_database)
        async with (
            receiving(otherwise=status(200, body=b"welcome")) as bystander,
            courier(worker_database, key) as at_work,
        ):
            bystander.echoes = False
            path, _ = await created(world, bystander.url)
            await at_work.drain()
            await world.submit()
            await at_work.drain()
            refused = await world.as_("agent").post(f"{path}:test")

            assert refused.status_code == 409
            assert refused.json()["type"].endswith("endpoint-unproved")
            types = [json.loads(hit.body)["type"] for hit in bystander.hits]
            assert types == ["webhook.challenge"]

    async def test_proved_without_a_challenge_it_would_receive(
        self, world: World, worker_database: Database, key: Key, database: Database
    ) -> None:
        """
        Negative control: the same bystander, taken at its word, is sent case data.
        """
        await quiet(worker_database)
        agency = Agency(database, worker_database, key, id=world.agencies["agency"])
        async with (
            receiving(otherwise=status(200, body=b"welcome")) as bystander,
            courier(worker_database, key) as at_work,
        ):
            await agency.listen(bystander)
            await world.submit()
            await at_work.drain()

            types = [json.loads(hit.body)["type"] for hit in bystander.hits]
            assert types == ["submission.accepted"]

    async def test_handed_in_it_proves_too(
        self, world: World, worker_database: Database, key: Key
    ) -> None:
        """
        A receiver that cannot echo: what arrived is handed in over the API; what did not is refused.
        """
        await quiet(worker_database)
        agent = world.as_("agent")
        async with receiving() as receiver, courier(worker_database, key) as at_work:
            receiver.echoes = False
            path, _ = await created(world, receiver.url)
            await at_work.drain()
            (hit,) = receiver.hits
            token = json.loads(hit.body)["data"]["challenge"]

            guessed = await agent.post(f"{path}:verify", json={"challenge": "guessed"})
            proved = await agent.post(f"{path}:verify", json={"challenge": token})

        assert guessed.status_code == 409
        assert proved.status_code == 200
        assert proved.json()["verified_at"] is not None

    async def test_one_that_was_gone_is_taken_up_again(
        self, world: World, worker_database: Database, key: Key, database: Database
    ) -> None:
        """
        410 disables; challenged again and proved, it gets what it was still owed, and not before.
        """
        await quiet(worker_database)
        agency = Agency(database, worker_database, key, id=world.agencies["agency"])
        async with receiving(status(410)) as receiver, courier(worker_database, key) as at_work:
            await agency.listen(receiver)
            await agency.announce()
            await at_work.drain()
            await agency.hasten()
            receiver.echoes = False
            receiver.otherwise = status(503)
            async with database.transaction(as_agency(agency.id)) as session:
                await webhooks.challenge_endpoint(session, endpoint_id=agency.endpoint_id)
            await at_work.drain()
            before = [json.loads(hit.body)["type"] for hit in receiver.hits]

            receiver.echoes = True
            receiver.otherwise = status(204)
            await agency.hasten()
            await at_work.drain()
            await at_work.drain()

            assert before == ["sample.received", "webhook.challenge"]
            last = json.loads(receiver.hits[-1].body)
            assert last["type"] == "sample.received"
            assert receiver.hits[0].body == receiver.hits[-1].body
