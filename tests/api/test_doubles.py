"""
A double is refused and led to what exists; a request sent again with its key is answered as the first time.
"""

import asyncio

from app.kit import ids
from tests.api.asking import SUBMIT, rows
from tests.builders import World


class TestDoubles:
    """
    The natural key refuses doubles and links what exists (A8).
    """

    async def test_a_double_is_refused_with_a_link(self, world: World) -> None:
        """
        The same exhibit under the same file number answers 409 and leads to the existing one.
        """
        body = world.body()
        first = (await world.as_("agent").post(SUBMIT, json=body)).json()
        stored = await rows(world)

        answer = await world.as_("agent").post(SUBMIT, json=body)

        assert answer.status_code == 409
        problem = answer.json()
        assert problem["type"] == "urn:assayline:problem:already-submitted"
        (existing,) = problem["existing"]
        assert existing["submission"] == f"{SUBMIT}/{first['id']}"
        assert existing["sample"] == f"/v1/samples/{first['samples'][0]['id']}"
        assert answer.headers["Link"] == f'<{SUBMIT}/{first["id"]}>; rel="duplicate"'
        assert (await world.as_("agent").get(existing["sample"])).status_code == 200
        assert await rows(world) == stored

    async def test_one_double_refuses_all(self, world: World) -> None:
        """
        A submission is stored whole or not at all; a further exhibit of a known file is welcome by itself.
        """
        body = world.body()
        await world.as_("agent").post(SUBMIT, json=body)
        both = body | {"samples": [{"exhibit_number": "2"}, {"exhibit_number": "1"}]}

        refused = await world.as_("agent").post(SUBMIT, json=both)
        alone = await world.as_("agent").post(
            SUBMIT, json=body | {"samples": [{"exhibit_number": "2"}]}
        )

        assert refused.status_code == 409
        assert [one["same"] for one in refused.json()["existing"]] == [True]
        assert refused.json()["not_stored"] == ["2"]
        assert alone.status_code == 201

    async def test_another_agencys_same_key_is_no_double(self, world: World) -> None:
        """
        Two agencies may use the same numbers, and learn nothing of each other by it (E5).
        """
        body = world.body()

        answers = [await world.as_(who).post(SUBMIT, json=body) for who in ("agent", "other_agent")]

        assert [answer.status_code for answer in answers] == [201, 201]

    async def test_twenty_at_once_store_one(self, world: World) -> None:
        """
        However many arrive at the same instant, one is stored and the others are led to it.
        """
        body = world.body()

        answers = await asyncio.gather(
            *(world.as_("agent").post(SUBMIT, json=body) for _ in range(20))
        )

        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
        assert (await rows(world))["sample"] == 1


class TestIdempotency:
    """
    A request sent again with its key is answered as the first time, and does nothing (A3-A7).
    """

    KEY = {"Idempotency-Key": "b1f0"}  # noqa: RUF012 - never changed

    async def test_a_replay(self, world: World) -> None:
        """
        Same key, same body: the same bytes, the same place, marked as a replay; no new row anywhere (A3).
        """
        body = world.body()
        agent = world.as_("agent")
        first = await agent.post(SUBMIT, json=body, headers=self.KEY)
        stored = await rows(world)

        again = [await agent.post(SUBMIT, json=body, headers=self.KEY) for _ in range(5)]

        assert first.status_code == 201
        assert "Idempotent-Replayed" not in first.headers
        for answer in again:
            assert (answer.status_code, answer.content) == (201, first.content)
            assert answer.headers["Location"] == first.headers["Location"]
            assert answer.headers["Idempotent-Replayed"] == "true"
        assert await rows(world) == stored

    async def test_a_key_used_for_something_else(self, world: World) -> None:
        """
        The same key with one byte changed is refused and stores nothing (A4).
        """
        agent = world.as_("agent")
        await agent.post(SUBMIT, json=world.body(), headers=self.KEY)
        stored = await rows(world)

        answer = await agent.post(SUBMIT, json=world.body(), headers=self.KEY)

        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:assayline:problem:idempotency-key-reused"
        assert await rows(world) == stored

    async def test_the_key_is_the_callers_own(self, world: World) -> None:
        """
        Another agency with the same key neither collides nor sees the stored answer (A6).
        """
        body = world.body()
        first = await world.as_("agent").post(SUBMIT, json=body, headers=self.KEY)

        other = await world.as_("other_agent").post(SUBMIT, json=body, headers=self.KEY)

        assert other.status_code == 201
        assert "Idempotent-Replayed" not in other.headers
        assert other.json()["id"] != first.json()["id"]

    async def test_a_refusal_is_not_kept(self, world: World) -> None:
        """
        What was never carried out may be corrected and sent again under its key (A7).
        """
        agent = world.as_("agent")
        body = world.body()
        refused = await agent.post(SUBMIT, json=body | {"route": "pigeon"}, headers=self.KEY)
        accepted = await agent.post(SUBMIT, json=body, headers=self.KEY)

        assert (refused.status_code, accepted.status_code) == (422, 201)

    async def test_at_once_with_one_body(self, world: World) -> None:
        """
        Twenty at the same instant: one is carried out, and all get its answer (A5).
        """
        body = world.body()

        answers = await asyncio.gather(
            *(world.as_("agent").post(SUBMIT, json=body, headers=self.KEY) for _ in range(20))
        )

        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 19
        assert (await rows(world))["sample"] == 1

    async def test_at_once_with_two_bodies(self, world: World) -> None:
        """
        Two requests under one key at the same instant: one is carried out, the other refused, none fails on our side.
        """
        for _ in range(5):
            key = {"Idempotency-Key": str(ids.new())}

            answers = await asyncio.gather(
                *(world.as_("agent").post(SUBMIT, json=world.body(), headers=key) for _ in range(4))
            )

            assert sorted(answer.status_code for answer in answers) == [201, 422, 422, 422]
