"""
The database: one engine, one way to open a transaction, one place that commits.

Every transaction opens with ONE statement that sets, for this transaction only, the role (which row-level security
policies apply), the tenant, and whether it may write; the same statement brings back the database's clock.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import structlog
from sqlalchemy import CursorResult, Executable, MetaData, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from app.kit import metrics
from app.kit.clock import utc_now

_log = structlog.get_logger(__name__)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class DbRole(StrEnum):
    """
    The roles row-level security knows. Only the transaction's opening statement takes one on.
    """

    AGENCY = "assayline_agency"
    LAB = "assayline_lab"
    OPERATOR = "assayline_operator"
    WORKER = "assayline_worker"
    """Sees due ids and nothing of their content; the worker's own login."""
    SIGN_IN = "assayline_signin"
    """Sees the accounts and sessions of staff, and no case."""
    APP = "assayline_app"
    """Sees nothing at all; may call the one function that looks an API key up."""


@dataclass(frozen=True, slots=True)
class Context:
    """
    On whose behalf a transaction runs.
    """

    role: DbRole
    tenant: UUID | None = None

    def __post_init__(self) -> None:
        """
        Refuse a tenant's role without a tenant, before any statement is sent (E2).
        """
        if self.role in {DbRole.AGENCY, DbRole.LAB} and self.tenant is None:
            message = f"a transaction as {self.role} needs a tenant"
            raise ValueError(message)


KEY_LOOKUP = Context(DbRole.APP)
OPERATOR = Context(DbRole.OPERATOR)
SIGN_IN = Context(DbRole.SIGN_IN)
WORKER = Context(DbRole.WORKER)


def as_agency(agency_id: UUID) -> Context:
    """
    Act for a submitting, prosecution or partner agency.
    """
    return Context(DbRole.AGENCY, agency_id)


def as_laboratory(laboratory_id: UUID) -> Context:
    """
    Act for a laboratory.
    """
    return Context(DbRole.LAB, laboratory_id)


@dataclass(slots=True)
class Session:
    """
    An open transaction and what it knows: whose it is, what time it is, which bells to ring once it is committed.
    """

    connection: AsyncConnection
    context: Context
    now: datetime
    practice: bool = False
    """Whether the installation is one for practice: what it reports is marked so, for good."""
    clocks: Path | None = None
    """The file that says what is promised by when; None for the one shipped."""
    bells: set[str] = field(default_factory=set)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """
        Run one statement.
        """
        return await self.connection.execute(statement, parameters)

    @property
    def tenant(self) -> UUID:
        """
        The tenant on whose behalf this runs; an operator or worker has none.
        """
        if self.context.tenant is None:
            message = f"{self.context.role} has no tenant"
            raise ValueError(message)
        return self.context.tenant

    def ring(self, bell: str) -> None:
        """
        Ask for a best-effort "go and look", sent after the commit.
        """
        self.bells.add(bell)

    def tell(self, event: str, **facts: Any) -> None:
        """
        Log a state change once it is committed, and never when it is not.
        """
        self.told.append((event, facts))


_OPEN = """
    SELECT set_config('role', $1, true), set_config('assayline.tenant', $2, true), now() AS now
"""

_SWITCH = text(
    "SELECT set_config('role', :role, true), set_config('assayline.tenant', :tenant, true)"
)


@asynccontextmanager
async def acting(session: Session, context: Context) -> AsyncIterator[Session]:
    """
    Go on in the same transaction on somebody else's behalf, and come back however the block ends.

    For what the service does for a laboratory when an agency's fact moves its queue: the agency's own role may not, and
    one fact must stay one transaction.
    """
    before = session.context
    await _switch(session, context)
    try:
        yield session
    except BaseException:
        # An aborted transaction takes no statement, and needs none: nothing more can be done in it.
        with suppress(DBAPIError):
            await _switch(session, before)
        session.context = before
        raise
    await _switch(session, before)


async def _switch(session: Session, context: Context) -> None:
    if context == session.context:
        return
    await session.execute(_SWITCH, {"role": context.role.value, "tenant": _tenant(context)})
    session.context = context


COMMIT = "COMMIT"
COMMITTED = "COMMIT"
"""What the server says when it did. Names of their own, so that a test can break the promise they keep."""

AfterCommit = Callable[[frozenset[str]], Awaitable[None]]


