"""
The record on a real database: written with the fact, numbered in causal order, read without gaps.
"""

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError, ProgrammingError

from app.kit import ids, rows
from app.kit.db import OPERATOR, WORKER, Database, Session, as_agency, as_laboratory
from app.ledger import rules
from app.ledger import service as ledger
from app.ledger.models import chain, entry, ledger_head, pending
from app.ledger.service import Fact, number
from app.samples.models import sample, submission


@dataclass
class File:
    """
    One made-up submission: its agency, its laboratory, its samples.
    """

    agency_id: UUID = field(default_factory=ids.new)
    laboratory_id: UUID = field(default_factory=ids.new)
    submission_id: UUID = field(default_factory=ids.new)

    def fact(self, sample_id: UUID | None, version: int, **other: Any) -> Fact:
        """
        Return a fact of this file, announced to its agency.
        """
        values: dict[str, Any] = {
            "kind": "received",
            "actor_id": None,
            "details": {},
            "notices": [(self.agency_id, ids.new())],
        }
        return Fact(
            agency_id=self.agency_id,
            laboratory_id=self.laboratory_id,
            submission_id=self.submission_id,
            sample_id=sample_id,
            version=version,
            **(values | other),
        )

    async def write(self, database: Database, *facts: Fact) -> None:
        """
        Record facts as the agency, in a transaction of their own.
        """
        async with database.transaction(as_agency(self.agency_id)) as session:
            await ledger.record(session, facts)

    async def poll(self, database: Database, after: int = 0) -> list[tuple[int, UUID]]:
        """
        Read the agency's feed as the agency.
        """
        async with database.reading(as_agency(self.agency_id)) as session:
            return await ledger.feed_page(
                session, agency_id=self.agency_id, after=after, limit=10_000
            )

    async def submit(self, database: Database, count: int) -> list[UUID]:
        """
        Make real sample rows, at version 0.
        """
        seen = datetime(2026, 1, 1, tzinfo=UTC)
        shared = {
            "agency_id": self.agency_id,
            "laboratory_id": self.laboratory_id,
            "agency_file_number": "F-1",
            "submitted_at": seen,
            "small_parcel": False,
            "body": {},
            "version": 0,
        }
        one = {"id": self.submission_id, "client_id": ids.new(), "seized_at": seen}
        samples = [
            {
                "id": ids.new(),
                "submission_id": self.submission_id,
                "exhibit_number": str(number),
                "small_quantity": False,
                "status": "submitted",
                "updated_at": seen,
                "assessment_id": ids.new(),
                "rank_key": 0,
            }
            for number in range(count)
        ]
        async with database.transaction(as_agency(self.agency_id)) as session:
            await rows.insert(
                session,
                {submission: [shared | one], sample: [shared | more for more in samples]},
            )
        return [UUID(str(more["id"])) for more in samples]


async def numbered(database: Database, file: File) -> list[Any]:
    """
    Return a file's entries in the order of their numbers.
    """
    async with database.reading(OPERATOR) as session:
        found = await session.execute(
            select(chain.c.seq, entry.c.sample_id, entry.c.sample_version, entry.c.occurred_at)
            .join_from(chain, entry, entry.c.id == chain.c.entry_id)
            .where(entry.c.submission_id == file.submission_id)
            .order_by(chain.c.seq)
        )
        return list(found.all())


async def compare_and_set(session: Session, sample_id: UUID, version: int) -> bool:
    """
    Move a sample on as ``samples`` does; False when somebody else was first.
    """
    moved = await session.execute(
        update(sample)
        .where(sample.c.id == sample_id, sample.c.version == version)
        .values(version=version + 1)
        .returning(sample.c.version)
    )
    return moved.one_or_none() is not None


