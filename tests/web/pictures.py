"""
``make screenshots``: pictures of the pages for docs/pages, in light and dark. Not collected by a test run.
"""

from pathlib import Path

from tests.builders import World
from tests.web import chromium
from tests.web.conftest import Opener
from tests.web.test_bench_screen import confirmed

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

    on_its_way = (await world.submit(agency_file_number="25-104431"))["samples"][0]["id"]
    look_alike = {
        "description": "Round blue tablets, M on one side and 30 on the other",
        "suspected": ["oxycodone"],
        "form": "tablet",
        "colour": "blue",
        "markings": "M / 30",
        "quantity_seized": {"value": 18, "unit": "tablet", "kind": "count"},
        "circumstances": ["look_alike_medicine", "in_circulation"],
        "hazards": ["fine dust", "needles"],
        "field_tests": [
            {"technique": "fentanyl_strip", "target": "fentanyl", "result": "detected"}
        ],
    }
    small = [{"exhibit_number": n, **look_alike} for n in ("1", "2")]
    urgent = await world.received(
        agency_file_number="25-104440", route="mail", parcel={"weight_g": 21}, samples=small
    )
    for number in range(3):
        await world.received(
            agency_file_number=f"25-10445{number}", samples=[{"exhibit_number": "1", **exhibit}]
        )
    held = await world.received(
        agency_file_number="25-104460", samples=[{"exhibit_number": "1", **exhibit}]
    )
    await world.analyze(await world.claim(sample_id=held, stage="screen"), "ftir")
    reviewed = await world.received(
        agency_file_number="25-104470", samples=[{"exhibit_number": "1", **look_alike}]
    )
    await confirmed(world, reviewed)
    await world.claim("reviewer", sample_id=reviewed, stage="review")

    bench = await open_screen("technician", **chromium.DESK)
    for name, path in (
        ("bench", "/bench"),
        ("bench-work", f"/bench/{held}"),
        ("bench-confirm", f"/bench/{reviewed}"),
        ("bench-receipt", f"/bench/{on_its_way}/receipt"),
        ("bench-label", f"/bench/{urgent}/label"),
    ):
        await bench.page.goto(path)
        await bench.shoot(FOLDER, name)
    bench = await open_screen("technician")
    await bench.page.goto("/bench")
    await bench.shoot(FOLDER, "bench-phone")
    reviewer = await open_screen("reviewer", **chromium.DESK)
    await reviewer.page.goto(f"/bench/{reviewed}/review")
    await reviewer.shoot(FOLDER, "bench-review")
    floor = await open_screen("supervisor", **chromium.DESK)
    await floor.page.goto("/floor")
    await floor.shoot(FOLDER, "floor")


async def test_pictures_of_submitting(world: World, open_screen: Opener) -> None:
    """
    Take the form on a telephone, filled in, and what follows it.
    """
    agent = await open_screen("agent")
    await agent.page.goto("/submit")
    await agent.page.fill("#f-file", "25-104490")
    await agent.page.fill("#f-day", "2026-03-01")
    await agent.page.select_option("#f-laboratory", world.laboratory)
    await agent.page.fill("#f-e0-suspected", "heroin")
    await agent.shoot(FOLDER, "submit")
    await agent.page.click("button.large")
    await agent.page.wait_for_url("**/submit/sub_*")
    await agent.shoot(FOLDER, "submit-stored")
