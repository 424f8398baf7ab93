"""
One screen of a real browser, and what is asked of every page: accessible, nothing refused by the policy, keys enough.
"""

from pathlib import Path
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.web.people import PASSWORD

RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}

XSS = (
    "<script>window.hurt=1</script>",
    '"><img src=x onerror="window.hurt=1">',
    "'-window.hurt=1-'",
    "{{ 7*7 }}<svg/onload=window.hurt=1>",
    "javascript:window.hurt=1",
)
"""Texts that do something where a page forgets to escape; each field stores one, and ``unhurt`` looks afterwards."""


class Screen:
    """
    A page in a browser; ``page`` is Playwright's own.
    """

    def __init__(self, page: Page) -> None:
        """
        Listen to what the page complains about.
        """
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda said: self._hear(said.type, said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, kind: str, text: str) -> None:
        # An answer 4xx is shown in the console as an error; which answers come is the test's own matter.
        if kind in {"error", "warning"} and "status of 4" not in text:
            self.complaints.append(text)

    async def sign_in(self, login: str, password: str = PASSWORD) -> None:
        """
        Sign in by the form.
        """
        await self.page.goto("/sign-in")
        await self.page.fill("#f-login", login)
        await self.page.fill("#f-password", password)
        await self.page.keyboard.press("Enter")
        await expect(self.page.locator("details.me")).to_be_visible()

    async def accessible(self) -> None:
        """
        Assert that axe finds nothing, and that nothing sticks out at this width.
        """
        results = await Axe().run(self.page, options={"resultTypes": ["violations"], **RULES})
        assert results.violations_count == 0, results.generate_report()
        wide: bool = await self.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        assert not wide, f"{self.page.url} scrolls sideways"
        assert self.complaints == []

    async def unhurt(self, *, shown: str | None = None) -> None:
        """
        Assert that no stored text ran as script, and that this one is shown as it was entered.
        """
        assert await self.page.evaluate("window.hurt") is None
        if shown is not None:
            assert shown in await self.page.locator("main").inner_text()
        assert self.complaints == []

    async def press(self, *keys: str) -> None:
        """
        Press keys, one after another.
        """
        for key in keys:
            await self.page.keyboard.press(key)

    async def tab_to(self, selector: str, *, most: int = 60) -> None:
        """
        Walk by Tab until this element has the focus.
        """
        for _ in range(most):
            await self.page.keyboard.press("Tab")
            if await self.page.evaluate("s => document.activeElement?.matches(s)", selector):
                return
        raise AssertionError(f"{selector} cannot be reached by Tab")

    async def scan(self, text: str) -> None:
        """
        Type as a keyboard-wedge scanner does: at once, and Enter at the end.
        """
        await self.page.keyboard.type(text, delay=1)
        await self.page.keyboard.press("Enter")

    async def weight(self) -> int:
        """
        Return how many bytes of page, style and script came over the wire, images aside.
        """
        found: Any = await self.page.evaluate(
            "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
            ".filter(one => one.initiatorType !== 'img').reduce((sum, one) => sum + one.encodedBodySize, 0)"
        )
        return int(found)

    async def shoot(self, folder: Path, name: str) -> None:
        """
        Take a picture in light and in dark.
        """
        for look in ("light", "dark"):
            await self.page.emulate_media(color_scheme=look, reduced_motion="reduce")
            await self.page.screenshot(path=folder / f"{name}-{look}.png", full_page=True)
