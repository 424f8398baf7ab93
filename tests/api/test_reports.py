"""
Reports on paper: printed once, stored, signed, amended, and verified by whoever holds one.
"""

import hashlib
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.access import service as access
from app.kit import ids
from app.kit.db import OPERATOR, Database, as_laboratory
from app.settings import Settings
from tests.api.asking import FULL
from tests.api.benchwork import release, screened
from tests.api.papers import amended, in_earnest, pdf, printed, words
from tests.builders import World


@pytest.fixture
async def earnest(config: Settings, database: Database) -> Any:
    """
    A world that is not for practice, with a letterhead and a designated analyst.
    """
    async with in_earnest(config, database) as world:
        async with database.transaction(OPERATOR) as session:
            await access.set_letterhead(
                session,
                agency_id=world.agencies["laboratory"],
                address="1 Bench Road\nOttawa",
                accreditation="ISO/IEC 17025, no. 000",
            )
            await access.designate(
                session, client_id=world.clients["technician"], statute="CDSA", number="A-17"
            )
        yield world


class TestPaper:
    """
    What is printed, once and for all.
    """

    async def test_the_content_of_a_final_report(
        self, earnest: World, worker_database: Database
    ) -> None:
        """
        It holds what ISO/IEC 17025 7.8.2.1 asks for, marks what the agency supplied, and prints no suspicion.
        """
        sample_id = await earnest.received(
            **{name: value for name, value in FULL.items() if name != "samples"},
            samples=[{**FULL["samples"][0], "suspected": ["carfentanil"]}],
        )
        final = await earnest.reported(sample_id)
        await printed(worker_database)

        english = words((await pdf(earnest, sample_id, final["number"])).content)
        french = words((await pdf(earnest, sample_id, final["number"], language="fr")).content)

        for said in (
            "Report of analysis",
            f"No. {final['number']}",
            "1 Bench Road",
            "ISO/IEC 17025, no. 000",
            "Supplied by the agency; not a statement of the laboratory",
            "white powder in a toy",
            "2 g net",
            "fentanyl identified.",
            "Infrared spectroscopy (FTIR)",
            "Gas chromatography",
            "Date of issue",
            "Place of work",
            "no statistical sampling plan",
            "The results relate only to the items tested.",
            "Deviations, additions, exclusions None.",
            "all results are the laboratory's own",
            "Technical review reviewer",
            "Administrative review reviewer",
            "Authorized for release by reviewer",
            "I authorize the release of this report.",
            f"SHA-256 of the signed record: {final['sha256']}".replace(" ", ""),
            f"End of {final['number']}",
        ):
            assert said in english or said.replace(" ", "") in english.replace(" ", ""), said
        for said in ("Rapport d'analyse", "Identifié : fentanyl.", "Fourni par l'organisme"):
            assert said in french.replace("\u2019", "'"), said
        assert "carfentanil" not in english + french
        assert "PRACTICE" not in english

    async def test_the_bytes_are_stored_and_served_for_ever(
        self, world: World, worker_database: Database
    ) -> None:
        """
        Both languages are printed once, PDF/A-2b; the same bytes come back, with their hash, which the ledger has.
        """
        sample_id = await world.received()
        final = await world.reported(sample_id)
        early = await pdf(world, sample_id, final["number"])
        assert await printed(worker_database) >= 2
        assert await printed(worker_database) == 0

        first, again = [await pdf(world, sample_id, final["number"]) for _ in range(2)]
        unchanged = await world.as_("agent").get(
            f"/v1/samples/{sample_id}/reports/{final['number']}.pdf",
            headers={"If-None-Match": first.headers["ETag"]},
        )

        assert (early.status_code, early.headers["Retry-After"]) == (503, "1")
        assert first.content == again.content
        assert first.content.startswith(b"%PDF-")
        assert b"<pdfaid:part>2" in first.content
        assert b"<pdfaid:conformance>B" in first.content
        assert b"/FontFile" in first.content
        sha256 = hashlib.sha256(first.content).hexdigest()
        assert first.headers["ETag"] == f'"{sha256}"'
        assert unchanged.status_code == 304
        async with world.database.reading(as_laboratory(world.agencies["laboratory"])) as session:
            found = await session.execute(
                text("SELECT body FROM entry WHERE kind = 'report.printed'")
            )
            assert any(sha256 in body for body in found.scalars())

    @pytest.mark.parametrize(
        "verb",
        [
            "UPDATE report_document SET pdf = ''",
            "DELETE FROM report_document",
            "UPDATE signature SET signer_name = 'x'",
            "DELETE FROM signature",
        ],
    )
    async def test_paper_and_signatures_cannot_be_changed(
        self, world: World, worker_database: Database, verb: str
    ) -> None:
        """
        Not even the laboratory's own role may change or remove a printed document or a signature.
        """
        await world.reported(await world.received())
        await printed(worker_database)

        with pytest.raises(DBAPIError, match="permission denied"):
            async with world.database.transaction(
                as_laboratory(world.agencies["laboratory"])
            ) as session:
                await session.execute(text(verb))

    async def test_what_the_typeface_lacks_is_printed_by_number(
        self, world: World, worker_database: Database
    ) -> None:
        """
        A description in any script is printed: a sign that the embedded typeface lacks, by its Unicode number.
        """
        sample_id = await world.received(
            samples=[{"exhibit_number": "1", "description": "sachet 白色粉末 \U0001f600 é"}]
        )
        final = await world.reported(sample_id)
        await printed(worker_database)

        document = await pdf(world, sample_id, final["number"])

        assert "sachet ⟨U+767D⟩" in words(document.content)

    async def test_a_preliminary_report_says_what_it_is_not(
        self, world: World, worker_database: Database
    ) -> None:
        """
        It is for safety and direction, not proof; its agreement is not measured yet, and says so; practice is marked.
        """
        sample_id, finding_id = await screened(world)
        number = (await release(world, finding_id, sample_id)).json()["number"]
        await printed(worker_database)

        said = words((await pdf(world, sample_id, number)).content)

        assert "For safety and direction of inquiry; not proof; may change." in said
        assert "not yet measured (0 of 20 confirmed cases)" in said
        assert "Presumptively contains fentanyl." in said
        assert "PRACTICE DATA" in said

    async def test_a_measured_agreement_is_printed_with_its_count(
        self, world: World, worker_database: Database
    ) -> None:
        """
        From stored pairs of screen and confirmation: so many percent of so many, and what it is not.
        """
        await self._pairs(world, agreed=27, against=1)
        sample_id, finding_id = await screened(world)
        number = (await release(world, finding_id, sample_id)).json()["number"]
        await printed(worker_database)

        english = words((await pdf(world, sample_id, number)).content)
        french = words((await pdf(world, sample_id, number, language="fr")).content)

        assert (
            "confirmation in this laboratory: 96.4 % of 28; not the probability for this sample."
            in english
        )
        assert "96,4 % sur 28" in french

    async def _pairs(self, world: World, *, agreed: int, against: int) -> None:
        # One sample is taken through the API; the others are its stored rows again, under other ids.
        sample_id = ids.read("smp", (await world.reported(await world.received()))["sample_id"])
        laboratory_id = world.agencies["laboratory"]
        async with world.database.transaction(as_laboratory(laboratory_id)) as session:
            for number in range(agreed + against - 1):
                other = ids.new()
                said = "fentanyl" if number < agreed - 1 else "heroin"
                await session.execute(
                    text(
                        "INSERT INTO finding SELECT (jsonb_populate_record(f, jsonb_build_object('id',"
                        " gen_random_uuid(), 'sample_id', CAST(:other AS uuid), 'substances', CASE f.kind WHEN"
                        " 'presumptive' THEN to_jsonb(ARRAY[CAST(:said AS text)]) ELSE to_jsonb(f.substances)"
                        " END))).* FROM finding AS f WHERE sample_id = :one"
                    ),
                    {"other": other, "said": said, "one": sample_id},
                )
                await session.execute(
                    text(
                        "INSERT INTO report SELECT (jsonb_populate_record(r, jsonb_build_object('id',"
                        " gen_random_uuid(), 'sample_id', CAST(:other AS uuid), 'number',"
                        " CAST(:number AS text)))).* FROM report AS r WHERE sample_id = :one AND kind = 'final'"
                    ),
                    {"other": other, "number": f"copy-{number}", "one": sample_id},
                )


