"""
The tamper drill on a real database, the export, and the command line.
"""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from typer.testing import CliRunner, Result

from app.cli import ledger as command
from app.kit import ids
from app.kit.db import OPERATOR, WORKER, Context, Database, as_agency
from app.ledger import offline, rules
from app.ledger import service as ledger
from app.ledger.rules import Wrong
from app.ledger.service import Fact, Verdict
from app.settings import Settings

LINKS = 8


@pytest.fixture
async def first(database: Database, worker_database: Database) -> int:
    """
    Add ``LINKS`` links to whatever the chain holds, and return the number of the first.
    """
    await ledger.number_pending(worker_database)
    before = (await ledger.verify(database)).seq
    agency = ids.new()
    facts = [
        Fact(
            kind="moved",
            agency_id=agency,
            laboratory_id=ids.new(),
            submission_id=ids.new(),
            sample_id=ids.new(),
            version=number,
            actor_id=None,
            details={"number": number, "note": "ünï\x00"},
            notices=[(agency, ids.new())],
        )
        for number in range(LINKS)
    ]
    async with database.transaction(as_agency(agency)) as session:
        await ledger.record(session, facts)
    await ledger.number_pending(worker_database)
    return before + 1


class _Held:
    """
    An engine that hands out one open transaction, so that a whole drill can be rolled back.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """
        Hand out the one connection.
        """
        yield self._connection


class Attacker:
    """
    The owner of the tables, who can drop every guard: only the hashes are left.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def drop_guards(self) -> None:
        """
        Take away row-level security, triggers and constraints, for this transaction.
        """
        await self.run("GRANT assayline_operator TO CURRENT_USER")
        for table in ("entry", "pending", "chain", "ledger_head"):
            await self.run(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
            await self.run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        await self.run("ALTER TABLE pending DROP CONSTRAINT fk_pending_entry_id")
        named = "SELECT conname FROM pg_constraint WHERE conrelid = 'chain'::regclass"
        # Without its NOT NULLs, which are constraints by name since PostgreSQL 18.
        for (name,) in await self.run(f"{named} AND contype IN ('c', 'p', 'u', 'f')"):
            await self.run(f"ALTER TABLE chain DROP CONSTRAINT {name}")

    async def run(self, statement: str, **values: object) -> list[Any]:
        """
        Run one statement, and return what it returns.
        """
        result = await self._connection.execute(text(statement), values)
        return list(result.all()) if result.returns_rows else []

    async def verify(self, remembered: dict[int, bytes] | None = None) -> Verdict:
        """
        Verify as an operator would, within this transaction; nothing can be written after it.
        """
        seen = Database(cast("AsyncEngine", _Held(self._connection)))
        return await ledger.verify(seen, remembered=remembered, page=250)

    async def export(self) -> list[str]:
        """
        Export within this transaction.
        """
        seen = Database(cast("AsyncEngine", _Held(self._connection)))
        out = io.StringIO()
        await ledger.export(seen, out, page=250)
        return out.getvalue().splitlines()


@pytest.fixture
async def attacker(config: Settings) -> AsyncIterator[Attacker]:
    """
    The owner, in a transaction that is rolled back.
    """
    engine = create_async_engine(str(config.owner_database_url))
    async with engine.connect() as connection:
        somebody = Attacker(connection)
        await somebody.drop_guards()
        yield somebody
        await connection.rollback()
    await engine.dispose()


class TestDrill:
    """
    Every attack of an owner is named, at the right number (G6).
    """

    ATTACKS = (
        ("UPDATE entry SET body = replace(body, 'moved', 'mowed') WHERE id = {id}", 3, "edited"),
        ("UPDATE chain SET hash = sha256('') WHERE seq = {seq}", 3, "edited"),
        ("UPDATE chain SET prev_hash = sha256('') WHERE seq = {seq}", 3, "mislinked"),
        ("UPDATE entry SET kind = 'mowed' WHERE id = {id}", 3, "row_edited"),
        (
            "UPDATE entry SET occurred_at = occurred_at - '1us'::interval WHERE id = {id}",
            3,
            "row_edited",
        ),
        ("UPDATE entry SET agency_id = gen_random_uuid() WHERE id = {id}", 3, "row_edited"),
        ("UPDATE entry SET sample_id = NULL WHERE id = {id}", 3, "row_edited"),
        ("DELETE FROM entry WHERE id = {id}", 3, "no_entry"),
        ("DELETE FROM chain WHERE seq = {seq}", 3, "missing"),
        ("UPDATE chain SET seq = -seq WHERE seq = {seq}", None, "fork"),
        ("UPDATE chain SET seq = {seq} + 1 WHERE seq = {seq}", 3, "missing"),
        (
            "UPDATE chain SET seq = 2 * {seq} + 1 - seq WHERE seq IN ({seq}, {seq} + 1)",
            3,
            "swapped",
        ),
        (
            """UPDATE chain AS c SET entry_id = o.entry_id FROM chain AS o
            WHERE c.seq IN ({seq}, {seq} + 2) AND o.seq = 2 * {seq} + 2 - c.seq""",
            3,
            "swapped",
        ),
        (
            """INSERT INTO chain SELECT seq, entry_id, hash, decode(repeat('ff', 32), 'hex')
            FROM chain WHERE seq = {seq}""",
            3,
            "fork",
        ),
        (
            """INSERT INTO entry SELECT (jsonb_populate_record(entry,
            jsonb_build_object('id', gen_random_uuid()))).* FROM entry WHERE id = {id}""",
            LINKS,
            "unnumbered",
        ),
        ("DELETE FROM chain WHERE seq >= {seq}", 3, "cut"),
        ("UPDATE ledger_head SET seq = {seq}", 4, "beyond"),
        ("UPDATE ledger_head SET hash = sha256('')", LINKS - 1, "head"),
        ("DELETE FROM ledger_head", None, "no_head"),
    )

    @pytest.mark.parametrize(("attack", "offset", "wrong"), ATTACKS)
    async def test_named(
        self, first: int, attacker: Attacker, attack: str, offset: int | None, wrong: str
    ) -> None:
        """
        The first bad number, and what is wrong with it.
        """
        seq = first + 3
        (entry_id,) = await attacker.run("SELECT entry_id FROM chain WHERE seq = :seq", seq=seq)

        await attacker.run(attack.format(seq=seq, id=f"'{entry_id[0]}'"))
        verdict = await attacker.verify()

        assert verdict.flaw is not None
        assert verdict.flaw.wrong == wrong
        if offset is not None:
            assert verdict.flaw.seq == first + offset

    async def test_cut_with_its_head(self, first: int, attacker: Attacker) -> None:
        """
        The tail cut off and the head set back: the entries left behind tell.
        """
        await attacker.run("DELETE FROM chain WHERE seq > :seq", seq=first)
        await attacker.run(
            "UPDATE ledger_head SET (seq, hash) = (SELECT seq, hash FROM chain WHERE seq = :seq)",
            seq=first,
        )

        flaw = (await attacker.verify()).flaw

        assert flaw is not None
        assert (flaw.seq, flaw.wrong) == (first + 1, Wrong.UNNUMBERED)

    @pytest.mark.parametrize("kept", [False, True])
    async def test_older_backup(self, first: int, attacker: Attacker, kept: bool) -> None:  # noqa: FBT001 - a parameter
        """
        With the entries gone too, only a hash kept elsewhere tells.
        """
        head = (await attacker.run("SELECT seq, hash FROM ledger_head"))[0]
        await attacker.run(
            "DELETE FROM entry WHERE id IN (SELECT entry_id FROM chain WHERE seq > :seq)", seq=first
        )
        await attacker.run("DELETE FROM chain WHERE seq > :seq", seq=first)
        await attacker.run(
            "UPDATE ledger_head SET (seq, hash) = (SELECT seq, hash FROM chain WHERE seq = :seq)",
            seq=first,
        )

        verdict = await attacker.verify({head.seq: head.hash} if kept else None)

        assert verdict.good is not kept
        if verdict.flaw is not None:
            assert (verdict.flaw.seq, verdict.flaw.wrong) == (first + 1, Wrong.REWRITTEN)

    @pytest.mark.parametrize("kept", [False, True])
    async def test_rewritten_with_right_hashes(
        self,
        first: int,
        attacker: Attacker,
        kept: bool,  # noqa: FBT001 - a parameter
    ) -> None:
        """
        Everything from one link on, recomputed: only a hash kept elsewhere tells.
        """
        (head,) = await attacker.run("SELECT seq, hash FROM ledger_head")
        links = await attacker.run(
            "SELECT c.seq, c.entry_id, c.prev_hash, e.body FROM chain AS c"
            " JOIN entry AS e ON e.id = c.entry_id WHERE c.seq >= :seq ORDER BY c.seq",
            seq=first + 2,
        )
        digest = links[0].prev_hash
        for link in links:
            body = link.body.replace('"note":"ünï', '"note":"uni')
            before, digest = digest, rules.link(digest, link.seq, body.encode())
            await attacker.run("UPDATE entry SET body = :b WHERE id = :i", b=body, i=link.entry_id)
            await attacker.run(
                "UPDATE chain SET prev_hash = :p, hash = :h WHERE seq = :s",
                p=before,
                h=digest,
                s=link.seq,
            )
        await attacker.run("UPDATE ledger_head SET hash = :h", h=digest)

        verdict = await attacker.verify({head.seq: head.hash} if kept else None)

        assert verdict.good is not kept
        if verdict.flaw is not None:
            assert (verdict.flaw.seq, verdict.flaw.wrong) == (head.seq, Wrong.REWRITTEN)

    async def test_export_of_a_forgery(self, first: int, attacker: Attacker) -> None:
        """
        The offline verifier names the same link in the export.
        """
        await attacker.run(
            "UPDATE entry SET body = replace(body, 'moved', 'mowed')"
            " WHERE id = (SELECT entry_id FROM chain WHERE seq = :seq)",
            seq=first,
        )

        lines = await attacker.export()

        with pytest.raises(offline.BadError, match=rf"^link {first}: "):
            offline.check(lines)


class TestGuards:
    """
    What the logins of the service cannot do at all.
    """

    @pytest.mark.parametrize(
        "attack",
        [
            "UPDATE entry SET kind = 'x'",
            "DELETE FROM entry",
            "TRUNCATE entry CASCADE",
            "UPDATE chain SET hash = prev_hash",
            "DELETE FROM chain",
            "UPDATE feed SET position = position + 1",
            "DELETE FROM feed",
            "DELETE FROM ledger_head",
        ],
    )
    @pytest.mark.parametrize("who", ["agency", "operator", "worker"])
    async def test_refused(
        self, database: Database, worker_database: Database, attack: str, who: str
    ) -> None:
        """
        Neither agency nor operator nor the sequencer itself may change what is written.
        """
        place, context = {
            "agency": (database, as_agency(ids.new())),
            "operator": (database, OPERATOR),
            "worker": (worker_database, WORKER),
        }[who]

        with pytest.raises(ProgrammingError, match="permission denied"):
            await _run(place, context, attack)


async def _run(place: Database, context: Context, statement: str) -> None:
    async with place.transaction(context) as session:
        await session.execute(text(statement))


class TestWhileNumberingGoesOn:
    """
    Verifying and exporting take no lock and see no flaw where one is merely writing.
    """

    async def test_verify_meanwhile(
        self, first: int, database: Database, worker_database: Database
    ) -> None:
        """
        Every verdict is good, however the sequencer and the writers interleave with it.
        """
        agency = ids.new()
        done = asyncio.Event()
        verdicts: list[Verdict] = []

        async def write() -> None:
            version = 0
            while not done.is_set():
                version += 1
                fact = Fact("moved", agency, agency, agency, agency, version, None, {})
                async with database.transaction(as_agency(agency)) as session:
                    await ledger.record(session, [fact])
                await ledger.number_pending(worker_database)

        writing = asyncio.create_task(write())
        page = max(3, first // 10)
        while len(verdicts) < 5:
            verdicts.append(await ledger.verify(database, page=page))
            out = io.StringIO()
            await ledger.export(database, out, page=page)
            offline.check(out.getvalue().splitlines())
        done.set()
        await writing

        assert all(verdict.good for verdict in verdicts), verdicts
        assert len({verdict.seq for verdict in verdicts}) > 1


class TestCommand:
    """
    The command line: what it says and with which code it ends.
    """

    @pytest.fixture
    def run(self, config: Settings) -> Any:
        """
        Run the command as a process would: in a thread, with a loop of its own.
        """

        async def run(*arguments: str, url: str = str(config.database_url)) -> Result:
            invoke = CliRunner().invoke
            return await asyncio.to_thread(invoke, command.app, [*arguments, "--database-url", url])

        return run

    async def test_verify(self, first: int, run: Any) -> None:
        """
        0 when good; the hash to keep is accepted as an expectation.
        """
        said = json.loads((await run("verify", "--json")).stdout)
        kept = f"{said['seq']}:{said['hash']}"

        again = await run("verify", "--expect", kept)

        assert said["good"] is True
        assert said["links"] == said["seq"] == first + LINKS - 1
        assert again.exit_code == 0
        assert f"to be kept elsewhere: {kept}\n" in again.stdout

    async def test_verify_finds(self, first: int, run: Any) -> None:
        """
        1 when something is wrong, and what.
        """
        result = await run("verify", "--expect", f"{first}:{'00' * 32}")
        as_json = await run("verify", "--json", "--expect", f"{first}:{'00' * 32}")

        assert result.exit_code == as_json.exit_code == 1
        assert f"first flaw: rewritten at {first}\n" in result.stdout
        assert json.loads(as_json.stdout)["flaw"]["wrong"] == "rewritten"

    async def test_cannot_tell(self, run: Any) -> None:
        """
        2 when there is no answer, without repeating the password.
        """
        nowhere = "postgresql+asyncpg://somebody:secret@127.0.0.1:1/nothing"

        for arguments in (["verify"], ["verify", "--json"], ["export", "-"]):
            result = await run(*arguments, url=nowhere)
            assert result.exit_code == 2
            assert "secret" not in result.output
        assert (await run("verify", "--expect", "nonsense")).exit_code == 2

    async def test_export(self, first: int, run: Any, tmp_path: Path) -> None:
        """
        What is exported is verified by the other implementation, link for link.
        """
        file = tmp_path / "export.ndjson"

        result = await run("export", str(file))
        to_screen = await run("export", "-")

        lines = file.read_text(encoding="utf-8").splitlines()
        assert result.exit_code == to_screen.exit_code == 0
        assert offline.check(lines)[0] == first + LINKS - 1 == len(lines) - 1
        assert to_screen.stdout.splitlines() == lines
        assert offline.main([str(file)]) == 0
        assert not file.with_name("export.ndjson.part").exists()