class TestRecord:
    """
    A fact is written whole, with the transaction it belongs to, or not at all.
    """

    async def test_entry_waits_for_its_number(self, database: Database) -> None:
        """
        The columns repeat the hashed body, and the age of what waits is known.
        """
        file = File()
        actor = ids.new()
        details = {"seal": "intact", "lines": ["ünï", "\x00"], "by": actor}

        async with database.transaction(as_agency(file.agency_id)) as session:
            fact = file.fact(None, 1, actor_id=actor, details=details)
            await ledger.record(session, [fact])
            bells, now = session.bells, session.now

        async with database.reading(as_agency(file.agency_id)) as session:
            row = (await session.execute(select(entry))).one()
        async with database.reading(OPERATOR) as session:
            age = await ledger.oldest_pending_age(session)
        assert bells == {ledger.BELL}
        assert row.occurred_at == now
        assert age is not None
        assert age >= timedelta(0)
        assert row.body.encode() == rules.canonical(
            {
                "form": 1,
                "entry_id": row.id,
                "agency_id": file.agency_id,
                "laboratory_id": file.laboratory_id,
                "submission_id": file.submission_id,
                "sample_id": None,
                "version": 1,
                "kind": "received",
                "actor_id": actor,
                "occurred_at": now,
                "details": details,
            }
        )

    async def test_float_is_refused(self, database: Database) -> None:
        """
        Nothing of the transaction remains.
        """
        file = File()

        with pytest.raises(rules.NotCanonical, match=r"\$\.details\.weight_g: 2\.5 is a measured"):
            await file.write(
                database, file.fact(None, 1), file.fact(None, 2, details={"weight_g": 2.5})
            )

        async with database.reading(OPERATOR) as session:
            mine = entry.c.agency_id == file.agency_id
            assert (await session.execute(select(entry.c.id).where(mine))).all() == []

    async def test_nothing_to_record(self, database: Database) -> None:
        """
        No fact, no statement, no bell.
        """
        async with database.reading(OPERATOR) as session:
            await ledger.record(session, [])
            assert session.bells == set()

    async def test_only_for_oneself(self, database: Database) -> None:
        """
        An agency writes for itself, a laboratory for itself, and nobody reads another's.
        """
        mine, other = File(), File()

        async with database.transaction(as_laboratory(mine.laboratory_id)) as session:
            await ledger.record(session, [mine.fact(None, 1)])
        for context in (as_agency(mine.agency_id), as_laboratory(mine.laboratory_id)):
            with pytest.raises(ProgrammingError, match="row-level security"):
                async with database.transaction(context) as session:
                    await ledger.record(session, [other.fact(None, 1)])

        async with database.reading(as_agency(mine.agency_id)) as session:
            assert len((await session.execute(select(entry))).all()) == 1
        async with database.reading(as_agency(other.agency_id)) as session:
            assert (await session.execute(select(entry))).all() == []

    async def test_practice_clock(self, database: Database) -> None:
        """
        A practice clock dates the fact, but does not make it seem to have waited for years.
        """
        file = File()
        then = datetime(2001, 2, 3, 4, 5, 6, 7, tzinfo=UTC)

        async with database.transaction(as_agency(file.agency_id), now=then) as session:
            await ledger.record(session, [file.fact(None, 1)])

        async with database.reading(OPERATOR) as session:
            found = await session.execute(
                select(entry.c.occurred_at, pending.c.waiting_since)
                .join_from(entry, pending)
                .where(entry.c.agency_id == file.agency_id)
            )
            row = found.one()
        assert row.occurred_at == then
        assert row.waiting_since.year > 2001


