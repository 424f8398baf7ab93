"""
The desk: search by file number, one sample's state at a glance, its timeline; phone width first.
"""

import re

import pytest
from playwright.async_api import expect

from app.kit import ids
from app.results.rules import FindingKind, ReportKind
from app.samples.rules import Status
from app.web import words
from app.web.pages.desk import view
from tests.builders import World
from tests.web.conftest import Opener
from tests.web.people import signed_in
from tests.web.screens import XSS


class TestList:
    """
    One's own samples, newest first.
    """

    async def test_by_file_number(self, world: World) -> None:
        """
        The number of a file finds its samples, and no others.
        """
        one = await world.submit()
        other = await world.submit()
        desk = await signed_in(world, "investigator")

        page = await desk.get("/desk", params={"file": one["agency_file_number"]})

        assert one["agency_file_number"] in page.text
        assert other["agency_file_number"] not in page.text

    async def test_none_of_others(self, world: World) -> None:
        """
        Another agency's samples are not there, in the list or by address (E1).
        """
        stored = await world.submit()
        desk = await signed_in(world, "other_agent")

        page = await desk.get("/desk")
        direct = await desk.get(f"/desk/{stored['samples'][0]['id']}")
        unknown = await desk.get(f"/desk/{ids.write('smp', ids.new())}")

        assert stored["agency_file_number"] not in page.text
        assert direct.status_code == unknown.status_code == 404
        token = re.compile(r'value="[^"]+"|smp_\w+')
        assert token.sub("", direct.text) == token.sub("", unknown.text)

    async def test_pages_of_the_list(self, world: World) -> None:
        """
        A long list goes on, with a link that is good for this question only.
        """
        number = [{"exhibit_number": str(n)} for n in range(30)]
        await world.submit(samples=number)
        desk = await signed_in(world, "agent")

        page = await desk.get("/desk")
        older = re.search(r'href="(/desk\?after=[^"]+)"', page.text)
        assert older
        second = await desk.get(older[1].replace("&amp;", "&"))

        assert page.text.count("data-row") == 25
        assert second.text.count("data-row") == 5


class TestSample:
    """
    One sample.
    """

    async def test_suspected_and_found_apart(self, world: World) -> None:
        """
        What the agency suspected and what the laboratory found stand under headings, signs and classes of their own.
        """
        sample_id = await world.received(samples=[{"exhibit_number": "1", "suspected": ["heroin"]}])
        await world.reported(sample_id)
        desk = await signed_in(world, "investigator")

        text = (await desk.get(f"/desk/{sample_id}")).text
        suspected = re.findall(r'<div class="suspected">(.*?)</div>', text, re.DOTALL)
        found = re.findall(r'<div class="found">(.*?)</div>', text, re.DOTALL)

        assert len(suspected) == 1
        assert "heroin" in suspected[0]
        assert "fentanyl" not in suspected[0]
        assert len(found) == 2
        assert all("fentanyl" in one and "heroin" not in one for one in found)

    async def test_in_french(self, world: World) -> None:
        """
        Everything of ours is French, dates included, when the browser asks for it.
        """
        sample_id = await world.received()
        desk = await signed_in(world, "investigator", language="fr-CA,fr;q=0.9")

        page = await desk.get(f"/desk/{sample_id}")

        assert page.headers["content-language"] == "fr"
        assert "Ce que le laboratoire a trouvé" in page.text
        assert "What the" not in page.text


class TestEveryStatus:
    """
    Whatever state a sample is in, there are words for it.
    """

    def test_words(self) -> None:
        """
        Each status and each kind of report or finding has its label, so that none can break a page.
        """
        assert set(words.STATUSES) == set(Status)
        assert set(view.REPORTS) == set(ReportKind)
        assert set(view.KINDS) == set(FindingKind)

    async def test_withdrawn(self, world: World) -> None:
        """
        A withdrawn sample says so in the list and on its page.
        """
        stored = await world.submit()
        sample_id = stored["samples"][0]["id"]
        answer = await world.as_("agent").post(
            f"/v1/samples/{sample_id}/withdrawal",
            json={"reason": "no_longer_needed", "note": "returned to its owner"},
            headers={"If-Match": '"1"'},
        )
        assert answer.status_code < 300, answer.text
        desk = await signed_in(world, "investigator")

        assert "Withdrawn by the agency" in (await desk.get("/desk")).text
        assert "Withdrawn by the agency" in (await desk.get(f"/desk/{sample_id}")).text


class TestScreen:
    """
    In a real browser, as wide as a phone.
    """

    async def test_live(self, world: World, open_screen: Opener) -> None:
        """
        A received sample shows so by itself, without a reload.
        """
        stored = await world.submit()
        sample_id = stored["samples"][0]["id"]
        screen = await open_screen("investigator")
        await screen.page.goto(f"/desk/{sample_id}")
        await expect(screen.page.locator("#sample .status").first).to_contain_text("On its way")

        await world.as_("technician").post("/v1/lab/receipts", json={"sample_id": sample_id})
        await screen.page.evaluate("document.dispatchEvent(new Event('assayline:news'))")

        await expect(screen.page.locator("#sample .status").first).to_contain_text("Received")

    async def test_by_keys(self, world: World, open_screen: Opener) -> None:
        """
        Search, choose and open without a pointer.
        """
        stored = await world.submit()
        screen = await open_screen("investigator")
        await screen.page.goto("/desk")

        await screen.press("/")
        await screen.page.keyboard.type(stored["agency_file_number"])
        await screen.press("Enter")
        await expect(screen.page).to_have_url(re.compile("file="))
        await screen.press("j", "Enter")

        await expect(screen.page.locator("h1")).to_contain_text(stored["agency_file_number"])

    @pytest.mark.parametrize("look", ["light", "dark"])
    async def test_accessible(self, world: World, open_screen: Opener, look: str) -> None:
        """
        Axe finds nothing at AA on the list and on a reported sample, in both looks, at phone width.
        """
        sample_id = await world.received(
            samples=[{"exhibit_number": "1", "suspected": ["heroin"], "description": "a bag"}]
        )
        await world.reported(sample_id)
        screen = await open_screen("investigator", color_scheme=look)

        for path in ("/desk", f"/desk/{sample_id}", "/desk?file=none-such", "/account", "/desk/x"):
            await screen.page.goto(path)
            await screen.accessible()

    async def test_stored_script(self, world: World, open_screen: Opener) -> None:
        """
        Texts that would run as script where a page forgets to escape are shown as texts (E16).
        """
        text = " ".join(XSS)
        stored = await world.submit(
            agency_file_number=XSS[0],
            samples=[{"exhibit_number": XSS[1][:40], "description": text, "suspected": list(XSS)}],
        )
        screen = await open_screen("agent")

        await screen.page.goto("/desk")
        await screen.unhurt(shown=XSS[0])
        await screen.page.goto(f"/desk/{stored['samples'][0]['id']}")
        await screen.unhurt(shown=text)

    async def test_light(self, world: World, open_screen: Opener) -> None:
        """
        A page with all it needs is at most 60 kB over the wire.
        """
        await world.submit(samples=[{"exhibit_number": str(n)} for n in range(30)])
        screen = await open_screen("agent")
        await screen.page.goto("/desk", wait_until="networkidle")

        assert await screen.weight() < 60_000
