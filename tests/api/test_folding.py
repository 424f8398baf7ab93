"""
Bias: hazards always shown, suspicion and rank reasons folded for who confirms and reviews, every opening logged.
"""

from typing import Any

import pytest
from sqlalchemy import text

from app.kit.db import as_laboratory
from app.samples.rules import Stage
from app.samples.rules.folding import folds_at
from tests.api.asking import FULL
from tests.builders import World

SWAYS = {"suspected", "field_tests", "reported_effects", "circumstances"}


async def screened(world: World) -> str:
    """
    Take a sample about which the agency said much through its screen.
    """
    sample_id = await world.received(samples=FULL["samples"])
    claim = await world.claim(sample_id=sample_id)
    assert SWAYS <= set(claim["sample"]["exhibit"])
    assert claim["risk"]["reasons"]
    done = await world.conclude(claim, "presumptive", [await world.analyze(claim)])
    assert done.status_code == 201, done.text
    return sample_id


class TestFolding:
    """
    What the confirming analyst and the reviewer see.
    """

    async def test_a_claim_shows_the_hazards_and_not_the_suspicion(self, world: World) -> None:
        """
        To confirm and to review: hazards, the look of the item, and nothing of what somebody takes it for.
        """
        sample_id = await screened(world)
        confirm = await world.claim(sample_id=sample_id, stage="confirm")
        analyses = [await world.analyze(confirm, name) for name in ("gc_ms", "ftir")]
        await world.conclude(confirm, "identified", analyses)
        review = await world.claim("reviewer", sample_id=sample_id, stage="review")

        for claim in (confirm, review):
            shown = claim["sample"]["exhibit"]
            assert shown["hazards"] == ["needle"]
            assert shown["description"] == "white powder in a toy"
            assert not SWAYS & set(shown)
            assert set(claim["sample"]["folded"]) == SWAYS | {"risk"}
            assert claim["risk"] is None

    @pytest.mark.parametrize("person", ["technician", "reviewer"])
    async def test_no_other_read_of_the_bench_shows_it(self, world: World, person: str) -> None:
        """
        The sample, the list, the file and the queue fold it too; the file shows the hazards.
        """
        sample_id = await screened(world)
        bench = world.as_(person)
        one = (await bench.get(f"/v1/samples/{sample_id}")).json()
        listed = (await bench.get("/v1/samples")).json()["items"]
        whole = (await bench.get(f"/v1/submissions/{one['submission_id']}")).json()
        queue = (await bench.get("/v1/lab/queue", params={"stage": "confirm"})).json()["items"]
        file = (await bench.get(f"/v1/lab/samples/{sample_id}/file")).json()

        for shown in (one, *listed, *whole["samples"]):
            assert not SWAYS & set(shown["exhibit"])
            assert "risk" in shown["folded"]
        assert one["risk"] is None
        assert [(line["reasons"], line["folded"]) for line in queue] == [([], True)]
        assert file["hazards"] == ["needle"]

    @pytest.mark.parametrize("person", ["agent", "supervisor"])
    async def test_the_agency_and_the_supervisor_see_it(self, world: World, person: str) -> None:
        """
        Negative control: who draws no conclusion is spared nothing.
        """
        sample_id = await screened(world)

        shown = (await world.as_(person).get(f"/v1/samples/{sample_id}")).json()

        assert set(shown["exhibit"]) >= SWAYS
        assert shown["risk"]["reasons"]
        assert shown["folded"] == []

    def test_a_screen_is_directed_by_what_is_suspected(self) -> None:
        """
        Only confirming and reviewing fold.
        """
        assert {stage for stage in Stage if folds_at(stage)} == {Stage.CONFIRM, Stage.REVIEW}


class TestDisclosing:
    """
    Opening what was folded.
    """

    async def test_the_opening_is_logged(self, world: World) -> None:
        """
        It answers with the whole exhibit and the reasons; who, when and why stand in the ledger.
        """
        sample_id = await screened(world)
        path = f"/v1/lab/samples/{sample_id}/disclosures"
        silent = await world.as_("technician").post(path, json={})

        opened = await world.as_("technician").post(
            path, json={"reason": "choose the library to search"}
        )

        assert silent.status_code == 422
        assert opened.status_code == 201
        assert set(opened.json()["exhibit"]) >= SWAYS
        assert opened.json()["risk"]["reasons"]
        entries = await self._entries(world)
        assert len(entries) == 1
        assert "choose the library to search" in entries[0].body
        assert entries[0].actor_id == world.clients["technician"]
        again = (await world.as_("technician").get(f"/v1/samples/{sample_id}")).json()
        assert again["risk"] is None

    async def _entries(self, world: World) -> list[Any]:
        async with world.database.reading(as_laboratory(world.agencies["laboratory"])) as session:
            found = await session.execute(
                text("SELECT body, actor_id FROM entry WHERE kind = 'sample.disclosed'")
            )
            return list(found)
