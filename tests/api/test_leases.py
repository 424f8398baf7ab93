"""
A claim is a lease with a fencing token: a stale holder is refused by the database, a living one left alone (C4, C5).
"""

from sqlalchemy import text

from app.kit import ids
from app.kit.db import Database, as_laboratory
from app.samples.repo import queue
from app.samples.service import lapse_expired
from tests.api.asking import match, queue_of
from tests.api.queueing import beat, expire, put_back, several, status_of
from tests.builders import World


class TestLease:
    """
    A claim is a lease with a fencing token (C4, C5).
    """

    async def test_a_heartbeat_prolongs_it(self, world: World, worker_database: Database) -> None:
        """
        A heartbeat moves the lease on and changes nothing else: same version, same token, no entry in the ledger.
        """
        sample_id = await world.received()
        claim = await world.claim()
        await expire(world)
        before = await world.as_("agent").get(f"/v1/samples/{sample_id}")

        answer = await beat(world, claim)

        assert answer.status_code == 200
        assert answer.json()["token"] == claim["token"]
        assert answer.json()["lease_until"] > claim["lease_until"]
        await lapse_expired(worker_database)
        after = await world.as_("agent").get(f"/v1/samples/{sample_id}")
        assert (after.headers["ETag"], after.content) == (before.headers["ETag"], before.content)

    async def test_it_lapses(self, world: World, worker_database: Database) -> None:
        """
        Without heartbeats the sample goes back to its place, by the worker alone, once.
        """
        await several(world, 2)
        before = await queue_of(world)
        claim = await world.claim()
        await expire(world)

        lapsed = [await lapse_expired(worker_database) for _ in range(2)]

        assert lapsed[0] >= 1
        assert lapsed[1] == 0
        assert await queue_of(world) == before
        assert await status_of(world, claim["sample"]["id"]) == "received"

    async def test_a_stale_technician_is_refused(
        self, world: World, worker_database: Database
    ) -> None:
        """
        After a lapse the old holder's work is refused with 412 and nothing of it is stored, though nobody else came.

        And when somebody else has come, what they do is not disturbed (C4).
        """
        sample_id = await world.received()
        old = await world.claim()
        await expire(world)
        await lapse_expired(worker_database)

        async def refused() -> list[int]:
            path = f"/v1/lab/samples/{sample_id}"
            technician = world.as_("technician")
            analysis = {
                "technique": "ftir",
                "aliquot": "B",
                "started_at": "2026-03-02T08:00:00Z",
                "ended_at": "2026-03-02T08:05:00Z",
                "result": "not_detected",
                "controls_passed": True,
            }
            answers = [
                await technician.post(f"{path}/analyses", json=analysis, headers=match(old)),
                await world.conclude(old, "presumptive", [ids.write("ana", ids.new())]),
                await beat(world, old),
                await put_back(world, old),
            ]
            return [answer.status_code for answer in answers]

        async def stored() -> tuple[int, ...]:
            laboratory = as_laboratory(world.agencies["laboratory"])
            async with world.database.reading(laboratory) as session:
                row = await session.execute(
                    text(
                        "SELECT (SELECT count(*) FROM analysis), (SELECT count(*) FROM finding),"
                        " (SELECT count(*) FROM entry), (SELECT sum(token) FROM queue_task)"
                    )
                )
                return tuple(row.one())

        before = await stored()
        assert await refused() == [412] * 4
        assert await stored() == before
        new = await world.claim("second_technician")
        held = await stored()
        assert await refused() == [412] * 4
        assert await stored() == held
        finding = await world.conclude(
            new,
            "presumptive",
            [await world.analyze(new, by="second_technician")],
            by="second_technician",
        )
        assert finding.status_code == 201
        assert await refused() == [412] * 4

    async def test_a_write_without_the_fence_would_be_stored(
        self, world: World, worker_database: Database
    ) -> None:
        """
        Negative control: the same UPDATE by the sample's id alone accepts the stale technician (C4, H6).
        """
        sample_id = await world.received()
        old = await world.claim()
        await expire(world)
        await lapse_expired(worker_database)
        await world.claim("second_technician")
        unfenced = text(
            "UPDATE queue_task SET lease_until = now() + interval '1 hour'"
            " WHERE sample_id = :id RETURNING 1"
        )

        laboratory = as_laboratory(world.agencies["laboratory"])
        async with world.database.transaction(laboratory) as session:
            done = await session.execute(unfenced, {"id": ids.read("smp", sample_id)})
            assert done.all() != []
        assert (await beat(world, old)).status_code == 412

    async def test_the_rescuer_looks_again(self, world: World, worker_database: Database) -> None:
        """
        A lease that is prolonged between the rescuer's look and its deed is left alone (C5).
        """
        await world.received()
        claim = await world.claim()
        await expire(world)
        laboratory = as_laboratory(world.agencies["laboratory"])

        # The rescuer has read that it ran out; its UPDATE meets a holder who is about to commit a heartbeat.
        sample_id = ids.read("smp", claim["sample"]["id"])
        assert sample_id is not None
        async with world.database.transaction(laboratory) as holder:
            kept = await queue.extend(
                holder,
                sample_id=sample_id,
                token=claim["token"],
                holder=world.clients["technician"],
                lease_s=60,
            )
            assert kept is not None
            assert await lapse_expired(worker_database) == 0
        assert await lapse_expired(worker_database) == 0

        assert (await beat(world, claim)).status_code == 200

    async def test_a_rescuer_that_does_not_look_again(self, world: World) -> None:
        """
        Negative control: freeing by id what was read as expired takes the sample from a holder who is alive (H6).
        """
        await world.received()
        claim = await world.claim()
        await expire(world)
        laboratory = as_laboratory(world.agencies["laboratory"])
        by_id = text(
            "UPDATE queue_task SET holder = NULL, claim_id = NULL, lease_until = NULL"
            " WHERE sample_id = ANY (:ids)"
        )

        async with world.database.reading(laboratory) as session:
            due = await session.execute(text("SELECT sample_id FROM queue_task"))
            expired = list(due.scalars())
        assert (await beat(world, claim)).status_code == 200
        async with world.database.transaction(laboratory) as session:
            await session.execute(by_id, {"ids": expired})

        assert (await beat(world, claim)).status_code == 412
