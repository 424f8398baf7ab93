"""
What was released and does not hold is told to everyone it was told to, whatever has become of the file since.
"""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.kit import ids
from app.kit.db import as_laboratory
from app.results.rules import FindingOutcome, contradicts
from tests.api.benchwork import release, report, review, screened
from tests.api.queueing import status_of
from tests.api.test_endings import halt
from tests.api.test_parties import expire, share, told
from tests.builders import World

FENTANYL = {"outcome": "detected", "substances": ["fentanyl"]}
HEROIN = {"outcome": "detected", "substances": ["heroin"]}
NOTHING: dict[str, Any] = {"outcome": "nothing_controlled", "substances": []}
INCONCLUSIVE: dict[str, Any] = {"outcome": "inconclusive", "substances": []}


async def confirm(world: World, sample_id: str, **conclusion: Any) -> httpx.Response:
    """
    Confirm a screened sample with this conclusion.
    """
    claim = await world.claim(sample_id=sample_id, stage="confirm")
    found = conclusion["substances"]
    shown = {"substances": found, "result": "detected" if found else "not_detected"}
    analyses = [await world.analyze(claim, technique, **shown) for technique in ("gc_ms", "ftir")]
    answer = await world.conclude(claim, "identified", analyses, **conclusion)
    assert answer.status_code == 201, answer.text
    return answer


async def findings(world: World, sample_id: str, who: str = "agent") -> list[dict[str, Any]]:
    """
    Return a sample's findings as somebody sees them.
    """
    found: list[dict[str, Any]] = (
        await world.as_(who).get(f"/v1/samples/{sample_id}/findings")
    ).json()
    return found


async def lethal(world: World, sample_id: str) -> float:
    """
    Return how probable a lethal opioid is by all the laboratory knows, as it is stored.
    """
    laboratory = as_laboratory(world.agencies["laboratory"])
    async with world.database.reading(laboratory) as session:
        found = await session.execute(
            text(
                "SELECT a.p_lethal_opioid FROM sample AS s JOIN assessment AS a ON a.id = s.assessment_id"
                " WHERE s.id = :id"
            ),
            {"id": ids.read("smp", sample_id)},
        )
        return float(found.scalar_one())


async def unacknowledged(world: World, who: str) -> list[str]:
    """
    Return the types of what somebody's agency has still to acknowledge.
    """
    found = await world.as_(who).get("/v1/events/unacknowledged")
    assert found.status_code == 200, found.text
    return [item["type"] for item in found.json()["items"]]


class TestConfirmation:
    """
    A confirming conclusion beside what was released before it.
    """

    @pytest.mark.parametrize(
        ("conclusion", "speaks_against"),
        [(FENTANYL, False), (HEROIN, True), (NOTHING, True), (INCONCLUSIVE, False)],
        ids=["agrees", "another substance", "nothing controlled", "inconclusive"],
    )
    async def test_what_it_says(
        self, world: World, conclusion: dict[str, Any], *, speaks_against: bool
    ) -> None:
        """
        What speaks against a released finding is told at once and marked; what agrees or says nothing is not.
        """
        sample_id, finding_id = await screened(world)
        assert (await release(world, finding_id, sample_id)).status_code == 201

        await confirm(world, sample_id, **conclusion)

        assert ("finding.contradicted" in await told(world, "agency")) == speaks_against
        assert await unacknowledged(world, "agent") == (
            ["finding.contradicted"] if speaks_against else []
        )
        (seen,) = await findings(world, sample_id)
        assert (seen["contradicted_because"] == "confirmation") == speaks_against
        assert await status_of(world, sample_id) == "confirmed"

    async def test_what_nobody_was_told_is_not_contradicted(self, world: World) -> None:
        """
        An unreleased finding contradicts nobody's knowledge, and cannot be released any more once it is spoken against.
        """
        sample_id, finding_id = await screened(world)

        await confirm(world, sample_id, **HEROIN)

        assert "finding.contradicted" not in await told(world, "agency")
        refused = await release(world, finding_id, sample_id)
        assert refused.status_code == 409
        assert "confirmation says otherwise" in refused.json()["detail"]

    async def test_nothing_where_something_was_suspected(self, world: World) -> None:
        """
        A reviewed report that finds nothing controlled where something was suspected must be acknowledged.
        """
        for suspected in (["fentanyl"], []):
            exhibit = {"exhibit_number": "1", "suspected": suspected}
            sample_id = await world.received(samples=[exhibit])
            claim = await world.claim(sample_id=sample_id)
            await world.conclude(claim, "presumptive", [await world.analyze(claim)])
            await confirm(world, sample_id, **NOTHING)
            before = await told(world, "agency")
            claim = await world.claim("reviewer", sample_id=sample_id, stage="review")
            assert (await review(world, claim)).status_code == 201
            assert (await report(world, claim)).status_code == 201

            new = (await told(world, "agency"))[len(before) :]
            assert new[0] == "report.released"
            assert new[1:] == (["finding.contradicted"] if suspected else [])


