"""
Clocks: promised by, late though unfinished, stopped by a hold, told once per step.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from app.kit.db import Database, as_agency
from app.samples import service as samples
from tests.api.asking import at
from tests.builders import World


async def clocks(world: World, sample_id: str, when: datetime) -> dict[str, dict[str, Any]]:
    """
    Return a sample's latest clock of each name, as it stands at an instant.
    """
    answer = await world.as_("agent").get(f"/v1/samples/{sample_id}/clocks", headers=at(when))
    assert answer.status_code == 200, answer.text
    return {one["clock"]: one for one in answer.json()["items"]}


async def received(world: World, when: datetime) -> str:
    """
    Submit and receive a sample at an instant.
    """
    stored = await world.as_("agent").post(
        "/v1/submissions",
        json=world.body(seized_at="2026-01-02T10:00:00Z"),
        headers=at(when - timedelta(hours=1)),
    )
    sample_id: str = stored.json()["samples"][0]["id"]
    answer = await world.as_("technician").post(
        "/v1/lab/receipts", json={"sample_id": sample_id}, headers=at(when)
    )
    assert answer.status_code == 201, answer.text
    return sample_id


async def overdue_events(world: World) -> list[Any]:
    """
    Return what the agency was told is late.
    """
    async with world.database.reading(as_agency(world.agencies["agency"])) as session:
        found = await session.execute(
            text("SELECT sample_id, body FROM event WHERE type = 'sample.overdue' ORDER BY id")
        )
        return list(found)


class TestClocks:
    """
    What was promised, and how it stands.
    """

    async def test_open_for_61_days_is_late_though_unfinished(self, world: World) -> None:
        """
        A sample that nobody has touched for 61 days is late; working and calendar time are both told (6.4).
        """
        start = datetime(2026, 3, 2, 15, tzinfo=UTC)
        sample_id = await received(world, start)

        fresh = await clocks(world, sample_id, start + timedelta(hours=1))
        old = await clocks(world, sample_id, start + timedelta(days=61))
        listed = await world.as_("supervisor").get(
            "/v1/lab/clocks", headers=at(start + timedelta(days=61))
        )

        assert set(fresh) == {"screen", "whole"}
        assert (fresh["screen"]["time"], fresh["whole"]["time"]) == ("working", "calendar")
        assert not fresh["whole"]["late"]
        assert fresh["whole"]["ended_at"] is None
        assert old["whole"]["late"]
        assert old["whole"]["ended_at"] is None
        assert old["whole"]["calendar_hours"] == 61 * 24
        assert 0 < old["whole"]["working_hours"] < 61 * 24 / 3
        # Without twenty completions there is no pace to predict from.
        assert old["screen"]["predicted_breach"] is None
        lines = listed.json()["items"]
        assert [one["clock"] for one in lines] == ["screen", "whole"]
        assert all(one["late"] for one in lines)

    async def test_each_step_has_its_own(self, world: World) -> None:
        """
        The screen's promise is kept when the screen is done; then the confirmation's begins, and the whole's runs on.
        """
        start = datetime(2026, 3, 2, 15, tzinfo=UTC)
        sample_id = await received(world, start)
        claim = await world.claim(sample_id=sample_id)
        done = await world.conclude(claim, "presumptive", [await world.analyze(claim)])
        assert done.status_code == 201, done.text

        found = await clocks(world, sample_id, datetime.now(UTC))  # noqa: TID251, RUF100 - beside the database's own clock

        assert set(found) == {"screen", "confirm", "whole"}
        assert found["screen"]["ended_at"] is not None
        assert found["confirm"]["ended_at"] is None
        assert found["whole"]["ended_at"] is None

    async def test_a_hold_stops_the_step_and_keeps_the_whole(self, world: World) -> None:
        """
        On hold over a week, the step has as much left as before; the whole's promise stays where it was.
        """
        start = datetime(2026, 3, 2, 15, tzinfo=UTC)
        sample_id = await received(world, start)
        before = await clocks(world, sample_id, start)
        held = start + timedelta(hours=2)
        hold = await world.as_("technician").post(
            f"/v1/lab/samples/{sample_id}/hold",
            json={"reason": "prints_or_dna_first", "note": "prints first"},
            headers=at(held) | {"If-Match": await self._etag(world, sample_id)},
        )
        assert hold.status_code == 200, hold.text
        paused = await clocks(world, sample_id, held + timedelta(days=3))
        resumed = await world.as_("technician").post(
            f"/v1/lab/samples/{sample_id}/resumption",
            json={"reason": "answered", "note": "prints taken"},
            headers=at(held + timedelta(days=7)) | {"If-Match": await self._etag(world, sample_id)},
        )
        assert resumed.status_code == 200, resumed.text
        after = await clocks(world, sample_id, held + timedelta(days=7))

        assert paused["screen"]["paused_at"] is not None
        assert paused["whole"]["paused_at"] is None
        assert after["screen"]["paused_at"] is None
        assert after["screen"]["promised_by"] > before["screen"]["promised_by"]
        assert after["whole"]["promised_by"] == before["whole"]["promised_by"]

    async def _etag(self, world: World, sample_id: str) -> str:
        answer = await world.as_("technician").get(f"/v1/samples/{sample_id}")
        etag: str = answer.headers["ETag"]
        return etag


class TestOverdue:
    """
    Told once per step.
    """

    async def test_once_per_step(self, world: World, worker_database: Database) -> None:
        """
        The sweep tells every late step once, to the agency too; a second sweep, and a second worker, tell nothing.
        """
        late = await received(world, datetime(2026, 1, 5, 15, tzinfo=UTC))
        await world.received()

        await samples.raise_overdue(worker_database)
        first = await overdue_events(world)
        await samples.raise_overdue(worker_database)
        again = await overdue_events(world)

        assert len(first) == 2
        assert again == first
        assert all(late in one.body.decode() for one in first)
        assert {b"screen" in one.body for one in first} == {True, False}