class TestSigning:
    """
    Who signed, when, with what meaning, over which record; proved again at that moment.
    """

    async def test_a_signature_needs_the_signers_own_proof(self, world: World) -> None:
        """
        Somebody else's key, a revoked one and no key at all prove nothing, and nothing is recorded.
        """
        sample_id, _ = await screened(world)
        claim = await world.claim(sample_id=sample_id, stage="confirm")
        analyses = [await world.analyze(claim, name) for name in ("gc_ms", "ftir")]
        await world.conclude(claim, "identified", analyses)
        review = await world.claim("reviewer", sample_id=sample_id, stage="review")
        async with world.database.transaction(OPERATOR) as session:
            revoked = await access.create_key(session, client_id=world.clients["reviewer"])
            await access.revoke_key(session, key_id=revoked.split("_")[2])

        proofs = [world.keys["second_reviewer"], revoked, "not a key at all"]
        refused = [await world.review(review, signature={"proof": proof}) for proof in proofs]
        accepted = await world.review(review)

        assert [answer.status_code for answer in refused] == [403] * 3
        assert {answer.json()["type"] for answer in refused} == {"urn:assayline:problem:not-proved"}
        assert all(proof not in answer.text for proof in proofs for answer in refused)
        assert accepted.status_code == 201
        file = (await world.as_("reviewer").get(f"/v1/lab/samples/{sample_id}/file")).json()
        (one,) = file["reviews"]
        (signed,) = one["signatures"]
        assert (one["by"], signed["name"]) == ("reviewer", "reviewer")
        assert signed["meaning"] == "technical_review"
        assert signed["proved_by"] == "api_key"
        assert signed["record_sha256"] == file["record_sha256"] == one["record_sha256"]

    async def test_the_order_of_reviews_and_the_record_they_bind(self, world: World) -> None:
        """
        Technical before administrative; a review of another record is refused; two people may share the work.
        """
        sample_id, _ = await screened(world)
        claim = await world.claim(sample_id=sample_id, stage="confirm")
        analyses = [await world.analyze(claim, name) for name in ("gc_ms", "ftir")]
        await world.conclude(claim, "identified", analyses)
        first = await world.claim("reviewer", sample_id=sample_id, stage="review")

        early = await world.review(first, kind="administrative")
        other = await world.review(first, record_sha256="0" * 64)
        technical = await world.review(first)
        put_back = await world.as_("reviewer").delete(
            f"/v1/lab/claims/{first['id']}",
            params={"reason": "for the administrative review"},
            headers={"If-Match": f'"{first["token"]}"'},
        )
        second = await world.claim("second_reviewer", sample_id=sample_id, stage="review")
        administrative = await world.review(second, by="second_reviewer", kind="administrative")
        report = await world.as_("second_reviewer").post(
            f"/v1/lab/samples/{sample_id}/reports",
            json={"signature": world.signature("second_reviewer")},
            headers={"If-Match": f'"{second["token"]}"'},
        )

        assert (early.status_code, other.status_code) == (409, 412)
        assert (technical.status_code, put_back.status_code) == (201, 204)
        assert (administrative.status_code, report.status_code) == (201, 201), report.text
        assert [one["by"] for one in report.json()["body"]["reviews"]] == [
            "reviewer",
            "second_reviewer",
        ]


