"""
The human race (fault 11) and the technician who comes back after reassignment (fault 2), each with a broken variant.
"""

import asyncio

import pytest
from sqlalchemy import text

from app.kit import ids
from app.kit.db import Database, as_laboratory
from app.results.service import review as review_service
from app.samples.service import lapse_expired
from tests.api.asking import match
from tests.api.benchwork import confirmed, release, report, review, screened
from tests.api.queueing import CLAIMS, beat, expire, put_back
from tests.api.test_parties import told
from tests.builders import World


class TestDoubleClick:
    """
    A button pressed twice does one thing.
    """

    async def test_release(self, world: World) -> None:
        """
        Of twenty presses at the same instant one releases: one report, one event, and 19 answers that say so.
        """
        sample_id, finding_id = await screened(world)

        answers = await asyncio.gather(*(release(world, finding_id, sample_id) for _ in range(20)))

        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
        assert (await told(world, "agency")).count("finding.presumptive") == 1
        reports = (await world.as_("agent").get(f"/v1/samples/{sample_id}/reports")).json()
        assert len(reports) == 1

    async def test_the_final_report(self, world: World) -> None:
        """
        Of ten presses one releases the final report; the others find the claim ended, and no number is used twice.
        """
        sample_id, _ = await screened(world)
        claim = await confirmed(world, sample_id)
        assert (await review(world, claim)).status_code == 201

        answers = await asyncio.gather(*(report(world, claim) for _ in range(10)))

        assert sorted({answer.status_code for answer in answers}) == [201, 412]
        assert [answer.status_code for answer in answers].count(201) == 1
        assert (await told(world, "agency")).count("report.released") == 1

    async def test_a_release_that_looks_first_and_acts_later(self, world: World) -> None:
        """
        Negative control: two transactions that both read "not released" and then write by id alone both release (H6).
        """
        _, finding_id = await screened(world)
        laboratory = as_laboratory(world.agencies["laboratory"])
        looked, done = asyncio.Barrier(2), []

        async def press(person: str) -> None:
            async with world.database.transaction(laboratory) as session:
                key = {"id": ids.read("fnd", finding_id), "by": world.clients[person]}
                look = text("SELECT released_at FROM finding WHERE id = :id")
                assert (await session.execute(look, key)).scalar_one() is None
                await looked.wait()
                act = text(
                    "UPDATE finding SET released_at = now(), released_by = :by WHERE id = :id"
                    " RETURNING 1"
                )
                done.append((await session.execute(act, key)).scalar_one())

        await asyncio.gather(press("technician"), press("second_technician"))

        assert done == [1, 1]


class TestOneWinner:
    """
    Many want one sample.
    """

    async def test_a_claim_that_looks_first_and_acts_later(self, world: World) -> None:
        """
        Negative control of the fifty claims (test_queue.py): read "free", write by id, and two hold one (H6).
        """
        sample_id = await world.received()
        laboratory = as_laboratory(world.agencies["laboratory"])
        looked, won = asyncio.Barrier(2), []

        async def take(person: str) -> None:
            async with world.database.transaction(laboratory) as session:
                key = {"id": ids.read("smp", sample_id), "by": world.clients[person]}
                look = text("SELECT holder FROM queue_task WHERE sample_id = :id")
                assert (await session.execute(look, key)).scalar_one() is None
                await looked.wait()
                act = text(
                    "UPDATE queue_task SET holder = :by, claim_id = gen_random_uuid(), token = token + 1,"
                    " lease_until = now() + interval '1 minute' WHERE sample_id = :id RETURNING 1"
                )
                won.append((await session.execute(act, key)).scalar_one())

        await asyncio.gather(take("technician"), take("second_technician"))

        assert won == [1, 1]

    async def test_withdrawn_while_it_is_claimed(self, world: World) -> None:
        """
        The agency withdraws and the bench claims at the same instant: one of them wins, and neither fails on our side.
        """
        outcomes = set()
        for _ in range(8):
            sample_id = await world.received()
            withdrawn, claimed = await asyncio.gather(
                world.as_("agent").post(
                    f"/v1/samples/{sample_id}/withdrawal",
                    json={"reason": "plea", "note": "as told"},
                    headers={"If-Match": '"2"'},
                ),
                world.as_("technician").post(CLAIMS, json={"sample_id": sample_id}),
            )
            pair = (withdrawn.status_code, claimed.status_code)
            assert pair in {(200, 409), (412, 201)}, (withdrawn.text, claimed.text)
            outcomes.add(pair)
            status = (await world.as_("agent").get(f"/v1/samples/{sample_id}")).json()["status"]
            assert status == ("withdrawn" if pair[0] == 200 else "screening")

        assert outcomes


class TestOwnWork:
    """
    Nobody approves their own result.
    """

    async def test_an_author_who_is_a_reviewer_too(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        Whoever made an analysis is refused as its reviewer; with that one check taken away they would not be (H6).
        """
        sample_id, _ = await screened(world)
        claim = await confirmed(world, sample_id)
        await _becomes_author(world, sample_id, "reviewer")

        refused = await review(world, claim)

        assert refused.status_code == 403
        assert refused.json()["type"].endswith("own-work")

        async def look_away(*_: object) -> None:
            pass

        monkeypatch.setattr(review_service, "refuse_own_work", look_away)
        assert (await review(world, claim)).status_code == 201


async def _becomes_author(world: World, sample_id: str, person: str) -> None:
    laboratory = as_laboratory(world.agencies["laboratory"])
    async with world.database.transaction(laboratory) as session:
        await session.execute(
            text(
                "INSERT INTO analysis SELECT (jsonb_populate_record(a, jsonb_build_object("
                " 'id', gen_random_uuid(), 'operator_id', CAST(:person AS text)))).* FROM analysis AS a"
                " WHERE a.sample_id = :sample LIMIT 1"
            ),
            {"person": str(world.clients[person]), "sample": ids.read("smp", sample_id)},
        )


class TestReassigned:
    """
    A technician comes back after the sample was given to somebody else (fault 2).
    """

    @pytest.mark.parametrize("how", ["lapsed", "put back by the supervisor"])
    async def test_stale(self, world: World, worker_database: Database, how: str) -> None:
        """
        Everything they try is refused with 412 and the name of who has it now; the other one's work stands.
        """
        sample_id = await world.received()
        old = await world.claim(sample_id=sample_id)
        if how == "lapsed":
            await expire(world)
            assert await lapse_expired(worker_database) == 1
        else:
            await world.analyze(old)
            assert (await put_back(world, old, by="supervisor")).status_code == 204
        new = await world.claim("second_technician", sample_id=sample_id)

        late = await world.conclude(old, "presumptive", [ids.write("ana", ids.new())])
        pulse = await beat(world, old)
        gone = await put_back(world, old)

        assert [one.status_code for one in (late, pulse, gone)] == [412] * 3
        assert late.json()["held_by"] == pulse.json()["held_by"] == "second_technician"
        analysis = await world.analyze(new, by="second_technician")
        done = await world.conclude(new, "presumptive", [analysis], by="second_technician")
        assert done.status_code == 201
        again = await world.as_("technician").put(f"{CLAIMS}/{old['id']}", headers=match(old))
        assert (again.status_code, again.json()["held_by"]) == (412, None)
