"""
Every operation by every role of every tenant: somebody else's and what does not exist answer alike (E4, E5, E7).

What is tried comes from the OpenAPI document and the rows of ``matrix.py``; an operation without a row fails.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from app import routes
from app.access.deps import FollowCaller
from app.access.rules import MAY, Role
from app.kit import db
from app.kit.ids import PREFIXES
from tests.api import matrix
from tests.api.asking import rows
from tests.api.matrix import MATRIX, Operation, Things, alike, ask, unknown
from tests.builders import World, build_world

ABOUT = sorted(name for name, row in MATRIX.items() if row.about is not None)
STRANGERS = matrix.strangers()
OWNERS = matrix.owners()


@pytest.fixture(scope="module")
async def shared(application: FastAPI, database: db.Database) -> AsyncIterator[World]:
    """
    A world for all tests that must not change it, with a person of every role inside and outside.
    """
    world = await build_world(application, database)
    await matrix.hire(world)
    yield world
    await world.close()


@pytest.fixture(scope="module")
async def things(shared: World) -> Things:
    """
    One thing of every kind, of the agency and the laboratory inside.
    """
    return await matrix.furnish(shared)


@pytest.fixture(scope="module")
def operations(application: FastAPI) -> dict[str, Operation]:
    """
    Every operation of the document.
    """
    return matrix.operations(application)


def admitted(name: str, role: Role) -> bool:
    """
    Say whether the table lets this role call this operation.
    """
    row = MATRIX[name]
    return row.may is None or (row.may in MAY[role] and role not in row.but_not)


def test_every_operation_has_its_row(application: FastAPI) -> None:
    """
    An operation of the document without a row fails the build, and so does a row without an operation (E4).
    """
    said = matrix.complaints(application)

    assert not said, "\n" + "\n".join(said)


def test_an_operation_without_a_row_is_told_what_to_add() -> None:
    """
    Negative control: a new route is reported with the row to add, its scope and its kind of id found out (H6).
    """
    app = FastAPI(generate_unique_id_function=lambda route: route.name)
    router = APIRouter()

    @router.get("/samples/{sample_id}/forgotten")
    async def forgotten(sample_id: str, who: FollowCaller) -> str:
        del who
        return sample_id

    del forgotten
    app.include_router(router, prefix="/v1")
    said = [one for one in matrix.complaints(app) if "forgotten" in one]

    assert len(said) == 1
    assert '"forgotten": Row(Scope.FOLLOW, "smp")' in said[0]


async def test_what_is_open_is_listed(
    shared: World, operations: dict[str, Operation], things: Things
) -> None:
    """
    What the table calls open is what the routes list as open, and it does answer without a key.
    """
    shared.keys["nobody"] = "none"
    named = {name for name, one in operations.items() if one.path.startswith(routes.PREFIX)}
    assert {name for name in named if MATRIX[name].may is None} == routes.OPEN
    for name in routes.OPEN:
        answer = await ask(shared, "nobody", operations[name], "nothing", things)
        assert answer.status_code != 401, name


@pytest.mark.parametrize("name", ABOUT)
async def test_somebody_elses_answers_like_nothing(
    shared: World, things: Things, operations: dict[str, Operation], name: str
) -> None:
    """
    To a stranger of every role, somebody else's, one that never was and garbage are one; nothing is stored (E4, E5).
    """
    prefix = str(MATRIX[name].about)
    stored = [await rows(shared, agency) for agency in ("agency", "other_agency")]
    for who, role in STRANGERS.items():
        nothing = await ask(shared, who, operations[name], unknown(prefix), things)
        theirs = await ask(shared, who, operations[name], things[prefix], things)
        again = await ask(shared, who, operations[name], unknown(prefix), things)

        assert alike(theirs, nothing) == [], who
        assert alike(again, nothing) == [], who
        found = 200 if prefix == "number" else 404
        assert nothing.status_code == (found if admitted(name, role) else 403), (who, nothing.text)
        if prefix in PREFIXES and not _in_body(MATRIX[name].json):
            garbage = await ask(shared, who, operations[name], f"{prefix}_nonsense", things)
            assert alike(garbage, nothing) == [], who
    assert stored == [await rows(shared, agency) for agency in ("agency", "other_agency")]


def _in_body(json: Any) -> bool:
    # What is no id in a body is refused as a wrong field, before anything is looked up.
    return json is not None and matrix.IT in json.values()


@pytest.mark.parametrize("name", ABOUT)
async def test_its_owner_finds_it(
    application: FastAPI, database: db.Database, operations: dict[str, Operation], name: str
) -> None:
    """
    Negative control: to its owner the same request answers otherwise, so that the comparison above compares (H6).
    """
    world = await build_world(application, database)
    await matrix.hire(world)
    things = await matrix.furnish(world)
    prefix = str(MATRIX[name].about)
    differs = []
    for who, role in OWNERS.items():
        if admitted(name, role):
            nothing = await ask(world, who, operations[name], unknown(prefix), things)
            own = await ask(world, who, operations[name], things[prefix], things)
            differs.append(alike(own, nothing))
    await world.close()

    assert any(differs)


@pytest.mark.parametrize("role", sorted(set(Role)))
async def test_each_role_on_each_operation(
    shared: World, things: Things, operations: dict[str, Operation], role: Role
) -> None:
    """
    A role is refused with 403 exactly where the table does not allow it, whatever it sends and about whatever (E7).
    """
    everybody = OWNERS | STRANGERS
    who = next(name for name, its in everybody.items() if its is role)
    wrong: dict[str, tuple[int, ...]] = {}
    for name, operation in operations.items():
        row = MATRIX[name]
        nothing = unknown(str(row.about))
        bare = await shared.as_(who).request(
            operation.method,
            matrix.where(operation, nothing, things),
            params=row.params if row.endless else None,
            headers={"If-Match": '"1"'},
        )
        allowed = row.may is None or row.may in MAY[role]
        if not allowed:
            own = await ask(shared, who, operation, things.get(str(row.about), nothing), things)
            if (bare.status_code, own.status_code) != (403, 403):
                wrong[name] = (bare.status_code, own.status_code)
        elif bare.status_code == 403 and role not in row.but_not:
            wrong[name] = (bare.status_code,)

    assert wrong == {}


async def test_every_operation_needs_a_key(
    shared: World, operations: dict[str, Operation], things: Things
) -> None:
    """
    Without a key nothing answers but what is open to everybody, and it answers so about everything.
    """
    shared.keys["nobody"] = "none"
    found = {
        name: (
            await ask(shared, "nobody", one, things.get(str(MATRIX[name].about), "nothing"), things)
        ).status_code
        for name, one in operations.items()
        if MATRIX[name].may is not None
    }

    assert set(found.values()) == {401}, found


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
