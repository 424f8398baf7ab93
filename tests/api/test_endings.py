"""
The other endings: each with a reason, its words and a name, in the table of moves, told to every party.
"""

from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.kit import ids
from app.kit.db import as_agency
from tests.api.asking import queue_of
from tests.api.benchwork import release, screened
from tests.api.queueing import status_of
from tests.builders import World

NOTE = {"note": "the file says why"}


async def version_of(world: World, sample_id: str) -> int:
    """
    Return a sample's version.
    """
    found: int = (await world.as_("supervisor").get(f"/v1/samples/{sample_id}")).json()["version"]
    return found


async def halt(
    world: World, who: str, sample_id: str, what: str, reason: str, version: int | None = None
) -> httpx.Response:
    """
    Take a sample out of its course, or let it go on.
    """
    held = await version_of(world, sample_id) if version is None else version
    place = "/v1/samples" if what == "withdrawal" else "/v1/lab/samples"
    return await world.as_(who).post(
        f"{place}/{sample_id}/{what}",
        json={"reason": reason, **NOTE},
        headers={"If-Match": f'"{held}"'},
    )


async def told(world: World, sample_id: str, who: str = "agent") -> list[dict[str, Any]]:
    """
    Return what an agency was told about a sample, first to last, from the stored events.
    """
    agency = {"agent": "agency", "other_agent": "other_agency"}[who]
    async with world.database.reading(as_agency(world.agencies[agency])) as session:
        found = await session.execute(
            text(
                "SELECT type, sequence, convert_from(body, 'UTF8')::jsonb -> 'data' -> 'summary' AS summary"
                " FROM event WHERE sample_id = :id AND agency_id = :agency ORDER BY id"
            ),
            {"id": ids.read("smp", sample_id), "agency": world.agencies[agency]},
        )
        return [dict(row) for row in found.mappings()]


async def at(world: World, status: str) -> str:
    """
    Take a new sample to a status of its ordinary course.
    """
    if status == "submitted":
        found: str = (await world.submit())["samples"][0]["id"]
        return found
    sample_id = await world.received()
    steps = COURSE[2 : COURSE.index(status) + 1]
    claim: dict[str, Any] = {}
    for step in steps:
        if step == "screening":
            claim = await world.claim(sample_id=sample_id)
        elif step == "screened":
            await world.conclude(claim, "presumptive", [await world.analyze(claim)])
        elif step == "confirming":
            claim = await world.claim(sample_id=sample_id, stage="confirm")
        elif step == "confirmed":
            analyses = [await world.analyze(claim, technique) for technique in ("gc_ms", "ftir")]
            await world.conclude(claim, "identified", analyses)
        else:
            await world.claim("reviewer", sample_id=sample_id, stage="review")
    assert await status_of(world, sample_id) == status
    return sample_id


COURSE = ("submitted", "received", "screening", "screened", "confirming", "confirmed", "in_review")
BACK = {"screening": "received", "confirming": "screened", "in_review": "confirmed"}