class TestNumberPending:
    """
    Contiguous numbers, one sequencer at a time, causal order per sample.
    """

    @pytest.mark.parametrize("limit", [1, 7, 1000])
    async def test_batches(self, database: Database, worker_database: Database, limit: int) -> None:
        """
        However small the batch, all is numbered, in the order of versions.
        """
        file = File()
        samples = [ids.new() for _ in range(3)]
        facts = [file.fact(one, version) for one in samples for version in range(1, 6)]
        random.shuffle(facts)
        await ledger.number_pending(worker_database)
        await file.write(database, *facts)

        count = await ledger.number_pending(worker_database, limit=limit)

        found = await numbered(database, file)
        assert count == len(facts)
        assert await ledger.number_pending(worker_database, limit=limit) == 0
        for one in samples:
            versions = [row.sample_version for row in found if row.sample_id == one]
            assert versions == [1, 2, 3, 4, 5]
        assert [position for position, _ in await file.poll(database)] == list(range(1, 16))

    async def test_facts_of_one_version_keep_their_order(
        self, database: Database, worker_database: Database
    ) -> None:
        """
        Several facts of one version are numbered as they were written.
        """
        file = File()
        one = ids.new()
        facts = [file.fact(one, 1) for _ in range(200)]
        await file.write(database, *facts)

        await ledger.number_pending(worker_database)

        announced = [event_id for fact in facts for _, event_id in fact.notices]
        assert [event_id for _, event_id in await file.poll(database)] == announced

    async def test_later_version_that_began_earlier(
        self, database: Database, worker_database: Database
    ) -> None:
        """
        No snapshot shows n+1 without n: the compare-and-set finds n only once n is committed.

        The transaction of n+1 began first, so that any order by time would be wrong.
        """
        file = File()
        (one,) = await file.submit(database, 1)
        await ledger.number_pending(worker_database)
        agency = as_agency(file.agency_id)

        async with database.transaction(agency) as later:
            async with database.transaction(agency) as earlier:
                assert await compare_and_set(earlier, one, 0)
                await ledger.record(earlier, [file.fact(one, 1)])
                assert not await compare_and_set(later, one, 1)
                assert await ledger.number_pending(worker_database) == 0
            assert await compare_and_set(later, one, 1)
            await ledger.record(later, [file.fact(one, 2)])
        await ledger.number_pending(worker_database)

        found = await numbered(database, file)
        assert [row.sample_version for row in found] == [1, 2]
        assert found[1].occurred_at < found[0].occurred_at

    async def test_gives_way_at_once(self, database: Database, worker_database: Database) -> None:
        """
        While another holds the head there is nothing to do, and nothing to wait for.
        """
        file = File()
        await file.write(database, file.fact(None, 1))

        async with worker_database.transaction(WORKER) as session:
            await session.execute(select(ledger_head.c.seq).with_for_update())
            async with asyncio.timeout(2):
                assert await ledger.number_pending(worker_database) == 0

        assert await ledger.number_pending(worker_database) >= 1

    async def test_event_announced_twice(
        self, database: Database, worker_database: Database
    ) -> None:
        """
        A mistake elsewhere must not stop everybody's numbering; the event keeps its first place.
        """
        file = File()
        notice = (file.agency_id, ids.new())
        await file.write(database, file.fact(None, 1, notices=[notice]))
        await ledger.number_pending(worker_database)
        await file.write(database, file.fact(None, 2, notices=[notice, notice]), file.fact(None, 3))

        assert await ledger.number_pending(worker_database) == 2

        (_, first), (_, second) = await file.poll(database)
        assert (first, second != notice[1]) == (notice[1], True)

    async def test_many_writers_and_sequencers(
        self, database: Database, worker_database: Database
    ) -> None:
        """
        16 writers of 100 facts each on 12 samples, and 4 sequencers all the while.
        """
        writers, each, sequencers = 16, 100, 4
        file = File()
        samples = await file.submit(database, 12)
        done = asyncio.Event()
        room = asyncio.Semaphore(8)

        async def write_one(one: UUID) -> bool:
            async with room, database.transaction(as_agency(file.agency_id)) as session:
                found = await session.execute(select(sample.c.version).where(sample.c.id == one))
                version = found.scalar_one()
                if not await compare_and_set(session, one, version):
                    return False
                await ledger.record(session, [file.fact(one, version + 1)])
                return True

        async def write() -> None:
            left = each
            while left:
                left -= await write_one(random.choice(samples))

        async def sequence() -> int:
            count = 0
            while not done.is_set():
                count += await ledger.number_pending(worker_database, limit=25)
                await asyncio.sleep(0.005)
            return count

        numbering = [asyncio.create_task(sequence()) for _ in range(sequencers)]
        await asyncio.gather(*(write() for _ in range(writers)))
        done.set()
        counts = await asyncio.gather(*numbering)
        await ledger.number_pending(worker_database)

        versions = defaultdict(list)
        for row in await numbered(database, file):
            versions[row.sample_id].append(row.sample_version)
        verdict = await ledger.verify(database)
        assert sum(count > 0 for count in counts) > 1
        assert verdict.good, verdict
        assert verdict.links == verdict.seq
        assert sum(map(len, versions.values())) == writers * each
        for some in versions.values():
            assert some == list(range(1, len(some) + 1))


