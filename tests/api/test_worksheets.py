"""
Sampling plans, contents and runs through the API.
"""

from typing import Any

import httpx
import pytest

from tests.api.asking import fields_of, match
from tests.builders import World

TIMES = {"started_at": "2026-03-02T08:00:00Z", "ended_at": "2026-03-02T09:00:00Z"}
COLUMNS = {
    "label": "Vial",
    "result": "Call",
    "substances": "Found",
    "words": {"hit": "detected", "none": "not_detected"},
}
GOOD = "\ufeffVial;Call;Found\nB1;none;\nC1;hit;fentanyl\nV1;hit;fentanyl, xylazine\nV2;none;\n"


async def run(world: World, count: int = 2, **more: Any) -> tuple[str, list[dict[str, Any]]]:
    """
    Open a worksheet with so many samples held by the technician, a blank and a control.
    """
    claims = [await world.claim(sample_id=await world.received()) for _ in range(count)]
    lines: list[dict[str, Any]] = [
        {"kind": "blank", "label": "B1"},
        {"kind": "control", "label": "C1", "expected": ["fentanyl"]},
    ]
    lines += [
        {
            "kind": "sample",
            "label": f"V{number}",
            "sample_id": claim["sample"]["id"],
            "token": claim["token"],
        }
        for number, claim in enumerate(claims, start=1)
    ]
    body = {"technique": "dart_ms", "instrument": "DART-1", "lines": lines} | more
    answer = await world.as_("technician").post("/v1/lab/runs", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], claims


async def load(world: World, run_id: str, csv: str = GOOD, **more: Any) -> httpx.Response:
    """
    Import a sheet, for good unless told otherwise.
    """
    body = {"csv": csv, "columns": COLUMNS | {"separator": ","}, "preview": False} | TIMES | more
    return await world.as_("technician").post(f"/v1/lab/runs/{run_id}/import", json=body)


class TestRuns:
    """
    One run of many samples, its controls, and its sheet.
    """

    async def test_a_preview_then_all_of_it(self, world: World) -> None:
        """
        A preview stores nothing; the import writes one analysis per sample, in the run's name, with its controls.
        """
        run_id, claims = await run(world)

        preview = await load(world, run_id, preview=True)
        stored = await load(world, run_id)
        again = await load(world, run_id)

        assert [one["outcome"] for one in preview.json()["lines"]] == ["fits"] * 4
        assert (preview.json()["stored"], stored.json()["stored"]) == (False, True)
        assert stored.json()["controls_passed"] is True
        lines = {one["label"]: one for one in stored.json()["lines"]}
        assert lines["V1"]["substances"] == ["fentanyl", "xylazine"]
        assert lines["C1"]["analysis_id"] is None
        assert again.status_code == 409
        finding = await world.conclude(
            claims[0], "presumptive", [lines["V1"]["analysis_id"]], substances=["xylazine"]
        )
        assert finding.status_code == 201

    @pytest.mark.parametrize(
        ("change", "line"),
        [
            (("V2;none;", "V9;none;"), "V9"),
            (("V2;none;", "V1;none;"), "V1"),
            (("V2;none;", "V2;maybe;"), "V2"),
            (("V2;none;", "V2;none;fentanyl"), "V2"),
            (("V2;none;\n", ""), "V2"),
            (("Call", "Result"), ""),
            (("Vial", "Vial" * 40_000), ""),
        ],
    )
    async def test_nothing_is_half_imported(
        self, world: World, change: tuple[str, str], line: str
    ) -> None:
        """
        One line that does not fit, or is not there, and nothing at all is stored; the preview names the line.
        """
        run_id, claims = await run(world)
        spoilt = GOOD.replace(*change)

        preview = await load(world, run_id, spoilt, preview=True)
        refused = await load(world, run_id, spoilt)

        bad = [one for one in preview.json()["lines"] if one["problem"]]
        assert line in {one["label"] for one in bad}
        assert refused.status_code == 422
        assert refused.json()["type"].endswith("sheet-refused")
        assert (await load(world, run_id)).status_code == 200
        del claims

    @pytest.mark.parametrize(
        "change", [("B1;none;", "B1;hit;fentanyl"), ("C1;hit;fentanyl", "C1;none;")]
    )
    async def test_a_failed_control_invalidates_the_run(
        self, world: World, change: tuple[str, str]
    ) -> None:
        """
        With something in the blank, or a control unseen, the results are kept and no finding can rest on them.
        """
        run_id, claims = await run(world)

        stored = (await load(world, run_id, GOOD.replace(*change))).json()
        analysis = next(one["analysis_id"] for one in stored["lines"] if one["label"] == "V1")
        finding = await world.conclude(claims[0], "presumptive", [analysis])

        assert stored["controls_passed"] is False
        assert finding.status_code == 422
        assert "controls" in finding.json()["detail"]

    async def test_a_control_that_fails_afterwards(self, world: World) -> None:
        """
        Findings that rest on the run are invalidated, and a released one is taken back with an event to every party.
        """
        run_id, claims = await run(world, 1)
        stored = (await load(world, run_id, GOOD.replace("V2;none;\n", ""))).json()
        analysis = next(one["analysis_id"] for one in stored["lines"] if one["label"] == "V1")
        sample_id = claims[0]["sample"]["id"]
        finding = await world.conclude(claims[0], "presumptive", [analysis])
        released = await world.as_("technician").post(
            f"/v1/lab/findings/{finding.json()['id']}/release", json={"label_scanned": sample_id}
        )

        failed = await world.as_("technician").post(
            f"/v1/lab/runs/{run_id}/failure", json={"reason": "standard expired"}
        )
        twice = await world.as_("technician").post(
            f"/v1/lab/runs/{run_id}/failure", json={"reason": "again"}
        )
        seen = (await world.as_("agent").get(f"/v1/samples/{sample_id}/findings")).json()

        assert (released.status_code, failed.status_code, twice.status_code) == (201, 200, 409)
        assert failed.json()["controls_passed"] is False
        assert seen[0]["invalidated_at"] is not None

    async def test_a_lapsed_claim_stores_nothing(self, world: World) -> None:
        """
        When one sample of the run was given back, the import is refused whole.
        """
        run_id, claims = await run(world)
        supervisor = world.as_("supervisor")
        put_back = await supervisor.delete(
            f"/v1/lab/claims/{claims[1]['id']}", params={"reason": "x"}, headers=match(claims[1])
        )

        refused = await load(world, run_id)

        assert (put_back.status_code, refused.status_code) == (204, 412)
        shown = await world.as_("technician").get(f"/v1/lab/runs/{run_id}")
        assert shown.json()["closed_at"] is None

    async def test_a_worksheet_has_its_controls(self, world: World) -> None:
        """
        Without a blank and a control there is no worksheet.
        """
        answer = await world.as_("technician").post(
            "/v1/lab/runs",
            json={"technique": "dart_ms", "lines": [{"kind": "blank", "label": "B1"}]},
        )

        assert answer.status_code == 422


