"""
What the tests of the API share: a full body, a practice clock, and looks at what is stored.
"""

from datetime import datetime
from typing import Any

import httpx
from sqlalchemy import text

from app.kit.db import as_agency
from tests.builders import World

SUBMIT = "/v1/submissions"

FULL: dict[str, Any] = {
    "seized_at": "2026-02-27T23:10:00-05:00",
    "country": "US",
    "region": "US-OH",
    "place": {"name": "mail facility", "office": "Cincinnati", "latitude": 39.1},
    "route": "mail",
    "parcel": {"declared_contents": "toys", "origin_country": "CN", "weight_g": 18.5},
    "references": [{"kind": "border file", "number": "B-77"}],
    "hearings": [{"kind": "trial", "date": "2026-03-12"}],
    "samples": [
        {
            "exhibit_number": "7A",
            "description": "white powder in a toy",
            "suspected": ["fentanyl", "something new"],
            "form": "powder",
            "colour": "white",
            "quantity_seized": {"value": 12.25, "unit": "g", "kind": "net", "uncertainty": 0.05},
            "quantity_sent": {"value": 2, "unit": "g", "kind": "net"},
            "field_tests": [
                {"technique": "fentanyl_strip", "target": "fentanyl", "result": "detected"}
            ],
            "reported_effects": ["unresponsive"],
            "hazards": ["needle"],
            "circumstances": ["in_circulation"],
        }
    ],
}


def at(instant: datetime) -> dict[str, str]:
    """
    Return the header that makes this instant the present one, for a practice run.
    """
    return {"Assayline-Practice-Clock": instant.isoformat()}


def fields_of(answer: httpx.Response) -> list[str]:
    """
    Return the fields a refusal names.
    """
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    errors = answer.json()["errors"]
    assert all(error["message"] and error["remedy"] for error in errors)
    return [error["field"] for error in errors]


async def queue_of(world: World, limit: int = 50) -> list[dict[str, Any]]:
    """
    Return the head of the laboratory's queue.
    """
    answer = await world.as_("technician").get("/v1/lab/queue", params={"limit": limit})
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def rows(world: World, agency: str = "agency") -> dict[str, int]:
    """
    Count what an agency has stored.
    """
    found = {}
    async with world.database.reading(as_agency(world.agencies[agency])) as session:
        for table in ("submission", "sample", "entry", "event", "holding", "idempotency"):
            count = await session.execute(text(f"SELECT count(*) FROM {table}"))
            found[table] = count.scalar_one()
    return found


def match(claim: dict[str, Any]) -> dict[str, str]:
    """
    Return the header that proves a claim.
    """
    return {"If-Match": f'"{claim["token"]}"'}
