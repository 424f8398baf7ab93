"""
Evidence, links between samples, and ranking samples anew.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, select, text, update

from app.kit import rows
from app.kit.db import Session
from app.samples.evidence_models import (
    agency_record,
    detection,
    evidence,
    rerank_due,
    sample_link,
)
from app.samples.models import assessment
from app.samples.rules import POST_DAYS

_FACTS = text(
    """
    SELECT s.id, s.agency_id, s.laboratory_id, s.submission_id, s.body, s.status, s.version, s.rank_key,
           s.submitted_at, s.assessment_id, u.body AS seizure, q.sample_id IS NOT NULL AS queued,
           coalesce(q.stage, CASE s.resumes_to WHEN 'screened' THEN 'confirm' WHEN 'confirmed' THEN 'review'
                             ELSE 'screen' END) AS stage,
           coalesce(q.aged_from, greatest(s.submitted_at, s.received_at - make_interval(days => :post_days)))
               AS aged_from,
           a.band, a.policy, a.detail,
           (SELECT t.detail FROM assessment AS t WHERE t.sample_id = s.id AND NOT t.laboratory_only
             ORDER BY t.assessed_at DESC, t.id DESC LIMIT 1) AS told,
           (SELECT jsonb_agg(jsonb_build_object('kind', e.kind, 'body', e.body, 'told_by', e.told_by) ORDER BY e.id)
              FROM evidence AS e WHERE e.sample_id = s.id AND e.withdrawn_at IS NULL) AS learnt
    FROM sample AS s
    JOIN submission AS u ON u.id = s.submission_id
    JOIN assessment AS a ON a.id = s.assessment_id
    LEFT JOIN queue_task AS q ON q.sample_id = s.id
    WHERE s.id = ANY (:ids)
    ORDER BY s.id
    """
)

# Tasks first, then samples, both by id: the order in which a claim takes them.
_LOCK_TASKS = """
    SELECT sample_id FROM queue_task WHERE sample_id = ANY (:ids) ORDER BY sample_id FOR UPDATE {skip}
"""
_LOCK_SAMPLES = """
    SELECT s.id FROM sample AS s
    WHERE s.id = ANY (:ids) AND (s.id = ANY (:tasks)
      OR NOT EXISTS (SELECT 1 FROM queue_task AS q WHERE q.sample_id = s.id))
    ORDER BY s.id FOR UPDATE {skip}
