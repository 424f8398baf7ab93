"""
Whatever is wrong with what is sent is refused as a problem that names the field and the remedy, and nothing is stored.

The table is read off the OpenAPI document: every operation, every field of its body, every way to spoil it; every
parameter likewise. What a body needs to be right otherwise stands in the operation's row of ``matrix.py``.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.access.rules import MAY
from app.kit import db
from tests.api import matrix
from tests.api.asking import FULL, rows
from tests.api.matrix import MATRIX, Operation, Things
from tests.api.spoiling import Document, Spoiled
from tests.builders import World, build_world

WITH_BODY = sorted(name for name, row in MATRIX.items() if row.json is not None)
REFUSED = frozenset({400, 404, 409, 412, 413, 415, 422, 428})
HELD = {"If-Match": '"1"'}

RAW: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "cut off": b'{"agency_file_number": "F-1", "samples": [{"exhib',
    "null": b"null",
    "a list": b"[]",
    "a text": b'"text"',
    "not UTF-8": b'{"a": "\xff\xfe"}',
    "half a character": b'{"\\ud800": 1}',
    "deep": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "a number without end": b'{"a": ' + b"9" * 100_000 + b"}",
    "NaN": b'{"a": NaN}',
    "one name twice": b'{"strange_field": 1, "strange_field": 2}',
}


@pytest.fixture(scope="module")
async def shared(application: FastAPI, database: db.Database) -> AsyncIterator[World]:
    """
    A world in which nothing of this is stored.
    """
    world = await build_world(application, database)
    await matrix.hire(world)
    yield world
    await world.close()


@pytest.fixture(scope="module")
async def things(shared: World) -> Things:
    """
    One thing of every kind.
    """
    return await matrix.furnish(shared)


@pytest.fixture(scope="module")
def document(application: FastAPI) -> Document:
    """
    The OpenAPI document.
    """
    return Document(application.openapi())


@pytest.fixture(scope="module")
def operations(application: FastAPI) -> dict[str, Operation]:
    """
    Every operation of it.
    """
    return matrix.operations(application)


def told(application: FastAPI, operation: Operation) -> dict[str, Any]:
    """
    Return what the document says of an operation.
    """
    found: dict[str, Any] = application.openapi()["paths"][operation.path][operation.method.lower()]
    return found


def caller(name: str) -> str:
    """
    Return somebody who may call this.
    """
    row = MATRIX[name]
    return next(
        who
        for who, role in matrix.owners().items()
        if row.may is None or (row.may in MAY[role] and role not in row.but_not)
    )


async def send(world: World, operation: Operation, things: Things, **what: Any) -> httpx.Response:
    """
    Send something to an operation about a thing that exists, by somebody who may.
    """
    it = things.get(str(MATRIX[operation.id].about), "none")
    headers = HELD | {"Content-Type": "application/json"} | what.pop("headers", {})
    return await world.as_(caller(operation.id)).request(
        operation.method, matrix.where(operation, it, things), headers=headers, **what
    )


def faults(answer: httpx.Response, field: str | None = None) -> list[str]:
    """
    Say what is wrong with a refusal.
    """
    if answer.status_code not in REFUSED:
        return [f"status {answer.status_code}: {answer.text[:200]}"]
    if answer.headers.get("content-type") != "application/problem+json":
        return [f"is {answer.headers.get('content-type')}"]
    problem = answer.json()
    found = []
    if any(not (one["message"] and one["remedy"]) for one in problem["errors"]):
        found.append(f"an error without words or remedy: {problem['errors']}")
    if field is not None and not any(_names(one["field"], field) for one in problem["errors"]):
        found.append(f"does not name {field}: {problem['errors'] or problem['detail']}")
    return found


def _names(told: str, field: str) -> bool:
    # The field itself, what it stands in, or what stands in it: 'samples.0' for 'samples.0.form'.
    return told == field or told.startswith(f"{field}.") or told.endswith(f".{field}")


async def all_stored(world: World) -> list[dict[str, int]]:
    """
    Count everything both agencies have.
    """
    return [await rows(world, agency) for agency in ("agency", "other_agency")]


@pytest.mark.parametrize("name", WITH_BODY)
async def test_every_field_of_every_body(
    application: FastAPI,
    shared: World,
    things: Things,
    document: Document,
    operations: dict[str, Operation],
    name: str,
) -> None:
    """
    Each field of each body, spoiled in each way its schema allows, answers 422 naming it; nothing is stored.
    """
    operation = operations[name]
    schema = document.body_of(told(application, operation))
    assert schema is not None, f"{name} has a body in its row and none in the document"
    it = things.get(str(MATRIX[name].about), "none")
    body = matrix.filled(MATRIX[name].json, it, things)
    if name == "submit":
        body = FULL | body | {"samples": FULL["samples"]}
    stored = await all_stored(shared)
    wrong = {}
    tried = 0
    for spoiled in document.spoiled(schema, body):
        tried += 1
        content = json.dumps(spoiled.body).encode()
        if len(content) > 250_000:
            continue
        answer = await send(shared, operation, things, content=content)
        # A NUL may also be no secret that was ever given out, and be refused as such.
        told_apart = spoiled.how == "a NUL" and answer.status_code in {404, 409}
        found = faults(answer, None if told_apart else spoiled.field)
        if found:
            wrong[f"{spoiled.field}: {spoiled.how}"] = found

    assert wrong == {}
    assert tried >= 3
    assert await all_stored(shared) == stored


@pytest.mark.parametrize("name", WITH_BODY)
async def test_what_the_server_sets_is_not_taken(
    application: FastAPI,
    shared: World,
    things: Things,
    document: Document,
    operations: dict[str, Operation],
    name: str,
) -> None:
    """
    Every field of the answer that is none of the request is refused in the request: it is set here alone (E6).
    """
    operation = operations[name]
    what = told(application, operation)
    schema = document.body_of(what)
    assert schema is not None
    body = matrix.filled(MATRIX[name].json, things.get(str(MATRIX[name].about), "none"), things)
    ours = document.answer_of(what) - set(schema["properties"])
    ours |= {"agency_id", "status", "risk", "rank_key", "created_at", "version", "id"} - set(
        schema["properties"]
    )
    stored = await all_stored(shared)
    wrong = {}
    for field in sorted(ours):
        answer = await send(shared, operation, things, json={**body, field: "x"})
        if answer.status_code != 422 or faults(answer, field):
            wrong[field] = (answer.status_code, answer.text[:100])

    assert wrong == {}
    assert await all_stored(shared) == stored


@pytest.mark.parametrize("how", sorted(RAW))
async def test_what_is_no_body(
    shared: World, things: Things, operations: dict[str, Operation], how: str
) -> None:
    """
    What is no JSON, no UTF-8, nested without end or cut off is refused by every operation that takes a body.
    """
    stored = await all_stored(shared)
    wrong = {}
    for name in WITH_BODY:
        found = faults(await send(shared, operations[name], things, content=RAW[how]))
        if found:
            wrong[name] = found

    assert wrong == {}
    assert await all_stored(shared) == stored


async def test_every_parameter(
    application: FastAPI, shared: World, things: Things, operations: dict[str, Operation]
) -> None:
    """
    Each query parameter with a wrong type, beyond its limits, or with a NUL in it is refused by its name.
    """
    wrong = {}
    for name, operation in operations.items():
        for one in told(application, operation).get("parameters", ()):
            if one["in"] != "query":
                continue
            for value in _bad_values(Document(application.openapi()).variants(one["schema"])):
                it = things.get(str(MATRIX[name].about), "none")
                rest = dict(MATRIX[name].send)
                if MATRIX[name].json is not None:
                    rest["json"] = matrix.filled(MATRIX[name].json, it, things)
                params = matrix.filled(MATRIX[name].params, it, things) | {one["name"]: value}
                answer = await send(shared, operation, things, params=params, **rest)
                found = faults(answer, one["name"])
                if answer.is_success and "\0" in value and "\\u0000" not in answer.text:
                    continue  # taken without its control characters, as a file's name is
                if found:
                    wrong[f"{name} {one['name']}={value[:20]!r}"] = found

    assert wrong == {}


def _bad_values(schemas: list[Any]) -> list[str]:
    schema: dict[str, Any] = schemas[0] if len(schemas) == 1 else {"type": "any"}
    kind = schema.get("type")
    if "enum" in schema:
        return ["no such word", "", "a\0b"]
    if kind == "integer":
        return ["x", "1.5", str(schema.get("minimum", 0) - 1), "9" * 30, "", "\0"]
    if kind == "boolean":
        return ["perhaps", "\0"]
    if schema.get("format") == "date-time":
        return ["yesterday", "0.5", "1767225600", "2026-03-01T10:00:00", "\0"]
    if kind == "string":
        return ["x" * (schema.get("maxLength", 10_000) + 1), "a\0b"]
    return []


@pytest.mark.parametrize(
    "segment", ["%00", "a%00b", "%FF%FE", "..%2F..", "%F0%9F%92%8A", "x" * 5000, "'--", "%0d%0aa:b"]
)
async def test_what_is_no_id(
    shared: World, things: Things, operations: dict[str, Operation], segment: str
) -> None:
    """
    Whatever stands where an id belongs, it is answered like an id of nothing, by every operation.
    """
    wrong = {}
    for name, operation in operations.items():
        if MATRIX[name].about is None or "{" not in operation.path or MATRIX[name].path:
            continue
        row = MATRIX[name]
        send = dict(row.send)
        if row.json is not None:
            send["json"] = matrix.filled(row.json, "smp_x", things)
        answer = await shared.as_(caller(name)).request(
            operation.method,
            matrix.where(operation, segment, things),
            params=matrix.filled(row.params, segment, things),
            **(send | {"headers": HELD | send.get("headers", {})}),
        )
        found = faults(answer)
        if found or answer.status_code not in {404, 422}:
            wrong[name] = (answer.status_code, found)

    assert wrong == {}


@pytest.mark.parametrize("name", WITH_BODY)
async def test_a_flood_in_pieces(
    shared: World, things: Things, operations: dict[str, Operation], name: str
) -> None:
    """
    A body without a length that does not end is refused with 413 after the limit, and the rest is never read (E13).
    """
    pulled = 0

    async def flood() -> AsyncIterator[bytes]:
        nonlocal pulled
        for _ in range(16_384):
            pulled += 1
            yield b"x" * 65_536

    answer = await send(shared, operations[name], things, content=flood())

    assert answer.status_code == 413, answer.text
    assert faults(answer) == []
    assert pulled <= 8


async def test_unknown_methods(application: FastAPI, shared: World) -> None:
    """
    A method no operation has answers 405 with the methods there are, as a problem (I11).
    """
    wrong = {}
    for path, methods in application.openapi()["paths"].items():
        answer = await shared.as_("agent").request("PATCH", path)
        allowed = {one.strip() for one in answer.headers.get("allow", "").split(",")}
        there = {method.upper() for method in methods}
        if answer.status_code != 405 or not there <= allowed or faults_405(answer):
            wrong[path] = (answer.status_code, sorted(allowed), sorted(there))

    assert wrong == {}


def faults_405(answer: httpx.Response) -> bool:
    """
    Say whether a refused method is no problem document.
    """
    kind: str | None = answer.headers.get("content-type")
    return kind != "application/problem+json"


def test_what_is_taken_is_seen() -> None:
    """
    Negative control: an answer that takes what is wrong, or does not name it, or is no problem, is reported (H6).
    """
    kind = {"content-type": "application/problem+json"}
    good = {"errors": [{"field": "a.b", "message": "m", "remedy": "r"}], "detail": "d"}
    answers = {
        "taken": httpx.Response(201, json={}),
        "failed": httpx.Response(500, json={}),
        "plain": httpx.Response(422, json=good),
        "other field": httpx.Response(422, json=good, headers=kind),
        "no remedy": httpx.Response(
            422, json={"errors": [{"field": "x", "message": "m", "remedy": ""}]}, headers=kind
        ),
    }

    assert [how for how, answer in answers.items() if not faults(answer, "x")] == []
    assert faults(answers["other field"], "a.b") == []


def test_every_way_is_tried(document: Document, application: FastAPI) -> None:
    """
    Negative control: for a submission the table really holds every way to be wrong (H6).
    """
    operation = application.openapi()["paths"]["/v1/submissions"]["post"]
    schema = document.body_of(operation)
    assert schema is not None
    found: list[Spoiled] = list(document.spoiled(schema, FULL | {"agency_file_number": "F"}))

    assert {one.how for one in found} >= {
        "wrong type",
        "unknown word",
        "a text without end",
        "a NUL",
        "no instant",
        "no time zone",
        "negative",
        "too large",
        "too many",
        "missing",
        "extra",
    }
    assert "samples.0.quantity_seized.value" in {one.field for one in found}
    assert len(found) > 150
