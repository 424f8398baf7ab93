"""
Corrections: audited, told to every party, ranking anew where a fact that bears on risk changes.
"""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.kit import ids
from app.kit.db import as_agency, as_laboratory
from tests.api.asking import FULL, queue_of
from tests.api.benchwork import screened
from tests.api.test_parties import share, told, version_of
from tests.builders import World

WHY = {"reason": "typing_error", "note": "read off the bag again"}


async def correct(
    world: World, submission_id: str, *, version: int | None = None, **body: Any
) -> httpx.Response:
    """
    Correct a file.
    """
    held = await version_of(world, submission_id) if version is None else version
    return await world.as_("agent").post(
        f"/v1/submissions/{submission_id}/corrections",
        json=WHY | body,
        headers={"If-Match": f'"{held}"'},
    )


async def read(world: World, submission_id: str) -> dict[str, Any]:
    """
    Return a submission.
    """
    found: dict[str, Any] = (
        await world.as_("agent").get(f"/v1/submissions/{submission_id}")
    ).json()
    return found


class TestCorrections:
    """
    What a correction changes, and what it leaves behind.
    """

    async def test_before_and_after_are_kept(self, world: World) -> None:
        """
        Wrong fields read right afterwards; before, after, reason, words and name stay, for all who read the file.
        """
        stored = await world.submit(**FULL)
        await share(world, stored["id"])
        sample_id = stored["samples"][0]["id"]

        done = await correct(
            world,
            stored["id"],
            seizure={"country": "CA", "region": "CA-BC"},
            add_references=[{"kind": "court file", "number": "C-9"}],
            add_hearings=[{"kind": "appeal", "date": "2026-09-01"}],
            samples=[{"sample_id": sample_id, "exhibit": {"colour": "blue", "packaging": None}}],
        )

        assert done.status_code == 201, done.text
        assert done.headers["ETag"] == '"3"'
        changes = {one["field"]: (one["before"], one["after"]) for one in done.json()["changes"]}
        assert changes["country"] == ("US", "CA")
        assert changes["colour"] == ("white", "blue")
        assert changes["references"][1] == [
            *FULL["references"],
            {"kind": "court file", "number": "C-9"},
        ]
        assert "packaging" not in changes
        now = await read(world, stored["id"])
        assert (now["seizure"]["country"], now["version"]) == ("CA", 3)
        assert [one["kind"] for one in now["hearings"]] == ["trial", "appeal"]
        assert now["samples"][0]["exhibit"]["colour"] == "blue"
        assert now["samples"][0]["version"] > 1
        for who in ("investigator", "other_agent", "technician"):
            (kept,) = (
                await world.as_(who).get(f"/v1/submissions/{stored['id']}/corrections")
            ).json()
            assert kept["changes"] == done.json()["changes"]
            assert (kept["reason"], kept["note"]) == (WHY["reason"], WHY["note"])
            assert kept["made_by_name"] == "agent"
        for agency in ("agency", "other_agency"):
            assert (await told(world, agency))[-1] == "submission.corrected"

    async def test_what_bears_on_risk_moves_the_queue(self, world: World) -> None:
        """
        A field test that was forgotten puts its sample before the others; a court file number moves nobody.
        """
        first, second = await world.submit(), await world.submit()
        for one in (first, second):
            received = await world.as_("counter").post(
                "/v1/lab/receipts", json={"sample_id": one["samples"][0]["id"]}
            )
            assert received.status_code == 201
        sample_id = second["samples"][0]["id"]
        before = await queue_of(world)
        assert [line["sample_id"] for line in before][-1] == sample_id

        reference = await correct(
            world, second["id"], add_references=[{"kind": "court file", "number": "C-9"}]
        )
        assert reference.json()["ranked_anew"] == []
        assert await queue_of(world) == before
        tests = [{"technique": "fentanyl_strip", "target": "fentanyl", "result": "detected"}]
        moved = await correct(
            world,
            second["id"],
            samples=[{"sample_id": sample_id, "exhibit": {"field_tests": tests}}],
        )

        assert moved.status_code == 201, moved.text
        (anew,) = moved.json()["ranked_anew"]
        assert (anew["sample_id"], anew["moved"]) == (sample_id, True)
        assert next(line["sample_id"] for line in await queue_of(world)) == sample_id
        risk = (await world.as_("agent").get(f"/v1/samples/{sample_id}/assessment")).json()
        assert risk["cause"] == "correction"

    async def test_whose_work_has_begun(self, world: World) -> None:
        """
        A fact is corrected at any time; numbers that labels and documents carry are not, and a reference helps.
        """
        sample_id, _ = await screened(world)
        submission_id = (await world.as_("agent").get(f"/v1/samples/{sample_id}")).json()[
            "submission_id"
        ]

        fact = await correct(
            world,
            submission_id,
            samples=[{"sample_id": sample_id, "exhibit": {"suspected": ["heroin"]}}],
        )
        number = await correct(world, submission_id, seizure={"agency_file_number": "F-new"})
        exhibit = await correct(
            world,
            submission_id,
            samples=[{"sample_id": sample_id, "exhibit": {"exhibit_number": "9"}}],
        )

        assert fact.status_code == 201, fact.text
        for refused in (number, exhibit):
            assert refused.status_code == 409
            assert refused.json()["type"].endswith("number-in-use")
            assert "reference" in refused.json()["detail"]

    async def test_numbers_before_work_begins(self, world: World) -> None:
        """
        A mistyped number is corrected everywhere; one that is another exhibit's is refused with a link to that one.
        """
        taken, mine = await world.submit(), await world.submit()
        sample_id = mine["samples"][0]["id"]

        double = await correct(
            world, mine["id"], seizure={"agency_file_number": taken["agency_file_number"]}
        )
        assert double.status_code == 409
        (existing,) = double.json()["existing"]
        assert existing["sample"] == f"/v1/samples/{taken['samples'][0]['id']}"
        good = await correct(
            world,
            mine["id"],
            seizure={"agency_file_number": "F-right " + mine["id"]},
            samples=[{"sample_id": sample_id, "exhibit": {"exhibit_number": "1A"}}],
        )

        assert good.status_code == 201, good.text
        found = (await world.as_("agent").get(f"/v1/samples/{sample_id}")).json()
        assert found["agency_file_number"] == "F-right " + mine["id"]
        assert found["exhibit_number"] == found["exhibit"]["exhibit_number"] == "1A"
        listed = await world.as_("agent").get(
            "/v1/samples", params={"file_number": "F-right " + mine["id"]}
        )
        assert [one["id"] for one in listed.json()["items"]] == [sample_id]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"seizure": {"sender": "x"}}, "seizure.sender"),
            ({"seizure": {"parcel": {"sender_name": "x"}}}, "seizure.parcel.sender_name"),
            ({"seizure": {"parcel": {"sender_digest": "A Name"}}}, "seizure.parcel.sender_digest"),
            ({"samples": [{"sample_id": "smp_x", "exhibit": {}}]}, "samples.0.sample_id"),
            ({"note": ""}, "note"),
            ({"reason": "because"}, "reason"),
            ({"seizure": {"seized_at": "2126-01-01T00:00:00Z"}}, "seizure.seized_at"),
        ],
    )
    async def test_refusals(self, world: World, body: dict[str, Any], field: str) -> None:
        """
        No field for a name, a digest or nothing, no future: refused by field, and nothing is stored.
        """
        stored = await world.submit(**FULL)

        answer = await correct(world, stored["id"], **body)

        assert answer.status_code == 422, answer.text
        assert [error["field"] for error in answer.json()["errors"]] == [field]
        assert (await read(world, stored["id"]))["version"] == 1

    async def test_nothing_to_change(self, world: World) -> None:
        """
        A correction that corrects nothing is refused, and leaves the version as it was; another file's sample, too.
        """
        stored, other = await world.submit(**FULL), await world.submit()

        same = await correct(world, stored["id"], seizure={"country": "US"})
        foreign = await correct(
            world,
            stored["id"],
            samples=[{"sample_id": other["samples"][0]["id"], "exhibit": {"colour": "red"}}],
        )

        assert (same.status_code, foreign.status_code) == (422, 422)
        assert (await read(world, stored["id"]))["version"] == 1

    async def test_a_sender_corrected(self, world: World) -> None:
        """
        A corrected sender's digest links the sample to that sender's parcels, and no longer to the wrong one's.
        """
        wrong, right = "a" * 64, "b" * 64
        stored = await world.submit(parcel={"sender_digest": wrong})

        done = await correct(world, stored["id"], seizure={"parcel": {"sender_digest": right}})

        assert done.status_code == 201, done.text
        async with world.database.reading(as_laboratory(world.agencies["laboratory"])) as session:
            keys = await session.execute(
                text("SELECT key FROM sample_link WHERE sample_id = :id"),
                {"id": ids.read("smp", stored["samples"][0]["id"])},
            )
            assert [key.rpartition(":")[2] for key in keys.scalars()] == [right]


