"""
What is going on at the bench, for those who look at it as a whole.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text

from app.kit.db import Session
from app.samples.models import claim, queue_task

_CLAIM = (
    select(
        claim.c.id,
        claim.c.token,
        claim.c.stage,
        claim.c.sample_id,
        claim.c.holder,
        claim.c.taken_at,
        queue_task.c.lease_until,
    )
    .join(queue_task, queue_task.c.claim_id == claim.c.id)
    .where(queue_task.c.sample_id == claim.c.sample_id)
)


async def claim_of(session: Session, sample_id: UUID) -> Row[Any] | None:
    """
    Return the open claim on a sample, or None.
    """
    statement = _CLAIM.where(claim.c.sample_id == sample_id, claim.c.ended_at.is_(None))
    return (await session.execute(statement)).one_or_none()


_OPEN = text(
    """
    SELECT q.stage, a.band, s.small_parcel,
           width_bucket(extract(epoch FROM CAST(:now AS timestamptz) - q.aged_from) / 86400.0, :edges) AS age,
           count(*) AS open, count(q.holder) AS held, min(q.aged_from) AS oldest
    FROM queue_task AS q
    JOIN sample AS s ON s.id = q.sample_id
    JOIN assessment AS a ON a.id = s.assessment_id
    WHERE q.laboratory_id = :laboratory_id
    GROUP BY 1, 2, 3, 4
    """
)

# Ids rise with time, and their index is the one there is; the instants themselves decide.
_ARRIVED = text(
    """
    SELECT CAST(submitted_at AT TIME ZONE 'UTC' AS date) AS day, small_parcel, count(*) AS samples
    FROM sample
    WHERE laboratory_id = :laboratory_id AND id >= :first_id AND submitted_at > :since
    GROUP BY 1, 2
    """
)

_DONE = text(
    """
    SELECT CAST(ended_at AT TIME ZONE 'UTC' AS date) AS day, stage, count(*) AS samples
    FROM claim
    WHERE laboratory_id = :laboratory_id AND outcome = 'done' AND ended_at > :since
      AND stage IN ('screen', 'confirm', 'review')
    GROUP BY 1, 2
    """
)

_WAITS = text(
    """
    SELECT w.stage, width_bucket(w.aged + w.place / w.pace, :edges) AS wait, count(*) AS samples
    FROM (
        SELECT q.stage, p.pace,
               extract(epoch FROM CAST(:now AS timestamptz) - q.aged_from) / 86400.0 AS aged,
               row_number() OVER (PARTITION BY q.stage ORDER BY q.rank_key, q.sample_id) AS place
        FROM queue_task AS q
        JOIN unnest(CAST(:stages AS text[]), CAST(:paces AS double precision[])) AS p (stage, pace)
          ON p.stage = q.stage
        WHERE q.laboratory_id = :laboratory_id AND q.holder IS NULL) AS w
    GROUP BY 1, 2
    """
)

_FIRST = text(
    """
    SELECT DISTINCT ON (sample_id) sample_id, p_lethal_opioid FROM assessment
    WHERE sample_id = ANY (:sample_ids) ORDER BY sample_id, assessed_at
    """
)


async def open_samples(session: Session, edges: Sequence[float]) -> Sequence[Row[Any]]:
    """
    Count what is open by stage, band, stream and age.
    """
    values = {"now": session.now, "laboratory_id": session.tenant, "edges": list(edges)}
    return (await session.execute(_OPEN, values)).all()


async def arrived(session: Session, *, since: datetime, first_id: UUID) -> Sequence[Row[Any]]:
    """
    Count what was submitted, by day and stream.
    """
    values = {"laboratory_id": session.tenant, "since": since, "first_id": first_id}
    return (await session.execute(_ARRIVED, values)).all()


async def done(session: Session, *, since: datetime) -> Sequence[Row[Any]]:
    """
    Count what was finished, by day and stage.
    """
    values = {"laboratory_id": session.tenant, "since": since}
    return (await session.execute(_DONE, values)).all()


async def waits(
    session: Session, *, paces: Mapping[str, float], edges: Sequence[float]
) -> Sequence[Row[Any]]:
    """
    Count what waits by how many days it will have waited when its turn comes, at these paces in samples per day.
    """
    values = {
        "now": session.now,
        "laboratory_id": session.tenant,
        "stages": list(paces),
        "paces": list(paces.values()),
        "edges": list(edges),
    }
    return (await session.execute(_WAITS, values)).all()


async def first_risks(session: Session, sample_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """
    Return what each of these samples was first thought likely to hold.
    """
    return (await session.execute(_FIRST, {"sample_ids": list(sample_ids)})).all()
