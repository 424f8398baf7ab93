"""
Why a sample stands where it stands: in words, in bars, what would change it, and what it was before.
"""

import re
from datetime import UTC

import pytest

from app.kit import ids
from app.samples.schemas import ReasonOut
from app.web.language import language
from app.web.pages.why import view
from tests.builders import World
from tests.web.conftest import Opener
from tests.web.people import signed_in
from tests.web.screens import XSS

EXHIBIT = {
    "exhibit_number": "1",
    "suspected": ["fentanyl"],
    "circumstances": ["linked_overdose", "in_circulation"],
}


class TestWhy:
    """
    One sample's assessment.
    """

    async def test_every_reason(self, world: World) -> None:
        """
        Each contribution the API tells is there with its bar, and so are the tests that would change it.
        """
        sample_id = await world.received(samples=[EXHIBIT])
        told = (await world.as_("agent").get(f"/v1/samples/{sample_id}/assessment")).json()
        desk = await signed_in(world, "agent")

        text = (await desk.get(f"/why/{sample_id}")).text

        assert len(told["reasons"]) > 2
        assert text.count('class="middle"') == len(told["reasons"])
        assert told["would_change_most"]
        assert text.count("in line</td>") >= len(told["would_change_most"])

    async def test_history(self, world: World) -> None:
        """
        What became known later is in the history, with both assessments.
        """
        sample_id = await world.received()
        given = await world.as_("agent").post(
            f"/v1/samples/{sample_id}/evidence",
            json={"circumstance": "linked_overdose"},
        )
        assert given.status_code == 201, given.text
        desk = await signed_in(world, "agent")

        text = (await desk.get(f"/why/{sample_id}")).text

        assert "Something new became known" in text
        assert "It was submitted" in text

    async def test_none_of_others(self, world: World) -> None:
        """
        Another agency's sample and one that does not exist answer alike (E1).
        """
        sample_id = await world.received()
        desk = await signed_in(world, "other_agent")

        direct = await desk.get(f"/why/{sample_id}")
        unknown = await desk.get(f"/why/{ids.write('smp', ids.new())}")

        assert direct.status_code == unknown.status_code == 404
        token = re.compile(r'value="[^"]+"|smp_\w+')
        assert token.sub("", direct.text) == token.sub("", unknown.text)

    async def test_folded(self, world: World) -> None:
        """
        Whoever could confirm it is not told why it ranks; its agency and a supervisor are.
        """
        sample_id = await world.received(samples=[EXHIBIT])
        claim = await world.claim(sample_id=sample_id, stage="screen")
        done = await world.conclude(claim, "presumptive", [await world.analyze(claim)])
        assert done.status_code == 201, done.text

        for person, folded in (
            ("second_technician", True),
            ("supervisor", False),
            ("agent", False),
        ):
            text = (await (await signed_in(world, person)).get(f"/why/{sample_id}")).text
            assert ("The reasons are folded away" in text) is folded, person
            assert ('class="middle"' in text) is not folded, person

    def test_bars(self) -> None:
        """
        What raises grows to the right of the middle, what lowers to the left, to one scale.
        """
        some = [
            ReasonOut(code="a", text="a", factor=4, bits=2, source=None),
            ReasonOut(code="b", text="b", factor=0.5, bits=-1, source=None),
        ]
        up, down = view.shares(some, language("en", UTC))

        assert (up.x, up.width, up.tone) == (50, 50, "up")
        assert (down.x, down.width, down.tone) == (25, 25, "down")


class TestScreen:
    """
    In a real browser.
    """

    @pytest.mark.parametrize("look", ["light", "dark"])
    async def test_accessible(self, world: World, open_screen: Opener, look: str) -> None:
        """
        Axe finds nothing at AA at phone width, in either look; stored script stays text; the page stays light.
        """
        sample_id = await world.received(
            agency_file_number=XSS[0], samples=[{**EXHIBIT, "suspected": list(XSS)}]
        )
        screen = await open_screen("investigator", color_scheme=look)

        await screen.page.goto(f"/desk/{sample_id}")
        await screen.press("w")
        await screen.page.wait_for_url("**/why/*", wait_until="networkidle")

        await screen.accessible()
        await screen.unhurt(shown=XSS[0])
        assert await screen.page.locator("[data-print]").is_visible()
        assert await screen.weight() < 60_000
