"""
Policies, rush requests, reserved starts, benches and the figures of how good the order was.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Table, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert

from app.kit import rows
from app.kit.db import Session
from app.samples.models import assessment, queue_task, sample
from app.samples.ranking_models import (
    bench_station,
    ranking_policy,
    ranking_quality,
    reserved_start,
    rush_request,
)

_P, _R = ranking_policy.c, rush_request.c


async def add(session: Session, table: Table, row: rows.Row) -> None:
    """
    Store one row.
    """
    await rows.insert(session, {table: [row]})


async def active_name(session: Session, laboratory_id: UUID) -> Row[Any] | None:
    """
    Return the name and hash of the policy in force; None while the built-in one is.
    """
    statement = select(_P.id, _P.name, _P.sha256).where(
        _P.laboratory_id == laboratory_id, _P.state == "active"
    )
    return (await session.execute(statement)).one_or_none()


async def document(session: Session, policy_id: UUID) -> str:
    """
    Return a policy's text.
    """
    found = await session.execute(select(_P.document).where(_P.id == policy_id))
    return str(found.scalar_one())


async def policies(session: Session) -> Sequence[Row[Any]]:
    """
    Return this laboratory's policies, newest first.
    """
    return (await session.execute(select(ranking_policy).order_by(_P.proposed_at.desc()))).all()


async def policy(session: Session, policy_id: UUID, *, lock: bool = False) -> Row[Any] | None:
    """
    Return one policy of this laboratory's.
    """
    statement = select(ranking_policy).where(_P.id == policy_id)
    return (await session.execute(statement.with_for_update() if lock else statement)).one_or_none()


async def write_policy(session: Session, policy_id: UUID, **values: Any) -> None:
    """
    Write what was decided.
    """
    await session.execute(update(ranking_policy).where(_P.id == policy_id).values(**values))


async def retire_active(session: Session) -> None:
    """
    Put the policy in force out of it.
    """
    await session.execute(
        update(ranking_policy).where(_P.state == "active").values(state="retired")
    )


async def unapplied(session: Session) -> list[UUID]:
    """
    Return laboratories whose policy is not yet applied to every open sample (the worker's view).
    """
    statement = select(_P.laboratory_id).where(_P.state == "active", _P.applied_at.is_(None))
    return list((await session.execute(statement)).scalars())


async def some_open(session: Session, *, laboratory_id: UUID, most: int) -> list[UUID]:
    """
    Return open samples to compare policies on: the head of each stage, and others spread over the whole queue.
    """
    q = queue_task.c
    head = select(q.sample_id).where(q.laboratory_id == laboratory_id)
    ids: list[UUID] = []
    for stage in ("screen", "confirm"):
        found = await session.execute(
            head.where(q.stage == stage).order_by(q.rank_key).limit(most // 4)
        )
        ids += found.scalars()
    spread = await session.execute(
        text(
            "SELECT sample_id FROM queue_task WHERE laboratory_id = :laboratory_id"
            " ORDER BY md5(sample_id::text) LIMIT :most"
        ),
        {"laboratory_id": laboratory_id, "most": most // 2},
    )
    return sorted({*ids, *spread.scalars()})


async def to_apply(
    session: Session, *, laboratory_id: UUID, name: str, after: UUID, upto: UUID, most: int
) -> list[UUID]:
    """
    Return the next open samples, by id, that another policy ranked last.
    """
    statement = text(
        """
        SELECT q.sample_id FROM queue_task AS q
        JOIN sample AS s ON s.id = q.sample_id
        JOIN assessment AS a ON a.id = s.assessment_id
        WHERE q.laboratory_id = :laboratory_id AND q.sample_id > :after AND q.sample_id <= :upto
          AND a.policy <> :name
        ORDER BY q.sample_id LIMIT :most
        """
    )
    values = {
        "laboratory_id": laboratory_id,
        "name": name,
        "after": after,
        "upto": upto,
        "most": most,
    }
    return list((await session.execute(statement, values)).scalars())


async def on_the_way(session: Session, *, laboratory_id: UUID, name: str, most: int) -> list[UUID]:
    """
    Return samples that are not received yet and that another policy ranked last.
    """
    statement = (
        select(sample.c.id)
        .join(assessment, assessment.c.id == sample.c.assessment_id)
        .where(
            sample.c.laboratory_id == laboratory_id,
            sample.c.status == "submitted",
            assessment.c.policy != name,
        )
        .order_by(sample.c.id)
        .limit(most)
    )
    return list((await session.execute(statement)).scalars())


async def count_applied(session: Session, policy_id: UUID, more: int) -> None:
    """
    Count samples ranked anew by this policy.
    """
    await session.execute(
        update(ranking_policy).where(_P.id == policy_id).values(applied=_P.applied + more)
    )


async def requests(
    session: Session, *, state: str | None, sample_id: UUID | None
) -> Sequence[Row[Any]]:
    """
    Return rush requests, the first to be answered first.
    """
    statement = (
        select(rush_request, sample.c.agency_file_number, sample.c.exhibit_number)
        .join(sample, sample.c.id == _R.sample_id)
        .order_by(_R.answer_by, _R.id)
        .limit(500)
    )
    if state is not None:
        statement = statement.where(_R.state == state)
    if sample_id is not None:
        statement = statement.where(_R.sample_id == sample_id)
    return (await session.execute(statement)).all()


async def request(session: Session, request_id: UUID) -> Row[Any] | None:
    """
    Return one rush request and lock it.
    """
    return (
        await session.execute(
            select(rush_request).where(_R.id == request_id).with_for_update(of=rush_request)
        )
    ).one_or_none()


async def open_request(session: Session, sample_id: UUID) -> UUID | None:
    """
    Return the rush request of a sample that waits for an answer.
    """
    found = await session.execute(
        select(_R.id).where(_R.sample_id == sample_id, _R.state == "open")
    )
    return found.scalar_one_or_none()


async def answer(session: Session, request_id: UUID, **values: Any) -> None:
    """
    Write the answer.
    """
    await session.execute(update(rush_request).where(_R.id == request_id).values(**values))


async def reserve(session: Session, row: rows.Row) -> None:
    """
    Reserve a start; of two days the earlier one counts.
    """
    c = reserved_start.c
    statement = insert(reserved_start).values(**row)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["sample_id"],
            set_={"start_by": text("least(reserved_start.start_by, excluded.start_by)")},
            where=c.laboratory_id == row["laboratory_id"],
        )
    )


async def reserved_due(session: Session, *, stage: str, today: date, most: int) -> list[UUID]:
    """
    Return free samples at a stage whose reserved start is due, the earliest first.
    """
    statement = text(
        """
        SELECT r.sample_id FROM reserved_start AS r JOIN queue_task AS q ON q.sample_id = r.sample_id
        WHERE r.laboratory_id = :laboratory_id AND r.start_by <= :today AND q.stage = :stage AND q.holder IS NULL
        ORDER BY r.start_by, r.sample_id LIMIT :most
        """
    )
    values = {"laboratory_id": session.tenant, "today": today, "stage": stage, "most": most}
    return list((await session.execute(statement, values)).scalars())


async def unreserve(session: Session, sample_id: UUID) -> None:
    """
    Drop a reservation that has been kept.
    """
    await session.execute(delete(reserved_start).where(reserved_start.c.sample_id == sample_id))


async def counted(session: Session) -> Sequence[Row[Any]]:
    """
    Count rush requests by agency, reason and state.
    """
    statement = text(
        "SELECT agency_id, reason, state, count(*) AS times FROM rush_request"
        " GROUP BY agency_id, reason, state ORDER BY agency_id, reason, state"
    )
    return (await session.execute(statement)).all()


async def hearings_ahead(session: Session, *, today: date) -> Sequence[Row[Any]]:
    """
    Return open samples with a hearing ahead, the next hearing first.
    """
    statement = text(
        """
        SELECT s.id AS sample_id, s.agency_id, s.agency_file_number, s.exhibit_number, s.status,
               h.kind, h.held_on, r.start_by
        FROM hearing AS h
        JOIN sample AS s ON s.submission_id = h.submission_id
        LEFT JOIN reserved_start AS r ON r.sample_id = s.id
        WHERE h.laboratory_id = :laboratory_id AND h.held_on >= :today
          AND EXISTS (SELECT 1 FROM queue_task AS q WHERE q.sample_id = s.id)
        ORDER BY h.held_on, s.id LIMIT 500
        """
    )
    values = {"laboratory_id": session.tenant, "today": today}
    return (await session.execute(statement, values)).all()


async def benches(session: Session) -> Sequence[Row[Any]]:
    """
    Return the declared benches.
    """
    return (await session.execute(select(bench_station).order_by(bench_station.c.name))).all()


async def bench(session: Session, name: str) -> Row[Any] | None:
    """
    Return one bench.
    """
    return (
        await session.execute(select(bench_station).where(bench_station.c.name == name))
    ).one_or_none()


async def declare(session: Session, row: rows.Row) -> None:
    """
    Declare a bench, or declare it anew.
    """
    statement = insert(bench_station).values(**row)
    changed = {
        name: statement.excluded[name]
        for name in ("stages", "oldest_every", "declared_by", "declared_at")
    }
    await session.execute(
        statement.on_conflict_do_update(index_elements=["laboratory_id", "name"], set_=changed)
    )


async def results(session: Session, *, days: int) -> Sequence[Row[Any]]:
    """
    Return samples with a laboratory result of the last so many days: what was predicted at first, and what was found.
    """
    statement = text(
        """
        SELECT DISTINCT ON (e.sample_id) e.sample_id, e.agency_id, e.body, s.body AS exhibit, u.body AS seizure,
               a.p_lethal_opioid, a.policy
        FROM evidence AS e
        JOIN sample AS s ON s.id = e.sample_id
        JOIN submission AS u ON u.id = s.submission_id
        CROSS JOIN LATERAL (
            SELECT p_lethal_opioid, policy FROM assessment
            WHERE sample_id = e.sample_id ORDER BY assessed_at, id LIMIT 1) AS a
        WHERE e.laboratory_id = :laboratory_id AND e.kind = 'screen' AND e.withdrawn_at IS NULL
          AND e.given_at > :since
        ORDER BY e.sample_id, e.id DESC LIMIT 50000
        """
    )
    values = {"laboratory_id": session.tenant, "since": session.now - timedelta(days=days)}
    return (await session.execute(statement, values)).all()


async def count_records(session: Session, records: Sequence[rows.Row]) -> None:
    """
    Write how often each agency's suspicions held.
    """
    statement = text(
        """
        INSERT INTO agency_record
        SELECT r.* FROM jsonb_populate_recordset(NULL::agency_record, CAST(:rows AS jsonb)) AS r
        ON CONFLICT (laboratory_id, agency_id) DO UPDATE
        SET resolved = excluded.resolved, held = excluded.held, counted_on = excluded.counted_on
        """
    )
    if records:
        await session.execute(statement, {"rows": rows.to_json(records)})


async def keep_quality(session: Session, *, day: date, figures: dict[str, Any]) -> None:
    """
    Store a day's figures; a second time that day replaces them.
    """
    statement = insert(ranking_quality).values(
        laboratory_id=session.tenant, day=day, figures=figures
    )
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["laboratory_id", "day"], set_={"figures": statement.excluded.figures}
        )
    )


async def quality(session: Session, *, days: int) -> Sequence[Row[Any]]:
    """
    Return the stored figures, newest first.
    """
    c = ranking_quality.c
    return (
        await session.execute(select(c.day, c.figures).order_by(c.day.desc()).limit(days))
    ).all()


async def laboratories_without_figures(session: Session, *, day: date) -> list[UUID]:
    """
    Return the laboratories at work that have no figures for this day (the worker's view).
    """
    statement = text(
        "SELECT DISTINCT b.laboratory_id FROM bench_turn AS b WHERE NOT EXISTS ("
        "SELECT 1 FROM ranking_quality AS r WHERE r.laboratory_id = b.laboratory_id AND r.day = :day)"
    )
    return list((await session.execute(statement, {"day": day})).scalars())
