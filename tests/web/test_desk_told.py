"""
The desk: what was promised, reports on paper, what was sent, and corrections that wait for a person.
"""

import io
import re
import zipfile

import pytest

from app.kit.db import Database
from app.web.pages.desk import told
from app.webhooks.escalation import Action
from app.webhooks.rules import OWN, EventType
from tests.api.papers import printed
from tests.api.test_acknowledgement import correct
from tests.builders import World
from tests.web.conftest import Opener
from tests.web.people import signed_in


class TestWords:
    """
    There are words for everything that may be shown.
    """

    def test_all(self) -> None:
        """
        Each event about a file, each state of a delivery and each action has its label.
        """
        assert set(told.EVENTS) == set(EventType) - OWN
        assert {code for code, _ in told.ACTIONS} == set(Action)


class TestPromised:
    """
    What is next, and by when.
    """

    async def test_by_when(self, world: World) -> None:
        """
        What the clocks promise is on the page, as the API tells it.
        """
        sample_id = await world.received()
        clocks = (await world.as_("agent").get(f"/v1/samples/{sample_id}/clocks")).json()["items"]
        desk = await signed_in(world, "investigator")

        text = (await desk.get(f"/desk/{sample_id}")).text

        assert clocks
        first: dict[str, str] = {}
        for one in clocks:
            first[one["clock"]] = min(
                first.get(one["clock"], one["promised_by"]), one["promised_by"]
            )
        for by in first.values():
            assert by.replace("Z", "")[:19] in text


class TestPaper:
    """
    Reports and what they rest on.
    """

    async def test_pdf_and_packet(self, world: World, worker_database: Database) -> None:
        """
        A final report is had as PDF, and the packet by a form; both only by those whose file it is (E1).
        """
        sample_id = await world.received()
        report = await world.reported(sample_id)
        await printed(worker_database)
        desk = await signed_in(world, "investigator")
        other = await signed_in(world, "other_agent")
        path = f"/desk/{sample_id}/reports/{report['number']}.pdf"

        found = await desk.get(path)
        packed = await desk.send(f"/desk/{sample_id}/packet", shown_at=f"/desk/{sample_id}")
        text = (await desk.get(f"/desk/{sample_id}")).text

        assert found.content.startswith(b"%PDF")
        assert zipfile.ZipFile(io.BytesIO(packed.content)).namelist()
        assert path in text
        assert (await other.get(path)).status_code == 404
        refused = await other.send(f"/desk/{sample_id}/packet", shown_at="/desk")
        assert refused.status_code == 404


class TestAcknowledging:
    """
    A correction stays in sight until a named person says what was done.
    """

    async def test_once(self, world: World) -> None:
        """
        It is on the list and on the sample's page, one press acknowledges it, and then it is gone.
        """
        sample_id = await world.received()
        await correct(world, sample_id)
        desk = await signed_in(world, "investigator")
        page = await desk.get(f"/desk/{sample_id}")
        event = re.search(r'name="event" value="([^"]+)"', page.text)
        assert event
        assert "One correction waits" in (await desk.get("/desk")).text

        nothing = await desk.send(
            f"/desk/{sample_id}/acknowledgement",
            {"event": event[1], "action": "forget"},
            shown_at=f"/desk/{sample_id}",
        )
        done = await desk.send(
            f"/desk/{sample_id}/acknowledgement",
            {"event": event[1], "action": "passed_on"},
            shown_at=f"/desk/{sample_id}",
        )

        assert nothing.status_code == 422
        assert done.status_code == 303
        assert "Acknowledged, in your name." in (await desk.get(done.headers["location"])).text
        assert "One correction waits" not in (await desk.get("/desk")).text
        told_event = (await world.as_("investigator").get(f"/v1/events/{event[1]}")).json()
        assert told_event["acknowledgement"]["action"] == "passed_on"

    async def test_not_the_laboratorys(self, world: World) -> None:
        """
        The laboratory that sent it is not asked to acknowledge it.
        """
        sample_id = await world.received()
        await correct(world, sample_id)
        bench = await signed_in(world, "supervisor")

        assert 'name="event"' not in (await bench.get(f"/desk/{sample_id}")).text
        refused = await bench.send(f"/desk/{sample_id}/acknowledgement", {}, shown_at="/desk")
        assert refused.status_code == 403


class TestScreen:
    """
    In a real browser.
    """

    @pytest.mark.parametrize("look", ["light", "dark"])
    async def test_accessible(self, world: World, open_screen: Opener, look: str) -> None:
        """
        Axe finds nothing at AA with a correction open, and it is acknowledged without a pointer.
        """
        sample_id = await world.received()
        await world.reported(sample_id)
        await correct(world, sample_id)
        screen = await open_screen("investigator", color_scheme=look)
        await screen.page.goto("/desk")
        await screen.accessible()
        await screen.page.goto(f"/desk/{sample_id}", wait_until="networkidle")
        await screen.accessible()
        assert await screen.weight() < 60_000

        await screen.tab_to('button[value="noted"]')
        await screen.press("Enter")
        await screen.page.wait_for_selector(".alert.good")

        assert await screen.page.locator('button[value="noted"]').count() == 0
