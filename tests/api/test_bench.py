"""
At the bench: what may be concluded from what, and what an agency sees of it when.
"""

from typing import Any

import pytest

from app.kit import ids
from tests.api.asking import match
from tests.api.benchwork import confirmed, release, screened
from tests.builders import World


class TestPresumptive:
    """
    A presumptive finding leaves when a person authorized for its method releases it, for this very item.
    """

    async def test_it_is_seen_only_when_released(self, world: World) -> None:
        """
        Recorded it is the laboratory's own; released, the agency sees it, with a preliminary report and its notice.
        """
        sample_id, finding_id = await screened(world)
        agent = world.as_("agent")
        path = f"/v1/samples/{sample_id}"

        before = [(await agent.get(f"{path}/{part}")).json() for part in ("findings", "reports")]
        within = (await world.as_("reviewer").get(f"{path}/findings")).json()
        released = await release(world, finding_id, sample_id)
        (finding,) = (await agent.get(f"{path}/findings")).json()
        (preliminary,) = (await agent.get(f"{path}/reports")).json()

        assert before == [[], []]
        assert [one["id"] for one in within] == [finding_id]
        assert released.status_code == 201
        assert finding["statement"] == "Presumptively contains fentanyl."
        assert preliminary["kind"] == "preliminary"
        assert preliminary["body"]["notice"].startswith(
            "For safety and direction of inquiry; not proof"
        )
        assert "not yet measured" in preliminary["body"]["reliability"][0]

    async def test_failed_controls(self, world: World) -> None:
        """
        A run whose controls failed supports no finding; repeated, it does.
        """
        await world.received()
        claim = await world.claim()
        failed = await world.analyze(claim, controls_passed=False)

        refused = await world.conclude(claim, "presumptive", [failed])
        accepted = await world.conclude(claim, "presumptive", [await world.analyze(claim)])

        assert refused.status_code == 422
        assert refused.json()["type"] == "urn:assayline:problem:identification-rule"
        assert "controls" in refused.json()["detail"]
        assert accepted.status_code == 201

    async def test_what_no_analysis_shows(self, world: World) -> None:
        """
        Neither a substance that was not seen, nor another sample's analysis, nor one that is not there.
        """
        await world.received()
        await world.received()
        elsewhere = await world.claim()
        foreign = await world.analyze(elsewhere)
        claim = await world.claim()
        own = await world.analyze(claim, result="not_detected", substances=[])

        unseen = await world.conclude(claim, "presumptive", [own])
        others = await world.conclude(claim, "presumptive", [foreign])
        nothing = await world.conclude(claim, "presumptive", [ids.write("ana", ids.new())])
        negative = await world.conclude(
            claim, "presumptive", [own], outcome="nothing_controlled", substances=[]
        )

        assert [unseen.status_code, others.status_code, nothing.status_code] == [422] * 3
        told = [answer.json()["errors"][0]["message"] for answer in (others, nothing)]
        assert {one.split(" ", 1)[1] for one in told} == {"is no analysis of this sample"}
        assert negative.status_code == 201
        assert "may still be toxic" in negative.json()["statement"]
        assert "safe" not in negative.json()["statement"]

    async def test_a_positive_is_not_passed_over(self, world: World) -> None:
        """
        "Nothing controlled" beside a recorded detection of fentanyl is refused, cited or not; a failed run is no bar.
        """
        await world.received()
        claim = await world.claim()
        positive = await world.analyze(claim)
        negative = await world.analyze(claim, result="not_detected", substances=[])
        nothing: dict[str, Any] = {"outcome": "nothing_controlled", "substances": []}

        answers = [
            await world.conclude(claim, "presumptive", [one], **nothing)
            for one in (positive, negative)
        ]

        assert [answer.status_code for answer in answers] == [422, 422]
        assert all("detected fentanyl" in answer.json()["detail"] for answer in answers)
        assert (await world.conclude(claim, "presumptive", [positive])).status_code == 201
        await world.received()
        other = await world.claim()
        await world.analyze(other, controls_passed=False)
        clear = await world.analyze(other, result="not_detected", substances=[])
        assert (await world.conclude(other, "presumptive", [clear], **nothing)).status_code == 201

    async def test_only_who_is_authorized_for_the_method(self, world: World) -> None:
        """
        A technician without an authorization for the technique, a reviewer, another laboratory: refused.
        """
        sample_id, finding_id = await screened(world, "raman")

        answers = [
            await release(world, finding_id, sample_id, by=who)
            for who in ("technician", "reviewer", "other_technician")
        ]

        assert [answer.status_code for answer in answers] == [403, 403, 404]
        assert "raman" in answers[0].json()["detail"]
        assert (await world.as_("agent").get(f"/v1/samples/{sample_id}/findings")).json() == []

    async def test_only_for_the_item_in_the_hand(self, world: World) -> None:
        """
        The scanned label must be this item's.
        """
        sample_id, finding_id = await screened(world)
        other = await world.received()

        wrong = await release(world, finding_id, other)
        right = await release(world, finding_id, sample_id)
        again = await release(world, finding_id, sample_id)

        assert wrong.status_code == 422
        assert wrong.json()["errors"][0]["field"] == "label_scanned"
        assert (right.status_code, again.status_code) == (201, 409)

    async def test_an_identification_does_not_leave_this_way(self, world: World) -> None:
        """
        What was confirmed leaves only in a reviewed report.
        """
        sample_id, _ = await screened(world)
        await confirmed(world, sample_id)
        findings = (await world.as_("technician").get(f"/v1/samples/{sample_id}/findings")).json()

        answer = await release(world, findings[1]["id"], sample_id)

        assert findings[1]["kind"] == "identified"
        assert answer.status_code == 409

    async def test_a_release_is_sent_once_to_all_parties(self, world: World) -> None:
        """
        Two releases at the same instant make one report and one event.
        """
        sample_id, finding_id = await screened(world)

        answers = [await release(world, finding_id, sample_id) for _ in range(2)]
        reports = (await world.as_("agent").get(f"/v1/samples/{sample_id}/reports")).json()

        assert sorted(answer.status_code for answer in answers) == [201, 409]
        assert len(reports) == 1


