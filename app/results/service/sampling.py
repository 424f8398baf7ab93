"""
Sampling plans: drawn once, by chance that nobody chose, and what may be said as results come in.
"""

from collections.abc import Sequence
from fractions import Fraction
from secrets import SystemRandom
from typing import Any
from uuid import UUID

from app.access.service import Caller
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import Conflict, FieldError, Invalid, NotFound
from app.kit.rows import mapping
from app.results import repo as results_repo
from app.results.models.bench import sampling_plan, unit_result
from app.results.repo import bench as repo
from app.results.rules import sampling as rules
from app.results.rules.sampling import Plan
from app.results.schemas.worksheets import SamplingPlanIn, SamplingPlanOut, UnitResultIn
from app.results.service.evidence import cited_by
from app.samples import service as samples


async def draw(
    session: Session, *, caller: Caller, sample_id: UUID | None, body: SamplingPlanIn
) -> SamplingPlanOut:
    """
    Make a plan and draw its units from the operating system's generator (R8).

    Raises:
        NotFound: when the sample is not this laboratory's.
        Invalid: when no number of tests supports what is wanted.

    """
    sample = await samples.look_up(session, sample_id)
    share, confidence = Fraction(body.share), Fraction(body.confidence)
    try:
        if body.plan is Plan.HYPERGEOMETRIC:
            looks = rules.stages(body.units, share, confidence, body.negatives)
        else:
            looks = (min(rules.size(body.plan, body.units, share, confidence), body.units),)
    except ValueError as problem:
        message = "leaves no number of tests that would support it"
        remedy = "allow fewer negatives, or a smaller share"
        raise Invalid(errors=[FieldError("negatives", message, remedy)]) from problem
    row: dict[str, Any] = {
        "id": ids.new(),
        "laboratory_id": sample.laboratory_id,
        "sample_id": sample.id,
        "plan": body.plan,
        "units": body.units,
        "kind": body.kind,
        "share": str(body.share),
        "confidence": str(body.confidence),
        "looks": list(looks),
        "selected": SystemRandom().sample(range(1, body.units + 1), looks[-1]),
        "drawn_by": caller.client_id,
        "drawn_at": session.now,
    }
    await results_repo.add(session, sampling_plan, row)
    return _out(row, ())


async def record_unit(
    session: Session, *, caller: Caller, plan_id: UUID | None, body: UnitResultIn
) -> SamplingPlanOut:
    """
    Record what the next selected unit showed.

    Raises:
        NotFound: when there is no such plan here.
        Conflict: when it is not the next unit drawn: skipping one would be choosing.

    """
    row = await repo.plan(session, plan_id) if plan_id else None
    if row is None:
        raise NotFound
    known = await repo.unit_results(session, row.id)
    if len(known) >= len(row.selected):
        raise Conflict("Every unit drawn is tested.")
    following = row.selected[len(known)]
    if body.unit != following:
        raise Conflict(f"The next unit drawn is {following}: test them in their order.")
    analysis_id = None
    if body.analysis_id is not None:
        analysis_id = (await cited_by(session, row.sample_id, [body.analysis_id]))[0].id
    result = {
        "plan_id": row.id,
        "unit": body.unit,
        "laboratory_id": row.laboratory_id,
        "positive": body.positive,
        "analysis_id": analysis_id,
        "recorded_by": caller.client_id,
        "recorded_at": session.now,
    }
    await results_repo.add(session, unit_result, result)
    return _out(mapping(row), await repo.unit_results(session, row.id))


async def plans_of(session: Session, sample_id: UUID | None) -> list[SamplingPlanOut]:
    """
    Return a sample's plans and where they stand.

    Raises:
        NotFound: when the sample is not there for this caller.

    """
    sample = await samples.look_up(session, sample_id)
    return [
        _out(mapping(row), await repo.unit_results(session, row.id))
        for row in await repo.plans(session, sample.id)
    ]


def _out(row: Any, results: Sequence[Any]) -> SamplingPlanOut:
    positives = sum(one.positive for one in results)
    standing = rules.progress(tuple(row["looks"]), positives, len(results) - positives)
    said = "Nothing is tested yet."
    if results:
        said = rules.statement(
            Plan(row["plan"]),
            row["units"],
            len(results),
            positives,
            Fraction(str(row["confidence"])),
            "what was looked for",
            row["kind"],
        )
    return SamplingPlanOut.model_validate(
        {
            **row,
            "tested": len(results),
            "positives": positives,
            "step": standing.step,
            "more": standing.more,
            "statement": said,
        }
    )
