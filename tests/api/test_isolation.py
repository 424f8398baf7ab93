"""
Somebody else's and what does not exist answer alike, on every route that takes an id or a number (E4, E5).

The routes come from the OpenAPI document, so that a new one fails here until it is told how to be tried.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.access import service as access
from app.access.rules import ClientKind, Role
from app.kit import ids
from app.kit.db import OPERATOR, as_agency
from app.kit.ids import PREFIXES
from tests.builders import World

IGNORED_HEADERS = frozenset({"date", "content-length"})
"""The trace in a problem changes with each answer; its length does not, and neither does the body's."""


@dataclass(frozen=True, slots=True)
class Try:
    """
    How a route is tried: who else calls it, where the id goes, and what is sent along.

    Attributes:
        by: the callers to whom the thing is somebody else's.
        prefix: the kind of id.
        json: the body, with ``ID`` where the id goes, if it goes there.
        params: the query, with ``ID`` likewise.

    """

    by: tuple[str, ...]
    prefix: str
    json: Mapping[str, Any] | None = None
    params: Mapping[str, str] = field(default_factory=dict)


OTHERS = ("other_agent", "other_technician")
BENCH = ("other_technician",)
ANALYSIS = {
    "technique": "gc_ms",
    "aliquot": "A",
    "started_at": "2026-03-02T08:00:00Z",
    "ended_at": "2026-03-02T08:05:00Z",
    "result": "inconclusive",
    "controls_passed": True,
}
FINDING = {"kind": "presumptive", "outcome": "inconclusive", "analysis_ids": ["ANALYSIS"]}

TRIES: dict[tuple[str, str], Try] = {
    ("GET", "/v1/submissions/{submission_id}"): Try(OTHERS, "sub"),
    ("GET", "/v1/samples/{sample_id}"): Try(OTHERS, "smp"),
    ("GET", "/v1/samples/{sample_id}/place"): Try(OTHERS, "smp"),
    ("GET", "/v1/samples/{sample_id}/custody"): Try(OTHERS, "smp"),
    ("GET", "/v1/samples/{sample_id}/findings"): Try(OTHERS, "smp"),
    ("GET", "/v1/samples/{sample_id}/reports"): Try(OTHERS, "smp"),
    ("GET", "/v1/submissions"): Try(OTHERS, "number", params={"file_number": "ID"}),
    ("GET", "/v1/samples"): Try(OTHERS, "number", params={"file_number": "ID"}),
    ("POST", "/v1/lab/receipts"): Try(BENCH, "smp", json={"sample_id": "ID"}),
    ("POST", "/v1/lab/claims"): Try(BENCH, "smp", json={"sample_id": "ID"}),
    ("PUT", "/v1/lab/claims/{claim_id}"): Try(BENCH, "clm"),
    ("DELETE", "/v1/lab/claims/{claim_id}"): Try(BENCH, "clm", params={"reason": "none"}),
    ("POST", "/v1/lab/samples/{sample_id}/analyses"): Try(BENCH, "smp", json=ANALYSIS),
    ("POST", "/v1/lab/samples/{sample_id}/findings"): Try(BENCH, "smp", json=FINDING),
    ("POST", "/v1/lab/findings/{finding_id}/release"): Try(
        BENCH, "fnd", json={"label_scanned": "SAMPLE"}
    ),
    ("POST", "/v1/lab/samples/{sample_id}/reviews"): Try(
        ("other_reviewer",), "smp", json={"decision": "accept"}
    ),
    ("POST", "/v1/lab/samples/{sample_id}/reports"): Try(("other_reviewer",), "smp"),
    ("GET", "/v1/webhooks/{endpoint_id}"): Try(("other_agent",), "end"),
    ("DELETE", "/v1/webhooks/{endpoint_id}"): Try(("other_agent",), "end"),
    ("POST", "/v1/webhooks/{endpoint_id}:test"): Try(("other_agent",), "end"),
    ("GET", "/v1/webhooks/{endpoint_id}/deliveries"): Try(("other_agent",), "end"),
    ("GET", "/v1/events/{event_id}"): Try(("other_agent",), "evt"),
    ("POST", "/v1/events/{event_id}/acknowledgement"): Try(
        ("other_agent",), "evt", json={"action": "noted"}
    ),
}

