"""
Submitting by telephone: few fields, nothing typed is lost, a double press stores one.
"""

import re
from typing import Any

import pytest
from playwright.async_api import expect

from app.kit import ids
from tests.builders import World
from tests.web.conftest import Opener
from tests.web.people import Browser, signed_in
from tests.web.screens import XSS

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


def least(world: World, **more: str) -> dict[str, str]:
    """
    Return what the form needs at least.
    """
    return {
        "file": "26-0117",
        "day": "2026-03-01",
        "exhibits": "1",
        "e0-number": "1",
        "laboratory": world.laboratory,
        "once": "a-key-of-this-form",
        **more,
    }


async def files(world: World) -> list[dict[str, Any]]:
    """
    Return the submissions the agency has.
    """
    found: list[dict[str, Any]] = (await world.as_("agent").get("/v1/submissions")).json()["items"]
    return found


async def once_of(phone: Browser) -> str:
    """
    Return the key a new form carries.
    """
    found = re.search(r'name="once" value="([^"]+)"', (await phone.get("/submit")).text)
    assert found
    return found[1]


class TestSending:
    """
    What is stored.
    """

    async def test_least(self, world: World) -> None:
        """
        File number, day and exhibit number are enough; what was left empty is unknown and not guessed.
        """
        phone = await signed_in(world, "agent")

        sent = await phone.send("/submit", least(world))

        assert sent.status_code == 303, sent.text
        stored = (await world.as_("agent").get(f"/v1{_api(sent.headers['location'])}")).json()
        exhibit = stored["samples"][0]["exhibit"]
        assert stored["agency_file_number"] == "26-0117"
        assert stored["seizure"]["route"] == "unknown"
        assert exhibit["quantity_seized"] is None
        assert exhibit["suspected"] == []
        assert exhibit["field_tests"] == []

    async def test_whole(self, world: World) -> None:
        """
        Several exhibits, amounts with a comma, tests and circumstances; a suspicion stays a suspicion.
        """
        phone = await signed_in(world, "agent")
        fields = least(
            world,
            exhibits="2",
            route="mail",
            weight="12,5",
            **{
                "e0-amount": "2,5",
                "e0-unit": "g",
                "e0-suspected": "heroin, down",
                "e0-technique": "fentanyl_strip:fentanyl",
                "e0-result": "detected",
                "e0-circumstances": "linked_overdose",
                "e1-number": "2",
                "e1-form": "tablet",
            },
        )

        sent = await phone.send("/submit", fields)

        stored = (await world.as_("agent").get(f"/v1{_api(sent.headers['location'])}")).json()
        first, second = (one["exhibit"] for one in stored["samples"])
        assert stored["small_parcel"]
        assert first["quantity_seized"]["value"] == 2.5
        assert first["suspected"] == ["heroin", "down"]
        assert first["field_tests"][0]["target"] == "fentanyl"
        assert first["circumstances"] == ["linked_overdose"]
        assert second["form"] == "tablet"

    async def test_twice(self, world: World) -> None:
        """
        The same form sent again, as after a lost signal, stores one and leads to the same place (A5).

        Negative control: with another key the second is refused as already there, and still only one is stored.
        """
        phone = await signed_in(world, "agent")

        first = await phone.send("/submit", least(world))
        second = await phone.send("/submit", least(world))
        control = await phone.send("/submit", least(world, once="another"))

        assert first.status_code == second.status_code == 303
        assert first.headers["location"] == second.headers["location"]
        assert control.status_code == 409
        assert len(await files(world)) == 1

    async def test_repairable(self, world: World) -> None:
        """
        What is wrong is named at its field, and everything that was typed is there again.
        """
        phone = await signed_in(world, "agent")
        fields = least(
            world, file="", weight="heavy", place="Riverton", **{"e0-description": "a folded card"}
        )

        page = await phone.send("/submit", fields)

        assert page.status_code == 422
        assert re.findall(r'href="#f-([\w-]+)"', page.text) == ["file", "weight"]
        assert "a folded card" in page.text
        assert 'value="Riverton"' in page.text
        assert 'value="heavy"' in page.text
        assert await files(world) == []

    async def test_refused_by_the_service(self, world: World) -> None:
        """
        What only the service can know, such as a day to come, stands at its field too.
        """
        phone = await signed_in(world, "agent")

        page = await phone.send("/submit", least(world, day="2199-01-01"))

        assert page.status_code == 422
        assert 'href="#f-day"' in page.text

    async def test_not_for_everybody(self, world: World) -> None:
        """
        Who may only follow, and the laboratory, may not submit; others' submissions answer as if there were none (E1).
        """
        phone = await signed_in(world, "agent")
        sent = await phone.send("/submit", least(world))

        for person in ("investigator", "technician"):
            assert (await (await signed_in(world, person)).get("/submit")).status_code == 403
        other = await signed_in(world, "other_agent")
        for path in (sent.headers["location"], f"/submit/{ids.write('sub', ids.new())}"):
            assert (await other.get(path)).status_code == 404
            assert (await other.get(f"{path}/labels")).status_code == 404


