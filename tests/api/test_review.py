"""
Reviewed by somebody else, returned with remarks, or accepted and reported for good.
"""

import hashlib
import json

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.access import service as access
from app.access.rules import ClientKind, Role
from app.kit.db import OPERATOR, as_laboratory
from tests.api.asking import match
from tests.api.benchwork import confirmed, release, report, review, screened
from tests.builders import World


class TestReview:
    """
    Reviewed by somebody else, returned with remarks, or accepted and reported.
    """

    async def test_nobody_reviews_their_own_work(self, world: World) -> None:
        """
        Whoever made an analysis or a finding is refused the review and the report, by name as well (E7).
        """
        async with world.database.transaction(OPERATOR) as session:
            client_id = await access.create_client(
                session,
                agency_id=world.agencies["laboratory"],
                name="both",
                kind=ClientKind.PERSON,
                roles=[Role.TECHNICIAN, Role.REVIEWER],
            )
            world.keys["both"] = await access.create_key(session, client_id=client_id)
        sample_id = await world.received()
        screen = await world.claim("both", sample_id=sample_id)
        analyses = [await world.analyze(screen, by="both")]
        await world.conclude(screen, "presumptive", analyses, by="both")
        theirs = await confirmed(world, sample_id)
        put_back = await world.as_("reviewer").delete(
            f"/v1/lab/claims/{theirs['id']}", params={"reason": "break"}, headers=match(theirs)
        )
        assert put_back.status_code == 204
        claim = await world.claim("both", sample_id=sample_id, stage="review")

        answers = [await review(world, claim, by="both"), await report(world, claim, by="both")]

        assert [answer.status_code for answer in answers] == [403, 403]
        assert answers[0].json()["type"] == "urn:assayline:problem:own-work"

    async def test_a_return_needs_remarks_and_goes_to_the_bench(self, world: World) -> None:
        """
        A sample returned with remarks waits to be confirmed again; nothing was released.
        """
        sample_id, _ = await screened(world)
        claim = await confirmed(world, sample_id)

        silent = await review(world, claim, decision="return")
        returned = await review(world, claim, decision="return", remarks="second aliquot")
        late = await report(world, claim)
        again = await confirmed(world, sample_id)

        assert (silent.status_code, returned.status_code, late.status_code) == (422, 201, 412)
        assert (await world.as_("agent").get(f"/v1/samples/{sample_id}/findings")).json() == []
        assert again["stage"] == "review"
        accepted = await review(world, again)
        assert accepted.status_code == 201
        assert (await report(world, again)).status_code == 201

    async def test_a_warning_is_acknowledged(self, world: World) -> None:
        """
        What was identified from one sampling is accepted only by a reviewer who says that the warning was read (R3).
        """
        sample_id, _ = await screened(world)
        bench = await world.claim(sample_id=sample_id, stage="confirm")
        cited = [await world.analyze(bench, name, aliquot="A") for name in ("gc_ms", "ftir")]
        await world.conclude(bench, "identified", cited)
        claim = await world.claim("reviewer", sample_id=sample_id, stage="review")

        silent = await world.review(claim)
        read = await world.review(claim, acknowledges_warnings=True)

        assert (silent.status_code, read.status_code) == (422, 201)
        assert silent.json()["errors"][0]["message"].startswith("R3")
        assert read.json()["acknowledged"][0].startswith("R3")

    async def test_a_report_needs_an_accepting_review_of_this_claim(self, world: World) -> None:
        """
        Without a review no report; an accepted review of an earlier claim does not count.
        """
        sample_id, _ = await screened(world)
        claim = await confirmed(world, sample_id)

        early = await report(world, claim)
        await review(world, claim)
        await world.as_("reviewer").delete(
            f"/v1/lab/claims/{claim['id']}", params={"reason": "break"}, headers=match(claim)
        )
        later = await world.claim("reviewer", sample_id=sample_id, stage="review")
        without = await report(world, later)

        assert (early.status_code, without.status_code) == (409, 409)

    async def test_the_report(self, world: World) -> None:
        """
        The final report is numbered, hashed over its exact text, names who did what, and no suspicion.
        """
        sample_id = await world.received(
            samples=[{"exhibit_number": "1", "suspected": ["carfentanil"]}]
        )

        final = await world.reported(sample_id)

        assert hashlib.sha256(final["canonical"].encode()).hexdigest() == final["sha256"]
        assert json.loads(final["canonical"]) == final["body"]
        assert "carfentanil" not in final["canonical"]
        assert final["body"]["authorized_by"] == "reviewer"
        assert {one["operator"] for one in final["body"]["analyses"]} == {"technician"}
        assert [one["by"] for one in final["body"]["reviews"]] == ["reviewer", "reviewer"]
        assert final["number"].endswith("-000002")
        queue = await world.as_("technician").get("/v1/lab/queue", params={"stage": "review"})
        assert queue.json()["items"] == []

    async def test_numbers_have_no_gap(self, world: World) -> None:
        """
        A laboratory's reports are numbered without a gap, refused releases included.
        """
        for _ in range(2):
            sample_id, finding_id = await screened(world)
            await release(world, finding_id, await world.received())
            await release(world, finding_id, sample_id)
            await release(world, finding_id, sample_id)

        async with world.database.reading(as_laboratory(world.agencies["laboratory"])) as session:
            found = await session.execute(text("SELECT number FROM report ORDER BY number"))
            numbers = [number.split("-")[1] for number in found.scalars()]
        assert numbers == ["000001", "000002"]

    @pytest.mark.parametrize("verb", ["UPDATE report SET number = 'x'", "DELETE FROM report"])
    async def test_a_report_cannot_be_changed(self, world: World, verb: str) -> None:
        """
        Not even the laboratory's own role may change or remove a report.
        """
        await world.reported(await world.received())

        with pytest.raises(DBAPIError, match="permission denied"):
            async with world.database.transaction(
                as_laboratory(world.agencies["laboratory"])
            ) as session:
                await session.execute(text(verb))

    async def test_a_review_records_no_analysis(self, world: World) -> None:
        """
        Who holds a sample for review cannot add to what is reviewed, whatever their roles.
        """
        sample_id, _ = await screened(world)
        claim = await confirmed(world, sample_id)
        body = {
            "kind": "technical",
            "decision": "accept",
            "record_sha256": await world.record_sha256(sample_id),
            "signature": world.signature("technician"),
        }

        by_technician = await world.as_("technician").post(
            f"/v1/lab/samples/{sample_id}/reviews", json=body, headers=match(claim)
        )
        analysis = await world.as_("reviewer").post(
            f"/v1/lab/samples/{sample_id}/analyses", json={}, headers=match(claim)
        )

        assert (by_technician.status_code, analysis.status_code) == (403, 403)
