"""
A part in a file is given by whose file it is, and lets its holder read, never change (E8, DESIGN 4.1).
"""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app import embedded
from app.kit import ids
from app.kit.db import Database, as_agency
from tests.builders import World
from tests.database.tenants import seen

GIVE = text(
    "INSERT INTO submission_access"
    " (submission_id, agency_id, owner_agency_id, laboratory_id, party, granted_at)"
    " VALUES (:submission, :party, :owner, :laboratory, 'investigating', now())"
)
TAKE_OVER = (
    "UPDATE submission SET agency_id = '{party}' WHERE id = '{submission}'",
    "UPDATE submission SET body = '{{}}' WHERE id = '{submission}'",
    "UPDATE sample SET agency_id = '{party}' WHERE submission_id = '{submission}'",
    "UPDATE sample SET exhibit_number = 'stolen' WHERE submission_id = '{submission}'",
    "UPDATE holding SET agency_id = '{party}' WHERE submission_id = '{submission}'",
)


async def _given(world: World, database: Database, *, by: str) -> dict[str, Any]:
    """
    Submit a file and give the other agency a part in it, as ``by``.
    """
    file = await world.submit()
    values = {
        "submission": ids.read("sub", file["id"]),
        "party": world.agencies["other_agency"],
        "owner": world.agencies[by],
        "laboratory": world.agencies["laboratory"],
    }
    async with database.transaction(as_agency(world.agencies[by])) as session:
        await session.execute(GIVE, values)
    return values


class TestTaking:
    """
    Nobody gives itself a part.
    """

    async def test_in_another_agencys_file(self, world: World, database: Database) -> None:
        """
        Naming oneself as the owner of another's file is refused, and nothing of it is seen.
        """
        with pytest.raises(DBAPIError, match="violates foreign key"):
            await _given(world, database, by="other_agency")

        assert await seen(database, world.agencies["other_agency"]) == 0

    async def test_tells_nothing_about_what_is_there(
        self, world: World, database: Database
    ) -> None:
        """
        A file that is another's and one that does not exist are refused by the same words.
        """
        file = await world.submit()
        words = []
        for submission in (ids.read("sub", file["id"]), uuid4()):
            values = {
                "submission": submission,
                "party": world.agencies["other_agency"],
                "owner": world.agencies["other_agency"],
                "laboratory": world.agencies["laboratory"],
            }
            with pytest.raises(DBAPIError) as refused:
                async with database.transaction(
                    as_agency(world.agencies["other_agency"])
                ) as session:
                    await session.execute(GIVE, values)
            words.append(str(refused.value).replace(str(submission), "ID").splitlines()[0])

        assert words[0] == words[1]


class TestHolding:
    """
    Who has a part reads.
    """

    @pytest.mark.parametrize("statement", TAKE_OVER)
    async def test_changes_nothing(self, world: World, database: Database, statement: str) -> None:
        """
        No column of the file, its samples or its custody can be changed or taken over by a party.
        """
        values = await _given(world, database, by="agency")
        assert await seen(database, world.agencies["other_agency"]) == 1

        async with database.transaction(as_agency(world.agencies["other_agency"])) as session:
            touched = await session.execute(text(statement.format(**values)))

        assert touched.rowcount == 0

    async def test_would_take_it_over_without_the_restriction(
        self, world: World, database: Database, servers: embedded.Servers
    ) -> None:
        """
        Negative control: with the restrictive policy gone, the condition to read is the condition to change (H6).
        """
        values = await _given(world, database, by="agency")
        url = servers.admin_database_url.removesuffix("postgres") + "assayline"
        engine = create_async_engine(url, poolclass=NullPool)
        async with engine.connect() as connection:
            await connection.execute(text("DROP POLICY own_rows ON holding"))
            await connection.execute(text("SET LOCAL ROLE assayline_agency"))
            await connection.execute(
                text("SELECT set_config('assayline.tenant', :tenant, true)"),
                {"tenant": str(UUID(str(values["party"])))},
            )
            touched = await connection.execute(text(TAKE_OVER[-1].format(**values)))
            await connection.rollback()
        await engine.dispose()

        assert touched.rowcount == 1
