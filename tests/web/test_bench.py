"""
The bench over HTTP, as a browser without script sees it: every action works, and nobody's work is lost.
"""

import re

from sqlalchemy import text

from app.kit import ids
from app.kit.db import as_laboratory
from tests.builders import World
from tests.web.benching import ANALYSIS, token_of
from tests.web.people import signed_in

EXHIBIT = {
    "exhibit_number": "1",
    "suspected": ["grey lump of dreams"],
    "hazards": ["needles"],
    "form": "powder",
    "quantity_seized": {"value": 2.1, "unit": "g", "kind": "net"},
}


class TestList:
    """
    The next samples.
    """

    async def test_shown(self, world: World) -> None:
        """
        A waiting sample shows its place, its band in words, three reasons, hazards, age, and what to start with.
        """
        strip = {"technique": "fentanyl_strip", "target": "fentanyl", "result": "detected"}
        await world.received(samples=[{**EXHIBIT, "suspected": ["heroin"], "field_tests": [strip]}])
        bench = await signed_in(world, "technician")

        page = (await bench.get("/bench")).text

        assert page.count('<li class="card">') == 1
        assert "risk</span>" in page
        assert page.split('class="why"')[1].split("</ul>")[0].count("<li>") == 3
        assert "needles" in page
        assert "waiting for" in page
        assert "start with" in page

    async def test_folded(self, world: World) -> None:
        """
        Who confirms sees hazards, and neither suspicion nor reasons (laboratory bench, 9).
        """
        sample_id = await world.received(samples=[EXHIBIT])
        claim = await world.claim(sample_id=sample_id, stage="screen")
        await world.conclude(claim, "presumptive", [await world.analyze(claim)])
        bench = await signed_in(world, "technician")

        page = (await bench.get("/bench?stage=confirm")).text

        assert "needles" in page
        assert 'class="why"' not in page
        assert "grey lump of dreams" not in page

    async def test_none_of_others(self, world: World) -> None:
        """
        Another laboratory's queue is empty, and its people cannot open what is here (E1).
        """
        sample_id = await world.received()
        other = await signed_in(world, "other_technician")

        page = await other.get("/bench")
        paths = ("", "/label", "/receipt")
        answers = [await other.get(f"/bench/{sample_id}{path}") for path in paths]

        assert sample_id not in page.text
        assert {answer.status_code for answer in answers} == {404}

    async def test_not_for_agencies(self, world: World) -> None:
        """
        An agency's people have no bench.
        """
        agent = await signed_in(world, "agent")

        assert (await agent.get("/bench")).status_code == 403

    async def test_empty(self, world: World) -> None:
        """
        Taking from an empty queue says so and changes nothing.
        """
        bench = await signed_in(world, "technician")

        answer = await bench.send("/bench/next", {"stage": "screen"}, shown_at="/bench")
        page = await bench.get(answer.headers["location"])

        assert answer.status_code == 303
        assert "Nothing is left to take" in page.text


