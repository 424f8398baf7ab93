"""
Fifty technicians drain one laboratory's queue: each sample once, none left, in the order of the queue (C2).
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.access.rules import MAY, AgencyKind, ClientKind, Role, scopes
from app.access.service import Caller
from app.kit import db, ids
from app.kit.db import Database, Session, as_agency, as_laboratory
from app.samples import service
from app.samples.rules import OLDEST_EVERY, Stage
from app.settings import Settings

TECHNICIANS = 50
SAMPLES = 5_000
POOLS = 4
"""Pools of connections, as separate API processes have them."""

_FILL = text(
    """
    WITH made AS (
        SELECT n, gen_random_uuid() AS id, timestamptz '2026-01-01Z' + n * interval '1 minute' AS at
        FROM generate_series(1, :samples) AS n),
    file AS (
        INSERT INTO submission (id, agency_id, laboratory_id, client_id, agency_file_number, seized_at, submitted_at,
                                small_parcel, body, version)
        SELECT :submission_id, :agency_id, :laboratory_id, :agency_id, 'F', at, at, false, '{}', 1
        FROM made WHERE n = 1),
    party AS (
        INSERT INTO submission_access (submission_id, agency_id, owner_agency_id, laboratory_id, party, granted_at)
        SELECT :submission_id, :agency_id, :agency_id, :laboratory_id, 'seizing', at FROM made WHERE n = 1),
    judged AS (
        INSERT INTO assessment (id, agency_id, laboratory_id, submission_id, sample_id, policy, stage, cause,
                                assessed_at, band, p_lethal_opioid, harm_per_day, harm_per_bench_day, head_start_us,
                                detail)
        SELECT id, :agency_id, :laboratory_id, :submission_id, id, 'p', 'screen', 'submitted', at,
               'low', 0, 0, 0, 0, :detail FROM made)
    INSERT INTO sample (id, agency_id, laboratory_id, submission_id, agency_file_number, exhibit_number, body,
                        small_parcel, small_quantity, status, version, submitted_at, received_at, updated_at,
                        assessment_id, rank_key)
    SELECT id, :agency_id, :laboratory_id, :submission_id, 'F', n::text, '{}', false, false, 'received', 1,
           at, at, at, id, hashint4(n) / 4 FROM made
    """
)

# Rank and age have nothing to do with each other here; keys meet more than once, so that ties are broken too.
_QUEUE = text(
    """
    INSERT INTO queue_task (sample_id, laboratory_id, stage, rank_key, aged_from, token)
    SELECT id, laboratory_id, 'screen', rank_key / 1000000, submitted_at, 0 FROM sample
    WHERE laboratory_id = :laboratory_id
    """
)

_DETAIL = (
    '{"policy": "p", "band": "low", "p_lethal_opioid": 0, "harm_per_day": 0, "harm_per_bench_day": 0,'
    ' "probabilities": {}, "reasons": [], "notes": []}'
)


@dataclass
class Laboratory:
    """
    A laboratory of its own with a full queue.
    """

    id: UUID = field(default_factory=ids.new)
    agency_id: UUID = field(default_factory=ids.new)

    def technician(self) -> Caller:
        """
        Return one more technician.
        """
        roles = frozenset({Role.TECHNICIAN})
        assert MAY[Role.TECHNICIAN]
        return Caller(
            client_id=uuid4(),
            name="technician",
            kind=ClientKind.PERSON,
            agency_id=self.id,
            agency_kind=AgencyKind.LABORATORY,
            roles=roles,
            scopes=scopes(roles),
        )

    async def fill(self, database: Database, samples: int) -> None:
        """
        Load so many received samples at once.
        """
        values = {
            "samples": samples,
            "agency_id": self.agency_id,
            "laboratory_id": self.id,
            "submission_id": ids.new(),
            "detail": _DETAIL,
        }
        async with database.transaction(as_agency(self.agency_id)) as session:
            await session.execute(_FILL, values)
        async with database.transaction(as_laboratory(self.id)) as session:
            await session.execute(_QUEUE, {"laboratory_id": self.id})

    async def ask(self, database: Database, statement: str) -> list[tuple[object, ...]]:
        """
        Ask the laboratory's tables.
        """
        async with database.reading(as_laboratory(self.id)) as session:
            return [tuple(row) for row in await session.execute(text(statement))]


Take = Callable[[Database, Caller], Awaitable[list[UUID]]]


async def take(database: Database, who: Caller) -> list[UUID]:
    """
    Take the next sample as the service does.
    """
    async with database.transaction(who.context) as session:
        claims = await service.claim_next(
            session, caller=who, stage=Stage.SCREEN, count=1, lease_s=3600
        )
    return [claim.sample.id for claim in claims]


async def read_then_update(database: Database, who: Caller) -> list[UUID]:
    """
    Take the next sample as it must not be done: look who is first, then write one's name there.
    """
    async with database.transaction(who.context) as session:
        first = await _first(session)
        if first is not None:
            await session.execute(
                text(
                    "UPDATE queue_task SET holder = :who, claim_id = :who, lease_until = now()"
                    " WHERE sample_id = :first"
                ),
                {"who": who.client_id, "first": first},
            )
    return [first] if first is not None else []


async def _first(session: Session) -> UUID | None:
    found = await session.execute(
        text(
            "SELECT sample_id FROM queue_task WHERE holder IS NULL AND laboratory_id = :id"
            " ORDER BY rank_key, sample_id LIMIT 1"
        ),
        {"id": session.tenant},
    )
    first: UUID | None = found.scalar_one_or_none()
    return first


async def drain(pools: list[Database], laboratory: Laboratory, how: Take) -> Counter[UUID]:
    """
    Let fifty technicians take one sample after the other until nothing is left; return how often each was taken.
    """
    taken: Counter[UUID] = Counter()

    async def work(number: int) -> None:
        who = laboratory.technician()
        while found := await how(pools[number % len(pools)], who):
            taken.update(found)

    await asyncio.gather(*(work(number) for number in range(TECHNICIANS)))
    return taken


@pytest.fixture
async def pools(config: Settings) -> AsyncIterator[list[Database]]:
    """
    Connections as several API processes hold them.
    """
    made = [
        db.connect(str(config.database_url), pool_size=4, overflow=0, pool_timeout_s=60)
        for _ in range(POOLS)
    ]
    yield made
    for database in made:
        await database.dispose()


@pytest.mark.timeout(180)
async def test_each_is_claimed_once_in_the_order_of_the_queue(pools: list[Database]) -> None:
    """
    5,000 samples, 50 technicians: each claimed exactly once, none left, first-ranked first, every twentieth the oldest.
    """
    laboratory = Laboratory()
    await laboratory.fill(pools[0], SAMPLES)

    taken = await drain(pools, laboratory, take)

    assert len(taken) == SAMPLES
    assert set(taken.values()) == {1}
    assert await laboratory.ask(pools[0], "SELECT 1 FROM queue_task WHERE holder IS NULL") == []
    # Claims of one laboratory and stage follow one another; entries are written meanwhile, with rising ids.
    starts = await laboratory.ask(
        pools[0],
        "SELECT q.sample_id, q.rank_key, q.aged_from, c.taken_as_oldest, c.token FROM claim AS c"
        " JOIN queue_task AS q USING (sample_id) JOIN entry AS e USING (sample_id)"
        " WHERE e.kind = 'sample.claim' ORDER BY e.id",
    )
    assert len(starts) == SAMPLES
    oldest = [place for place, row in enumerate(starts, start=1) if row[3]]
    assert oldest == list(range(OLDEST_EVERY, SAMPLES + 1, OLDEST_EVERY))
    left_by_rank = sorted((row[1], row[0]) for row in starts)
    left_by_age = sorted((row[2], row[0]) for row in starts)
    gone: set[object] = set()
    heads = {False: iter(left_by_rank), True: iter(left_by_age)}
    for sample_id, _, _, as_oldest, token in starts:
        expected = next(one for _, one in heads[bool(as_oldest)] if one not in gone)
        assert sample_id == expected
        assert token == 1
        gone.add(sample_id)


@pytest.mark.timeout(180)
async def test_looking_first_and_writing_then_would_double(pools: list[Database]) -> None:
    """
    Negative control: read, then update by id, and the same fifty take samples twice (H6).
    """
    laboratory = Laboratory()
    await laboratory.fill(pools[0], 300)

    taken = await drain(pools, laboratory, read_then_update)

    assert len(taken) == 300
    assert max(taken.values()) > 1


async def test_several_at_once(pools: list[Database]) -> None:
    """
    Technicians who take seven at once never share one either, and the last gets what is left.
    """
    laboratory = Laboratory()
    await laboratory.fill(pools[0], 500)

    async def seven(database: Database, who: Caller) -> list[UUID]:
        async with database.transaction(who.context) as session:
            claims = await service.claim_next(
                session, caller=who, stage=Stage.SCREEN, count=7, lease_s=3600
            )
        return [claim.sample.id for claim in claims]

    taken = await drain(pools, laboratory, seven)

    assert len(taken) == 500
    assert set(taken.values()) == {1}
    (started,) = await laboratory.ask(pools[0], "SELECT starts FROM bench_turn")
    assert started == (500,)
