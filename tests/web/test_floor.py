"""
The floor: the bench as a whole, counted right, and honest about what it cannot say.
"""

import re

from playwright.async_api import expect

from tests.builders import World
from tests.web import chromium
from tests.web.conftest import Opener
from tests.web.people import signed_in
from tests.web.screens import XSS


class TestFloor:
    """
    Over HTTP.
    """

    async def test_counts(self, world: World) -> None:
        """
        What is open, finished and borne out is counted, and a queue that nobody works at never empties.
        """
        await world.reported(
            await world.received(samples=[{"exhibit_number": "1", "suspected": ["fentanyl"]}])
        )
        await world.received(route="mail", parcel={"weight_g": 12})
        await world.received()
        floor = await signed_in(world, "supervisor")

        page = (await floor.get("/floor")).text
        answer = (await world.as_("supervisor").get("/v1/lab/overview")).json()

        assert sum(cell["open"] for cell in answer["open"]) == 2
        assert [one["open"] for one in answer["streams"]] == [1, 1]
        assert answer["days"][-1]["reported"] == 1
        assert answer["days"][-1]["submitted"] == 3
        assert sum(cell["samples"] for cell in answer["calibration"]) == 1
        assert sum(cell["found"] for cell in answer["calibration"]) == 1
        assert answer["capacity"][0]["empty_on"] is None
        assert "Never at this rate" in page

    async def test_none_of_others(self, world: World) -> None:
        """
        Another laboratory's samples are in no count (E1), and a technician has no floor.
        """
        await world.received()
        other = await signed_in(world, "technician")

        assert (await other.get("/floor")).status_code == 403

    async def test_gives_back(self, world: World) -> None:
        """
        A supervisor sees who holds what, and gives it back with a reason.
        """
        sample_id = await world.received()
        await world.claim(sample_id=sample_id)
        floor = await signed_in(world, "supervisor")
        page = (await floor.get("/floor")).text
        path = re.findall(r'action="(/floor/claims/clm_\w+/put-back)"', page)[0]
        token = re.findall(r'name="token" value="(\d+)"', page)[0]

        without = await floor.send(path, {"token": token, "reason": ""}, shown_at="/floor")
        given = await floor.send(path, {"token": token, "reason": "ill"}, shown_at="/floor")

        assert "technician" in page
        assert without.status_code == 422
        assert given.status_code == 303
        assert "Nobody holds anything" in (await floor.get("/floor")).text

    async def test_rush(self, world: World) -> None:
        """
        A rush request is shown with its clock, and answered by name; a refusal must say when instead.
        """
        sample_id = await world.received()
        asked = await world.as_("agent").post(
            f"/v1/samples/{sample_id}/rush-requests",
            json={"reason": "public_safety", "needed_by": "2099-01-04", "text": "in a school"},
        )
        floor = await signed_in(world, "supervisor")
        path = f"/floor/rush/{asked.json()['id']}"
        page = (await floor.get("/floor")).text

        fields = {"decision": "refuse", "remarks": "nothing links it"}
        vague = await floor.send(path, fields, shown_at="/floor")
        clear = await floor.send(path, {**fields, "earliest_on": "2099-02-01"}, shown_at="/floor")

        assert "in a school" in page
        assert "answer due on" in page
        assert vague.status_code == 422
        assert clear.status_code == 303
        assert "None waits for an answer" in (await floor.get("/floor")).text

    async def test_in_french(self, world: World) -> None:
        """
        Everything of ours is French when the browser asks for it.
        """
        await world.received()
        floor = await signed_in(world, "supervisor", language="fr")

        page = (await floor.get("/floor")).text

        assert "La paillasse suit-elle" in page
        assert "Never" not in page


class TestScreen:
    """
    In a real browser.
    """

    async def test_accessible_and_light(self, world: World, open_screen: Opener) -> None:
        """
        Axe finds nothing at AA in both looks, nothing stored runs, and the page weighs less than 60 kB.
        """
        await world.received(
            agency_file_number=XSS[1][:40], samples=[{"exhibit_number": XSS[0][:40]}]
        )
        await world.claim(stage="screen")
        await world.received()
        screen = await open_screen("supervisor", **chromium.DESK)

        for look in ("light", "dark"):
            await screen.page.emulate_media(color_scheme=look)
            await screen.page.goto("/floor", wait_until="networkidle")
            await expect(screen.page.locator(".picture")).to_have_count(2)
            await screen.accessible()
        await screen.unhurt(shown=XSS[0][:40])
        assert await screen.weight() < 60_000
