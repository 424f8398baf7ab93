"""
The queue and its claims: next, several, named; given back; and every twentieth start the oldest.
"""

import asyncio

import pytest

from app.access import service as access
from app.access.rules import ClientKind, Role
from app.kit.db import OPERATOR
from tests.api.asking import match, queue_of
from tests.api.queueing import CLAIMS, beat, put_back, several, status_of
from tests.builders import World


class TestClaim:
    """
    Next, up to n, or a named one.
    """

    async def test_the_next_is_the_first_in_line(self, world: World) -> None:
        """
        The first in the queue is taken; it is the technician's, and the agency sees that work has begun.
        """
        samples = await several(world, 3, urgent=1)

        claim = await world.claim()

        assert claim["sample"]["id"] == samples[2]
        assert claim["token"] == 1
        assert claim["taken_as_oldest"] is False
        assert claim["risk"]["policy"]
        assert await status_of(world, samples[2]) == "screening"
        place = (await world.as_("agent").get(f"/v1/samples/{samples[2]}/place")).json()
        assert (place["at_bench"], place["place"]) == (True, None)

    async def test_up_to_n(self, world: World) -> None:
        """
        Several at once come in the order of the queue; fewer when it is shorter, none when it is empty.
        """
        samples = await several(world, 5)

        answers = [
            (await world.as_("technician").post(CLAIMS, json={"count": 3})).json()["claims"]
            for _ in range(3)
        ]

        taken = [[one["sample"]["id"] for one in claims] for claims in answers]
        assert taken == [samples[:3], samples[3:], []]

    async def test_a_named_one(self, world: World) -> None:
        """
        A named sample is taken out of turn; held by somebody, it answers 409 and says so.
        """
        samples = await several(world, 2)
        body = {"sample_id": samples[1]}

        claim = await world.claim(**body)
        again = await world.as_("second_technician").post(CLAIMS, json=body)

        assert claim["sample"]["id"] == samples[1]
        assert again.status_code == 409
        assert again.json()["stage"] == "screen"
        assert again.json()["held_until"] is not None

    async def test_a_named_one_at_another_stage(self, world: World) -> None:
        """
        A sample that waits to be screened cannot be taken for confirmation.
        """
        sample_id = await world.received()

        answer = await world.as_("technician").post(
            CLAIMS, json={"sample_id": sample_id, "stage": "confirm"}
        )

        assert answer.status_code == 409
        assert answer.json()["held_until"] is None

    async def test_fifty_want_the_same_one(self, world: World) -> None:
        """
        Of fifty that want one named sample at the same instant one gets it, and 49 are told 409 (C2).
        """
        sample_id = await world.received()
        body = {"sample_id": sample_id}

        answers = await asyncio.gather(
            *(
                world.as_(("technician", "second_technician")[number % 2]).post(CLAIMS, json=body)
                for number in range(50)
            )
        )

        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 49

    async def test_what_nobody_may(self, world: World) -> None:
        """
        Who may not work at a stage is refused; another laboratory finds nothing, by name or as the next.
        """
        sample_id = await world.received()

        for who, stage in (
            ("reviewer", "screen"),
            ("technician", "review"),
            ("supervisor", "screen"),
        ):
            answer = await world.as_(who).post(CLAIMS, json={"stage": stage})
            assert answer.status_code == 403, (who, stage)
        for who in ("agent", "investigator"):
            assert (await world.as_(who).post(CLAIMS, json={})).status_code == 403
            assert (await world.as_(who).get("/v1/lab/queue")).status_code == 403
        elsewhere = world.as_("other_technician")
        named = await elsewhere.post(CLAIMS, json={"sample_id": sample_id})
        assert named.status_code == 404
        assert (await elsewhere.post(CLAIMS, json={})).json() == {"claims": []}
        assert (await elsewhere.get("/v1/lab/queue")).json()["items"] == []

    async def test_the_queue_shows_who_is_held(self, world: World) -> None:
        """
        The queue lists what is held in its place, each line with its reasons.
        """
        samples = await several(world, 2, urgent=1)
        await world.claim()

        first, second = await queue_of(world)

        assert (first["sample_id"], first["held"]) == (samples[1], True)
        assert (second["sample_id"], second["held"]) == (samples[0], False)
        assert (first["place"], second["place"]) == (1, 2)
        assert first["rank_key"] < second["rank_key"]


class TestOldest:
    """
    Every twentieth start takes the oldest: it costs little, and it survives a broken score.
    """

    async def test_every_twentieth_start(self, world: World) -> None:
        """
        Of forty starts, the twentieth and the fortieth take what has waited longest, whatever its rank.
        """
        samples = await several(world, 42, urgent=40)

        claims = [await world.claim() for _ in range(40)]

        oldest = [place for place, claim in enumerate(claims, start=1) if claim["taken_as_oldest"]]
        assert oldest == [20, 40]
        assert [claims[19]["sample"]["id"], claims[39]["sample"]["id"]] == samples[:2]

    async def test_in_one_go(self, world: World) -> None:
        """
        Twenty taken at once hold one oldest; what did not start does not count as a start.
        """
        samples = await several(world, 22, urgent=20)
        empty = await world.as_("technician").post(CLAIMS, json={"count": 19, "stage": "confirm"})

        claims = (await world.as_("technician").post(CLAIMS, json={"count": 20})).json()["claims"]

        assert empty.json()["claims"] == []
        oldest = [one["sample"]["id"] for one in claims if one["taken_as_oldest"]]
        assert oldest == samples[:1]

    async def test_an_empty_queue_counts_nothing(self, world: World) -> None:
        """
        Asking an empty queue nineteen times does not bring the oldest's turn any nearer.
        """
        for _ in range(19):
            await world.as_("technician").post(CLAIMS, json={})
        await several(world, 2, urgent=1)

        assert (await world.claim())["taken_as_oldest"] is False


