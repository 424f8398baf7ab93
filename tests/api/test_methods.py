"""
Techniques and methods as a laboratory's data, and what they change at the gate.
"""

from typing import Any

import httpx
import pytest

from tests.api.asking import fields_of
from tests.api.benchwork import screened
from tests.builders import World


async def register(world: World, code: str, technique: str, **more: Any) -> dict[str, Any]:
    """
    Register a validated method and return it.
    """
    body = {"technique": technique, "title": code, "validated": True} | more
    answer = await world.as_("supervisor").put(f"/v1/lab/methods/{code}", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def identify(
    world: World, *analyses: dict[str, Any], substance: str = "fentanyl"
) -> httpx.Response:
    """
    Take a sample to its confirmation, record these analyses and claim an identification.
    """
    sample_id, _ = await screened(world)
    claim = await world.claim(sample_id=sample_id, stage="confirm")
    cited = [await world.analyze(claim, **{"substances": [substance]} | one) for one in analyses]
    return await world.conclude(claim, "identified", cited, substances=[substance])


class TestMethods:
    """
    A laboratory's written procedures, each version kept.
    """

    async def test_a_version_is_never_lost(self, world: World) -> None:
        """
        Another version is another row; what the technique's entry says fills what the method leaves open.
        """
        first = await register(world, "GC-1", "gc_fid")
        second = await register(world, "GC-1", "gc_fid", minutes=25, retired=True)

        listed = (await world.as_("technician").get("/v1/lab/methods")).json()["items"]

        assert (first["version"], second["version"]) == (1, 2)
        assert (first["minutes"], first["destructive"], second["minutes"]) == (40, True, 25)
        assert [(one["code"], one["version"]) for one in listed] == [("GC-1", 2)]

    async def test_it_is_the_laboratorys_own(self, world: World) -> None:
        """
        Another laboratory sees neither method nor technique; a technician may not write one.
        """
        await register(world, "GC-1", "gc_fid")
        own = {"name": "Own", "parts": [{"property": "own", "category": "C"}], "minutes": 1}

        technician = await world.as_("technician").put(
            "/v1/lab/techniques/x_own", json=own | {"destructive": False}
        )
        theirs = await world.as_("other_technician").get("/v1/lab/methods")

        assert technician.status_code == 403
        assert theirs.json()["items"] == []

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"technique": "divining_rod"}, "technique"),
            ({"used": ["infrared absorption"]}, "used"),
            ({"separates": ["nothing"]}, "separates"),
            ({"validated": False, "validated_on": "2026-01-01"}, "body"),
        ],
    )
    async def test_what_cannot_be(self, world: World, change: dict[str, Any], field: str) -> None:
        """
        A method of no technique, or that claims what its technique cannot, is refused with its field.
        """
        body = {"technique": "gc_ms", "title": "x", "validated": True} | change

        answer = await world.as_("supervisor").put("/v1/lab/methods/M-1", json=body)

        assert answer.status_code == 422
        assert fields_of(answer) == [field]

    async def test_once_there_are_methods_one_is_named(self, world: World) -> None:
        """
        Where the laboratory has methods of a technique, an analysis names one that is in use.
        """
        await register(world, "FT-1", "ftir")
        await register(world, "FT-2", "ftir", retired=True)
        await world.received()
        claim = await world.claim()
        path = f"/v1/lab/samples/{claim['sample']['id']}/analyses"
        body = {
            "technique": "ftir",
            "aliquot": "A",
            "started_at": "2026-03-02T08:00:00Z",
            "ended_at": "2026-03-02T08:05:00Z",
            "result": "not_detected",
            "looked_for": ["fentanyl"],
            "controls_passed": True,
        }
        token = {"If-Match": f'"{claim["token"]}"'}

        answers = [
            await world.as_("technician").post(path, json=body | more, headers=token)
            for more in ({}, {"method": "FT-2"}, {"method": "FT-1", "detection_limit": "1 %"})
        ]

        assert [answer.status_code for answer in answers] == [422, 422, 201]
        assert fields_of(answers[0]) == fields_of(answers[1]) == ["method"]
        stored = answers[2].json()
        assert (stored["method"], stored["method_version"]) == ("FT-1", 1)
        said = "fentanyl not detected by Infrared spectroscopy (FTIR) (limit 1 %)."
        assert stored["statement"] == said