class TestAmending:
    """
    A new report that names the one it replaces.
    """

    async def test_it_replaces_the_old_and_everyone_is_told(
        self, world: World, worker_database: Database
    ) -> None:
        """
        It has its own number, says what changed and why, and goes to whoever received the old one, to acknowledge.
        """
        sample_id = await world.received()
        old = await world.reported(sample_id)

        new = (await amended(world, old["number"])).json()
        twice = await amended(world, old["number"])
        by_author = await amended(world, new["number"], by="technician")
        await printed(worker_database)

        assert new["number"] != old["number"]
        assert new["replaces_id"] == old["id"]
        assert new["body"]["replaces"]["number"] == old["number"]
        assert (twice.status_code, by_author.status_code) == (409, 403)
        assert twice.json()["replaced_by_number"] == new["number"]
        said = words((await pdf(world, sample_id, new["number"])).content)
        assert f"Amendment to report, serial no. {old['number']}, which it replaces." in said
        assert "What has changed: the exhibit number" in said
        still = await pdf(world, sample_id, old["number"])
        assert still.status_code == 200
        open_ = (await world.as_("agent").get("/v1/events/unacknowledged")).json()["items"]
        assert [one["type"] for one in open_] == ["report.amended"]
        held = await world.as_("agent").get(f"/v1/samples/{sample_id}/reports")
        assert [one["kind"] for one in held.json()] == ["preliminary", "final", "final"]

    async def test_only_a_final_report(self, world: World) -> None:
        """
        A preliminary report is not amended: what is wrong with it is withdrawn or contradicted.
        """
        sample_id = await world.received()
        await world.reported(sample_id)
        held = (await world.as_("agent").get(f"/v1/samples/{sample_id}/reports")).json()

        answer = await amended(world, held[0]["number"])

        assert answer.status_code == 409