class TestLostUpdates:
    """
    Twenty edits at once: one wins, and nobody's is lost in silence (I2).
    """

    async def test_one_wins(self, world: World) -> None:
        """
        Of twenty corrections that know the same version one is stored; the others are told which version is.
        """
        stored = await world.submit()

        answers = await asyncio.gather(
            *(
                correct(
                    world,
                    stored["id"],
                    version=1,
                    add_references=[{"kind": "police file", "number": str(number)}],
                )
                for number in range(20)
            )
        )

        assert sorted(answer.status_code for answer in answers) == [201] + [412] * 19
        assert {a.json()["version_now"] for a in answers if a.status_code == 412} == {2}
        now = await read(world, stored["id"])
        assert len(now["seizure"]["references"]) == 1
        assert now["version"] == 2

    async def test_an_edit_that_does_not_compare(self, world: World) -> None:
        """
        Negative control: the same edit without the version in its WHERE is stored over another one (H6).
        """
        stored = await world.submit()
        submission_id = ids.read("sub", stored["id"])
        agency = as_agency(world.agencies["agency"])
        by_id = text(
            "UPDATE submission SET body = jsonb_set(body, '{references}', CAST(:new AS jsonb)),"
            " version = version + 1 WHERE id = :id RETURNING version"
        )

        for number in ("1", "2"):
            async with world.database.transaction(agency) as session:
                new = f'[{{"kind": "police file", "number": "{number}"}}]'
                await session.execute(by_id, {"id": submission_id, "new": new})

        references = (await read(world, stored["id"]))["seizure"]["references"]
        assert [one["number"] for one in references] == ["2"]