class TestScan:
    """
    A label under the scanner.
    """

    async def test_receives_then_claims(self, world: World) -> None:
        """
        The first scan of an item on its way asks what is seen at the door; the next takes it.
        """
        stored = await world.submit()
        sample_id = stored["samples"][0]["id"]
        bench = await signed_in(world, "technician")

        first = await bench.send("/bench/scan", {"label": sample_id}, shown_at="/bench")
        received = await bench.send(
            f"/bench/{sample_id}/receipt", {"seal_number": "S-1", "gross_weight_g": "12,5"}
        )
        second = await bench.send("/bench/scan", {"label": sample_id}, shown_at="/bench")
        page = await bench.get(second.headers["location"])

        assert first.headers["location"] == f"/bench/{sample_id}/receipt"
        assert received.headers["location"] == "/bench"
        assert second.headers["location"] == f"/bench/{sample_id}"
        assert "You hold it since" in page.text

    async def test_not_as_announced(self, world: World) -> None:
        """
        A broken seal waits on hold, another item is refused, and the page says which: never that it is in line.
        """
        bench = await signed_in(world, "technician")

        for fields, said in (
            ({"seal_state": "broken"}, "on hold"),
            ({"exhibit_number_on_item": "77"}, "Not received"),
        ):
            sample_id = (await world.submit())["samples"][0]["id"]
            answer = await bench.send(f"/bench/{sample_id}/receipt", fields)
            page = await bench.get(answer.headers["location"])
            assert said in page.text
            assert "in line now" not in page.text

    async def test_in_an_address(self, world: World) -> None:
        """
        A label that holds an address, in capitals, or typed with another keyboard's signs is read all the same.
        """
        sample_id = await world.received()
        bench = await signed_in(world, "technician")

        for label in (
            f"https://lab.example/s/{sample_id}?x=1",
            sample_id.upper().replace("_", "-"),
        ):
            answer = await bench.send("/bench/scan", {"label": label}, shown_at="/bench")
            assert answer.headers["location"] == f"/bench/{sample_id}"

    async def test_strange(self, world: World) -> None:
        """
        What is no label, and a label of nothing here, are told so beside the field, and the bench stays.
        """
        other = await world.submit()
        bench = await signed_in(world, "other_technician")

        for label in ("4006381333931", other["samples"][0]["id"]):
            answer = await bench.send("/bench/scan", {"label": label}, shown_at="/bench")
            assert answer.status_code == 422
            assert 'href="#f-label"' in answer.text


