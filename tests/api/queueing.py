"""
What the tests of the queue share: a filled queue, a lapsed lease, and the ways to keep or end a claim.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import text

from app.kit.db import as_laboratory
from tests.api.asking import FULL, at, match
from tests.builders import World

CLAIMS = "/v1/lab/claims"


async def several(world: World, count: int, *, urgent: int = 0) -> list[str]:
    """
    Receive so many samples, one submission each, the urgent ones last; return their ids in the order of submission.
    """
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    found = []
    for number in range(count):
        now = at(start + timedelta(minutes=number))
        body = world.body(**(FULL if number >= count - urgent else {}))
        stored = (await world.as_("agent").post("/v1/submissions", json=body, headers=now)).json()
        found.append(stored["samples"][0]["id"])
        received = await world.as_("counter").post(
            "/v1/lab/receipts", json={"sample_id": found[-1]}, headers=now
        )
        assert received.status_code == 201, received.text
    return found


async def expire(world: World) -> None:
    """
    Let every lease of this laboratory have run out a second ago.
    """
    async with world.database.transaction(as_laboratory(world.agencies["laboratory"])) as session:
        await session.execute(
            text(
                "UPDATE queue_task SET lease_until = now() - interval '1 second'"
                " WHERE holder IS NOT NULL"
            )
        )


async def put_back(
    world: World, claim: dict[str, Any], *, by: str = "technician", **headers: str
) -> httpx.Response:
    """
    Put a sample back.
    """
    return await world.as_(by).delete(
        f"{CLAIMS}/{claim['id']}",
        params={"reason": "instrument down"},
        headers=headers or match(claim),
    )


async def beat(world: World, claim: dict[str, Any], *, by: str = "technician") -> httpx.Response:
    """
    Send a heartbeat.
    """
    return await world.as_(by).put(f"{CLAIMS}/{claim['id']}", headers=match(claim))


async def status_of(world: World, sample_id: str) -> str:
    """
    Return a sample's status as its agency sees it.
    """
    found = (await world.as_("agent").get(f"/v1/samples/{sample_id}")).json()
    status: str = found["status"]
    return status