class TestIdentified:
    """
    An identification follows the rules; a refusal says which is not met and what is missing.
    """

    @pytest.mark.parametrize(
        ("techniques", "data", "missing"),
        [
            (["colour_test", "tlc"], "run 1", "R2"),
            (["ftir"], "run 1", "one more technique"),
            (["ftir", "ftir"], "run 1", "one more technique"),
            (["dart_ms", "dart_ms"], "run 1", "one more technique"),
            (["gc_ms", "ftir"], None, "R4"),
            (["gc_ms"], "run 1", "gas retention was used"),
            (["ftir", "colour_test"], "run 1", None),
            (["dart_ms", "gc_fid"], "run 1", None),
        ],
    )
    async def test_the_rules(
        self, world: World, techniques: list[str], data: str | None, missing: str | None
    ) -> None:
        """
        A category A technique, a second property, data that can be reviewed: each is named when it is missing.
        """
        sample_id, _ = await screened(world)
        claim = await world.claim(sample_id=sample_id, stage="confirm")
        analyses = [await world.analyze(claim, name, data_reference=data) for name in techniques]

        answer = await world.conclude(claim, "identified", analyses)

        if missing is None:
            assert answer.status_code == 201
        else:
            assert answer.status_code == 422
            assert missing in answer.json()["detail"]

    async def test_a_stage_ends_with_its_own_kind(self, world: World) -> None:
        """
        A screen does not end with an identification, nor a confirmation with a presumptive finding.
        """
        sample_id = await world.received()
        claim = await world.claim()
        analyses = [await world.analyze(claim, name) for name in ("gc_ms", "ftir")]
        early = await world.conclude(claim, "identified", analyses)
        await world.conclude(claim, "presumptive", analyses)
        claim = await world.claim(sample_id=sample_id, stage="confirm")
        late = await world.conclude(claim, "presumptive", analyses)

        assert (early.status_code, late.status_code) == (409, 409)

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"ended_at": "2026-03-02T07:00:00Z"}, "body"),
            ({"substances": []}, "body"),
            ({"result": "not_detected"}, "body"),
            ({"technique": "divining_rod"}, "technique"),
            ({"operator_id": "cli_x"}, "operator_id"),
            ({"data_sha256": "xyz"}, "data_sha256"),
        ],
    )
    async def test_an_analysis_that_cannot_be(
        self, world: World, change: dict[str, Any], field: str
    ) -> None:
        """
        An analysis that contradicts itself, or says who made it, is refused with its field.
        """
        await world.received()
        claim = await world.claim()
        body = {
            "technique": "gc_ms",
            "aliquot": "A",
            "started_at": "2026-03-02T08:00:00Z",
            "ended_at": "2026-03-02T08:05:00Z",
            "result": "detected",
            "substances": ["fentanyl"],
            "controls_passed": True,
        }

        answer = await world.as_("technician").post(
            f"/v1/lab/samples/{claim['sample']['id']}/analyses",
            json=body | change,
            headers=match(claim),
        )

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == field
