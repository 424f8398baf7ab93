"""
``make screenshots``: pictures of the pages for docs/pages, in light and dark. Not collected by a test run.
"""

from pathlib import Path

from tests.builders import World
from tests.web import chromium
from tests.web.conftest import Opener

FOLDER = Path(__file__).parents[2] / "docs" / "pages"


async def test_pictures(world: World, open_screen: Opener) -> None:
    """
    Take each page as the people who use it see it: on a telephone, or at a desk.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    exhibit = {
        "description": "White powder in a folded card",
        "suspected": ["heroin", "unknown powder"],
        "form": "powder",
    }
    reported = await world.received(
        agency_file_number="25-104417",
        route="mail",
        parcel={"weight_g": 12},
        samples=[{"exhibit_number": "1", **exhibit}],
    )
    await world.reported(reported)
    waiting = [{"exhibit_number": str(n), **exhibit} for n in (1, 2, 3)]
    await world.submit(agency_file_number="25-104420", samples=waiting)

    nobody = await open_screen()
    await nobody.page.goto("/sign-in")
    await nobody.shoot(FOLDER, "sign-in")
    phone = await open_screen("investigator")
    await phone.page.goto("/desk")
    await phone.shoot(FOLDER, "desk")
    await phone.page.goto(f"/desk/{reported}")
    await phone.shoot(FOLDER, "desk-sample")
    desk = await open_screen("investigator", **chromium.DESK)
    await desk.page.goto(f"/desk/{reported}")
    await desk.shoot(FOLDER, "desk-sample-wide")
    await desk.page.goto("/account")
    await desk.shoot(FOLDER, "account")
    await desk.page.goto(f"/why/{reported}")
    await desk.shoot(FOLDER, "why")
