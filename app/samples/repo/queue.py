"""
The queue: one narrow row per open sample, taken under a lease with a fencing token.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    TextClause,
    bindparam,
    delete,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from app.custody import service as custody
from app.kit import rows
from app.kit.db import Session
from app.samples.models import assessment, bench_turn, claim, queue_task, sample
from app.samples.rules import ClaimOutcome, Stage

# A CTE that is MATERIALIZED cannot be run again inside a join and take more rows than its LIMIT (C1); SKIP LOCKED
# names its table, or a join would lock rows nobody asked for (C3).
_PICK = """
    SELECT q.sample_id FROM queue_task AS q
    WHERE q.laboratory_id = :laboratory_id AND q.stage = :stage AND q.holder IS NULL
"""

# A reviewer never meets a sample they held at the bench. A scalar subquery, because NOT EXISTS may be planned as a join
# that reads every claim there ever was.
_NOT_MINE = """
    AND coalesce((SELECT false FROM claim AS w WHERE w.sample_id = q.sample_id AND w.holder = :holder
                   AND w.stage <> 'review' LIMIT 1), true)
"""

_LEASE = """
    taken AS (
        UPDATE queue_task AS q
        SET token = q.token + 1, holder = :holder, claim_id = gen_random_uuid(),
            lease_until = now() + make_interval(secs => :lease_s), open_since = NULL, kept_since = NULL
        FROM picked AS p
        WHERE q.sample_id = p.sample_id AND q.holder IS NULL
        RETURNING q.sample_id, q.laboratory_id, q.stage, q.token, q.claim_id, q.lease_until,
                  q.rank_key, p.oldest)
    INSERT INTO claim (id, laboratory_id, sample_id, stage, token, holder, taken_at, taken_as_oldest)
    SELECT claim_id, laboratory_id, sample_id, stage, token, :holder, :now, oldest FROM taken
    RETURNING id, sample_id, stage, token, taken_as_oldest,
              (SELECT t.lease_until FROM taken AS t WHERE t.sample_id = claim.sample_id) AS lease_until,
              (SELECT t.rank_key FROM taken AS t WHERE t.sample_id = claim.sample_id) AS rank_key
