"""
The rescuer's own WHERE looks at the lease again, without a lock to hide behind (C5).
"""

from app.kit import ids
from app.kit.db import as_laboratory
from app.samples.repo import queue
from tests.api.queueing import beat, expire
from tests.builders import World


async def test_a_prolonged_lease_is_not_freed(world: World) -> None:
    """
    An id read as expired whose lease was prolonged and committed meanwhile: nothing is freed; expired, it is.
    """
    sample_id = ids.read("smp", await world.received())
    assert sample_id is not None
    claim = await world.claim()
    laboratory = as_laboratory(world.agencies["laboratory"])
    await expire(world)
    assert (await beat(world, claim)).status_code == 200

    async with world.database.transaction(laboratory) as session:
        assert list(await queue.free_expired(session, [sample_id])) == []
    assert (await beat(world, claim)).status_code == 200

    await expire(world)
    async with world.database.transaction(laboratory) as session:
        freed = await queue.free_expired(session, [sample_id])
    assert [row.sample_id for row in freed] == [sample_id]
    assert (await beat(world, claim)).status_code == 412