class TestTakenBack:
    """
    What the laboratory takes back by a person's decision.
    """

    @pytest.mark.parametrize(
        ("what", "body", "event"),
        [
            ("contradiction", {"because": "control_failed"}, "finding.contradicted"),
            ("withdrawal", {"because": "wrong_item"}, "finding.withdrawn"),
        ],
    )
    @pytest.mark.parametrize("ended", ["on_hold", "stopped", "reported", "closed_screen_only"])
    async def test_wherever_the_sample_stands(
        self, world: World, what: str, body: dict[str, str], event: str, ended: str
    ) -> None:
        """
        It reaches every party, and one whose part has ended but who was told; each must acknowledge it.
        """
        sample_id, finding_id = await screened(world)
        submission_id = (await world.as_("agent").get(f"/v1/samples/{sample_id}")).json()[
            "submission_id"
        ]
        await share(world, submission_id)
        await release(world, finding_id, sample_id)
        await expire(world)
        if ended == "reported":
            await confirm(world, sample_id, **FENTANYL)
            claim = await world.claim("reviewer", sample_id=sample_id, stage="review")
            await review(world, claim)
            assert (await report(world, claim)).status_code == 201
        else:
            how = {
                "on_hold": ("supervisor", "hold", "other"),
                "stopped": ("supervisor", "stop", "plea"),
                "closed_screen_only": ("technician", "closure", "screen_only_requested"),
            }[ended]
            assert (await halt(world, how[0], sample_id, *how[1:])).status_code == 200

        done = await world.as_("technician").post(
            f"/v1/lab/findings/{finding_id}/{what}", json=body | {"note": "blank of run 7"}
        )

        assert done.status_code == 200, done.text
        assert await status_of(world, sample_id) == ended
        for agency, who in (("agency", "agent"), ("other_agency", "other_agent")):
            assert (await told(world, agency)).count(event) == 1
            assert await unacknowledged(world, who) == [event]
        seen = next(one for one in await findings(world, sample_id) if one["id"] == finding_id)
        assert seen["contradicted_at" if what == "contradiction" else "withdrawn_at"] is not None
        reports = (await world.as_("agent").get(f"/v1/samples/{sample_id}/reports")).json()
        assert reports[0]["kind"] == "preliminary"

    async def test_once(self, world: World) -> None:
        """
        A second press, at the same instant or later, tells nobody twice; what was never released is not taken back.
        """
        sample_id, finding_id = await screened(world)
        path = f"/v1/lab/findings/{finding_id}/withdrawal"
        body = {"because": "other", "note": "read for another item"}
        early = await world.as_("technician").post(path, json=body)
        assert early.status_code == 409
        assert "never released" in early.json()["detail"]
        await release(world, finding_id, sample_id)

        answers = await asyncio.gather(
            *(world.as_("technician").post(path, json=body) for _ in range(10))
        )

        assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
        assert (await told(world, "agency")).count("finding.withdrawn") == 1

    @pytest.mark.parametrize(
        ("what", "because"), [("withdrawal", "contamination"), ("contradiction", "control_failed")]
    )
    async def test_what_followed_from_it_is_taken_back(
        self, world: World, what: str, because: str
    ) -> None:
        """
        The rank no longer rests on a finding that does not hold, and no file is closed on it.
        """
        sample_id, finding_id = await screened(world)
        await release(world, finding_id, sample_id)
        before = await lethal(world, sample_id)

        await world.as_("technician").post(
            f"/v1/lab/findings/{finding_id}/{what}",
            json={"because": because, "note": "carry-over"},
        )

        assert await lethal(world, sample_id) < before
        closed = await halt(world, "technician", sample_id, "closure", "screen_only_requested")
        assert closed.status_code == 409
        assert "does not hold" in closed.json()["detail"]


def test_the_table_of_contradictions() -> None:
    """
    What is inconclusive contradicts nothing; two detections agree when they share a substance.
    """
    detected, nothing = FindingOutcome.DETECTED, FindingOutcome.NOTHING_CONTROLLED
    unclear = FindingOutcome.INCONCLUSIVE

    assert not contradicts(detected, ["a", "b"], detected, ["b"])
    assert contradicts(detected, ["a"], detected, ["b"])
    assert contradicts(detected, ["a"], nothing, [])
    assert contradicts(nothing, [], detected, ["a"])
    assert not contradicts(nothing, [], nothing, [])
    for other in FindingOutcome:
        assert not contradicts(unclear, [], other, [])
        assert not contradicts(other, [], unclear, [])