class TestPutBack:
    """
    Given back with a reason, a sample keeps its place.
    """

    async def test_it_keeps_its_place(self, world: World) -> None:
        """
        After a put-back the queue is as it was, and the next claim carries a new token.
        """
        await several(world, 3)
        before = await queue_of(world)
        claim = await world.claim()

        answer = await put_back(world, claim)

        assert answer.status_code == 204
        assert await queue_of(world) == before
        assert await status_of(world, claim["sample"]["id"]) == "received"
        again = await world.claim("second_technician")
        assert (again["sample"]["id"], again["token"]) == (claim["sample"]["id"], 2)

    async def test_only_its_holder_with_its_token(self, world: World) -> None:
        """
        Another technician, a wrong token, no token, no reason, twice: refused, and nothing changes.
        """
        await world.received()
        claim = await world.claim()

        refused = [
            (await put_back(world, claim, by="second_technician")).status_code,
            (await put_back(world, claim, **{"If-Match": '"7"'})).status_code,
            (await put_back(world, claim, **{"If-Match": '"x"'})).status_code,
            (await put_back(world, claim, Accept="*/*")).status_code,
            (await put_back(world, claim, by="other_technician")).status_code,
            (
                await world.as_("technician").delete(
                    f"{CLAIMS}/{claim['id']}", headers=match(claim)
                )
            ).status_code,
        ]

        assert refused == [412, 412, 422, 428, 404, 422]
        assert (await beat(world, claim)).status_code == 200
        assert (await put_back(world, claim)).status_code == 204
        assert (await put_back(world, claim)).status_code == 412

    async def test_a_supervisor_may(self, world: World) -> None:
        """
        A supervisor sees what everybody holds, and puts back what its holder cannot.
        """
        await world.received()
        claim = await world.claim()

        (line,) = (await world.as_("supervisor").get(CLAIMS)).json()["items"]
        others = (await world.as_("second_technician").get(CLAIMS)).json()["items"]
        answer = await put_back(world, claim, by="supervisor")

        assert line["token"] == claim["token"]
        assert others == []
        assert answer.status_code == 204
        assert (await beat(world, claim)).status_code == 412

    @pytest.mark.parametrize("reason", ["\x00", "a\x00b"])
    async def test_a_reason_that_is_no_text(self, world: World, reason: str) -> None:
        """
        What no database can hold is the caller's problem, not ours (I1).
        """
        await world.received()
        claim = await world.claim()

        answer = await world.as_("technician").delete(
            f"{CLAIMS}/{claim['id']}", params={"reason": reason}, headers=match(claim)
        )

        assert answer.status_code == 422


class TestReviewers:
    """
    A reviewer never meets a sample they worked on.
    """

    async def test_next_passes_over_own_work(self, world: World) -> None:
        """
        Who is both: the next for review is one that somebody else made, also when own bench work was put back.
        """
        await self._make_both(world)
        samples = [await world.received() for _ in range(3)]
        for number, sample_id in enumerate(samples):
            by = "both" if number == 0 else "technician"
            if number == 1:
                touched = await world.claim("both", sample_id=sample_id)
                await world.analyze(touched, by="both")
                assert (await put_back(world, touched, by="both")).status_code == 204
            await self._to_review(world, sample_id, by=by)

        claim = await world.claim("both", stage="review")
        rest = await world.as_("both").post(CLAIMS, json={"stage": "review", "count": 5})

        assert claim["sample"]["id"] == samples[2]
        assert rest.json()["claims"] == []

    async def test_a_returned_sample_comes_back_to_its_reviewer(self, world: World) -> None:
        """
        Having returned a sample is no bench work: the same reviewer may take it again once it is confirmed anew.
        """
        sample_id = await world.received()
        await self._to_review(world, sample_id)
        review = await world.claim("reviewer", stage="review")
        returned = await world.review(
            review, decision="return", remarks="repeat with a second aliquot"
        )
        assert returned.status_code == 201
        confirm = await world.claim(sample_id=sample_id, stage="confirm")
        analyses = [await world.analyze(confirm, technique) for technique in ("gc_ms", "ftir")]
        await world.conclude(confirm, "identified", analyses)

        again = await world.claim("reviewer", stage="review")

        assert again["sample"]["id"] == sample_id

    async def _to_review(self, world: World, sample_id: str, *, by: str = "technician") -> None:
        screen = await world.claim(by, sample_id=sample_id)
        analyses = [await world.analyze(screen, by=by)]
        await world.conclude(screen, "presumptive", analyses, by=by)
        confirm = await world.claim(by, sample_id=sample_id, stage="confirm")
        analyses = [await world.analyze(confirm, name, by=by) for name in ("gc_ms", "ftir")]
        concluded = await world.conclude(confirm, "identified", analyses, by=by)
        assert concluded.status_code == 201, concluded.text

    async def _make_both(self, world: World) -> None:
        async with world.database.transaction(OPERATOR) as session:
            client_id = await access.create_client(
                session,
                agency_id=world.agencies["laboratory"],
                name="both",
                kind=ClientKind.PERSON,
                roles=[Role.TECHNICIAN, Role.REVIEWER],
            )
            world.keys["both"] = await access.create_key(session, client_id=client_id)