class Database:
    """
    An engine and the only two ways to use it: ``transaction`` and ``reading``.
    """

    def __init__(self, engine: AsyncEngine, *, after_commit: AfterCommit | None = None) -> None:
        """
        Keep the engine; ``after_commit`` is called with the bells of each committed transaction.
        """
        self.engine = engine
        self._after_commit = after_commit

    @asynccontextmanager
    async def transaction(
        self, context: Context, *, now: datetime | None = None
    ) -> AsyncIterator[Session]:
        """
        Open a transaction, commit it when the block ends well, roll it back when it raises.

        Args:
            context: on whose behalf.
            now: a practice clock's instant; by default the database's own ``now()``.

        Raises:
            NotCommittedError: when the database rolled back although it was asked to commit.

        """
        async with self._connected() as (connection, driver):
            await driver.execute("BEGIN")
            row = await driver.fetchrow(_OPEN, context.role.value, _tenant(context))
            session = Session(connection=connection, context=context, now=now or row["now"])
            yield session
            # COMMIT after a failed statement rolls back, and says so only here.
            if await driver.execute(COMMIT) != COMMITTED:
                raise NotCommittedError
        for event, facts in session.told:
            _log.info(event, **facts)
        if session.bells and self._after_commit is not None:
            await self._after_commit(frozenset(session.bells))

    @asynccontextmanager
    async def reading(
        self, context: Context, *, now: datetime | None = None
    ) -> AsyncIterator[Session]:
        """
        Open a READ ONLY transaction: a stray write fails, here as in production.

        Polls are many, so that it begins in ONE round trip; ``now`` is this process's own clock.
        """
        async with self._connected() as (connection, driver):
            # Two words of our own: the role is an enum's value, the tenant a UUID.
            await driver.execute(
                f"BEGIN READ ONLY; SELECT set_config('role', '{context.role.value}', true),"
                f" set_config('assayline.tenant', '{_tenant(context)}', true)"
            )
            yield Session(connection=connection, context=context, now=now or utc_now())
            await driver.execute("ROLLBACK")

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[AsyncConnection, Any]]:
        begun = time.perf_counter()
        async with self.engine.connect() as connection:
            metrics.POOL_WAIT_SECONDS.observe(time.perf_counter() - begun)
            driver = (await connection.get_raw_connection()).driver_connection
            try:
                yield connection, driver
            except BaseException:
                await _abandon(connection, driver)
                raise

    async def dispose(self) -> None:
        """
        Close every connection.
        """
        await self.engine.dispose()


def _tenant(context: Context) -> str:
    return str(context.tenant) if context.tenant else ""


async def _abandon(connection: AsyncConnection, driver: Any) -> None:
    """
    Roll back, or throw the connection away: it must never go back to the pool inside a transaction (E3).
    """
    try:
        await driver.execute("ROLLBACK")
    except BaseException:  # noqa: BLE001 - a cancellation too; the first error is the one that is raised on
        sync = connection.sync_connection
        if sync is not None:
            sync.invalidate()


class NotCommittedError(Exception):
    """
    The database rolled a transaction back that was to be committed.
    """


def connect(
    url: str,
    *,
    pool_size: int = 5,
    overflow: int = 5,
    pool_timeout_s: float = 5,
    pooler: bool = False,
    application: str = "assayline",
    after_commit: AfterCommit | None = None,
) -> Database:
    """
    Make a Database.

    Args:
        url: ``postgresql+asyncpg://…``
        pool_size: connections that may be open at once.
        overflow: how many more; all open when first needed and stay open.
        pool_timeout_s: how long a request waits for a connection before it is told to try again, in seconds.
        pooler: True behind PgBouncer in transaction mode: no statement stays prepared, names are unique.
        application: what ``pg_stat_activity`` shows.
        after_commit: called with the bells of each committed transaction.

    """
    arguments: dict[str, Any] = {
        "server_settings": {
            "application_name": application,
            "statement_timeout": "15000",
            "lock_timeout": "4000",
            "idle_in_transaction_session_timeout": "15000",
            "timezone": "UTC",
        },
        "timeout": 5,
    }
    pool: dict[str, Any] = {
        # What overflows is kept too: under load, closing it means a new log-in and new statements at each request.
        "pool_size": pool_size + overflow,
        "max_overflow": 0,
        "pool_use_lifo": True,
        "pool_timeout": pool_timeout_s,
    }
    if pooler:
        # PgBouncer hands each transaction another server connection, so nothing may outlive one.
        arguments |= {
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": lambda: f"__asyncpg_{uuid4()}__",
        }
        arguments.pop("server_settings")
        pool = {"poolclass": NullPool}
    # AUTOCOMMIT only means that SQLAlchemy sends no BEGIN and COMMIT of its own: ``Database`` sends them.
    engine = create_async_engine(
        url,
        connect_args=arguments,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,  # an error is logged: what agencies told must not be in it (E14)
        **pool,
    )
    return Database(engine, after_commit=after_commit)


async def check_ready(database: Database, *, schema: str | None) -> None:
    """
    Refuse to be ready while this database cannot be written, is of another schema, or could lose what it confirms (A1).

    Args:
        database: the API's own.
        schema: the revision this program was written for.

    Raises:
        NotReadyError: naming what is wrong.

    """
    wanted = ("fsync", "full_page_writes", "synchronous_commit")
    names = ", ".join(f"current_setting('{name}') AS {name}" for name in wanted)
    async with database.transaction(KEY_LOOKUP) as session:
        # Taking a number makes this a writing transaction: its commit goes through the log to the disk.
        # A standby refuses to give one; it answers all the same.
        number = "CASE WHEN NOT current_setting('transaction_read_only')::bool THEN pg_current_xact_id() END"
        row = (await session.execute(text(f"SELECT {names}, {number} AS number"))).one()
        found = await session.execute(text("SELECT version_num FROM alembic_version"))
        revision = found.scalar_one_or_none()
    if row.number is None:
        raise NotReadyError("the database takes no writes: it is a standby, or set to read only")
    off = [name for name in wanted if getattr(row, name) == "off"]
    if off:
        message = (
            f"PostgreSQL setting {', '.join(off)} is off: a confirmed submission could be lost"
        )
        raise NotReadyError(message)
    if revision != schema:
        message = f"the schema is at revision {revision}, this program needs {schema}"
        raise NotReadyError(message)


class NotReadyError(Exception):
    """
    The database cannot do what this service promises.
    """
