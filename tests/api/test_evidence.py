"""
Evidence that arrives later moves the sample it concerns, and those linked to it, and no other.
"""

from typing import Any

from sqlalchemy import text

from app.kit import ids
from app.kit.db import as_agency, as_laboratory
from tests.builders import World

STRIP = {"technique": "fentanyl_strip", "result": "detected"}
SENDER = "ab" * 32


async def keys(world: World, *sample_ids: str) -> list[int]:
    """
    Return the stored order of these samples, and check that sample and queue agree on it.
    """
    found = []
    async with world.database.reading(as_laboratory(world.agencies["laboratory"])) as session:
        for sample_id in sample_ids:
            row = (
                await session.execute(
                    text(
                        "SELECT s.rank_key, q.rank_key AS queued FROM sample AS s"
                        " LEFT JOIN queue_task AS q ON q.sample_id = s.id WHERE s.id = :id"
                    ),
                    {"id": ids.read("smp", sample_id)},
                )
            ).one()
            assert row.queued in {None, row.rank_key}
            found.append(int(row.rank_key))
    return found


async def entries(world: World, kind: str) -> list[dict[str, Any]]:
    """
    Return what the record keeps of one kind, in this world's laboratory.
    """
    async with world.database.reading(as_laboratory(world.agencies["laboratory"])) as session:
        rows = await session.execute(
            text("SELECT body::jsonb AS body FROM entry WHERE kind = :kind ORDER BY id"),
            {"kind": kind},
        )
        return [row.body for row in rows]


async def screened(world: World, sample_id: str, substances: list[str]) -> None:
    """
    Screen a sample with this result.
    """
    claim = await world.claim(sample_id=sample_id, stage="screen")
    result = "detected" if substances else "not_detected"
    analysis = await world.analyze(claim, result=result, substances=substances or ["fentanyl"])
    outcome = "detected" if substances else "nothing_controlled"
    answer = await world.conclude(
        claim, "presumptive", [analysis], outcome=outcome, substances=substances
    )
    assert answer.status_code == 201, answer.text


class TestGive:
    """
    POST /samples/{id}/evidence.
    """

    async def test_a_strip_moves_the_sample_and_says_why(self, world: World) -> None:
        """
        The new risk, the sentence that moved it, the key in both tables, and before and after in the record.
        """
        sample = await world.received(
            samples=[{"exhibit_number": "1", "suspected": ["cocaine"], "form": "powder"}]
        )
        (before,) = await keys(world, sample)

        answer = await world.as_("agent").post(
            f"/v1/samples/{sample}/evidence", json={"field_test": STRIP}
        )

        told = answer.json()
        assert answer.status_code == 201, answer.text
        assert told["moved_bits"] > 0
        assert any("Fentanyl strip positive" in one["text"] for one in told["moved_by"])
        (after,) = await keys(world, sample)
        assert after < before
        (entry,) = await entries(world, "sample.rerank")
        assert entry["details"]["rank_key_before"] == before
        assert entry["details"]["rank_key_after"] == after
        assert entry["details"]["cause"] == "evidence: field_test"
        detail = (await world.as_("agent").get(f"/v1/samples/{sample}")).json()
        assert detail["version"] == told["version"]

    async def test_nothing_else_moves(self, world: World) -> None:
        """
        Exactly the sample concerned gets a new key and a new version.
        """
        sample = await world.received()
        others = [await world.received() for _ in range(3)]
        before = await keys(world, *others)

        await world.as_("agent").post(
            f"/v1/samples/{sample}/evidence", json={"circumstance": "linked_overdose"}
        )

        assert await keys(world, *others) == before
        assert len(await entries(world, "sample.rerank")) == 1

    async def test_it_comes_before_the_item_does(self, world: World) -> None:
        """
        A sample that is still on its way is ranked anew too.
        """
        stored = await world.submit()
        sample = stored["samples"][0]["id"]
        (before,) = await keys(world, sample)

        answer = await world.as_("agent").post(
            f"/v1/samples/{sample}/evidence", json={"suspected": "isotonitazene"}
        )

        assert answer.status_code == 201, answer.text
        assert (await keys(world, sample))[0] < before

    async def test_each_assessment_is_kept(self, world: World) -> None:
        """
        The history shows every assessment and what made it necessary.
        """
        sample = await world.received()
        for body in ({"field_test": STRIP}, {"reported_effect": "overdose"}):
            await world.as_("technician").post(f"/v1/samples/{sample}/evidence", json=body)

        shown = (await world.as_("technician").get(f"/v1/samples/{sample}/assessments")).json()

        causes = [one["cause"] for one in shown["items"]]
        assert causes == ["evidence: reported_effect", "evidence: field_test", "submitted"]

    async def test_one_fact_at_a_time(self, world: World) -> None:
        """
        Two facts in one body, or none, are refused with the remedy.
        """
        sample = await world.received()
        for body in ({}, {"reported_effect": "overdose", "suspected": "heroin"}):
            answer = await world.as_("agent").post(f"/v1/samples/{sample}/evidence", json=body)
            assert answer.status_code == 422
            assert "exactly one" in answer.text

    async def test_not_yours_and_not_there_answer_alike(self, world: World) -> None:
        """
        Another agency's agent meets nothing, and moves nothing.
        """
        sample = await world.received()
        (before,) = await keys(world, sample)
        for path in (f"/v1/samples/{sample}", f"/v1/samples/{ids.write('smp', ids.new())}"):
            answer = await world.as_("other_agent").post(
                f"{path}/evidence", json={"field_test": STRIP}
            )
            assert answer.status_code == 404
            assert (await world.as_("other_agent").get(f"{path}/assessment")).status_code == 404
        assert (await keys(world, sample))[0] == before

    async def test_a_reported_sample_is_past_moving(self, world: World) -> None:
        """
        After the final report the answer says so instead of pretending.
        """
        sample = await world.received()
        await world.reported(sample)

        answer = await world.as_("agent").post(
            f"/v1/samples/{sample}/evidence", json={"field_test": STRIP}
        )

        assert answer.status_code == 409


