"""
The bench in a real browser: by scanner, by keys alone, without script, accessible, light, and safe from what is stored.
"""

import re

import pytest
from playwright.async_api import expect

from tests.builders import World
from tests.web import chromium
from tests.web.conftest import Opener
from tests.web.people import PASSWORD
from tests.web.screens import XSS, Screen

HAZARD = [{"exhibit_number": "1", "suspected": ["heroin"], "hazards": ["needles"]}]


class TestScreen:
    """
    One sample from the parcel to the final report, by three people.
    """

    async def test_scan_to_report(self, world: World, open_screen: Opener) -> None:
        """
        A scan receives, a scan claims, keys record and conclude, another person reviews and signs, the phone shows it.
        """
        stored = await world.submit(samples=HAZARD)
        sample_id = stored["samples"][0]["id"]
        bench = await open_screen("technician", **chromium.DESK)
        page = bench.page
        await page.goto("/bench")

        await bench.scan(sample_id)
        await expect(page).to_have_url(re.compile("/receipt$"))
        await page.fill("#f-seal_number", "S-1")
        await page.click("text=Receive it")
        await expect(page.locator("[role=status]").first).to_contain_text("Received")
        await bench.scan(sample_id)
        await expect(page.locator("#claim")).to_contain_text("You hold it")
        await record(bench, "dart_ms")
        await page.check("#f-outcome >> text=These substances")
        await page.click("#finish button")
        await expect(page.locator(".release")).to_be_visible()
        await bench.scan(sample_id)
        await expect(page.locator("[role=status]").first).to_contain_text("Released")
        await page.click("text=Take it: Confirm")
        await record(bench, "gc_ms")
        await record(bench, "ftir")
        await page.check("#f-outcome >> text=These substances")
        await page.click("#finish button")
        await expect(page.locator("[role=status]").first).to_contain_text("Concluded")

        desk = await open_screen("investigator")
        await desk.page.goto(f"/desk/{sample_id}")
        reviewer = await open_screen("reviewer", **chromium.DESK)
        await reviewer.page.goto("/bench")
        await reviewer.scan(sample_id)
        await expect(reviewer.page).to_have_url(re.compile("/review$"))
        for heading in ("Technical review", "Administrative review"):
            await expect(reviewer.page.locator(".sign h2")).to_have_text(heading)
            await reviewer.page.check("input[name=decision][value=accept]")
            await reviewer.page.fill("#f-password", PASSWORD)
            await reviewer.page.click(".sign button")
        await expect(reviewer.page.locator(".sign h2")).to_have_text("Release of the report")
        await reviewer.page.fill("#f-password", PASSWORD)
        await reviewer.page.click(".sign button")
        await expect(reviewer.page.locator("[role=status]").first).to_contain_text("is released")

        await desk.page.evaluate("document.dispatchEvent(new Event('assayline:news'))")
        await expect(desk.page.locator("#sample")).to_contain_text("Final report")
        assert bench.complaints == reviewer.complaints == desk.complaints == []

    async def test_by_keys_alone(self, world: World, open_screen: Opener) -> None:
        """
        Take the next, record, and conclude: no pointer, only keys, focus always visible to the keyboard.
        """
        sample_id = await world.received()
        screen = await open_screen("technician", **chromium.DESK)
        await screen.page.goto("/bench")

        await screen.press("c")
        await expect(screen.page.locator("#claim")).to_contain_text("You hold it")
        await screen.tab_to("input[name=technique]")
        await screen.tab_to("#f-other")
        await screen.page.keyboard.type("DART")
        await screen.tab_to("#f-result input")
        await screen.press("Space")
        await screen.tab_to("input[name=substance]")
        await screen.page.keyboard.type("fentanyl", delay=60)
        await screen.tab_to("#f-controls_passed input")
        await screen.press("Space")
        await screen.tab_to("button[data-key=r]")
        await screen.press("Enter")
        await expect(screen.page.locator("#f-cited li")).to_have_count(1)
        await screen.tab_to("#f-outcome input")
        await screen.press("Space")
        await screen.tab_to("button[data-key=f]")
        await screen.press("Enter")

        await expect(screen.page.locator("[role=status]").first).to_contain_text("Concluded")
        answer = await world.as_("technician").get(f"/v1/samples/{sample_id}")
        assert answer.json()["status"] == "screened"

    async def test_without_script(self, world: World, open_screen: Opener) -> None:
        """
        Taking and putting back work in a browser that runs no script.
        """
        await world.received()
        screen = await open_screen("technician", java_script_enabled=False)
        page = screen.page
        await page.goto("/bench")

        await page.click("text=Take the next")
        await page.click("summary:has-text('Put it back')")
        await page.fill("#f-reason", "interrupted")
        await page.click("button.danger")

        await expect(page.locator("[role=status]").first).to_contain_text("back in line")

    @pytest.mark.parametrize("look", ["light", "dark"])
    async def test_accessible(self, world: World, open_screen: Opener, look: str) -> None:
        """
        Axe finds nothing at AA on any page of the bench, at phone width and wide; each is lighter than 60 kB.
        """
        waiting = await world.received(samples=HAZARD)
        on_its_way = (await world.submit())["samples"][0]["id"]
        screened = await world.received(samples=HAZARD)
        claim = await world.claim(sample_id=screened, stage="screen")
        await world.conclude(claim, "presumptive", [await world.analyze(claim)])
        held = await world.received(samples=HAZARD)
        await world.analyze(await world.claim(sample_id=held, stage="screen"))
        options = {} if look == "dark" else dict(chromium.DESK)
        screen = await open_screen("technician", color_scheme=look, **options)

        paths = (waiting, screened, held, f"{waiting}/label", f"{on_its_way}/receipt")
        for path in ("/bench", "/bench?stage=confirm", *(f"/bench/{one}" for one in paths)):
            await screen.page.goto(path, wait_until="networkidle")
            await screen.accessible()
            assert await screen.weight() < 60_000

    async def test_review_accessible(self, world: World, open_screen: Opener) -> None:
        """
        Axe finds nothing on the page of a review.
        """
        sample_id = await world.received(samples=HAZARD)
        await confirmed(world, sample_id)
        await world.claim("reviewer", sample_id=sample_id, stage="review")
        screen = await open_screen("reviewer")

        await screen.page.goto(f"/bench/{sample_id}")
        await expect(screen.page.locator(".sign")).to_be_visible()
        await screen.accessible()

    async def test_stored_script(self, world: World, open_screen: Opener) -> None:
        """
        Texts that would run as script where a page forgets to escape are shown as texts (E16).
        """
        text = " ".join(XSS)
        sample_id = await world.received(
            agency_file_number=XSS[0],
            samples=[
                {
                    "exhibit_number": XSS[1][:40],
                    "description": text,
                    "suspected": list(XSS),
                    "hazards": list(XSS),
                    "markings": XSS[3],
                    "colour": XSS[2],
                    "packaging": XSS[4],
                    "reported_effects": list(XSS),
                }
            ],
        )
        claim = await world.claim(sample_id=sample_id)
        await world.analyze(claim, aliquot=XSS[0], substances=[XSS[1]], data_reference=XSS[3])
        screen = await open_screen("technician")

        await screen.page.goto("/bench")
        await screen.unhurt(shown=XSS[0])
        await screen.page.goto(f"/bench/{sample_id}")
        await screen.unhurt(shown=text)
        await screen.page.goto(f"/bench/{sample_id}/label")
        await screen.unhurt(shown=XSS[0])


async def record(screen: Screen, technique: str) -> None:
    """
    Record a detection on the page that is open.
    """
    page = screen.page
    count = await page.locator("#f-cited li").count()
    tile = page.locator(f"input[name=technique][value={technique}]")
    if await tile.count():
        await tile.check()
    else:
        await page.select_option("#f-other", technique)
    await page.check("#f-result input[value=detected]")
    await page.locator("input[name=substance]").first.fill("fentanyl")
    await page.check("#f-controls_passed input[value=passed]")
    await page.click("summary:has-text('Times')")
    await page.fill("#f-data_reference", "run 7, vial 3")
    await page.click("button[data-key=r]")
    await expect(page.locator("#f-cited li")).to_have_count(count + 1)


async def confirmed(world: World, sample_id: str) -> None:
    """
    Take a received sample through screen and confirmation.
    """
    claim = await world.claim(sample_id=sample_id, stage="screen")
    await world.conclude(claim, "presumptive", [await world.analyze(claim)])
    claim = await world.claim(sample_id=sample_id, stage="confirm")
    analyses = [await world.analyze(claim, technique) for technique in ("gc_ms", "ftir")]
    await world.conclude(claim, "identified", analyses)