class TestGate:
    """
    What the laboratory's data change in what may be identified.
    """

    async def test_a_hyphenated_technique_counts_twice_only_when_recorded(
        self, world: World
    ) -> None:
        """
        GC-MS alone identifies when both retention time and spectrum were used, and the record says so (6.1 rows 3, 4).
        """
        alone = await identify(world, {"technique": "gc_ms"})
        both = await identify(world, {"technique": "gc_ms", "used": ["mass", "gas retention"]})
        strange = await identify(world, {"technique": "gc_ms", "used": ["mass", "gas retention"]})

        assert alone.status_code == 422
        assert alone.json()["rules"] == ["R1"]
        assert "(R6)" in alone.json()["detail"]
        assert (both.status_code, strange.status_code) == (201, 201)

    async def test_not_validated_here(self, world: World) -> None:
        """
        A method that this laboratory has not validated supports no identification (6.1 row 18).
        """
        await register(world, "RAMAN-H", "raman", validated=False)

        answer = await identify(
            world, {"technique": "raman", "method": "RAMAN-H"}, {"technique": "colour_test"}
        )

        assert answer.status_code == 422
        assert answer.json()["rules"] == ["R2"]
        assert "presumptive" in answer.json()["detail"]

    async def test_a_second_column(self, world: World) -> None:
        """
        Two columns of one kind count as two only where the laboratory has marked them uncorrelated (6.1 row 11).
        """
        await register(world, "GC-1", "gc_fid")
        await register(world, "GC-2", "gc_fid")
        cited = (
            {"technique": "gc_fid", "method": "GC-1", "aliquot": "A"},
            {"technique": "gc_fid", "method": "GC-2", "aliquot": "B"},
            {"technique": "colour_test", "aliquot": "C"},
        )

        before = await identify(world, *cited)
        await register(world, "GC-2", "gc_fid", uncorrelated_with=["GC-1"])
        after = await identify(world, *cited)

        assert (before.status_code, before.json()["rules"]) == (422, ["R2"])
        assert after.status_code == 201

    async def test_isomers(self, world: World) -> None:
        """
        An isomer that the scheme cannot separate is reported as its group; a method validated to do so names it.
        """
        cited = {"technique": "gc_ms", "used": ["mass", "gas retention"]}

        group = await identify(world, cited, substance="para-fluorofentanyl")
        await register(world, "GCMS-ISO", "gc_ms", separates=["fluorofentanyl"])
        named = await identify(
            world, cited | {"method": "GCMS-ISO"}, substance="para-fluorofentanyl"
        )

        assert group.json()["substances"] == ["fluorofentanyl (isomer not determined)"]
        assert "not validated to separate" in group.json()["remarks"][0]
        assert "para" not in group.json()["statement"]
        assert named.json()["substances"] == ["para-fluorofentanyl"]

    async def test_one_sampling(self, world: World) -> None:
        """
        Both techniques on one portion: a remark where the sample was limited, else a warning (6.1 rows 14, 15).
        """
        plain = [
            {"technique": "ftir", "aliquot": "A"},
            {"technique": "colour_test", "aliquot": "A"},
        ]

        warned = (await identify(world, *plain)).json()
        limited = (await identify(world, plain[0], plain[1] | {"sample_limited": True})).json()

        assert warned["warnings"][0].startswith("R3")
        assert (limited["warnings"], len(limited["remarks"])) == ([], 1)

    async def test_a_swab(self, world: World) -> None:
        """
        What a swab showed is said of the swab; an exhibit that is a swab needs no word of it.
        """
        sample_id = await world.received(
            samples=[
                {
                    "exhibit_number": "1",
                    "quantity_sent": {"value": 1, "unit": "swab", "kind": "count"},
                }
            ]
        )
        claim = await world.claim(sample_id=sample_id)

        found = await world.conclude(claim, "presumptive", [await world.analyze(claim)])

        assert "names the swab, not the contents" in found.json()["remarks"][0]

    async def test_a_technique_of_ones_own(self, world: World) -> None:
        """
        A laboratory's own technique counts by the category it gave it; the analysis names its version.
        """
        body = {
            "name": "Terahertz spectroscopy",
            "parts": [{"property": "terahertz absorption", "category": "C"}],
            "validated": True,
            "minutes": 7,
            "destructive": False,
        }
        written = await world.as_("supervisor").put("/v1/lab/techniques/x_terahertz", json=body)

        answer = await identify(world, {"technique": "ftir"}, {"technique": "x_terahertz"})
        theirs = await world.as_("other_technician").get("/v1/lab/techniques")

        assert (written.status_code, written.json()["version"]) == (200, "x_1")
        assert answer.status_code == 201
        assert "x_terahertz" not in {one["code"] for one in theirs.json()["items"]}


class TestSuggestions:
    """
    What to try next.
    """

    @pytest.mark.parametrize("grams", [0.05, 20])
    async def test_the_least_destructive_first(self, world: World, grams: float) -> None:
        """
        Of little, what leaves the sample whole is tried first; of much, what is quickest.
        """
        small = grams < 1
        sent = {"value": grams, "unit": "g", "kind": "net"}
        sample_id = await world.received(samples=[{"exhibit_number": "1", "quantity_sent": sent}])
        await register(world, "FT-1", "ftir", minutes=30)

        answer = await world.as_("technician").get(f"/v1/lab/samples/{sample_id}/methods")
        items = answer.json()["items"]

        assert answer.json()["small"] is small
        gentle = [not one["destructive"] for one in items]
        assert (gentle == sorted(gentle, reverse=True)) is small
        assert [one["method"] for one in items if one["technique"] == "ftir"] == ["FT-1"]
        assert not {"field_raman", "cannabis_microscopic"} & {one["technique"] for one in items}