class TestSamplingPlans:
    """
    Drawn by chance, tested in order, stopped as soon as it may.
    """

    async def test_from_the_draw_to_the_statement(self, world: World) -> None:
        """
        400 tablets, 90 %, 95 %: 27 units drawn without repetition; skipping one is refused; the statement at the end.
        """
        sample_id = await world.received()
        bench = world.as_("technician")
        plan = (
            await bench.post(
                f"/v1/lab/samples/{sample_id}/sampling-plans",
                json={"units": 400, "kind": "tablets"},
            )
        ).json()
        path = f"/v1/lab/sampling-plans/{plan['id']}/results"

        skipped = await bench.post(path, json={"unit": plan["selected"][1], "positive": True})
        answers = [
            await bench.post(path, json={"unit": unit, "positive": True})
            for unit in plan["selected"]
        ]
        last = answers[-1]

        assert len(set(plan["selected"])) == 27
        assert all(1 <= unit <= 400 for unit in plan["selected"])
        assert skipped.status_code == 409
        assert (last.json()["step"], last.json()["more"]) == ("reached", 0)
        assert "At least 90 % of 400 tablets" in last.json()["statement"]
        listed = await bench.get(f"/v1/lab/samples/{sample_id}/sampling-plans")
        assert listed.json()[0]["tested"] == 27

    async def test_what_nothing_supports(self, world: World) -> None:
        """
        More negatives than the share leaves out: refused with what to change.
        """
        sample_id = await world.received()

        answer = await world.as_("technician").post(
            f"/v1/lab/samples/{sample_id}/sampling-plans", json={"units": 10, "negatives": 3}
        )

        assert fields_of(answer) == ["negatives"]


class TestContents:
    """
    Never without its uncertainty.
    """

    async def test_a_content(self, world: World) -> None:
        """
        Said with expanded uncertainty and k; without either it is refused, as is an analysis that did not see it.
        """
        sample_id = await world.received()
        claim = await world.claim(sample_id=sample_id)
        analysis = await world.analyze(claim)
        path = f"/v1/lab/samples/{sample_id}/contents"
        body = {
            "substance": "fentanyl",
            "value": "12.3456",
            "unit": "%",
            "expanded_uncertainty": "0.8123",
            "k": "2",
            "dose_units": "40",
            "analysis_id": analysis,
        }

        async def record(**change: Any) -> httpx.Response:
            changed = {k: v for k, v in (body | change).items() if v is not None}
            return await world.as_("technician").post(path, json=changed, headers=match(claim))

        answers = [
            await record(),
            await record(expanded_uncertainty=None),
            await record(k=None),
            await record(substance="heroin"),
            await record(value="101"),
        ]

        assert [one.status_code for one in answers] == [201, 422, 422, 422, 422]
        said = "fentanyl: 12.35 % ± 0.82 % (expanded uncertainty, k = 2); 40 dose units"
        assert answers[0].json()["statement"] == said
