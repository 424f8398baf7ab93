"""
Statements on sampling plans, contents and runs.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, update

from app.kit.db import Session
from app.results.models import analysis, finding
from app.results.models.bench import content, run, sampling_plan, unit_result


async def plans(session: Session, sample_id: UUID) -> Sequence[Row[Any]]:
    """
    Return a sample's sampling plans, first to last.
    """
    c = sampling_plan.c
    statement = select(sampling_plan).where(c.sample_id == sample_id).order_by(c.drawn_at, c.id)
    return (await session.execute(statement)).all()


async def plan(session: Session, plan_id: UUID) -> Row[Any] | None:
    """
    Return one sampling plan.
    """
    statement = select(sampling_plan).where(sampling_plan.c.id == plan_id)
    return (await session.execute(statement)).one_or_none()


async def unit_results(session: Session, plan_id: UUID) -> Sequence[Row[Any]]:
    """
    Return what the tested units of a plan showed.
    """
    statement = select(unit_result).where(unit_result.c.plan_id == plan_id)
    return (await session.execute(statement)).all()


async def contents(session: Session, sample_id: UUID) -> Sequence[Row[Any]]:
    """
    Return a sample's measured contents, first to last.
    """
    c = content.c
    statement = select(content).where(c.sample_id == sample_id).order_by(c.recorded_at, c.id)
    return (await session.execute(statement)).all()


async def find_run(session: Session, run_id: UUID) -> Row[Any] | None:
    """
    Return one run, locked until the commit.
    """
    return (
        await session.execute(select(run).where(run.c.id == run_id).with_for_update())
    ).one_or_none()


async def look_at_run(session: Session, run_id: UUID) -> Row[Any] | None:
    """
    Return one run.
    """
    return (await session.execute(select(run).where(run.c.id == run_id))).one_or_none()


async def change_run(session: Session, run_id: UUID, **values: Any) -> None:
    """
    Write what became of a run.
    """
    await session.execute(update(run).where(run.c.id == run_id).values(**values))


async def fail_analyses(session: Session, run_id: UUID) -> Sequence[UUID]:
    """
    Note on every analysis of a run that its controls failed, and return them.
    """
    statement = (
        update(analysis)
        .where(analysis.c.run_id == run_id)
        .values(controls_passed=False)
        .returning(analysis.c.id)
    )
    return (await session.execute(statement)).scalars().all()


async def invalidate(
    session: Session, analysis_ids: Sequence[UUID], *, because: str
) -> Sequence[Row[Any]]:
    """
    Invalidate the findings that rest on these analyses, and return them.
    """
    statement = (
        update(finding)
        .where(
            finding.c.analysis_ids.overlap(list(analysis_ids)), finding.c.invalidated_at.is_(None)
        )
        .values(invalidated_at=session.now, invalidated_because=because)
        .returning(finding)
    )
    return (await session.execute(statement)).all()
