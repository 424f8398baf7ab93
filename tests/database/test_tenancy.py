"""
Nobody sees another tenant's rows, whatever the connection went through before (E2, E3, E9).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app import embedded
from app.kit import db, ids
from app.kit.db import (
    KEY_LOOKUP,
    OPERATOR,
    Context,
    Database,
    DbRole,
    as_agency,
    as_laboratory,
)
from app.settings import Settings
from tests.builders import World
from tests.database.tenants import SEES, TABLES, all_of, denied, readable, seen

SET_TENANT = text("SELECT set_config('assayline.tenant', :value, true)")
BARE_COLUMN = """
    ALTER POLICY agency ON sample USING (
        agency_id = NULLIF(current_setting('assayline.tenant', true), '')::uuid
        OR EXISTS (SELECT 1 FROM submission_access AS a WHERE a.submission_id = submission_id
                   AND a.agency_id = NULLIF(current_setting('assayline.tenant', true), '')::uuid))
"""
SESSION_WIDE = text(
    "SELECT set_config('role', 'assayline_agency', false),"
    " set_config('assayline.tenant', :tenant, false)"
)


@pytest.fixture
async def one_connection(config: Settings) -> AsyncIterator[Database]:
    """
    A pool of a single connection: whoever comes next gets what the one before left.
    """
    database = db.connect(str(config.database_url), pool_size=1, overflow=0)
    yield database
    await database.dispose()


class TestNoContext:
    """
    Without a tenant there is nothing to see (E2).
    """

    async def test_the_login_alone_reads_no_table(self, world: World, database: Database) -> None:
        """
        The API's login inherits nothing: a transaction that sets no role is denied every table.
        """
        await world.submit()

        open_to_all = [table for table in TABLES if not await denied(database, all_of(table))]

        assert open_to_all == []

    @pytest.mark.parametrize("role", ["assayline_agency", "assayline_lab"])
    @pytest.mark.parametrize("tenant", ["never set", "", "of nobody"])
    async def test_a_role_without_its_tenant_sees_no_row(
        self, world: World, database: Database, role: str, tenant: str
    ) -> None:
        """
        With the role taken on, but the tenant never set, set to nothing, or set to nobody: no row of any table.
        """
        await world.reported(await world.received())
        told = {}

        for table in TABLES:
            async with database.engine.execution_options(
                isolation_level="READ COMMITTED"
            ).connect() as connection:
                await connection.execute(text(f"SET LOCAL ROLE {role}"))
                if tenant != "never set":
                    value = str(uuid4()) if tenant else ""
                    await connection.execute(SET_TENANT, {"value": value})
                rows = await readable(connection, table)
            if rows:
                told[table] = rows

        # Agencies know the laboratories they may submit to, laboratories the agencies that may submit to them.
        known = told.pop("agency")
        assert role == "assayline_lab" or {row["kind"] for row in known} == {"laboratory"}
        assert told == {}

    async def test_a_tenant_that_has_ended_is_no_tenant(
        self, world: World, one_connection: Database
    ) -> None:
        """
        After its transaction the setting is '', not NULL: the policies take it for nobody instead of raising.
        """
        await world.submit()
        assert await seen(one_connection, world.agencies["agency"]) == 1

        async with one_connection.engine.execution_options(
            isolation_level="READ COMMITTED"
        ).connect() as connection:
            held = await connection.execute(
                text("SELECT current_setting('assayline.tenant', true)")
            )
            assert held.scalar_one() == ""
            await connection.execute(text("SET LOCAL ROLE assayline_agency"))
            assert (await connection.execute(SEES)).scalar_one() == 0

    async def test_garbage_raises(self, world: World, database: Database) -> None:
        """
        What is no id is an error, never a wildcard.
        """
        await world.submit()

        async with database.engine.execution_options(
            isolation_level="READ COMMITTED"
        ).connect() as connection:
            await connection.execute(text("SET LOCAL ROLE assayline_agency"))
            await connection.execute(text("SET LOCAL assayline.tenant = '%'"))
            with pytest.raises(DBAPIError, match="invalid input syntax for type uuid"):
                await connection.execute(SEES)

    @pytest.mark.parametrize("role", [DbRole.AGENCY, DbRole.LAB])
    def test_a_context_needs_its_tenant(self, role: DbRole) -> None:
        """
        A transaction for nobody cannot even be described, so no query is sent.
        """
        with pytest.raises(ValueError, match="needs a tenant"):
            Context(role)

    async def test_an_operators_session_has_no_tenant(self, database: Database) -> None:
        """
        Asked for its tenant, a session without one raises instead of answering None.
        """
        async with database.reading(OPERATOR) as session:
            with pytest.raises(ValueError, match="has no tenant"):
                _ = session.tenant

    async def test_an_error_tells_no_value(self, database: Database) -> None:
        """
        What failed is logged; what agencies told is not in it (E14).
        """
        statement = text("SELECT 1 / :nothing, CAST(:told AS text)")

        with pytest.raises(DBAPIError, match="division by zero") as caught:
            async with database.reading(KEY_LOOKUP) as session:
                await session.execute(statement, {"nothing": 0, "told": "case 4711"})

        assert "4711" not in str(caught.value)

    async def test_reading_cannot_write(self, world: World, database: Database) -> None:
        """
        A stray write in a reading transaction fails, here as in production.
        """
        with pytest.raises(DBAPIError, match="read-only transaction"):
            async with database.reading(as_agency(world.agencies["agency"])) as session:
                await session.execute(text("UPDATE sample SET version = 9"))


class TestPool:
    """
    What one caller sets, the next borrower of the connection does not have (E3).
    """

    async def test_nothing_bleeds(self, world: World, one_connection: Database) -> None:
        """
        One connection; agency A, then A with an exception, then A canceled, then B, then a raw connection.
        """
        await world.submit()
        await world.submit(by="other_agent")
        await world.submit(by="other_agent")
        mine, other = world.agencies["agency"], world.agencies["other_agency"]

        async def fail() -> None:
            async with one_connection.transaction(as_agency(mine)) as session:
                await session.execute(SEES)
                raise RuntimeError

        async def linger() -> None:
            async with one_connection.transaction(as_agency(mine)) as session:
                await session.execute(text("SELECT pg_sleep(30)"))

        assert await seen(one_connection, mine) == 1
        with pytest.raises(RuntimeError):
            await fail()
        assert await seen(one_connection, other) == 2
        lingering = asyncio.create_task(linger())
        await asyncio.sleep(0.2)
        lingering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await lingering
        assert await seen(one_connection, other) == 2
        async with one_connection.engine.execution_options(
            isolation_level="READ COMMITTED"
        ).connect() as connection:
            row = await connection.execute(
                text(
                    "SELECT current_user, coalesce(current_setting('assayline.tenant', true), ''),"
                    " current_setting('transaction_read_only')"
                )
            )
            assert tuple(row.one()) == ("assayline_app", "", "off")
        assert await denied(one_connection, "SELECT count(*) FROM sample")

    async def test_a_session_wide_setting_would_bleed(
        self, world: World, one_connection: Database
    ) -> None:
        """
        Negative control: set for the session instead of the transaction, the next borrower sees A's rows (H6).
        """
        await world.submit()
        async with one_connection.engine.execution_options(
            isolation_level="READ COMMITTED"
        ).connect() as connection:
            await connection.execute(SESSION_WIDE, {"tenant": str(world.agencies["agency"])})
            await connection.commit()

        assert not await denied(one_connection, "SELECT count(*) FROM sample")
        async with one_connection.engine.execution_options(
            isolation_level="READ COMMITTED"
        ).connect() as connection:
            assert (await connection.execute(SEES)).scalar_one() == 1

    async def test_interleaved_tenants(self, world: World, one_connection: Database) -> None:
        """
        Interleaved tenants on one connection, in any order and however they end, each see only their own.
        """
        await world.submit()
        await world.submit(by="other_agent")
        await world.submit(by="other_agent")
        owns = {world.agencies["agency"]: 1, world.agencies["other_agency"]: 2}
        order = [world.agencies[name] for name in ("agency", "other_agency")] * 10

        async def use(number: int, agency_id: UUID) -> Any:
            async with one_connection.transaction(as_agency(agency_id)) as session:
                found = (await session.execute(SEES)).scalar_one()
                if number % 3 == 0:
                    await session.execute(text("SELECT 1/0"))
                return found == owns[agency_id]

        found = await asyncio.gather(
            *(use(number, agency_id) for number, agency_id in enumerate(order)),
            return_exceptions=True,
        )

        assert [one for one in found if one is False] == []
        assert sum(one is True for one in found) == 13


class TestTenants:
    """
    Two tenants, side by side.
    """

    @pytest.mark.parametrize(
        ("tenant", "context"), [("other_agency", as_agency), ("other_laboratory", as_laboratory)]
    )
    async def test_each_sees_only_its_own(
        self, world: World, database: Database, tenant: str, context: Callable[[UUID], Context]
    ) -> None:
        """
        Another agency and another laboratory see nothing of a sample that went through every stage.

        They have files of their own: a tenant without any is kept out by mistake as easily as by rule.
        """
        await world.reported(await world.received())
        await world.submit(
            by="other_agent",
            laboratory_id=ids.write("agn", world.agencies["other_laboratory"]),
            hearings=[{"kind": "trial", "date": "2026-05-01"}],
        )
        theirs = {world.agencies["other_agency"], world.agencies["other_laboratory"]}
        sees = {}

        async with database.reading(context(world.agencies[tenant])) as session:
            for table in TABLES:
                rows = await readable(session.connection, table)
                whose = {row.get("agency_id") or row.get("laboratory_id") for row in rows}
                if rows and table != "agency":
                    sees[table] = whose

        assert {"sample", "submission", "hearing", "holding", "assessment", "entry"} <= set(sees)
        assert [table for table, whose in sees.items() if not whose <= theirs] == []

    async def test_a_bare_column_in_the_policy_would_show_everything(
        self, world: World, servers: embedded.Servers
    ) -> None:
        """
        Negative control: with the inner table's own column in it, the policy shows an agency every sample (H6).
        """
        await world.submit()
        await world.submit(by="other_agent")
        url = servers.admin_database_url.removesuffix("postgres") + "assayline"
        superuser = create_async_engine(url, poolclass=NullPool)

        async with superuser.connect() as connection:
            await connection.execute(text("SET LOCAL ROLE assayline_agency"))
            await connection.execute(SET_TENANT, {"value": str(world.agencies["agency"])})
            right = (await connection.execute(SEES)).scalar_one()
            await connection.execute(text("RESET ROLE"))
            await connection.execute(text(BARE_COLUMN))
            await connection.execute(text("SET LOCAL ROLE assayline_agency"))
            wrong = (await connection.execute(SEES)).scalar_one()
            await connection.rollback()
        await superuser.dispose()

        assert right == 1
        assert wrong > 1

    async def test_a_party_sees_the_one_file_it_has_a_part_in(
        self, world: World, database: Database
    ) -> None:
        """
        A granted part opens that file and no other, and only until it expires.
        """
        shared = await world.submit()
        await world.submit()
        grant = text(
            "INSERT INTO submission_access"
            " (submission_id, agency_id, owner_agency_id, laboratory_id, party, granted_at, expires_at)"
            " VALUES (:submission, :party, :owner, :laboratory, 'investigating', now(), :expires_at)"
        )
        values = {
            "submission": ids.read("sub", shared["id"]),
            "party": world.agencies["other_agency"],
            "owner": world.agencies["agency"],
            "laboratory": world.agencies["laboratory"],
        }
        agent = world.as_("other_agent")

        async with database.transaction(as_agency(world.agencies["agency"])) as session:
            await session.execute(
                grant, values | {"expires_at": session.now + timedelta(seconds=1)}
            )

        listed = (await agent.get("/v1/samples")).json()["items"]
        assert [one["id"] for one in listed] == [shared["samples"][0]["id"]]
        await asyncio.sleep(1.1)
        assert (await agent.get(f"/v1/samples/{shared['samples'][0]['id']}")).status_code == 404
        assert (await agent.get(f"/v1/submissions/{shared['id']}")).status_code == 404

    @pytest.mark.parametrize(
        "statement",
        [
            (
                "INSERT INTO hearing (id, agency_id, laboratory_id, submission_id, kind, held_on)"
                " SELECT gen_random_uuid(), :other, :laboratory, :submission, 'trial', now()"
            ),
            "UPDATE sample SET agency_id = :other",
            "UPDATE submission SET agency_id = :other",
            (
                "INSERT INTO submission_access"
                " (submission_id, agency_id, owner_agency_id, laboratory_id, party, granted_at)"
                " SELECT :submission, :mine, :other, :laboratory, 'seizing', now()"
            ),
        ],
    )
    async def test_nobody_writes_for_another(
        self, world: World, database: Database, statement: str
    ) -> None:
        """
        A row for another agency, or one given away to it, is refused.
        """
        await world.submit()
        mine = as_agency(world.agencies["agency"])
        values = {
            ":mine": world.agencies["agency"],
            ":other": world.agencies["other_agency"],
            ":laboratory": world.agencies["laboratory"],
            ":submission": uuid4(),
        }
        for name, value in values.items():
            statement = statement.replace(name, f"'{value}'::uuid")

        with pytest.raises(DBAPIError, match="row-level security"):
            async with database.transaction(mine) as session:
                await session.execute(text(statement))