class TestWhy:
    """
    GET /samples/{id}/assessment.
    """

    async def test_every_contribution_and_what_would_change_it(self, world: World) -> None:
        """
        Parts in order of size that sum to the total, and the most telling test with the places of both answers.
        """
        sample = await world.received(
            samples=[{"exhibit_number": "1", "suspected": ["heroin"], "form": "powder"}]
        )

        shown = (await world.as_("agent").get(f"/v1/samples/{sample}/assessment")).json()

        sizes = [abs(one["bits"]) for one in shown["reasons"]]
        assert sizes == sorted(sizes, reverse=True)
        assert all(one["source"] for one in shown["reasons"])
        first = shown["would_change_most"][0]
        assert "would move this sample from place 1 to between" in first["text"]
        assert {one["result"] for one in first["answers"]} == {"detected", "not_detected"}

    async def test_what_was_found_elsewhere_is_not_told_to_the_agency_as_evidence(
        self, world: World
    ) -> None:
        """
        An agency reads back its own statements only; the laboratory's results stay the laboratory's until released.
        """
        stored = await world.submit(samples=[{"exhibit_number": "1"}, {"exhibit_number": "2"}])
        first, second = (one["id"] for one in stored["samples"])
        for one in (first, second):
            await world.as_("technician").post("/v1/lab/receipts", json={"sample_id": one})
        await screened(world, first, ["fentanyl"])
        async with world.database.reading(as_agency(world.agencies["agency"])) as session:
            seen = (await session.execute(text("SELECT kind FROM evidence"))).scalars().all()
        assert list(seen) == []


class TestLinked:
    """
    What is found in one sample moves its siblings, one hop, and nobody else.
    """

    async def test_a_sibling_of_a_lethal_finding_rises(self, world: World) -> None:
        """
        The second exhibit of the same seizure overtakes; a stranger stays where it is.
        """
        stored = await world.submit(samples=[{"exhibit_number": "1"}, {"exhibit_number": "2"}])
        first, second = (one["id"] for one in stored["samples"])
        for one in (first, second):
            await world.as_("technician").post("/v1/lab/receipts", json={"sample_id": one})
        stranger = await world.received()
        before = await keys(world, second, stranger)

        await screened(world, first, ["fentanyl"])

        after = await keys(world, second, stranger)
        assert after[0] < before[0]
        assert after[1] == before[1]
        shown = (await world.as_("technician").get(f"/v1/samples/{second}/assessment")).json()
        assert any("from the same seizure" in one["text"] for one in shown["reasons"])

    async def test_a_sibling_of_a_harmless_finding_sinks(self, world: World) -> None:
        """
        Nothing that kills was found in the first: the second moves down.
        """
        stored = await world.submit(
            samples=[{"exhibit_number": str(at), "suspected": ["fentanyl"]} for at in (1, 2)]
        )
        first, second = (one["id"] for one in stored["samples"])
        for one in (first, second):
            await world.as_("technician").post("/v1/lab/receipts", json={"sample_id": one})
        (before,) = await keys(world, second)

        await screened(world, first, ["caffeine"])

        assert (await keys(world, second))[0] > before

    async def test_a_later_parcel_of_the_same_sender_starts_higher(self, world: World) -> None:
        """
        What was found before it came counts from its submission on, across agencies, without saying where.

        The laboratory reads so; what the agency reads is in ``test_told``.
        """
        parcel = {"route": "mail", "parcel": {"sender_digest": SENDER}}
        first = await world.received(**parcel)
        await screened(world, first, ["fentanyl"])

        linked = await world.submit(by="other_agent", **parcel)
        plain = await world.submit(by="other_agent", route="mail", parcel={})

        risk, usual = [
            (
                await world.as_("technician").get(
                    f"/v1/samples/{one['samples'][0]['id']}/assessment"
                )
            ).json()
            for one in (linked, plain)
        ]
        assert risk["p_lethal_opioid"] > usual["p_lethal_opioid"]
        (reason,) = [one for one in risk["reasons"] if "same sender" in one["text"]]
        assert first not in reason["text"]

    async def test_a_first_detection_moves_those_that_may_hold_it(self, world: World) -> None:
        """
        Samples suspected of something this laboratory has just met for the first time move; the third case ends it.
        """
        suspected = [{"exhibit_number": "1", "suspected": ["bromazolam"]}]
        waiting = await world.received(samples=suspected)
        shown = (await world.as_("technician").get(f"/v1/samples/{waiting}/assessment")).json()
        assert any("has never met it" in one["text"] for one in shown["reasons"])
        moved = [(await keys(world, waiting))[0]]
        for _ in range(3):
            await screened(world, await world.received(), ["bromazolam"])
            moved.append((await keys(world, waiting))[0])

        assert moved[1] < moved[0]
        assert moved[2] == moved[1]
        assert moved[3] > moved[0]
