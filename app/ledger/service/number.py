"""
The sequencer: gives entries their numbers, one sequencer at a time.
"""

from sqlalchemy import func, select, text, true

from app.kit.db import WORKER, Database, Session
from app.ledger import rules
from app.ledger.models import entry, ledger_head, pending

_HEAD = (
    select(ledger_head.c.seq, ledger_head.c.hash)
    .where(ledger_head.c.id == 1)
    .with_for_update(skip_locked=True)
)

# Version n+1 of a sample never gets its number before version n. Its transaction can commit only if
# its compare-and-set found version n, which no snapshot shows before the transaction of n has
# committed; and whatever one snapshot shows as committed, every later one does. So a snapshot here
# that sees n+1 sees n, and this order puts n first; the limit cuts a prefix of each sample.
#
# Some facts name a version without making one (an analysis). Within a version the database's clock
# decides, then the ids, which rise in the order of one transaction's facts; and such a fact may be
# numbered after the next version, whose move did not wait for it.
#
# OFFSET 0 keeps the planner to one look into the index for each pending row: how many are pending
# changes faster than its statistics, and a join that reads every entry ever written costs seconds.
_ONE = select(entry).where(entry.c.id == pending.c.entry_id).offset(0).lateral()
_STREAM = func.coalesce(_ONE.c.sample_id, _ONE.c.submission_id)
_VISIBLE = (
    select(_ONE.c.id, _ONE.c.body)
    .select_from(pending.join(_ONE, true()))
    .order_by(_STREAM, _ONE.c.sample_version, _ONE.c.occurred_at, _ONE.c.id)
)

# One statement for all that a batch changes. A feed's next position is read from the feed itself,
# which only the holder of the head writes; so feed rows may be archived, but never an agency's last
# one. An event announced twice keeps its first place and must not stop everybody's numbering.
_NUMBER = text("""
WITH batch AS (
    SELECT * FROM unnest(
        CAST(:entry_ids AS uuid[]), CAST(:prev AS bytea[]), CAST(:hashes AS bytea[])
    ) WITH ORDINALITY AS b (entry_id, prev_hash, hash, place)
), linked AS (
    INSERT INTO chain (seq, entry_id, prev_hash, hash)
    SELECT :seq + place, entry_id, prev_hash, hash FROM batch
), gone AS (
    DELETE FROM pending WHERE entry_id = ANY (CAST(:entry_ids AS uuid[]))
    RETURNING entry_id, recipient_ids, event_ids
), owed AS (
    SELECT n.agency_id, n.event_id,
           row_number() OVER (PARTITION BY n.agency_id ORDER BY batch.place, n.place) AS step
    FROM gone JOIN batch USING (entry_id)
    CROSS JOIN LATERAL unnest(gone.recipient_ids, gone.event_ids)
        WITH ORDINALITY AS n (agency_id, event_id, place)
), fed AS (
    INSERT INTO feed (agency_id, position, event_id)
    SELECT owed.agency_id, coalesce(top.position, 0) + owed.step, owed.event_id
    FROM owed
    LEFT JOIN LATERAL (
        SELECT f.position FROM feed AS f WHERE f.agency_id = owed.agency_id
        ORDER BY f.position DESC LIMIT 1
    ) AS top ON true
    ON CONFLICT (event_id) DO NOTHING
)
UPDATE ledger_head SET seq = :seq + :count, hash = :last WHERE id = 1 AND seq = :seq
""")


async def number_pending(database: Database, *, limit: int = 1000) -> int:
    """
    Give every visible entry its number, in short transactions; return how many got one.

    One sequencer works at a time: when another holds the head this returns at once, and what it
    leaves undone the other, or the next sweep, does.
    """
    numbered = 0
    while True:
        async with database.transaction(WORKER) as session:
            batch = await _number_batch(session, limit)
        numbered += batch
        if batch < limit:
            return numbered


async def _number_batch(session: Session, limit: int) -> int:
    # Two statements, never one: a statement's snapshot is older than the lock it waits for, and a
    # head or a pending row read from it may be the one before last (that forks the chain).
    head = (await session.execute(_HEAD)).one_or_none()
    if head is None:
        return 0
    found = (await session.execute(_VISIBLE.limit(limit))).all()
    if not found:
        return 0
    hashes: list[bytes] = [head.hash]
    for number, row in enumerate(found, start=head.seq + 1):
        hashes.append(rules.link(hashes[-1], number, row.body.encode()))
    moved = await session.execute(
        _NUMBER,
        {
            "seq": head.seq,
            "count": len(found),
            "last": hashes[-1],
            "entry_ids": [row.id for row in found],
            "prev": hashes[:-1],
            "hashes": hashes[1:],
        },
    )
    if moved.rowcount != 1:
        raise RuntimeError("the ledger's head did not move; nothing was numbered")
    return len(found)
