"""
Parties of a file: granted by its agency, told everything, reading until their part expires and not a moment longer.
"""

from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.kit import ids
from app.kit.db import as_agency
from tests.api.benchwork import release, screened
from tests.builders import World

LATER = "2126-01-01T00:00:00Z"


async def version_of(world: World, submission_id: str) -> int:
    """
    Return a submission's version.
    """
    answer = await world.as_("agent").get(f"/v1/submissions/{submission_id}")
    version: int = answer.json()["version"]
    assert answer.headers["ETag"] == f'"{version}"'
    return version


async def share(
    world: World,
    submission_id: str,
    *,
    to: str = "other_agency",
    party: str = "prosecution",
    by: str = "agent",
    version: int | None = None,
    **more: Any,
) -> httpx.Response:
    """
    Give an agency a part in a file.
    """
    held = await version_of(world, submission_id) if version is None else version
    return await world.as_(by).post(
        f"/v1/submissions/{submission_id}/parties",
        json={"agency_id": ids.write("agn", world.agencies[to]), "party": party, **more},
        headers={"If-Match": f'"{held}"'},
    )


async def unshare(
    world: World, submission_id: str, *, whose: str = "other_agency", by: str = "agent"
) -> httpx.Response:
    """
    End an agency's part in a file.
    """
    agency_id = ids.write("agn", world.agencies[whose])
    return await world.as_(by).delete(
        f"/v1/submissions/{submission_id}/parties/{agency_id}",
        headers={"If-Match": f'"{await version_of(world, submission_id)}"'},
    )


async def expire(world: World) -> None:
    """
    Let every part that an agency was given have run out a second ago.
    """
    async with world.database.transaction(as_agency(world.agencies["agency"])) as session:
        await session.execute(
            text(
                "UPDATE submission_access SET expires_at = now() - interval '1 second'"
                " WHERE agency_id <> owner_agency_id"
            )
        )


async def told(world: World, agency: str) -> list[str]:
    """
    Return the types of what an agency was told, first to last.
    """
    async with world.database.reading(as_agency(world.agencies[agency])) as session:
        found = await session.execute(
            text("SELECT type FROM event WHERE agency_id = :id ORDER BY id"),
            {"id": world.agencies[agency]},
        )
        return list(found.scalars())


async def reads(
    world: World, submission_id: str, sample_id: str, by: str = "other_agent"
) -> set[int]:
    """
    Return the answers to everything a party reads of a file.
    """
    paths = (
        f"/v1/submissions/{submission_id}",
        f"/v1/submissions/{submission_id}/parties",
        f"/v1/submissions/{submission_id}/corrections",
        f"/v1/samples/{sample_id}",
        f"/v1/samples/{sample_id}/findings",
        f"/v1/samples/{sample_id}/reports",
        f"/v1/samples/{sample_id}/custody",
        f"/v1/samples/{sample_id}/place",
    )
    return {(await world.as_(by).get(path)).status_code for path in paths}