class TestPhotographs:
    """
    After the submission, one exhibit at a time.
    """

    async def test_attached(self, world: World) -> None:
        """
        A photograph is with its exhibit, and none chosen is said.
        """
        phone = await signed_in(world, "agent")
        path = (await phone.send("/submit", least(world))).headers["location"]
        sample = re.search(r'name="sample" value="([^"]+)"', (await phone.get(path)).text)
        assert sample

        nothing = await phone.send(f"{path}/photographs", {"sample": sample[1]}, shown_at=path)
        sent = await phone.send(
            f"{path}/photographs",
            {"sample": sample[1]},
            shown_at=path,
            files={"photo": ("bag.png", PNG, "image/png")},
        )

        assert nothing.status_code == 422
        assert sent.status_code == 303
        assert "bag.png" in (await phone.get(path)).text


class TestScreen:
    """
    In a real browser, as wide as a phone.
    """

    async def test_lost_signal(self, world: World, open_screen: Opener) -> None:
        """
        Without a signal nothing is sent and nothing is lost: it is there after the page is opened again, and sent once.
        """
        screen = await open_screen("agent")
        page = screen.page
        await page.goto("/submit")
        await page.fill("#f-file", "26-0200")
        await page.fill("#f-day", "2026-03-01")
        await page.select_option("#f-laboratory", world.laboratory)
        await page.click("button[value=more]")
        await page.fill("#f-e1-number", "2")
        await page.fill("#f-e1-suspected", "down")

        await page.context.set_offline(True)
        await page.click("button.large")
        await expect(page.locator("#offline")).to_be_visible()
        assert await files(world) == []
        await page.context.set_offline(False)
        await page.goto("/submit")
        await expect(page.locator("#restored")).to_be_visible()
        await expect(page.locator("#f-e1-suspected")).to_have_value("down")
        await page.click("button.large")
        await page.wait_for_url("**/submit/sub_*")

        assert len(await files(world)) == 1
        await page.goto("/submit")
        await expect(page.locator("#f-file")).to_have_value("")

    async def test_by_keys(self, world: World, open_screen: Opener) -> None:
        """
        Filled in and sent without a pointer and without script.
        """
        screen = await open_screen("agent", java_script_enabled=False)
        await screen.page.goto("/submit")
        await screen.page.select_option("#f-laboratory", world.laboratory)
        await screen.page.focus("#f-file")
        await screen.page.keyboard.type("26-0300")
        await screen.page.fill("#f-day", "2026-03-01")
        await screen.page.focus("#f-file")
        await screen.press("Enter")

        await screen.page.wait_for_url("**/submit/sub_*")

    @pytest.mark.parametrize("look", ["light", "dark"])
    async def test_accessible(self, world: World, open_screen: Opener, look: str) -> None:
        """
        Axe finds nothing at AA on form, refused form, stored page and labels; stored script stays text; it is light.
        """
        screen = await open_screen("agent", color_scheme=look)
        page = screen.page
        await page.goto("/submit", wait_until="networkidle")
        await screen.accessible()
        assert await screen.weight() < 60_000
        await page.fill("#f-file", XSS[0])
        await page.fill("#f-e0-description", " ".join(XSS))
        await page.select_option("#f-laboratory", world.laboratory)
        await page.click("button.large")
        await expect(page.locator("[role=alert]")).to_be_visible()
        await screen.accessible()
        await screen.unhurt()
        await page.fill("#f-day", "2026-03-01")
        await page.click("button.large")
        await page.wait_for_url("**/submit/sub_*")
        await screen.accessible()
        await screen.unhurt(shown=XSS[0])
        await page.click("main a[href$=labels]")
        await page.wait_for_url("**/labels")
        await screen.accessible()
        await screen.unhurt(shown=XSS[0])


def _api(path: str) -> str:
    return path.replace("/submit/", "/submissions/")
