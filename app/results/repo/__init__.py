"""
Statements on analyses, findings, reviews and reports.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Table, select, text, update
from sqlalchemy.dialects.postgresql import insert

from app.kit import rows
from app.kit.db import Session
from app.results.models import analysis, finding, report, report_counter, review


async def add(session: Session, table: Table, row: rows.Row) -> None:
    """
    Insert one row.
    """
    await rows.insert(session, {table: [row]})


async def analyses(session: Session, sample_id: UUID) -> Sequence[Row[Any]]:
    """
    Return a sample's analyses, first to last.
    """
    statement = (
        select(analysis).where(analysis.c.sample_id == sample_id).order_by(analysis.c.recorded_at)
    )
    return (await session.execute(statement)).all()


async def findings(session: Session, sample_id: UUID) -> Sequence[Row[Any]]:
    """
    Return a sample's findings that this caller may see, first to last.
    """
    statement = (
        select(finding).where(finding.c.sample_id == sample_id).order_by(finding.c.recorded_at)
    )
    return (await session.execute(statement)).all()


async def find_finding(session: Session, finding_id: UUID) -> Row[Any] | None:
    """
    Return one finding.
    """
    return (await session.execute(select(finding).where(finding.c.id == finding_id))).one_or_none()


async def release(session: Session, *, finding_id: UUID, released_by: UUID) -> Row[Any] | None:
    """
    Release a finding that is not released yet; None when somebody was faster.
    """
    statement = (
        update(finding)
        .where(finding.c.id == finding_id, finding.c.released_at.is_(None))
        .values(released_at=session.now, released_by=released_by)
        .returning(finding)
    )
    return (await session.execute(statement)).one_or_none()


async def contradict(
    session: Session, *, finding_ids: Sequence[UUID], because: str
) -> Sequence[UUID]:
    """
    Mark released findings as contradicted; return those that were not marked or withdrawn before.
    """
    c = finding.c
    statement = (
        update(finding)
        .where(
            c.id.in_(finding_ids),
            c.released_at.is_not(None),
            c.contradicted_at.is_(None),
            c.withdrawn_at.is_(None),
        )
        .values(contradicted_at=session.now, contradicted_because=because)
        .returning(c.id)
    )
    return sorted((await session.execute(statement)).scalars())


async def withdraw(
    session: Session, *, finding_id: UUID, because: str, by_name: str
) -> Row[Any] | None:
    """
    Take a released finding back; None when it was never released, or somebody was faster.
    """
    c = finding.c
    statement = (
        update(finding)
        .where(c.id == finding_id, c.released_at.is_not(None), c.withdrawn_at.is_(None))
        .values(withdrawn_at=session.now, withdrawn_because=because, withdrawn_by_name=by_name)
        .returning(finding)
    )
    return (await session.execute(statement)).one_or_none()


async def reviews(session: Session, sample_id: UUID) -> Sequence[Row[Any]]:
    """
    Return a sample's reviews, first to last.
    """
    statement = select(review).where(review.c.sample_id == sample_id).order_by(review.c.reviewed_at)
    return (await session.execute(statement)).all()


async def reports(session: Session, sample_id: UUID) -> Sequence[Row[Any]]:
    """
    Return a sample's reports, first to last.
    """
    statement = select(report).where(report.c.sample_id == sample_id).order_by(report.c.released_at)
    return (await session.execute(statement)).all()


async def next_number(session: Session, *, laboratory_id: UUID, year: int) -> int:
    """
    Count one report more in this laboratory and year.
    """
    new = insert(report_counter).values(laboratory_id=laboratory_id, year=year, last=1)
    statement = new.on_conflict_do_update(
        index_elements=["laboratory_id", "year"], set_={"last": report_counter.c.last + 1}
    ).returning(report_counter.c.last)
    return int((await session.execute(statement)).scalar_one())


_AGREEMENT = text(
    """
    SELECT count(*) AS total,
           count(*) FILTER (WHERE p.outcome = c.outcome
                             AND (SELECT coalesce(array_agg(lower(s)), '{}') FROM unnest(p.substances) AS s)
                              <@ (SELECT coalesce(array_agg(lower(s)), '{}') FROM unnest(c.substances) AS s)
                           ) AS agreed
    FROM (SELECT sample_id FROM report
          WHERE laboratory_id = :laboratory_id AND kind = 'final'
          ORDER BY released_at DESC LIMIT 2000) AS r
    JOIN finding AS p ON p.sample_id = r.sample_id AND p.kind = 'presumptive' AND p.released_at IS NOT NULL
    JOIN finding AS c ON c.sample_id = r.sample_id AND c.kind = 'identified'
    WHERE c.outcome <> 'inconclusive'
      AND EXISTS (SELECT 1 FROM analysis AS a
                  WHERE a.id = ANY (p.analysis_ids) AND a.technique = :technique)
    """
)


async def agreement(session: Session, *, laboratory_id: UUID, technique: str) -> tuple[int, int]:
    """
    Return how often released presumptive findings by this technique agreed with confirmation, and of how many.

    Of the last 2,000 final reports; inconclusive confirmations say nothing and are left out. It agreed where everything
    that it named was confirmed: one wrong name of two is no agreement.
    """
    row = (
        await session.execute(_AGREEMENT, {"laboratory_id": laboratory_id, "technique": technique})
    ).one()
    return row.agreed, row.total
