"""
Who may call, and with what: keys, roles and the one table of what each may do (E7, E10).
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app import embedded
from app.access import keys
from app.access import service as access
from app.access.deps import KeyCache
from app.access.rules import MAY, AgencyKind, ClientKind, Role, Scope
from app.kit import ids
from app.kit.db import OPERATOR, Database
from app.kit.errors import Invalid
from tests.builders import World

NOBODY = ids.write("smp", ids.new())
CLAIM = ids.write("clm", ids.new())
HELD = {"If-Match": '"1"'}

ROUTES: dict[tuple[str, str], Scope | None] = {
    ("POST", "/v1/submissions"): Scope.SUBMIT,
    ("POST", "/v1/submissions:batch"): Scope.SUBMIT,
    ("GET", "/v1/submissions"): Scope.FOLLOW,
    ("GET", "/v1/submissions/{submission_id}"): Scope.FOLLOW,
    ("GET", "/v1/samples"): Scope.FOLLOW,
    ("GET", "/v1/samples/{sample_id}"): Scope.FOLLOW,
    ("GET", "/v1/samples/{sample_id}/place"): Scope.FOLLOW,
    ("GET", "/v1/samples/{sample_id}/custody"): Scope.FOLLOW,
    ("GET", "/v1/samples/{sample_id}/findings"): Scope.FOLLOW,
    ("GET", "/v1/samples/{sample_id}/reports"): Scope.FOLLOW,
    ("GET", "/v1/events"): Scope.FOLLOW,
    ("GET", "/v1/events/unacknowledged"): Scope.ACKNOWLEDGE,
    ("GET", "/v1/events/{event_id}"): Scope.FOLLOW,
    ("POST", "/v1/events/{event_id}/acknowledgement"): Scope.ACKNOWLEDGE,
    ("GET", "/v1/lab/unacknowledged"): Scope.QUEUE,
    ("POST", "/v1/webhooks"): Scope.WEBHOOKS,
    ("GET", "/v1/webhooks"): Scope.WEBHOOKS,
    ("GET", "/v1/webhooks/{endpoint_id}"): Scope.WEBHOOKS,
    ("DELETE", "/v1/webhooks/{endpoint_id}"): Scope.WEBHOOKS,
    ("POST", "/v1/webhooks/{endpoint_id}:test"): Scope.WEBHOOKS,
    ("GET", "/v1/webhooks/{endpoint_id}/deliveries"): Scope.WEBHOOKS,
    ("POST", "/v1/lab/receipts"): Scope.BENCH,
    ("GET", "/v1/lab/queue"): Scope.QUEUE,
    ("GET", "/v1/lab/claims"): Scope.QUEUE,
    ("POST", "/v1/lab/claims"): Scope.QUEUE,
    ("PUT", "/v1/lab/claims/{claim_id}"): Scope.QUEUE,
    ("DELETE", "/v1/lab/claims/{claim_id}"): Scope.QUEUE,
    ("POST", "/v1/lab/samples/{sample_id}/analyses"): Scope.BENCH,
    ("POST", "/v1/lab/samples/{sample_id}/findings"): Scope.BENCH,
    ("POST", "/v1/lab/findings/{finding_id}/release"): Scope.RELEASE,
    ("POST", "/v1/lab/samples/{sample_id}/reviews"): Scope.REVIEW,
    ("POST", "/v1/lab/samples/{sample_id}/reports"): Scope.REVIEW,
    ("GET", "/livez"): None,
    ("GET", "/readyz"): None,
}
"""What each route needs; None is open to everybody. A route that is missing here fails the test."""

HOMES = {
    Role.AGENT: "agency",
    Role.INVESTIGATOR: "agency",
    Role.TECHNICIAN: "laboratory",
    Role.REVIEWER: "laboratory",
    Role.SUPERVISOR: "laboratory",
    Role.OPERATOR: "laboratory",
}


def operations(app: FastAPI) -> set[tuple[str, str]]:
    """
    Return every operation of the OpenAPI document.
    """
    return {
        (method.upper(), path) for path, found in app.openapi()["paths"].items() for method in found
    }


async def call(client: httpx.AsyncClient, method: str, path: str, **more: Any) -> httpx.Response:
    """
    Call a route about nothing that exists.
    """
    for name, some in (
        ("{claim_id}", CLAIM),
        ("{submission_id}", "sub_x"),
        ("{sample_id}", NOBODY),
    ):
        path = path.replace(name, some)
    path = path.replace("{finding_id}", "fnd_x").replace("{endpoint_id}", "end_x")
    path = path.replace("{event_id}", "evt_x")
    return await client.request(method, path, **more)


async def client_of(world: World, role: Role, agency: str) -> httpx.AsyncClient:
    """
    Create a person with one role and return their HTTP client.
    """
    async with world.database.transaction(OPERATOR) as session:
        client_id = await access.create_client(
            session,
            agency_id=world.agencies[agency],
            name=f"only {role}",
            kind=ClientKind.PERSON,
            roles=[role],
        )
        world.keys[f"only {role}"] = await access.create_key(session, client_id=client_id)
    return world.as_(f"only {role}")


@contextmanager
def queries(database: Database) -> Iterator[list[str]]:
    """
    Collect the statements a database is sent through SQLAlchemy, and count its connections handed out.
    """
    sent: list[str] = []

    def note(*_: Any) -> None:
        sent.append("connection")

    event.listen(database.engine.sync_engine.pool, "checkout", note)
    try:
        yield sent
    finally:
        event.remove(database.engine.sync_engine.pool, "checkout", note)


class TestRoles:
    """
    One table decides (E7).
    """

    def test_every_route_is_in_the_table(self, application: FastAPI) -> None:
        """
        The routes of the OpenAPI document and those of the table above are the same.
        """
        assert operations(application) == set(ROUTES)

    @pytest.mark.parametrize("role", sorted(HOMES))
    async def test_each_role_on_each_route(self, world: World, role: Role) -> None:
        """
        A role is refused with 403 exactly where the table does not allow it, and before anything is looked up.
        """
        client = await client_of(world, role, HOMES[role])
        wrong = {}

        for (method, path), scope in ROUTES.items():
            answer = await call(client, method, path, headers=HELD)
            allowed = scope is None or scope in MAY[role]
            # Two routes know more than the scope: the feed is for agencies, and a claim depends on its stage.
            if (method, path) == ("GET", "/v1/events"):
                allowed = allowed and HOMES[role] == "agency"
            if (answer.status_code != 403) != allowed:
                wrong[method, path] = answer.status_code

        assert wrong == {}

    async def test_a_partner_opens_nothing_yet(self, world: World) -> None:
        """
        A partner agency's key is good and may do nothing with cases.
        """
        async with world.database.transaction(OPERATOR) as session:
            world.agencies["partner"] = await access.create_agency(
                session, name=f"partner {ids.new()}", kind=AgencyKind.PARTNER
            )
        client = await client_of(world, Role.PARTNER, "partner")

        answers = {
            (await call(client, method, path, headers=HELD)).status_code
            for (method, path), scope in ROUTES.items()
            if scope is not None
        }

        assert answers == {403}

    @pytest.mark.parametrize(
        ("agency", "kind", "roles"),
        [
            ("agency", ClientKind.PERSON, [Role.TECHNICIAN]),
            ("agency", ClientKind.PERSON, [Role.OPERATOR]),
            ("laboratory", ClientKind.PERSON, [Role.AGENT]),
            ("laboratory", ClientKind.SYSTEM, [Role.REVIEWER]),
            ("laboratory", ClientKind.SYSTEM, [Role.TECHNICIAN]),
            ("agency", ClientKind.PERSON, []),
        ],
    )
    async def test_roles_that_do_not_fit(
        self, world: World, agency: str, kind: ClientKind, roles: list[Role]
    ) -> None:
        """
        An agency gives only its own kind's roles, and a program never holds a role that signs.
        """
        with pytest.raises(Invalid):
            async with world.database.transaction(OPERATOR) as session:
                await access.create_client(
                    session, agency_id=world.agencies[agency], name="x", kind=kind, roles=roles
                )


class TestKeys:
    """
    A key is shown once, stored as a hash, and dies within a second (E10).
    """

    @pytest.mark.parametrize(
        "header",
        [
            None,
            "",
            "Bearer",
            "Bearer ",
            "Basic YTpi",
            "Bearer asl_live_x",
            "Bearer " + "a" * 5000,
            "Bearer asl_live_000000000000_00000000000000000000000000000000000000",
        ],
    )
    async def test_no_key_and_no_key_of_ours(self, world: World, header: str | None) -> None:
        """
        Whatever is sent instead of a key answers 401 in the same words and says how to do better.
        """
        client = world.as_("agent")
        client.headers.pop("Authorization")
        headers = {} if header is None else {"Authorization": header}

        answer = await client.get("/v1/samples", headers=headers)

        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["type"] == "urn:assayline:problem:unauthenticated"

    async def test_every_route_needs_a_key(self, world: World) -> None:
        """
        Without one nothing answers but the two that say whether the service lives.
        """
        client = world.as_("agent")
        client.headers.pop("Authorization")

        answers = {
            (method, path): (await call(client, method, path, headers=HELD)).status_code
            for (method, path), scope in ROUTES.items()
            if scope is not None
        }

        assert set(answers.values()) == {401}, answers

    async def test_a_mistyped_key_costs_no_query(self, application: FastAPI, world: World) -> None:
        """
        A wrong checksum is refused without asking the database; the control, a well-formed unknown key, asks once.
        """
        database = application.state.resources.database
        client = world.as_("agent")
        good = world.keys["agent"]
        typed = good[:20] + ("A" if good[20] != "A" else "B") + good[21:]
        unknown, _ = keys.make()

        with queries(database) as for_typed:
            first = await client.get("/v1/samples", headers={"Authorization": f"Bearer {typed}"})
        with queries(database) as for_unknown:
            second = await client.get("/v1/samples", headers={"Authorization": f"Bearer {unknown}"})

        assert (first.status_code, second.status_code) == (401, 401)
        assert for_typed == []
        assert for_unknown == ["connection"]

    async def test_a_known_id_with_another_secret(self, world: World) -> None:
        """
        The id of a real key with a secret of one's own opens nothing.
        """
        good = world.keys["agent"].split("_")
        forged = keys.make()[0].split("_")
        body = "_".join([*good[:3], forged[3][:32]])
        text_ = body + keys._checksum(body)
        assert keys.read(text_) is not None

        answer = await world.as_("agent").get(
            "/v1/samples", headers={"Authorization": f"Bearer {text_}"}
        )

        assert answer.status_code == 401

    async def test_expired(self, world: World) -> None:
        """
        A key past its end is refused like one that never was.
        """
        async with world.database.transaction(OPERATOR) as session:
            key = await access.create_key(
                session,
                client_id=world.clients["agent"],
                expires_at=session.now + timedelta(seconds=0.2),
            )
        await asyncio.sleep(0.3)

        answer = await world.as_("agent").get(
            "/v1/samples", headers={"Authorization": f"Bearer {key}"}
        )

        assert answer.status_code == 401

    @pytest.mark.parametrize("what", ["key", "client"])
    async def test_revoked(self, world: World, what: str) -> None:
        """
        A key that was in use a moment ago is dead a second after it, or its client, was revoked.
        """
        client = world.as_("agent")
        assert (await client.get("/v1/samples")).status_code == 200
        async with world.database.transaction(OPERATOR) as session:
            if what == "key":
                await access.revoke_key(session, key_id=world.keys["agent"].split("_")[2])
            else:
                await access.revoke_client(session, client_id=world.clients["agent"])
        await asyncio.sleep(1)

        assert (await client.get("/v1/samples")).status_code == 401

    async def test_two_keys_overlap(self, world: World) -> None:
        """
        A new key works beside the old one, so that no call fails while it is exchanged.
        """
        async with world.database.transaction(OPERATOR) as session:
            new = await access.create_key(session, client_id=world.clients["agent"])
        client = world.as_("agent")

        old_works = (await client.get("/v1/samples")).status_code
        new_works = await client.get("/v1/samples", headers={"Authorization": f"Bearer {new}"})

        assert (old_works, new_works.status_code) == (200, 200)

    async def test_no_secret_is_stored(self, world: World, servers: embedded.Servers) -> None:
        """
        A dump of every column of every table that tells of clients holds no key's text and no secret.
        """
        async with world.database.reading(OPERATOR) as session:
            shown = await access.overview(session)
        url = servers.admin_database_url.removesuffix("postgres") + "assayline"
        superuser = create_async_engine(url, poolclass=NullPool)
        async with superuser.connect() as connection:
            dump = ""
            for table in ("agency", "api_client", "api_key", "idempotency", "entry"):
                rows = await connection.execute(text(f"SELECT t::text FROM {table} AS t"))
                dump += "\n".join(rows.scalars())
        await superuser.dispose()

        for key in world.keys.values():
            _, _, key_id, secret = key.split("_")
            assert key_id in dump
            for part in (key, secret, secret[:32], secret[:32].encode().hex()):
                assert part not in dump
                assert part not in str(shown)

    def test_a_cached_key_is_trusted_for_half_a_second(self) -> None:
        """
        The cache forgets by itself, and a secret that was not the one found good is never taken for it.
        """
        now = 100.0
        cache = KeyCache(clock=lambda: now)
        _, good = keys.make()
        who: Any = object()
        cache.put(good, who)

        assert cache.get(good) is who
        assert cache.get(keys.PresentedKey(good.key_id, b"other")) is None
        now += 0.51
        assert cache.get(good) is None
