"""
Proves the record unchanged: recomputes the whole chain, here or from an export elsewhere.
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import IO, Any
from uuid import UUID

from sqlalchemy import func, select, text, tuple_

from app.kit.db import OPERATOR, Database, Session
from app.ledger import rules
from app.ledger.models import chain, entry, ledger_head, pending
from app.ledger.rules import Flaw, Link, Wrong


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What was found; ``flaw`` is None when all is well.

    ``seq`` and ``hash`` are where the head says the chain ends. Who keeps them elsewhere can show
    one day that nothing before was rewritten.
    """

    flaw: Flaw | None
    links: int
    entries: int
    pending: int
    seq: int
    hash: bytes

    @property
    def good(self) -> bool:
        """
        Whether nothing is wrong.
        """
        return self.flaw is None

    def as_json(self) -> dict[str, Any]:
        """
        Return it as the command line and a monitor read it.
        """
        flaw = self.flaw and {
            "seq": self.flaw.seq,
            "wrong": self.flaw.wrong.value,
            "message": self.flaw.message,
        }
        return {
            "good": self.good,
            "flaw": flaw,
            "links": self.links,
            "entries": self.entries,
            "pending": self.pending,
            "seq": self.seq,
            "hash": self.hash.hex(),
        }


# A long chain takes longer than a request may, and a slow reader of an export longer still.
_PATIENT = text(
    "SELECT set_config('statement_timeout', '600s', true),"
    " set_config('idle_in_transaction_session_timeout', '600s', true)"
)

# One statement, hence one snapshot: numbering goes on meanwhile and must not look like a flaw.
_COUNTS = select(
    select(func.count()).select_from(entry).scalar_subquery().label("entries"),
    select(func.count()).select_from(pending).scalar_subquery().label("pending"),
    select(func.count())
    .select_from(entry)
    .where(
        ~select(chain.c.seq).where(chain.c.entry_id == entry.c.id).exists(),
        ~select(pending.c.entry_id).where(pending.c.entry_id == entry.c.id).exists(),
    )
    .scalar_subquery()
    .label("unnumbered"),
)
_END = select(
    ledger_head.c.seq,
    ledger_head.c.hash,
    select(func.max(chain.c.seq)).scalar_subquery().label("last"),
).where(ledger_head.c.id == 1)

_LINKS = select(
    chain.c.seq,
    chain.c.prev_hash,
    chain.c.hash,
    entry.c.body,
    entry.c.id.label("entry_id"),
    entry.c.agency_id,
    entry.c.laboratory_id,
    entry.c.submission_id,
    entry.c.sample_id,
    entry.c.sample_version.label("version"),
    entry.c.kind,
    entry.c.actor_id,
    entry.c.occurred_at,
).join_from(chain, entry, entry.c.id == chain.c.entry_id, isouter=True)
_COLUMNS = tuple(_LINKS.selected_columns.keys())[4:]


async def verify(
    database: Database, *, remembered: Mapping[int, bytes] | None = None, page: int = 2000
) -> Verdict:
    """
    Recompute the whole chain and say what is wrong first; numbering may go on meanwhile.

    Args:
        database: any that may act as operator.
        remembered: hashes kept elsewhere, by number; without one, a chain rewritten as a whole, or
            an older copy of it, cannot be told from an honest one.
        page: links read at a time.

    """
    checker = rules.Checker(remembered)
    async with database.reading(OPERATOR) as session:
        await session.execute(_PATIENT)
        end = (await session.execute(_END)).one_or_none()
        counts = (await session.execute(_COUNTS)).one()
        if end is None:
            flaw: Flaw | None = Flaw(0, Wrong.NO_HEAD, "the head row is not there")
        else:
            flaw = await _first_flaw(session, checker, max(end.last or 0, end.seq), page)
            flaw = flaw or checker.finish((end.seq, end.hash))
        if flaw is None and counts.unnumbered:
            said = f"{counts.unnumbered} entries have no number and do not wait for one"
            flaw = Flaw(checker.seq + 1, Wrong.UNNUMBERED, said)
    return Verdict(
        flaw=flaw,
        links=checker.seq,
        entries=counts.entries,
        pending=counts.pending,
        seq=end.seq if end else 0,
        hash=end.hash if end else b"",
    )


async def _first_flaw(session: Session, checker: rules.Checker, end: int, page: int) -> Flaw | None:
    async for one in _stream(session, end, page):
        if flaw := checker.follow(one):
            search = rules.Search(flaw, one, checker.hash)
            async for other in _stream(session, end, page):
                if better := search.see(other):
                    return better
            return flaw
    return None


async def _stream(session: Session, end: int, page: int) -> AsyncIterator[Link]:
    """
    Read the chain in pages by number, up to an end that does not move.
    """
    # A second row of one number would be lost at a page's edge, so a page also starts by hash.
    after: tuple[int, bytes] = (-(2**63), b"")
    while True:
        place = tuple_(chain.c.seq, chain.c.hash)
        found = await session.execute(
            _LINKS.where(place > tuple_(*after), chain.c.seq <= end)
            .order_by(chain.c.seq, chain.c.hash)
            .limit(page)
        )
        some = found.all()
        for row in some:
            body = row.body if row.body is None else row.body.encode()
            columns: dict[str, object] = dict(zip(_COLUMNS, row[4:], strict=True))
            yield Link(row.seq, row.prev_hash, row.hash, body, columns)
        if len(some) < page:
            return
        after = (some[-1].seq, some[-1].hash)


async def export(database: Database, out: IO[str], *, page: int = 2000) -> int:
    """
    Write the chain as lines for ``offline.py``, the head last; return how many links were written.
    """
    written = 0
    async with database.reading(OPERATOR) as session:
        await session.execute(_PATIENT)
        end = (await session.execute(_END)).one()
        async for one in _stream(session, max(end.last or 0, end.seq), page):
            line = {
                "seq": one.seq,
                "prev_hash": one.prev_hash.hex(),
                "hash": one.hash.hex(),
                "body": (one.body or b"").decode(),
            }
            out.write(json.dumps(line) + "\n")
            written += 1
        out.write(json.dumps({"head": {"seq": end.seq, "hash": end.hash.hex()}}) + "\n")
    return written


async def links_of(database: Database, sample_id: UUID) -> list[dict[str, Any]]:
    """
    Return one sample's links of the chain in order, in the form of ``export``, and the head last.

    Each line's hash covers its number, the hash before it and its text; that it stands in the
    chain is shown by an export of the whole. The caller has decided before that this sample's
    entries may be handed out.
    """
    async with database.reading(OPERATOR) as session:
        found = await session.execute(
            _LINKS.where(entry.c.sample_id == sample_id).order_by(chain.c.seq)
        )
        lines: list[dict[str, Any]] = [
            {
                "seq": row.seq,
                "prev_hash": row.prev_hash.hex(),
                "hash": row.hash.hex(),
                "body": row.body,
            }
            for row in found
        ]
        end = (await session.execute(_END)).one()
    return [*lines, {"head": {"seq": end.seq, "hash": end.hash.hex()}}]