class TestWork:
    """
    The work on one sample.
    """

    async def test_whole_screen(self, world: World) -> None:
        """
        Take, record with a file, conclude, and release with the label scanned again: a page each, no script.
        """
        sample_id = await world.received(samples=[EXHIBIT])
        bench = await signed_in(world, "technician")
        path = f"/bench/{sample_id}"

        taken = await bench.send("/bench/next", {"stage": "screen"}, shown_at="/bench")
        assert taken.headers["location"] == path
        token = {"token": await token_of(world, sample_id)}
        recorded = await bench.send(
            f"{path}/analyses",
            {**token, **ANALYSIS},
            shown_at=path,
            files={"data": ("run 7.csv", b"mz,intensity\n337.2,1\n", "text/csv")},
        )
        assert recorded.status_code == 303, recorded.text
        page = (await bench.get(path)).text
        cited = re.findall(r'name="cited" value="(ana_\w+)"', page)
        concluded = await bench.send(
            f"{path}/findings",
            {**token, "outcome": "detected", "found": "fentanyl", "cited": cited[0]},
            shown_at=path,
        )
        assert concluded.status_code == 303, concluded.text
        page = (await bench.get(path)).text
        finding = re.findall(r'name="finding" value="(fnd_\w+)"', page)[0]
        released = await bench.send(
            f"{path}/release", {"finding": finding, "label_scanned": sample_id}, shown_at=path
        )
        assert released.status_code == 303, released.text

        answer = await world.as_("agent").get(f"/v1/samples/{sample_id}/findings")
        assert [one["substances"] for one in answer.json()] == [["fentanyl"]]
        assert "run 7.csv" in page
        file = re.findall(r'href="(/bench/files/att_\w+)"', page)[0]
        assert (await bench.get(file)).content == b"mz,intensity\n337.2,1\n"

    async def test_wrong_label_releases_nothing(self, world: World) -> None:
        """
        A finding does not go out on the label of another item.
        """
        sample_id, other = await world.received(), await world.received()
        claim = await world.claim(sample_id=sample_id, stage="screen")
        finding = await world.conclude(claim, "presumptive", [await world.analyze(claim)])
        bench = await signed_in(world, "technician")

        answer = await bench.send(
            f"/bench/{sample_id}/release",
            {"finding": finding.json()["id"], "label_scanned": other},
            shown_at=f"/bench/{sample_id}",
        )

        assert answer.status_code == 422
        assert (await world.as_("agent").get(f"/v1/samples/{sample_id}/findings")).json() == []

    async def test_mistakes_are_repaired(self, world: World) -> None:
        """
        What was wrong is said beside it, what was entered stays, and nothing is stored.
        """
        sample_id = await world.received()
        bench = await signed_in(world, "technician")
        await world.claim(sample_id=sample_id, stage="screen")
        path = f"/bench/{sample_id}"

        answer = await bench.send(
            f"{path}/analyses",
            {
                "token": await token_of(world, sample_id),
                **ANALYSIS,
                "aliquot": "",
                "instrument": "the old one",
            },
            shown_at=path,
        )

        assert answer.status_code == 422
        assert 'href="#f-aliquot"' in answer.text
        assert 'value="the old one"' in answer.text
        assert "Nothing yet." in answer.text

    async def test_lost_claim(self, world: World) -> None:
        """
        Whoever no longer holds the sample records nothing, and reads why.
        """
        sample_id = await world.received()
        bench = await signed_in(world, "technician")
        claim = await world.claim(sample_id=sample_id, stage="screen")
        await world.as_("technician").delete(
            f"/v1/lab/claims/{claim['id']}",
            params={"reason": "interrupted"},
            headers={"If-Match": f'"{claim["token"]}"'},
        )

        answer = await bench.send(
            f"/bench/{sample_id}/analyses",
            {"token": str(claim["token"]), **ANALYSIS},
            shown_at=f"/bench/{sample_id}",
        )

        assert answer.status_code == 412
        assert "no longer holds" in answer.text

    async def test_put_back(self, world: World) -> None:
        """
        A sample is given back with a reason, and not without.
        """
        sample_id = await world.received()
        bench = await signed_in(world, "technician")
        await world.claim(sample_id=sample_id, stage="screen")
        path = f"/bench/{sample_id}"
        token = {"token": await token_of(world, sample_id)}

        without = await bench.send(f"{path}/put-back", {**token, "reason": " "}, shown_at=path)
        given = await bench.send(
            f"{path}/put-back", {**token, "reason": "instrument down"}, shown_at=path
        )

        assert without.status_code == 422
        assert given.headers["location"] == "/bench"
        assert (await world.as_("technician").get("/v1/lab/claims")).json()["items"] == []

    async def test_look_behind_the_fold(self, world: World) -> None:
        """
        Who confirms sees what was suspected only by an act of its own, which the record keeps (laboratory bench, 9).
        """
        sample_id = await world.received(samples=[EXHIBIT])
        claim = await world.claim(sample_id=sample_id, stage="screen")
        await world.conclude(claim, "presumptive", [await world.analyze(claim)])
        await world.claim(sample_id=sample_id, stage="confirm")
        bench = await signed_in(world, "technician")
        path = f"/bench/{sample_id}"

        before = (await bench.get(path)).text
        opened = (
            await bench.send(f"{path}/suspicion", {"looking": "to choose a column"}, shown_at=path)
        ).text
        after = (await bench.get(path)).text

        assert "grey lump of dreams" in opened
        assert "That you looked is in the record" in opened
        for page in (before, after):
            assert "grey lump of dreams" not in page
            assert "needles" in page
        assert await disclosures(world, sample_id) == 1

    async def test_siblings(self, world: World) -> None:
        """
        The other exhibits of the file are a press away.
        """
        stored = await world.submit(samples=[{"exhibit_number": n} for n in ("1", "2", "3")])
        bench = await signed_in(world, "technician")
        first, *others = (one["id"] for one in stored["samples"])

        page = (await bench.get(f"/bench/{first}")).text

        assert all(f'href="/bench/{one}"' in page for one in others)
        assert "3 exhibits in this file" in page

    async def test_label(self, world: World) -> None:
        """
        The label shows the file, the exhibit, and a picture to scan.
        """
        stored = await world.submit()
        bench = await signed_in(world, "technician")

        page = (await bench.get(f"/bench/{stored['samples'][0]['id']}/label")).text

        assert stored["agency_file_number"] in page
        assert stored["samples"][0]["id"] in page
        assert "<svg" in page.split('class="qr"')[1]


async def disclosures(world: World, sample_id: str) -> int:
    """
    Count what the record says about looking behind the fold of a sample.
    """
    async with world.database.reading(as_laboratory(world.agencies["laboratory"])) as session:
        found = await session.execute(
            text("SELECT count(*) FROM entry WHERE sample_id = :id AND kind = 'sample.disclosed'"),
            {"id": ids.read("smp", sample_id)},
        )
        return int(found.scalar_one())
