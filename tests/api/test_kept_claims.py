"""
A claim lapses only while nothing is open on it; otherwise it stays, and the supervisor is told (DESIGN section 4).
"""

from typing import Any

from sqlalchemy import text

from app.kit import ids
from app.kit.db import Database, as_laboratory
from app.samples.service import lapse_expired
from tests.api.queueing import beat, expire, put_back, status_of
from tests.builders import World


async def beyond(world: World, who: str = "supervisor") -> list[dict[str, Any]]:
    """
    Return the claims that stay beyond their lease, as somebody sees them.
    """
    answer = await world.as_(who).get("/v1/lab/claims", params={"beyond_lease": "true"})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def recorded(world: World) -> int:
    """
    Count how often it was recorded that a claim was kept.
    """
    laboratory = as_laboratory(world.agencies["laboratory"])
    async with world.database.reading(laboratory) as session:
        kinds = text("SELECT count(*) FROM entry WHERE kind = 'sample.claim_kept'")
        return int((await session.execute(kinds)).scalar_one())


class TestKept:
    """
    What keeps a claim, and how it ends then.
    """

    async def test_an_open_analysis_keeps_it(self, world: World, worker_database: Database) -> None:
        """
        With an analysis recorded and no conclusion the lease may run out: the sample stays with its technician.
        """
        sample_id = await world.received()
        claim = await world.claim()
        analysis = await world.analyze(claim)
        await expire(world)

        assert [await lapse_expired(worker_database) for _ in range(3)] == [0, 0, 0]

        (line,) = await beyond(world)
        assert (line["id"], line["work_open"], line["in_hand"]) == (claim["id"], True, False)
        assert line["kept_since"] is not None
        assert await recorded(world) == 1
        assert await status_of(world, sample_id) == "screening"
        assert (await world.conclude(claim, "presumptive", [analysis])).status_code == 201
        assert await beyond(world) == []

    async def test_an_item_in_hand_keeps_it(self, world: World, worker_database: Database) -> None:
        """
        Whoever has the item in their hands keeps their claim; once it is elsewhere, the claim lapses.
        """
        sample_id = await world.received()
        claim = await world.claim("counter", sample_id=sample_id)
        await expire(world)

        assert await lapse_expired(worker_database) == 0
        (line,) = await beyond(world)
        assert (line["work_open"], line["in_hand"]) == (False, True)
        laboratory = as_laboratory(world.agencies["laboratory"])
        async with world.database.transaction(laboratory) as session:
            await session.execute(
                text("UPDATE holding SET holder_client_id = :other WHERE until IS NULL"),
                {"other": world.clients["technician"]},
            )

        assert await lapse_expired(worker_database) == 1
        assert (await beat(world, claim, by="counter")).status_code == 412

    async def test_the_supervisor_decides(self, world: World, worker_database: Database) -> None:
        """
        A supervisor puts back what stays too long; the old token is stale and says who has the sample now.
        """
        sample_id = await world.received()
        claim = await world.claim()
        await world.analyze(claim)
        await expire(world)
        await lapse_expired(worker_database)
        (line,) = await beyond(world)

        assert (await put_back(world, line, by="supervisor")).status_code == 204
        await world.claim("second_technician", sample_id=sample_id)

        stale = await beat(world, claim)
        assert stale.status_code == 412
        assert stale.json()["held_by"] == "second_technician"
        assert await beyond(world) == []

    async def test_a_heartbeat_takes_it_off_the_list(
        self, world: World, worker_database: Database
    ) -> None:
        """
        Whoever comes back and says so is no longer beyond their lease.
        """
        await world.received()
        claim = await world.claim()
        await world.analyze(claim)
        await expire(world)
        await lapse_expired(worker_database)

        assert (await beat(world, claim)).status_code == 200

        assert await beyond(world) == []

    async def test_what_is_kept_keeps_nobody_waiting(
        self, world: World, worker_database: Database
    ) -> None:
        """
        Beside a kept claim an abandoned one lapses; the abandoned one of the next claim of the kept sample, too.
        """
        kept, idle = await world.received(), await world.received()
        await world.analyze(await world.claim(sample_id=kept))
        await expire(world)
        await lapse_expired(worker_database)
        await world.claim("second_technician", sample_id=idle)
        await expire(world)

        assert await lapse_expired(worker_database) == 1

        assert await status_of(world, idle) == "received"
        (line,) = await beyond(world)
        await put_back(world, line, by="supervisor")
        await world.claim("second_technician", sample_id=kept)
        await expire(world)
        assert await lapse_expired(worker_database) == 1

    async def test_a_sweep_that_only_reads_the_clock(self, world: World) -> None:
        """
        Negative control: freeing by the lease alone takes the sample from somebody at work on it (H6).
        """
        sample_id = ids.read("smp", await world.received())
        claim = await world.claim()
        await world.analyze(claim)
        await expire(world)
        by_clock = text(
            "UPDATE queue_task SET holder = NULL, claim_id = NULL, lease_until = NULL"
            " WHERE sample_id = :id AND lease_until < now()"
        )

        laboratory = as_laboratory(world.agencies["laboratory"])
        async with world.database.transaction(laboratory) as session:
            await session.execute(by_clock, {"id": sample_id})

        assert (await beat(world, claim)).status_code == 412
