"""
Who may call, and with what: keys, roles and the one table of what each may do (E7, E10).
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app import embedded
from app.access import keys
from app.access import service as access
from app.access.deps import KeyCache
from app.access.rules import ClientKind, Role
from app.kit.db import OPERATOR, Database
from app.kit.errors import Invalid
from tests.builders import World


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
    One table decides (E7); each role on each route is tried in test_isolation.py.
    """

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