"""
_LOCKS = {
    skip: (
        text(_LOCK_TASKS.format(skip="SKIP LOCKED" if skip else "")),
        text(_LOCK_SAMPLES.format(skip="SKIP LOCKED" if skip else "")),
    )
    for skip in (False, True)
}

_REKEY = text(
    """
    WITH fresh AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:fresh AS jsonb))
            AS k(sample_id uuid, assessment_id uuid, rank_key bigint, stage text)),
    stored AS (
        INSERT INTO assessment
        SELECT r.* FROM jsonb_populate_recordset(NULL::assessment, CAST(:assessments AS jsonb)) AS r),
    queued AS (
        UPDATE queue_task AS q SET rank_key = f.rank_key FROM fresh AS f
        WHERE q.sample_id = f.sample_id AND q.stage = f.stage AND q.rank_key <> f.rank_key)
    UPDATE sample AS s
    SET rank_key = f.rank_key, assessment_id = f.assessment_id, version = s.version + 1, updated_at = :now
    FROM fresh AS f WHERE s.id = f.sample_id
    RETURNING s.id, s.version
    """
)

_LINKED = text(
    """
    SELECT DISTINCT l.sample_id, s.agency_id, s.submission_id, split_part(l.key, ':', 1) AS link
    FROM sample_link AS mine
    JOIN sample_link AS l ON l.laboratory_id = mine.laboratory_id AND l.key = mine.key
     AND l.sample_id <> mine.sample_id
    JOIN sample AS s ON s.id = l.sample_id
    WHERE mine.sample_id = :sample_id AND s.status NOT IN ('reported')
      AND (split_part(l.key, ':', 1) <> 'same_mark'
           OR abs(extract(epoch FROM l.linked_at - mine.linked_at)) <= :mark_s)
    UNION
    SELECT s.id, s.agency_id, s.submission_id, 'same_submission'
    FROM sample AS s JOIN sample AS me ON me.submission_id = s.submission_id
    WHERE me.id = :sample_id AND s.id <> me.id AND s.status NOT IN ('reported')
    """
)

_RESULTS_BY_KEY = text(
    """
    SELECT DISTINCT ON (k.key, e.sample_id) k.key, e.sample_id AS from_sample_id, e.body
    FROM unnest(CAST(:keys AS text[])) AS k(key)
    JOIN sample_link AS l ON l.laboratory_id = :laboratory_id AND l.key = k.key
     AND (NOT starts_with(l.key, 'same_mark:') OR l.linked_at >= :marks_from)
    JOIN evidence AS e ON e.sample_id = l.sample_id AND e.kind = 'screen' AND e.withdrawn_at IS NULL
    ORDER BY k.key, e.sample_id, e.id DESC
    LIMIT :most
    """
)


async def lock(session: Session, ids: Sequence[UUID], *, skip: bool) -> list[UUID]:
    """
    Lock these samples and their tasks until the commit, and return those that are locked.

    Args:
        session: the open transaction.
        ids: which.
        skip: leave out those that somebody else holds, instead of waiting.

    """
    tasks, samples = _LOCKS[skip]
    held = (await session.execute(tasks, {"ids": list(ids)})).scalars().all()
    found = await session.execute(samples, {"ids": list(ids), "tasks": list(held)})
    return list(found.scalars())


async def facts(session: Session, ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """
    Return everything the ranking may know of these samples, and how they stand.
    """
    return (await session.execute(_FACTS, {"ids": list(ids), "post_days": POST_DAYS})).all()


async def rekey(
    session: Session, *, fresh: Sequence[rows.Row], assessments: Sequence[rows.Row]
) -> dict[UUID, int]:
    """
    Store assessments and give the samples their new keys, in one statement; return their new versions.
    """
    values = {
        "fresh": rows.to_json(fresh),
        "assessments": rows.to_json(assessments),
        "now": session.now,
    }
    return {row.id: row.version for row in (await session.execute(_REKEY, values)).all()}


async def add(session: Session, given: Sequence[rows.Row]) -> None:
    """
    Store evidence.
    """
    await rows.insert(session, {evidence: given})


async def link(session: Session, links: Sequence[rows.Row]) -> None:
    """
    Store what samples share with others.
    """
    await rows.insert(session, {sample_link: links})


async def linked(session: Session, sample_id: UUID, *, mark_s: int) -> Sequence[Row[Any]]:
    """
    Return the samples linked to this one whose work goes on, and how they are linked.
    """
    return (await session.execute(_LINKED, {"sample_id": sample_id, "mark_s": mark_s})).all()


async def results_by_key(
    session: Session, *, laboratory_id: UUID, keys: Sequence[str], marks_from: datetime, most: int
) -> Sequence[Row[Any]]:
    """
    Return what was found in samples that share one of these keys.
    """
    values = {
        "laboratory_id": laboratory_id,
        "keys": list(keys),
        "marks_from": marks_from,
        "most": most,
    }
    return (await session.execute(_RESULTS_BY_KEY, values)).all()


async def withdraw_from(session: Session, sample_id: UUID) -> list[UUID]:
    """
    Withdraw everything that other samples were told because of this one's results; return those samples.
    """
    c = evidence.c
    done = await session.execute(
        update(evidence)
        .where(c.from_sample_id == sample_id, c.withdrawn_at.is_(None), c.kind == "link")
        .values(withdrawn_at=session.now)
        .returning(c.sample_id)
    )
    return sorted(set(done.scalars()))


async def withdraw_screens(session: Session, sample_id: UUID) -> None:
    """
    Withdraw a sample's own laboratory results.
    """
    c = evidence.c
    await session.execute(
        update(evidence)
        .where(c.sample_id == sample_id, c.kind == "screen", c.withdrawn_at.is_(None))
        .values(withdrawn_at=session.now)
    )


async def withdraw_about(
    session: Session, *, laboratory_id: UUID, names: Sequence[str]
) -> Sequence[Row[Any]]:
    """
    Withdraw what was news of these substances; return whose it was.
    """
    c = evidence.c
    done = await session.execute(
        update(evidence)
        .where(c.laboratory_id == laboratory_id, c.about.in_(names), c.withdrawn_at.is_(None))
        .values(withdrawn_at=session.now)
        .returning(c.sample_id, c.about, c.agency_id, c.submission_id)
    )
    return done.all()


async def met(session: Session, *, laboratory_id: UUID, names: Sequence[str]) -> dict[str, int]:
    """
    Return in how many samples this laboratory has met these substances.
    """
    c = detection.c
    found = await session.execute(
        select(c.name, func.count().label("times"))
        .where(c.laboratory_id == laboratory_id, c.name.in_(names))
        .group_by(c.name)
    )
    counted = {row.name: int(row.times) for row in found.all()}
    return {name: counted.get(name, 0) for name in names}


async def meet(session: Session, detections: Sequence[rows.Row]) -> list[str]:
    """
    Count these detections, each sample once; return the names that were new in their sample.
    """
    done = await rows.insert(
        session,
        {detection: detections},
        returning="name",
        on_conflict="(laboratory_id, name, sample_id)",
    )
    return sorted({row.name for row in done})


async def forget(session: Session, sample_id: UUID) -> list[str]:
    """
    Count a sample's detections no more; return their names.
    """
    done = await session.execute(
        delete(detection).where(detection.c.sample_id == sample_id).returning(detection.c.name)
    )
    return sorted(set(done.scalars()))


async def records(session: Session, laboratory_id: UUID) -> Sequence[Row[Any]]:
    """
    Return how often each agency's suspicions held.
    """
    c = agency_record.c
    return (
        await session.execute(
            select(c.agency_id, c.resolved, c.held).where(c.laboratory_id == laboratory_id)
        )
    ).all()


async def owe(session: Session, due: Sequence[rows.Row]) -> None:
    """
    Note samples that must be ranked anew as soon as nobody holds their rows.
    """
    await rows.insert(session, {rerank_due: due}, returning="sample_id", on_conflict="(sample_id)")


async def laboratories_due(session: Session) -> list[UUID]:
    """
    Return the laboratories with samples to be ranked anew (the worker's view).
    """
    found = await session.execute(select(rerank_due.c.laboratory_id).distinct())
    return list(found.scalars())


async def take_due(session: Session, *, laboratory_id: UUID, most: int) -> Sequence[Row[Any]]:
    """
    Take up to so many samples off the list.
    """
    statement = text(
        """
        DELETE FROM rerank_due WHERE sample_id IN (
            SELECT sample_id FROM rerank_due WHERE laboratory_id = :laboratory_id
            ORDER BY since, sample_id LIMIT :most FOR UPDATE SKIP LOCKED)
        RETURNING sample_id, cause
        """
    )
    return (await session.execute(statement, {"laboratory_id": laboratory_id, "most": most})).all()


async def assessments(session: Session, sample_id: UUID) -> Sequence[Row[Any]]:
    """
    Return every assessment of a sample, newest first.
    """
    c = assessment.c
    statement = (
        select(assessment)
        .where(c.sample_id == sample_id)
        .order_by(c.assessed_at.desc(), c.id.desc())
    )
    return (await session.execute(statement.limit(500))).all()


async def places_at(
    session: Session, *, laboratory_id: UUID, stage: str, keys: Sequence[int]
) -> list[int | None]:
    """
    Return which place each of these keys would have; None beyond 10,000.
    """
    statement = text(
        """
        SELECT (SELECT count(*) FROM (
                    SELECT 1 FROM queue_task AS q
                    WHERE q.laboratory_id = :laboratory_id AND q.stage = :stage
                      AND q.rank_key < k.key AND q.holder IS NULL
                    LIMIT 10000) AS before)
        FROM unnest(CAST(:keys AS bigint[])) WITH ORDINALITY AS k(key, at)
        ORDER BY k.at
        """
    )
    values = {"laboratory_id": laboratory_id, "stage": stage, "keys": list(keys)}
    found = (await session.execute(statement, values)).scalars()
    return [int(ahead) + 1 if ahead < 10_000 else None for ahead in found]  # noqa: PLR2004 - counting stops there