class TestVerifying:
    """
    Whoever holds a report may check it, and learns nothing else.
    """

    async def test_number_hash_and_whether_replaced(
        self, world: World, worker_database: Database
    ) -> None:
        """
        Without a key: the number, the hashes, and whether it was replaced; no more fields than these.
        """
        sample_id = await world.received()
        old = await world.reported(sample_id)
        await printed(worker_database)
        document = await pdf(world, sample_id, old["number"])
        world.keys["nobody"] = "none"
        before = (await world.as_("nobody").get(f"/v1/verify/{old['id']}")).json()
        await amended(world, old["number"])

        after = (await world.as_("nobody").get(f"/v1/verify/{old['id']}")).json()
        held = (await world.as_("agent").get(f"/v1/samples/{sample_id}/reports")).json()
        preliminary = (await world.as_("nobody").get(f"/v1/verify/{held[0]['id']}")).json()

        assert before == {
            "number": old["number"],
            "sha256": old["sha256"],
            "documents": before["documents"],
            "replaced": False,
        }
        assert before["documents"]["en"] == hashlib.sha256(document.content).hexdigest()
        assert after == before | {"replaced": True}
        assert preliminary["replaced"] is True

    async def test_it_is_no_oracle(self, world: World) -> None:
        """
        What was never issued, another kind of id, a number and garbage answer alike.
        """
        final = await world.reported(await world.received())
        world.keys["nobody"] = "none"
        strange = [ids.write("rep", ids.new()), final["sample_id"], final["number"], "x", "rep_x"]

        answers = [await world.as_("nobody").get(f"/v1/verify/{one}") for one in strange]

        bodies = [{**answer.json(), "trace": ""} for answer in answers]
        assert all(body == bodies[0] for body in bodies)
        assert {answer.status_code for answer in answers} == {404}


class TestCertificate:
    """
    A certificate of analyst: one designated analyst, a final report, never practice.
    """

    async def certify(self, world: World, number: str, **more: Any) -> Any:
        """
        Ask for a certificate as the technician.
        """
        body = {"template": "ca-cdsa", "signature": world.signature("technician")} | more
        return await world.as_("technician").post(
            f"/v1/lab/reports/{number}/certificates", json=body
        )

    async def test_it_states_what_the_analyst_found(
        self, earnest: World, worker_database: Database
    ) -> None:
        """
        It names the analyst, the designation and the report, in both languages, marked as a draft until approved.
        """
        sample_id = await earnest.received()
        final = await earnest.reported(sample_id)

        answer = await self.certify(earnest, final["number"])
        replaced = await self.certify(
            earnest,
            final["number"],
            replaces={
                "number": answer.json()["number"],
                "reason": "misspelt",
                "changes": "the name",
            },
        )
        await printed(worker_database)

        assert answer.status_code == 201, answer.text
        number = answer.json()["number"]
        english = words((await pdf(earnest, sample_id, number)).content)
        french = words((await pdf(earnest, sample_id, number, language="fr")).content)
        assert "Certificate of analyst" in english
        assert "I, technician, an analyst designated under section 44" in english
        assert "(designation A-17)" in english
        assert "I found that the sample contains: fentanyl." in english
        assert "DRAFT WORDING" in english
        assert "Loi réglementant certaines drogues" in french
        assert replaced.status_code == 201, replaced.text
        verified = (await earnest.as_("agent").get(f"/v1/verify/{answer.json()['id']}")).json()
        assert verified["replaced"] is True

    async def test_never_from_a_preliminary_report_nor_by_somebody_else(
        self, earnest: World
    ) -> None:
        """
        Not from a presumptive finding, not by who is not designated, not from a report that was replaced.
        """
        sample_id = await earnest.received()
        final = await earnest.reported(sample_id)
        held = (await earnest.as_("agent").get(f"/v1/samples/{sample_id}/reports")).json()

        preliminary = await self.certify(earnest, held[0]["number"])
        other = await earnest.as_("second_technician").post(
            f"/v1/lab/reports/{final['number']}/certificates",
            json={"template": "ca-cdsa", "signature": earnest.signature("second_technician")},
        )
        strange = await self.certify(earnest, final["number"], template="nowhere")
        await amended(earnest, final["number"])
        late = await self.certify(earnest, final["number"])

        assert [one.status_code for one in (preliminary, other, strange, late)] == [
            409,
            403,
            422,
            409,
        ]

    async def test_never_from_practice(self, world: World) -> None:
        """
        An installation for practice issues none; its reports say that they are practice, for good.
        """
        async with world.database.transaction(OPERATOR) as session:
            await access.designate(
                session, client_id=world.clients["technician"], statute="CDSA", number="A-17"
            )
        final = await world.reported(await world.received())

        answer = await self.certify(world, final["number"])

        assert answer.status_code == 409
        assert "Practice" in answer.json()["detail"]
        assert final["body"]["practice"] is True