class TestParties:
    """
    What a part in a file gives, and when it ends.
    """

    @pytest.mark.parametrize("party", ["investigating", "prosecution", "coroner"])
    async def test_a_party_reads_and_is_told(self, world: World, party: str) -> None:
        """
        From the grant on a party reads the whole file and gets its events, also those of its samples.
        """
        sample_id, finding_id = await screened(world)
        submission_id = (await world.as_("agent").get(f"/v1/samples/{sample_id}")).json()[
            "submission_id"
        ]
        assert await reads(world, submission_id, sample_id) == {404}

        granted = await share(world, submission_id, party=party, expires_at=LATER)

        assert granted.status_code == 201, granted.text
        (own, other) = granted.json()["items"]
        assert (own["party"], other["party"], other["current"]) == ("seizing", party, True)
        assert other["agency_name"].startswith("other_agency")
        assert await reads(world, submission_id, sample_id) == {200}
        assert (await release(world, finding_id, sample_id)).status_code == 201
        assert await told(world, "other_agency") == ["submission.shared", "finding.presumptive"]
        found = await world.as_("other_agent").get("/v1/samples")
        assert [one["id"] for one in found.json()["items"]] == [sample_id]
        (seen,) = (
            await world.as_("other_agent").get(f"/v1/submissions/{submission_id}/parties")
        ).json()["items"]
        assert seen["party"] == party

    @pytest.mark.parametrize("how", ["expiry", "revocation"])
    async def test_it_ends(self, world: World, how: str) -> None:
        """
        When the part has expired or was taken back, every read answers like nothing there, and nothing more is told.
        """
        sample_id, finding_id = await screened(world)
        submission_id = (await world.as_("agent").get(f"/v1/samples/{sample_id}")).json()[
            "submission_id"
        ]
        await share(world, submission_id)
        assert await reads(world, submission_id, sample_id) == {200}

        if how == "expiry":
            await expire(world)
        else:
            assert (await unshare(world, submission_id)).status_code == 200

        assert await reads(world, submission_id, sample_id) == {404}
        assert (await world.as_("other_agent").get("/v1/samples")).json()["items"] == []
        await release(world, finding_id, sample_id)
        assert await told(world, "other_agency") == ["submission.shared"]
        assert "finding.presumptive" in await told(world, "agency")
        again = await share(world, submission_id, party="coroner")
        assert again.status_code == 201
        assert await reads(world, submission_id, sample_id) == {200}

    async def test_reading_is_all_a_party_does(self, world: World) -> None:
        """
        A party shares, corrects and withdraws nothing of somebody else's file.
        """
        stored = await world.submit()
        sample_id = stored["samples"][0]["id"]
        await share(world, stored["id"])
        held = {"If-Match": f'"{await version_of(world, stored["id"])}"'}

        shared = await share(world, stored["id"], by="other_agent", to="agency")
        corrected = await world.as_("other_agent").post(
            f"/v1/submissions/{stored['id']}/corrections",
            json={"reason": "other", "note": "as told", "seizure": {"country": "CA"}},
            headers=held,
        )
        withdrawn = await world.as_("other_agent").post(
            f"/v1/samples/{sample_id}/withdrawal",
            json={"reason": "plea", "note": "as told"},
            headers={"If-Match": '"1"'},
        )

        assert (shared.status_code, corrected.status_code) == (403, 403)
        assert corrected.json()["type"].endswith("not-your-file")
        assert withdrawn.status_code == 404
        own = await world.as_("agent").get(f"/v1/samples/{sample_id}")
        assert (own.json()["status"], own.json()["version"]) == ("submitted", 1)

    async def test_who_cannot_take_part(self, world: World) -> None:
        """
        Oneself, a laboratory, an id of nobody, an end in the past: refused, naming the field and the remedy.
        """
        stored = await world.submit()
        world.agencies["nobody"] = ids.new()

        for to, expires_at, field in (
            ("agency", None, "agency_id"),
            ("laboratory", None, "agency_id"),
            ("nobody", None, "agency_id"),
            ("other_agency", "2020-01-01T00:00:00Z", "expires_at"),
        ):
            answer = await share(world, stored["id"], to=to, expires_at=expires_at)
            assert answer.status_code == 422, answer.text
            (error,) = answer.json()["errors"]
            assert error["field"] == field
        assert await version_of(world, stored["id"]) == 1

    async def test_versions(self, world: World) -> None:
        """
        Without If-Match 428, with a stale one 412 and the version that is (I2); the agency's own part cannot end.
        """
        stored = await world.submit()
        path = f"/v1/submissions/{stored['id']}/parties"
        body = {"agency_id": ids.write("agn", world.agencies["other_agency"]), "party": "coroner"}

        assert (await world.as_("agent").post(path, json=body)).status_code == 428
        assert (await share(world, stored["id"])).status_code == 201
        stale = await share(world, stored["id"], version=1)
        assert (stale.status_code, stale.json()["version_now"]) == (412, 2)
        assert (await unshare(world, stored["id"], whose="agency")).status_code == 404
        assert (await unshare(world, stored["id"], whose="laboratory")).status_code == 404
        assert await version_of(world, stored["id"]) == 2
