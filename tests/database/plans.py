"""
What the tests of plans share: a crowd of open samples, the statements the service really sends, and their plans.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app import embedded
from app.kit.db import Database, Session

CROWD = 200_000
"""Open tasks."""

FOLLOWED = 60_000
"""Those of them with a sample, an assessment and a file."""

_FILL = """
    SET LOCAL session_replication_role = replica;
    CREATE TEMP TABLE made AS
        SELECT n, ('019a0000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS id,
               ('019a0000-0000-7000-9000-' || lpad(to_hex(n / 10), 12, '0'))::uuid AS submission_id,
               ('{%LABORATORIES}'::uuid[])[1 + n / 10 % 3] AS laboratory_id,
               CASE WHEN n / 10 % 300 = 299 THEN '%SMALL'::uuid
                    ELSE ('{%AGENCIES}'::uuid[])[1 + n / 10 % 3] END AS agency_id,
               timestamptz '2026-01-01Z' + n * interval '7 seconds' AS at
        FROM generate_series(0, %CROWD - 1) AS n;
    INSERT INTO submission (id, agency_id, laboratory_id, client_id, agency_file_number, seized_at,
                            submitted_at, small_parcel, body, version)
        SELECT submission_id, agency_id, laboratory_id, submission_id, 'F-' || n, at, at, false, '{}', 1
        FROM made WHERE n % 10 = 0 AND n < %FOLLOWED;
    INSERT INTO submission_access (submission_id, agency_id, owner_agency_id, laboratory_id, party, granted_at)
        SELECT submission_id, agency_id, agency_id, laboratory_id, 'seizing', at
        FROM made WHERE n % 10 = 0 AND n < %FOLLOWED;
    INSERT INTO assessment (id, agency_id, laboratory_id, submission_id, sample_id, policy, stage, cause, assessed_at,
                            band, p_lethal_opioid, harm_per_day, harm_per_bench_day, head_start_us, detail)
        SELECT id, agency_id, laboratory_id, submission_id, id, 'p', 'screen', 'submitted', at,
               'low', 0, 0, 0, 0, '{"reasons": []}'
        FROM made WHERE n < %FOLLOWED;
    INSERT INTO sample (id, agency_id, laboratory_id, submission_id, agency_file_number, exhibit_number, body,
                        small_parcel, small_quantity, status, version, submitted_at, received_at, updated_at,
                        assessment_id, rank_key)
        SELECT id, agency_id, laboratory_id, submission_id, 'F-' || n / 10, n::text, '{}', n % 2 = 0, false,
               'received', 1, at, at, at, id, hashint4(n)
        FROM made WHERE n < %FOLLOWED;
    INSERT INTO queue_task (sample_id, laboratory_id, stage, rank_key, aged_from, token)
        SELECT id, laboratory_id, 'screen', hashint4(n), at, 0 FROM made;
    DROP TABLE made
"""


@dataclass
class Crowd:
    """
    200,000 open tasks of three laboratories, for three large agencies and a small one that has 200 samples.
    """

    servers: embedded.Servers
    database: Database
    laboratories: list[UUID] = field(default_factory=lambda: [uuid4() for _ in range(3)])
    agencies: list[UUID] = field(default_factory=lambda: [uuid4() for _ in range(3)])
    small: UUID = field(default_factory=uuid4)

    @asynccontextmanager
    async def superuser(self) -> AsyncIterator[Any]:
        """
        Open a superuser's connection outside any transaction.
        """
        url = self.servers.admin_database_url.removesuffix("postgres") + "assayline"
        engine = create_async_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            yield connection
        await engine.dispose()

    async def fill(self) -> None:
        """
        Load everything at once; nothing is analyzed, nor will be by itself.
        """
        values = {
            "%LABORATORIES": ",".join(map(str, self.laboratories)),
            "%AGENCIES": ",".join(map(str, self.agencies)),
            "%SMALL": str(self.small),
            "%CROWD": str(CROWD),
            "%FOLLOWED": str(FOLLOWED),
        }
        script = _FILL
        for name, value in values.items():
            script = script.replace(name, value)
        async with self.superuser() as connection:
            await connection.exec_driver_sql("ALTER SYSTEM SET autovacuum = off")
            await connection.exec_driver_sql("SELECT pg_reload_conf()")
            await connection.exec_driver_sql("BEGIN")
            for statement in script.split(";"):
                await connection.exec_driver_sql(statement)
            await connection.exec_driver_sql("COMMIT")


Sent = list[tuple[str, Sequence[Any]]]


@contextmanager
def listening(database: Database) -> Iterator[Sent]:
    """
    Collect the statements that are really sent, with their values.
    """
    sent: Sent = []

    def note(*told: Any) -> None:
        sent.append((told[2], told[3]))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)


def literal(value: Any) -> str:
    """
    Write a value as SQL.
    """
    if value is None or isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, list):
        return f"ARRAY[{', '.join(map(literal, value))}]::uuid[]"
    return "'" + str(value).replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What PostgreSQL did.
    """

    root: Mapping[str, Any]

    def nodes(self, at: Mapping[str, Any] | None = None) -> Iterator[Mapping[str, Any]]:
        """
        Return every node.
        """
        node = at if at is not None else self.root
        yield node
        for child in node.get("Plans", ()):
            yield from self.nodes(child)

    @property
    def indexes(self) -> set[str]:
        """
        The indexes it went through.
        """
        return {str(node["Index Name"]) for node in self.nodes() if "Index Name" in node}

    @property
    def buffers(self) -> int:
        """
        How many pages it touched.
        """
        return int(self.root["Shared Hit Blocks"] + self.root["Shared Read Blocks"])

    @property
    def scanned(self) -> set[str]:
        """
        The tables it read from end to end.
        """
        return {
            str(node["Relation Name"])
            for node in self.nodes()
            if node["Node Type"] in {"Seq Scan", "Bitmap Heap Scan"}
        }

    @property
    def kinds(self) -> set[str]:
        """
        The kinds of its nodes.
        """
        return {str(node["Node Type"]) for node in self.nodes()}

    @property
    def sorts(self) -> int:
        """
        How many of its nodes sort.
        """
        return sum("Sort" in str(node["Node Type"]) for node in self.nodes())


async def explain(session: Session, sent: Sent, *, generic: bool) -> list[Plan]:
    """
    Run these statements again, prepared as the driver prepares them, and return their plans.

    Args:
        session: a transaction in the caller's context; it must not be committed.
        sent: the statements.
        generic: plan without looking at the values, as PostgreSQL may after five runs.

    """
    mode = "force_generic_plan" if generic else "force_custom_plan"
    await session.execute(text(f"SET LOCAL plan_cache_mode = {mode}"))
    plans = []
    for statement, values in sent:
        name = f"p_{uuid4().hex}"
        given = f"({', '.join(map(literal, values))})" if values else ""
        run = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE {name}{given}"
        await session.connection.exec_driver_sql(f"PREPARE {name} AS {statement}")
        found = (await session.connection.exec_driver_sql(run)).scalar_one()
        plans.append(Plan(found[0]["Plan"]))
    return plans