class TestEndings:
    """
    Each ending and pause, from where it is allowed.
    """

    @pytest.mark.parametrize(
        ("what", "who", "reason", "status", "event", "sources"),
        [
            ("withdrawal", "agent", "plea", "withdrawn", "sample.withdrawn", COURSE[:2]),
            (
                "rejection",
                "technician",
                "label_mismatch",
                "rejected",
                "sample.rejected",
                COURSE[:2],
            ),
            ("hold", "supervisor", "prints_or_dna_first", "on_hold", "sample.on_hold", COURSE),
            ("stop", "supervisor", "charges_withdrawn", "stopped", "sample.stopped", COURSE),
        ],
    )
    async def test_from_where_it_may(
        self,
        world: World,
        what: str,
        who: str,
        reason: str,
        status: str,
        event: str,
        sources: tuple[str, ...],
    ) -> None:
        """
        It happens from every status the table names and from no other; reason, words and name are kept and told.
        """
        for source in COURSE:
            sample_id = await at(world, source)

            answer = await halt(world, who, sample_id, what, reason)

            if source not in sources:
                assert answer.status_code == 409, answer.text
                assert answer.json()["status_now"] == source
                assert await status_of(world, sample_id) == source
                continue
            assert answer.status_code == 200, answer.text
            found = answer.json()
            assert answer.headers["ETag"] == f'"{found["version"]}"'
            assert found["status"] == status
            assert found["resumes_to"] == BACK.get(source, source)
            why = found["halt"]
            assert (why["reason"], why["note"], why["made_by_name"]) == (reason, NOTE["note"], who)
            assert (await world.as_("investigator").get(f"/v1/samples/{sample_id}")).json()[
                "halt"
            ] == why
            last = (await told(world, sample_id))[-1]
            assert last["type"] == event
            assert last["sequence"] == found["version"]
            assert last["summary"] == {"status": status, "reason": reason}
            assert sample_id not in {line["sample_id"] for line in await queue_of(world)}
            place = (await world.as_("agent").get(f"/v1/samples/{sample_id}/place")).json()
            assert (place["stage"], place["place"]) == (None, None)

    async def test_closure_after_a_screen(self, world: World) -> None:
        """
        Only a screened sample whose finding has gone out is closed: no result stays in a drawer.
        """
        sample_id, finding_id = await screened(world)
        reason = "screen_only_requested"

        early = await halt(world, "technician", sample_id, "closure", reason)
        assert early.status_code == 409
        assert "Release" in early.json()["detail"]
        assert await status_of(world, sample_id) == "screened"
        assert (await release(world, finding_id, sample_id)).status_code == 201
        closed = await halt(world, "technician", sample_id, "closure", reason)

        assert closed.status_code == 200, closed.text
        assert closed.json()["status"] == "closed_screen_only"
        assert (await told(world, sample_id))[-1]["type"] == "sample.closed"

    async def test_a_finding_goes_out_after_the_end(self, world: World) -> None:
        """
        What a screen has shown may still be released when the sample is on hold or stopped: it may save somebody.
        """
        for what, reason in (("hold", "awaiting_agency"), ("stop", "plea")):
            sample_id, finding_id = await screened(world)
            halted = await halt(world, "supervisor", sample_id, what, reason)
            assert halted.status_code == 200

            assert (await release(world, finding_id, sample_id)).status_code == 201
            assert (await told(world, sample_id))[-1]["type"] == "finding.presumptive"
            assert await status_of(world, sample_id) == halted.json()["status"]


class TestGoingOn:
    """
    A pause remembers where it goes on; an ending made in error can be reopened.
    """

    @pytest.mark.parametrize("source", COURSE)
    async def test_a_hold_is_lifted(self, world: World, source: str) -> None:
        """
        On hold it cannot be claimed; lifted, it stands where it stood, with the same key and an older token stale.
        """
        sample_id = await at(world, source)
        back = BACK.get(source, source)
        stage = {"received": "screen", "screened": "confirm", "confirmed": "review"}.get(back)
        before = (await world.as_("supervisor").get(f"/v1/samples/{sample_id}")).json()
        assert (await halt(world, "supervisor", sample_id, "hold", "other")).status_code == 200
        for one in ("screen", "confirm"):
            claim = {"sample_id": sample_id, "stage": one}
            refused = await world.as_("technician").post("/v1/lab/claims", json=claim)
            assert refused.status_code == 409
            assert "on_hold" in refused.json()["detail"]

        lifted = await halt(world, "reviewer", sample_id, "resumption", "answered")

        assert lifted.status_code == 200, lifted.text
        after = lifted.json()
        assert (after["status"], after["resumes_to"], after["halt"]) == (back, None, None)
        assert after["risk"] == before["risk"]
        assert (await told(world, sample_id))[-1]["type"] == "sample.resumed"
        if stage is None:
            received = await world.as_("counter").post(
                "/v1/lab/receipts", json={"sample_id": sample_id}
            )
            assert received.status_code == 201
            stage = "screen"
        person = "reviewer" if stage == "review" else "second_technician"
        assert (await world.claim(person, sample_id=sample_id, stage=stage))["token"] >= 1

    async def test_it_keeps_its_place(self, world: World) -> None:
        """
        Lifted, a sample stands before what came after it, as if it had never been on hold.
        """
        first, second = await world.received(), await world.received()
        line = [item["sample_id"] for item in await queue_of(world)]
        keys = {item["sample_id"]: item["rank_key"] for item in await queue_of(world)}
        assert line == [first, second]

        await halt(world, "technician", first, "hold", "awaiting_standard")
        assert [item["sample_id"] for item in await queue_of(world)] == [second]
        await halt(world, "technician", first, "resumption", "answered")

        assert [item["sample_id"] for item in await queue_of(world)] == line
        assert {i["sample_id"]: i["rank_key"] for i in await queue_of(world)} == keys

    @pytest.mark.parametrize(
        ("what", "who", "reason"),
        [
            ("withdrawal", "agent", "submitted_in_error"),
            ("rejection", "technician", "seal_mismatch"),
            ("stop", "supervisor", "plea"),
        ],
    )
    async def test_a_mistake_is_repaired(
        self, world: World, what: str, who: str, reason: str
    ) -> None:
        """
        What ended in error is reopened by a supervisor and by nobody else.
        """
        sample_id = await at(world, "received")
        assert (await halt(world, who, sample_id, what, reason)).status_code == 200
        refused = await halt(world, "technician", sample_id, "reopening", "ended_in_error")
        assert refused.status_code == 403

        reopened = await halt(world, "supervisor", sample_id, "reopening", "ended_in_error")

        assert reopened.status_code == 200, reopened.text
        assert reopened.json()["status"] == "received"
        assert [item["sample_id"] for item in await queue_of(world)] == [sample_id]