class TestFeed:
    """
    The pull feed never skips (B12) and tells nobody about others.
    """

    async def test_commit_inversion(self, database: Database, worker_database: Database) -> None:
        """
        A records first and commits last: it appears later, and nothing is lost.

        The control reads the entries by id instead, as a plain cursor would, and loses A.
        """
        file = File()
        first, second = file.fact(ids.new(), 1), file.fact(ids.new(), 1)
        agency = as_agency(file.agency_id)
        by_id: list[UUID] = []

        async def plain_poll() -> None:
            after = by_id[-1] if by_id else UUID(int=0)
            async with database.reading(agency) as session:
                found = await session.execute(
                    select(entry.c.id).where(entry.c.id > after).order_by(entry.c.id)
                )
                by_id.extend(found.scalars())

        async with database.transaction(agency) as slow:
            await ledger.record(slow, [first])
            await file.write(database, second)
            await ledger.number_pending(worker_database)
            seen = await file.poll(database)
            await plain_poll()
        await ledger.number_pending(worker_database)
        seen += await file.poll(database, after=seen[-1][0])
        await plain_poll()

        assert [event for _, event in seen] == [second.notices[0][1], first.notices[0][1]]
        assert len(by_id) == 1

    async def test_nothing_before_a_cursor(
        self, database: Database, worker_database: Database
    ) -> None:
        """
        A reader that polls while many write, with random delays, sees each event exactly once.
        """
        file = File()
        facts = [file.fact(ids.new(), 1) for _ in range(60)]
        room = asyncio.Semaphore(6)

        async def write(fact: Fact) -> None:
            async with room, database.transaction(as_agency(file.agency_id)) as session:
                await ledger.record(session, [fact])
                await asyncio.sleep(random.random() / 50)

        writing = asyncio.gather(*map(write, facts))
        seen: list[tuple[int, UUID]] = []
        finishing = False
        while not finishing:
            finishing = writing.done()
            await ledger.number_pending(worker_database, limit=5)
            seen += await file.poll(database, after=seen[-1][0] if seen else 0)
        await writing

        announced = sorted(event_id for fact in facts for _, event_id in fact.notices)
        assert sorted(event_id for _, event_id in seen) == announced

    async def test_each_recipient_counts_alone(
        self, database: Database, worker_database: Database
    ) -> None:
        """
        Positions start at one for each agency, and another's feed is empty to whoever asks.
        """
        file, other = File(), File()
        both = [(file.agency_id, ids.new()), (other.agency_id, ids.new())]
        await file.write(
            database,
            *(file.fact(None, number) for number in (1, 2)),
            file.fact(None, 3, notices=both),
        )
        await ledger.number_pending(worker_database)

        assert [position for position, _ in await file.poll(database)] == [1, 2, 3]
        assert await other.poll(database) == [(1, both[1][1])]
        async with database.reading(as_agency(other.agency_id)) as session:
            page = await ledger.feed_page(session, agency_id=file.agency_id, after=0, limit=9)
        assert page == []


class TestFork:
    """
    Why the head is locked, in a statement of its own (G3).
    """

    async def test_without_the_lock_the_chain_would_fork(
        self, database: Database, worker_database: Database
    ) -> None:
        """
        Two that read the head without its lock follow the same link; the constraint stops one.
        """
        file = File()
        await file.write(database, *(file.fact(ids.new(), 1) for _ in range(2)))
        head = select(ledger_head.c.seq, ledger_head.c.hash)
        mine = (
            select(entry.c.id, entry.c.body)
            .join_from(pending, entry)
            .where(entry.c.agency_id == file.agency_id)
            .order_by(entry.c.id)
        )

        async def append(session: Session, before: Any, one: Any) -> None:
            digest = rules.link(before.hash, before.seq + 1, one.body.encode())
            values = {"seq": before.seq, "count": 1, "last": digest, "entry_ids": [one.id]}
            values |= {"prev": [before.hash], "hashes": [digest]}
            await session.execute(number._NUMBER, values)

        async def race() -> None:
            async with worker_database.transaction(WORKER) as late:
                stale, found = (await late.execute(head)).one(), (await late.execute(mine)).all()
                async with worker_database.transaction(WORKER) as early:
                    await append(early, (await early.execute(head)).one(), found[0])
                await append(late, stale, found[1])

        with pytest.raises(IntegrityError, match=r"pk_chain|uq_chain_prev_hash"):
            await race()

        await ledger.number_pending(worker_database)
        assert (await ledger.verify(database)).good
        assert len(await file.poll(database)) == 2