"""


def _take_next(pick: str) -> TextClause:
    return text(
        f"""
        WITH oldest AS MATERIALIZED (
            {pick} AND :oldest > 0
            ORDER BY q.aged_from, q.sample_id LIMIT :oldest FOR UPDATE OF q SKIP LOCKED),
        ranked AS MATERIALIZED (
            {pick} AND q.sample_id <> ALL (ARRAY(SELECT sample_id FROM oldest))
            ORDER BY q.rank_key, q.sample_id LIMIT :ranked FOR UPDATE OF q SKIP LOCKED),
        picked AS (SELECT sample_id, true AS oldest FROM oldest
                   UNION ALL SELECT sample_id, false FROM ranked),
        {_LEASE}
        """  # noqa: S608 - put together from the constants above only
    )


_TAKE_NEXT = {
    Stage.SCREEN: _take_next(_PICK),
    Stage.CONFIRM: _take_next(_PICK),
    Stage.REVIEW: _take_next(_PICK + _NOT_MINE),
}

_TAKE_NAMED = text(
    f"""
    WITH picked AS MATERIALIZED (
        SELECT q.sample_id, false AS oldest FROM queue_task AS q
        WHERE q.sample_id = :sample_id AND q.stage = :stage AND q.holder IS NULL
        FOR UPDATE OF q SKIP LOCKED),
    {_LEASE}
    """  # noqa: S608 - put together from the constants above only
)

# A queue is read from the head of its index. Before its first ANALYZE, or with a plan made for any values, PostgreSQL
# may guess otherwise and sort the whole laboratory's queue for one row (C6): until the transaction ends it may not.
_BY_INDEX = text(
    "SELECT set_config('enable_sort', 'off', true), set_config('enable_seqscan', 'off', true),"
    " set_config('enable_bitmapscan', 'off', true), set_config('enable_hashjoin', 'off', true),"
    " set_config('enable_mergejoin', 'off', true)"
)

_COUNT_STARTS = (
    insert(bench_turn)
    .on_conflict_do_update(
        index_elements=["laboratory_id", "stage"],
        set_={"starts": bench_turn.c.starts + bindparam("more", type_=BigInteger)},
    )
    .returning(bench_turn.c.starts)
)

_FREE: dict[str, Any] = {
    "holder": None,
    "claim_id": None,
    "lease_until": None,
    "open_since": None,
    "kept_since": None,
}


async def count_starts(session: Session, *, laboratory_id: UUID, stage: Stage, count: int) -> int:
    """
    Count ``count`` starts more (or, negative, fewer) and return how many there were before.

    The row stays locked until the commit: claims of one laboratory and stage follow one another.
    """
    values = {
        "laboratory_id": laboratory_id,
        "stage": stage,
        "starts": max(count, 0),
        "more": count,
    }
    return int((await session.execute(_COUNT_STARTS, values)).scalar_one()) - count


async def take_next(
    session: Session,
    *,
    laboratory_id: UUID,
    stage: Stage,
    holder: UUID,
    lease_s: int,
    oldest: int,
    ranked: int,
) -> Sequence[Row[Any]]:
    """
    Claim the ``oldest`` longest-waiting and the ``ranked`` first-ranked free tasks, in one statement.
    """
    values = {
        "laboratory_id": laboratory_id,
        "stage": stage.value,
        "holder": holder,
        "lease_s": lease_s,
        "oldest": oldest,
        "ranked": ranked,
        "now": session.now,
    }
    await session.execute(_BY_INDEX)
    return (await session.execute(_TAKE_NEXT[stage], values)).all()


async def take_named(
    session: Session, *, sample_id: UUID, stage: Stage, holder: UUID, lease_s: int
) -> Row[Any] | None:
    """
    Claim one sample, if it is free and waits for this stage.
    """
    values = {
        "sample_id": sample_id,
        "stage": stage.value,
        "holder": holder,
        "lease_s": lease_s,
        "now": session.now,
    }
    return (await session.execute(_TAKE_NAMED, values)).one_or_none()


async def task(session: Session, sample_id: UUID) -> Row[Any] | None:
    """
    Return a sample's task, or None when it is not in the queue.
    """
    return (
        await session.execute(select(queue_task).where(queue_task.c.sample_id == sample_id))
    ).one_or_none()


async def find_claim(session: Session, claim_id: UUID) -> Row[Any] | None:
    """
    Return one claim of this laboratory, open or ended.
    """
    return (await session.execute(select(claim).where(claim.c.id == claim_id))).one_or_none()


async def held(
    session: Session, *, holder: UUID | None, beyond_lease: bool = False
) -> Sequence[Row[Any]]:
    """
    Return the open claims of this laboratory, or of one holder, oldest first; or those kept beyond their lease.
    """
    statement = (
        select(
            claim.c.id,
            claim.c.token,
            claim.c.stage,
            claim.c.sample_id,
            claim.c.holder,
            claim.c.taken_at,
            queue_task.c.lease_until,
            (queue_task.c.lease_until < func.now()).label("beyond_lease"),
            queue_task.c.kept_since,
            queue_task.c.open_since.is_not(None).label("work_open"),
            custody.in_hand(queue_task.c.sample_id, queue_task.c.holder).label("in_hand"),
            sample.c.agency_file_number,
            sample.c.exhibit_number,
        )
        .join(queue_task, queue_task.c.claim_id == claim.c.id)
        .join(sample, sample.c.id == claim.c.sample_id)
        .where(claim.c.ended_at.is_(None), queue_task.c.sample_id == claim.c.sample_id)
        .order_by(claim.c.taken_at, claim.c.id)
        .limit(1000)
    )
    if holder is not None:
        statement = statement.where(claim.c.holder == holder)
    if beyond_lease:
        statement = statement.where(queue_task.c.lease_until < func.now())
    return (await session.execute(statement)).all()


async def extend(
    session: Session,
    *,
    sample_id: UUID,
    token: int,
    holder: UUID,
    lease_s: int,
    opens: bool = False,
) -> Row[Any] | None:
    """
    Prolong a lease, if this token still holds it; the row stays locked until the commit.

    With ``opens`` there is open work under it from now on, and it does not lapse.
    """
    c = queue_task.c
    values: dict[str, Any] = {
        "lease_until": func.now() + timedelta(seconds=lease_s),
        "kept_since": None,
    }
    if opens:
        values["open_since"] = func.coalesce(c.open_since, func.now())
    statement = (
        update(queue_task)
        .where(c.sample_id == sample_id, c.token == token, c.holder == holder)
        .values(**values)
        .returning(c.claim_id, c.stage, c.lease_until, c.aged_from)
    )
    return (await session.execute(statement)).one_or_none()


async def free(
    session: Session, *, sample_id: UUID, token: int, holder: UUID | None = None
) -> UUID | None:
    """
    Give a task back, if this token still holds it, and return the claim that ended.
    """
    c = queue_task.c
    claimed = select(c.claim_id).where(c.sample_id == sample_id, c.token == token)
    if holder is not None:
        claimed = claimed.where(c.holder == holder)
    found = (await session.execute(claimed.with_for_update())).scalar_one_or_none()
    if found is None:
        return None
    statement = update(queue_task).where(c.sample_id == sample_id, c.token == token).values(**_FREE)
    await session.execute(statement)
    return UUID(str(found))


def _kept() -> ColumnElement[bool]:
    # An analysis is open under the claim, or its holder has the item in their hands.
    c = queue_task.c
    return or_(c.open_since.is_not(None), custody.in_hand(c.sample_id, c.holder))


async def free_expired(session: Session, sample_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """
    Free those of these tasks whose lease has run out by now and on which nothing is open; end their claims (C5).
    """
    c = queue_task.c
    due = (
        select(c.sample_id, c.claim_id)
        .where(c.sample_id.in_(sample_ids), c.lease_until < func.now(), ~_kept())
        .with_for_update(skip_locked=True, of=queue_task)
        .cte("due")
    )
    freed = update(queue_task).where(c.sample_id == due.c.sample_id).values(**_FREE).cte("freed")
    statement = (
        update(claim)
        .where(claim.c.id == due.c.claim_id)
        .values(ended_at=session.now, outcome=ClaimOutcome.LAPSED)
        .returning(claim.c.id, claim.c.sample_id)
        .add_cte(freed)
    )
    return (await session.execute(statement)).all()


async def keep_expired(session: Session, sample_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """
    Mark those of these tasks that stay although their lease ran out; return the ones that were not marked before.
    """
    c = queue_task.c
    statement = (
        update(queue_task)
        .where(
            c.sample_id.in_(sample_ids),
            c.lease_until < func.now(),
            c.kept_since.is_(None),
            _kept(),
        )
        .values(kept_since=func.now())
        .returning(c.sample_id, c.claim_id, c.holder, c.open_since)
    )
    return (await session.execute(statement)).all()


async def expired(session: Session, *, limit: int) -> Sequence[Row[Any]]:
    """
    Return tasks whose lease has run out, of every laboratory (the worker's view: ids only).

    Open claims are few and have an index of their own; lease columns have none, on purpose. What was left before comes
    last: it may have become free to go, and must not keep others waiting.
    """
    statement = text(
        """
        SELECT q.sample_id, q.laboratory_id
        FROM claim AS c JOIN queue_task AS q ON q.sample_id = c.sample_id
        WHERE c.ended_at IS NULL AND q.lease_until < now()
        ORDER BY q.kept_since NULLS FIRST
        LIMIT :limit
        """
    )
    return (await session.execute(statement, {"limit": limit})).all()


async def end_claim(
    session: Session, *, claim_id: UUID, outcome: ClaimOutcome, reason: str | None = None
) -> None:
    """
    Write how a claim ended.
    """
    await session.execute(
        update(claim)
        .where(claim.c.id == claim_id, claim.c.ended_at.is_(None))
        .values(ended_at=session.now, outcome=outcome, reason=reason)
    )


async def enter(session: Session, tasks: Sequence[rows.Row]) -> None:
    """
    Put samples into the queue.
    """
    await rows.insert(session, {queue_task: tasks})


async def next_stage(session: Session, *, sample_id: UUID, stage: Stage, rank_key: int) -> None:
    """
    Queue a sample for another stage and free it; its token goes on counting, so an old one stays stale.
    """
    await session.execute(
        update(queue_task)
        .where(queue_task.c.sample_id == sample_id)
        .values(stage=stage, rank_key=rank_key, **_FREE)
    )


async def leave(session: Session, sample_id: UUID) -> None:
    """
    Take a sample out of the queue.
    """
    await session.execute(delete(queue_task).where(queue_task.c.sample_id == sample_id))


async def head(
    session: Session, *, laboratory_id: UUID, stage: Stage, limit: int
) -> Sequence[Row[Any]]:
    """
    Return the head of the queue at one stage, in order, with each sample's assessment.
    """
    await session.execute(_BY_INDEX)
    q = queue_task.c
    first = (
        select(q.sample_id, q.rank_key, q.aged_from, q.holder)
        .where(q.laboratory_id == laboratory_id, q.stage == stage)
        .order_by(q.rank_key, q.sample_id)
        .limit(limit)
        .subquery()
    )
    statement = (
        select(
            first,
            sample.c.agency_file_number,
            sample.c.exhibit_number,
            sample.c.small_parcel,
            sample.c.small_quantity,
            assessment.c.band,
            assessment.c.detail,
        )
        .join(sample, sample.c.id == first.c.sample_id)
        .join(assessment, assessment.c.id == sample.c.assessment_id)
        .order_by(first.c.rank_key, first.c.sample_id)
    )
    return (await session.execute(statement)).all()
