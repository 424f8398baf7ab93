"""
What must stay cheap in a crowd is read from an index, as the roles that read it (C6, C7, C8).

The statements are those the service sends, caught on their way and prepared as the driver prepares them. The crowd has
a PostgreSQL of its own in which nothing is analyzed or vacuumed but by the test.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app import embedded
from app.kit import db
from app.kit.db import Context, Database, Session, as_agency, as_laboratory
from app.migrations import upgrade
from app.samples.repo import queue, read
from app.samples.repo.read import Filters
from app.samples.rules import Stage, Status
from tests.conftest import FAST
from tests.database.plans import Crowd, Plan, Sent, explain, listening

Ask = Callable[[Session], Awaitable[object]]

FIRST = UUID("019a0000-0000-7000-8000-000000000000")

COUNT_AT_ONCE = text("SELECT pg_stat_force_next_flush()")
"""Otherwise PostgreSQL counts what a transaction updated some time later."""

MOST_BUFFERS = 250
"""Pages; a sort or scan of one laboratory's share of the crowd would touch thousands."""


@dataclass(frozen=True, slots=True)
class Case:
    """
    What PostgreSQL knew when it planned: nothing but the tables' sizes, or all; for these values, or for any.
    """

    analyzed: bool
    generic: bool


CASES = [Case(analyzed, generic) for analyzed in (False, True) for generic in (False, True)]
Plans = dict[tuple[str, Case], Plan]
EVERY_CASE = pytest.mark.parametrize("case", CASES, ids=str)


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="assayline-plans-"))
    folder.chmod(0o711)
    return folder


@pytest.fixture(scope="module")
async def crowd() -> AsyncIterator[Crowd]:
    """
    The crowd, loaded a moment ago.
    """
    folder = _folder()
    try:
        with embedded.running(folder / "data", settings_overrides=FAST, valkey=False) as servers:
            await asyncio.to_thread(upgrade, servers.owner_database_url)
            database = db.connect(servers.database_url)
            made = Crowd(servers, database)
            await made.fill()
            yield made
            await database.dispose()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def questions(crowd: Crowd) -> dict[str, tuple[Context, Ask]]:
    """
    Return everything that is asked, and as whom.
    """
    laboratory_id = crowd.laboratories[0]
    bench = as_laboratory(laboratory_id)

    def claim(stage: Stage) -> Ask:
        return lambda session: queue.take_next(
            session,
            laboratory_id=laboratory_id,
            stage=stage,
            holder=uuid4(),
            lease_s=60,
            oldest=1,
            ranked=3,
        )

    def page(filters: Filters, before: UUID | None = None) -> Ask:
        return lambda session: read.page(session, filters=filters, before=before, limit=51)

    asked: dict[str, tuple[Context, Ask]] = {
        "version": (as_agency(crowd.agencies[0]), lambda session: read.version(session, FIRST)),
        "sample": (as_agency(crowd.agencies[0]), lambda session: read.one(session, FIRST)),
        "head": (
            bench,
            lambda session: queue.head(
                session, laboratory_id=laboratory_id, stage=Stage.SCREEN, limit=20
            ),
        ),
    }
    asked |= {f"claim {stage}": (bench, claim(stage)) for stage in Stage}
    for size, agency_id in (("small", crowd.small), ("large", crowd.agencies[0])):
        for name, ask in {
            "all": page(Filters()),
            "all, next": page(Filters(), UUID(int=FIRST.int + 50_000)),
            "received": page(Filters(status=Status.RECEIVED)),
            "one file": page(Filters(file_number="F-299")),
        }.items():
            asked[f"page of a {size} agency: {name}"] = (as_agency(agency_id), ask)
    return asked


PAGES = [
    f"page of a {size} agency: {which}"
    for size in ("small", "large")
    for which in ("all", "all, next", "received", "one file")
]


@pytest.fixture(scope="module")
async def plans(crowd: Crowd) -> Plans:
    """
    The plans of everything asked, in every case: first all of those right after the load, then those analyzed.
    """
    found: Plans = {}
    for case in CASES:
        if case == Case(analyzed=True, generic=False):
            async with crowd.superuser() as connection:
                await connection.exec_driver_sql("ANALYZE")
        for name, (context, ask) in questions(crowd).items():
            *_, found[name, case] = await plans_of(crowd.database, context, ask, case)
            if name == "claim screen":
                # The same statement without what is sent before it.
                *_, found["bare claim", case] = await plans_of(
                    crowd.database, context, ask, case, only_last=True
                )
    return found