class TestWhoMay:
    """
    Who may end what.
    """

    async def test_a_held_sample_is_its_holders(self, world: World) -> None:
        """
        What somebody holds is put on hold by them or by a supervisor; their claim ends, and its token is stale.
        """
        sample_id = await world.received()
        claim = await world.claim(sample_id=sample_id)

        other = await halt(world, "second_technician", sample_id, "hold", "awaiting_standard")
        assert other.status_code == 409
        assert other.json()["type"].endswith("held-by-another")
        assert await status_of(world, sample_id) == "screening"
        own = await halt(world, "technician", sample_id, "hold", "awaiting_standard")
        assert own.status_code == 200
        beat = await world.as_("technician").put(
            f"/v1/lab/claims/{claim['id']}", headers={"If-Match": f'"{claim["token"]}"'}
        )

        assert beat.status_code == 412
        assert (await world.as_("technician").get("/v1/lab/claims")).json()["items"] == []

    @pytest.mark.parametrize(
        ("what", "reason", "refused"),
        [
            ("withdrawal", "plea", ("investigator", "technician", "supervisor")),
            ("rejection", "damaged", ("agent", "reviewer", "supervisor")),
            ("hold", "other", ("agent", "investigator")),
            ("stop", "plea", ("agent", "technician", "reviewer")),
            ("reopening", "other", ("agent", "technician", "reviewer")),
            ("closure", "screen_only_requested", ("agent", "investigator")),
        ],
    )
    async def test_roles(
        self, world: World, what: str, reason: str, refused: tuple[str, ...]
    ) -> None:
        """
        Each role ends what the table lets it end (E7).
        """
        sample_id = await world.received()

        answers = [await halt(world, who, sample_id, what, reason) for who in refused]

        assert {answer.status_code for answer in answers} == {403}

    async def test_others_find_nothing(self, world: World) -> None:
        """
        Another agency's or laboratory's sample answers like one that is not there (E4).
        """
        sample_id = await world.received()
        nowhere = "smp_" + "0" * 26
        for who, what, reason in (
            ("other_agent", "withdrawal", "plea"),
            ("other_technician", "rejection", "damaged"),
            ("other_technician", "hold", "other"),
            ("other_technician", "resumption", "answered"),
        ):
            others = await halt(world, who, sample_id, what, reason, 2)
            nobodys = await halt(world, who, nowhere, what, reason, 2)
            assert others.status_code == nobodys.status_code == 404
            assert others.json() | {"trace": ""} == nobodys.json() | {"trace": ""}


class TestVersions:
    """
    Nobody ends what somebody else has just changed (I2).
    """

    async def test_without_and_with_a_stale_tag(self, world: World) -> None:
        """
        Without If-Match 428, with an old, foreign or weak one 412 and the present version; nothing is stored.
        """
        sample_id = await world.received()
        path = f"/v1/lab/samples/{sample_id}/hold"
        body = {"reason": "other", **NOTE}

        assert (await world.as_("technician").post(path, json=body)).status_code == 428
        for tag in ('"1"', '"3"', 'W/"2"', '"x"', "*", '""', '"99999999999"'):
            stale = await world.as_("technician").post(path, json=body, headers={"If-Match": tag})
            assert stale.status_code == 412, tag
            assert stale.json()["type"].endswith("stale")
        right = await halt(world, "technician", sample_id, "hold", "other", 2)
        assert right.status_code == 200

    async def test_a_reason_needs_words(self, world: World) -> None:
        """
        An unknown reason, another act's reason, no words: refused, naming the field.
        """
        sample_id = await world.received()
        for body, field in (
            ({"reason": "plea", **NOTE}, "reason"),
            ({"reason": "other"}, "note"),
            ({"reason": "other", "note": " "}, "note"),
            ({"reason": "other", **NOTE, "accused": "x"}, "accused"),
        ):
            answer = await world.as_("technician").post(
                f"/v1/lab/samples/{sample_id}/hold", json=body, headers={"If-Match": '"2"'}
            )
            assert answer.status_code == 422
            assert [error["field"] for error in answer.json()["errors"]] == [field]
