"""
The worker sees what is due, of everybody, and nothing of what it says (E9).
"""

import pytest
from asyncpg import PostgresError

from app.kit.db import KEY_LOOKUP, OPERATOR, WORKER, Database
from tests.builders import World
from tests.database.tenants import TABLES, all_of, denied, seen

WORKERS_OWN = frozenset(
    {"entry", "pending", "chain", "ledger_head", "feed", "delivery", "attempt", "print_task"}
)
"""What the worker reads whole without a tenant: the ledger, and what is due. None of it holds case content."""

WORKERS_COLUMNS = {
    "queue_task": "sample_id, laboratory_id, claim_id, lease_until",
    "claim": "id, laboratory_id, sample_id, ended_at",
    "endpoint": "id, agency_id, disabled_at, verified_at, held_until, failures",
    "promise": "id, laboratory_id, promised_by, ended_at, paused_at, raised_at",
    "acknowledgement": "event_id, laboratory_id, acknowledged_at, remind_at",
}
"""What the worker reads of other tables: whose they are and whether they are due."""

SECRETS = (
    ("sample", "body"),
    ("sample", "id"),
    ("submission", "body"),
    ("submission", "agency_file_number"),
    ("event", "body"),
    ("event", "id"),
    ("endpoint", "secret_box"),
    ("endpoint", "url"),
    ("finding", "substances"),
    ("report", "canonical"),
    ("api_key", "secret_sha256"),
    ("claim", "holder"),
    ("queue_task", "rank_key"),
)


class TestWorker:
    """
    The worker sees what is due and nothing of what it says (E9).
    """

    @pytest.mark.parametrize(("table", "column"), SECRETS)
    async def test_case_content_is_denied(
        self, world: World, worker_database: Database, table: str, column: str
    ) -> None:
        """
        Neither case content nor a secret can be read without the tenant's context.
        """
        await world.submit()
        statement = f"SELECT {column} FROM {table}"

        assert await denied(worker_database, statement, WORKER)
        assert await denied(worker_database, statement)

    @pytest.mark.parametrize("table", TABLES)
    async def test_only_listed_tables_are_read(self, worker_database: Database, table: str) -> None:
        """
        A table that is on no list is denied whole, also one that is added later.
        """
        assert await denied(worker_database, all_of(table), WORKER) == (table not in WORKERS_OWN)
        if table in WORKERS_COLUMNS:
            part = f"SELECT {WORKERS_COLUMNS[table]} FROM {table}"
            assert not await denied(worker_database, part, WORKER)

    async def test_the_worker_reads_content_only_as_its_tenant(
        self, world: World, worker_database: Database
    ) -> None:
        """
        In a tenant's context the worker reads that tenant's rows and no other's.
        """
        await world.submit()
        await world.submit(by="other_agent")

        assert await seen(worker_database, world.agencies["agency"]) == 1

    async def test_the_apis_login_cannot_become_the_worker(self, database: Database) -> None:
        """
        What the worker sees of everybody is not for a process that answers requests, nor the reverse.
        """
        with pytest.raises(PostgresError, match="permission denied to set role"):
            async with database.reading(WORKER):
                pass
        assert not await denied(database, "SELECT * FROM find_api_key('nobody')", KEY_LOOKUP)

    async def test_the_worker_cannot_look_keys_up_or_administer(
        self, worker_database: Database
    ) -> None:
        """
        A worker has no business with API keys, and is no operator.
        """
        assert await denied(worker_database, "SELECT * FROM find_api_key('nobody')", WORKER)
        with pytest.raises(PostgresError, match="permission denied to set role"):
            async with worker_database.reading(OPERATOR):
                pass