async def plans_of(
    database: Database, context: Context, ask: Ask, case: Case, *, only_last: bool = False
) -> list[Plan]:
    """
    Return the plans of everything that this call sends, in this context; nothing of it stays.
    """

    async def opened(use: Callable[[Session], Awaitable[list[Plan]]]) -> list[Plan]:
        async with database._connected() as (connection, driver):
            await driver.execute("BEGIN")
            row = await driver.fetchrow(db._OPEN, context.role.value, str(context.tenant))
            result = await use(Session(connection=connection, context=context, now=row["now"]))
            await driver.execute("ROLLBACK")
        return result

    sent: Sent = []

    async def send(session: Session) -> list[Plan]:
        with listening(database) as heard:
            await ask(session)
        sent.extend(heard[-1:] if only_last else heard)
        return []

    await opened(send)
    return await opened(lambda session: explain(session, sent, generic=case.generic))


@EVERY_CASE
class TestPlans:
    """
    Right after a bulk load and analyzed, planned for these values and for any.
    """

    @pytest.mark.parametrize("stage", list(Stage))
    def test_a_claim_reads_the_heads_of_two_indexes(
        self, plans: Plans, case: Case, stage: Stage
    ) -> None:
        """
        A claim sorts nothing, scans nothing, and touches a bounded number of pages (C6).
        """
        plan = plans[f"claim {stage}", case]

        assert {"ix_queue_task_rank", "ix_queue_task_oldest"} <= plan.indexes
        assert plan.scanned == set()
        assert plan.sorts == 0
        assert plan.buffers < MOST_BUFFERS

    def test_the_queues_head(self, plans: Plans, case: Case) -> None:
        """
        Twenty lines of the queue cost twenty look-ups.
        """
        plan = plans["head", case]

        assert "ix_queue_task_rank" in plan.indexes
        assert plan.scanned == set()
        assert plan.sorts == 0
        assert plan.buffers < MOST_BUFFERS

    @pytest.mark.parametrize("page", PAGES)
    def test_a_page_of_samples(self, plans: Plans, case: Case, page: str) -> None:
        """
        A page costs an agency the same, however many rows others have: it reads its own index (C7).

        Until the first ANALYZE it may sort the agency's own rows, but read nobody else's from end to end.
        """
        plan = plans[page, case]

        assert "Seq Scan" not in plan.kinds
        assert any(name.startswith(("ix_sample_agency_id", "uq_sample")) for name in plan.indexes)
        assert plan.buffers < (100 if case.analyzed else 3_000)

    def test_a_poll(self, plans: Plans, case: Case) -> None:
        """
        A poll of an unchanged sample reads one row, of a changed one two (C7).
        """
        unchanged, changed = plans["version", case], plans["sample", case]

        assert "pk_sample" in unchanged.indexes
        assert {"pk_sample", "ix_assessment_sample_id_assessed_at"} <= changed.indexes
        assert "Seq Scan" not in unchanged.kinds | changed.kinds
        assert unchanged.buffers <= 8
        assert changed.buffers <= 16


def test_a_claim_free_to_guess_would_sort(plans: Plans) -> None:
    """
    Negative control: without the word to go by the index, some case sorts or scans, and the checks fail (H6).
    """
    bare = [plans["bare claim", case] for case in CASES]

    assert any(plan.sorts or plan.scanned or plan.buffers >= MOST_BUFFERS for plan in bare)


class TestHeartbeats:
    """
    A heartbeat rewrites one row in place and no index (C8).
    """

    @staticmethod
    async def _share_in_place(crowd: Crowd, laboratory_id: UUID) -> float:
        holder = uuid4()
        async with crowd.database.transaction(as_laboratory(laboratory_id)) as session:
            taken = await queue.take_next(
                session,
                laboratory_id=laboratory_id,
                stage=Stage.SCREEN,
                holder=holder,
                lease_s=60,
                oldest=0,
                ranked=50,
            )
            await session.execute(COUNT_AT_ONCE)
        counts = text(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'queue_task'"
        )
        async with crowd.superuser() as connection:
            await connection.exec_driver_sql("SELECT pg_stat_reset()")
            for _ in range(8):
                async with crowd.database.transaction(as_laboratory(laboratory_id)) as session:
                    for row in taken:
                        kept = await queue.extend(
                            session,
                            sample_id=row.sample_id,
                            token=row.token,
                            holder=holder,
                            lease_s=60,
                        )
                        assert kept is not None
                    await session.execute(COUNT_AT_ONCE)
            updated, in_place = (await connection.execute(counts)).one()
        assert updated == 8 * len(taken)
        return float(in_place / updated)

    async def test_heartbeats_stay_in_place(self, crowd: Crowd) -> None:
        """
        At least half of them touch no index.
        """
        assert await self._share_in_place(crowd, crowd.laboratories[1]) >= 0.5

    async def test_an_index_on_the_lease_would_end_that(self, crowd: Crowd) -> None:
        """
        Negative control: with lease_until in an index, none stays in place (H6).
        """
        async with crowd.superuser() as connection:
            await connection.exec_driver_sql("CREATE INDEX ix_lease ON queue_task (lease_until)")
            try:
                assert await self._share_in_place(crowd, crowd.laboratories[2]) == 0
            finally:
                await connection.exec_driver_sql("DROP INDEX ix_lease")