WITHOUT_IDS = frozenset(
    {
        # What is sent here is new and the caller's own; a double of another agency's is none (test_doubles.py).
        ("POST", "/v1/submissions"),
        ("POST", "/v1/submissions:batch"),
        ("POST", "/v1/webhooks"),
        # Lists of one's own without a filter that names anything; cursors are bound (test_follow.py).
        ("GET", "/v1/events"),
        ("GET", "/v1/events/unacknowledged"),
        ("GET", "/v1/lab/unacknowledged"),
        ("GET", "/v1/webhooks"),
        ("GET", "/v1/lab/queue"),
        ("GET", "/v1/lab/claims"),
        # Open to everybody, and about nothing.
        ("GET", "/livez"),
        ("GET", "/readyz"),
    }
)
"""Routes that take no id and no number of anybody's."""


def naming(app: FastAPI) -> set[tuple[str, str]]:
    """
    Return every operation whose path, query or body takes an id or a file number.
    """
    document = app.openapi()
    found = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            names = [one["name"] for one in operation.get("parameters", ())]
            content = (
                operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            )
            reference = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            if reference:
                names += document["components"]["schemas"][reference].get("properties", ())
            if any(name.endswith(("_id", "file_number", "_scanned", "_ids")) for name in names):
                found.add((method.upper(), path))
    return found


async def ask(
    world: World, who: str, route: tuple[str, str], wanted: str, others: Mapping[str, str]
) -> httpx.Response:
    """
    Try a route about something.
    """
    method, path = route
    how = TRIES[route]

    def filled(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: filled(one) for name, one in value.items()}
        if isinstance(value, list):
            return [filled(one) for one in value]
        return wanted if value == "ID" else others.get(str(value), value)

    parts = [
        wanted + part.rpartition("}")[2] if part.startswith("{") else part
        for part in path.split("/")
    ]
    where = "/".join(parts)
    return await world.as_(who).request(
        method,
        where,
        json=filled(how.json),
        params=filled(how.params),
        headers={"If-Match": '"1"', "If-None-Match": '"1"'},
    )


def alike(one: httpx.Response, other: httpx.Response) -> list[str]:
    """
    Say in what two answers differ: status, headers but for the date, body but for the trace.
    """
    differs = []
    if one.status_code != other.status_code:
        differs.append(f"status {one.status_code} {other.status_code}")
    headers = [
        {name: value for name, value in answer.headers.items() if name not in IGNORED_HEADERS}
        for answer in (one, other)
    ]
    if headers[0] != headers[1]:
        differs.append(f"headers {headers}")
    if len(one.content) != len(other.content):
        differs.append("length")
    bodies = [_body(answer) for answer in (one, other)]
    if bodies[0] != bodies[1]:
        differs.append(f"body {bodies}")
    return differs


def _body(answer: httpx.Response) -> Any:
    if not answer.content or "json" not in answer.headers.get("content-type", ""):
        return answer.content
    body = answer.json()
    return {k: v for k, v in body.items() if k != "trace"} if isinstance(body, dict) else body


Things = dict[str, str]
"""One of each kind that exists, by the prefix of its id."""


@pytest.fixture
async def things(world: World) -> Things:
    """
    A sample of this world's agency and laboratory with everything there can be about it.
    """
    async with world.database.transaction(OPERATOR) as session:
        client_id = await access.create_client(
            session,
            agency_id=world.agencies["other_laboratory"],
            name="other reviewer",
            kind=ClientKind.PERSON,
            roles=[Role.REVIEWER],
        )
        world.keys["other_reviewer"] = await access.create_key(session, client_id=client_id)
    for who, laboratory in (("other_agent", "other_laboratory"), ("other_agent", "laboratory")):
        # The others have files of their own: who has none is kept out by mistake as easily as by rule.
        await world.submit(by=who, laboratory_id=ids.write("agn", world.agencies[laboratory]))
    stored = await world.submit()
    sample_id = stored["samples"][0]["id"]
    await world.as_("technician").post("/v1/lab/receipts", json={"sample_id": sample_id})
    claim = await world.claim(sample_id=sample_id)
    analysis = await world.analyze(claim)
    finding = await world.conclude(claim, "presumptive", [analysis])
    claim = await world.claim(sample_id=sample_id, stage="confirm")
    endpoint = await world.as_("agent").post(
        "/v1/webhooks", json={"url": "https://receiver.example/hook"}
    )
    assert endpoint.status_code == 201, endpoint.text
    return {
        "sub": stored["id"],
        "smp": sample_id,
        "clm": claim["id"],
        "ana": analysis,
        "fnd": finding.json()["id"],
        "end": endpoint.headers["Location"].rpartition("/")[2],
        "evt": await first_event(world),
        "number": stored["agency_file_number"],
    }


async def first_event(world: World) -> str:
    """
    Return an event of this world's agency: the table has it before a worker numbers it.
    """
    async with world.database.reading(as_agency(world.agencies["agency"])) as session:
        found = await session.execute(text("SELECT id FROM event ORDER BY id LIMIT 1"))
        return ids.write("evt", found.scalar_one())


def unknown(prefix: str) -> str:
    """
    Return an id of this kind, or a number, of nothing.
    """
    return "F-000000000000" if prefix == "number" else ids.write(prefix, ids.new())


def test_every_route_that_names_something_is_tried(application: FastAPI) -> None:
    """
    The table has every route that takes an id or a file number, and says of every other that it takes none.
    """
    document = application.openapi()
    everything = {(m.upper(), path) for path, found in document["paths"].items() for m in found}

    assert naming(application) - WITHOUT_IDS == set(TRIES)
    assert everything == set(TRIES) | WITHOUT_IDS


@pytest.mark.parametrize("route", sorted(TRIES), ids=" ".join)
async def test_somebody_elses_answers_like_nothing(
    world: World, things: Things, route: tuple[str, str]
) -> None:
    """
    Somebody else's, one that does not exist, and what is no id at all answer the same, to every stranger (E4).
    """
    how = TRIES[route]
    others = {"SAMPLE": things["smp"], "ANALYSIS": things["ana"]}

    for who in how.by:
        nothing = await ask(world, who, route, unknown(how.prefix), others)
        theirs = await ask(world, who, route, things[how.prefix], others)
        again = await ask(world, who, route, unknown(how.prefix), others)

        assert alike(theirs, nothing) == [], who
        assert alike(again, nothing) == [], who
        assert nothing.status_code == (200 if how.prefix == "number" else 404), nothing.text
        if how.prefix in PREFIXES and not (how.json and "ID" in how.json.values()):
            garbage = await ask(world, who, route, f"{how.prefix}_nonsense", others)
            assert alike(garbage, nothing) == [], who


@pytest.mark.parametrize("route", sorted(TRIES), ids=" ".join)
async def test_its_owner_finds_it(world: World, things: Things, route: tuple[str, str]) -> None:
    """
    Negative control: to its owner the same request answers otherwise, so that the comparison above compares (H6).
    """
    how = TRIES[route]
    owner = {
        "other_agent": "agent",
        "other_technician": "technician",
        "other_reviewer": "reviewer",
    }[how.by[0]]
    others = {"SAMPLE": things["smp"], "ANALYSIS": things["ana"]}

    nothing = await ask(world, owner, route, unknown(how.prefix), others)
    own = await ask(world, owner, route, things[how.prefix], others)

    assert alike(own, nothing) != []


@pytest.mark.parametrize(
    "leak",
    [
        {"status_code": 403},
        {"headers": {"ETag": '"1"'}},
        {"json": {"detail": "This sample belongs to another agency.", "trace": "a"}},
        {"json": {"detail": "There is no such thing here.", "trace": "a", "held_until": None}},
    ],
)
def test_a_leak_is_seen(leak: dict[str, Any]) -> None:
    """
    Negative control: a route that tells existence by status, header, words or one more field is caught (H6).
    """
    plain: dict[str, Any] = {
        "status_code": 404,
        "json": {"detail": "There is no such thing here.", "trace": "b"},
    }

    assert alike(httpx.Response(**plain), httpx.Response(**(plain | leak))) != []
    assert alike(httpx.Response(**plain), httpx.Response(**plain)) == []
