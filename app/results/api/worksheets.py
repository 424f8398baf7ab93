"""
Sampling plans, contents and runs, over HTTP.
"""

from fastapi import APIRouter, status

from app.access.deps import BenchCaller, QueueCaller, ReadSession, WriteSession
from app.kit import ids
from app.kit.http import ClaimToken, Here, problems
from app.results.schemas.worksheets import (
    ContentIn,
    ContentOut,
    FailureIn,
    ImportIn,
    ImportOut,
    RunIn,
    RunOut,
    SamplingPlanIn,
    SamplingPlanOut,
    UnitResultIn,
)
from app.results.service import contents as content_service
from app.results.service import runs as run_service
from app.results.service import sampling as sampling_service

router = APIRouter()

_CREATED = status.HTTP_201_CREATED
_WRITE = problems(403, 404, 409)


@router.post(
    "/lab/samples/{sample_id}/sampling-plans",
    status_code=_CREATED,
    responses=_WRITE,
    tags=["technician"],
)
async def draw_sampling_plan(
    sample_id: str, body: SamplingPlanIn, who: BenchCaller, session: WriteSession
) -> SamplingPlanOut:
    """
    Plan how many of many similar units to test, and draw them at random.
    """
    return await sampling_service.draw(
        session, caller=who, sample_id=ids.read("smp", sample_id), body=body
    )


@router.get(
    "/lab/samples/{sample_id}/sampling-plans", responses=problems(403, 404), tags=["technician"]
)
async def sampling_plans(
    sample_id: str, who: QueueCaller, session: ReadSession
) -> list[SamplingPlanOut]:
    """
    Read a sample's plans, where they stand, and what may be said.
    """
    del who
    return await sampling_service.plans_of(session, ids.read("smp", sample_id))


@router.post("/lab/sampling-plans/{plan_id}/results", responses=_WRITE, tags=["technician"])
async def record_unit(
    plan_id: str, body: UnitResultIn, who: BenchCaller, session: WriteSession
) -> SamplingPlanOut:
    """
    Record what the next unit drawn showed. The answer says whether testing may stop.
    """
    return await sampling_service.record_unit(
        session, caller=who, plan_id=ids.read("pln", plan_id), body=body
    )


@router.post(
    "/lab/samples/{sample_id}/contents",
    status_code=_CREATED,
    responses=problems(403, 404, 409, 412, 428),
    tags=["technician"],
)
async def record_content(
    here: Here,
    sample_id: str,
    body: ContentIn,
    token: ClaimToken,
    who: BenchCaller,
    session: WriteSession,
) -> ContentOut:
    """
    Record a measured content with its expanded uncertainty and k, under your claim.
    """
    return await content_service.record_content(
        session,
        caller=who,
        sample_id=ids.read("smp", sample_id),
        token=token,
        lease_s=here.settings.claim_lease_s,
        body=body,
    )


@router.get("/lab/samples/{sample_id}/contents", responses=problems(403, 404), tags=["technician"])
async def contents(sample_id: str, who: QueueCaller, session: ReadSession) -> list[ContentOut]:
    """
    Read a sample's measured contents.
    """
    del who
    return await content_service.contents_of(session, ids.read("smp", sample_id))


@router.post(
    "/lab/runs",
    status_code=_CREATED,
    responses=problems(403, 404, 409, 412),
    tags=["technician"],
)
async def open_run(here: Here, body: RunIn, who: BenchCaller, session: WriteSession) -> RunOut:
    """
    Open a worksheet: one run of many samples you hold, with its blanks and controls.
    """
    return await run_service.open_run(
        session, caller=who, lease_s=here.settings.claim_lease_s, body=body
    )


@router.get("/lab/runs/{run_id}", responses=problems(403, 404), tags=["technician"])
async def run(run_id: str, who: QueueCaller, session: ReadSession) -> RunOut:
    """
    Read a worksheet.
    """
    del who
    return await run_service.run_of(session, ids.read("run", run_id))


@router.post(
    "/lab/runs/{run_id}/import", responses=problems(403, 404, 409, 412), tags=["technician"]
)
async def import_run(
    here: Here, run_id: str, body: ImportIn, who: BenchCaller, session: WriteSession
) -> ImportOut:
    """
    Import an instrument's results sheet: a preview line by line, then all of it or nothing.
    """
    return await run_service.import_sheet(
        session,
        caller=who,
        run_id=ids.read("run", run_id),
        lease_s=here.settings.claim_lease_s,
        body=body,
    )


@router.post("/lab/runs/{run_id}/failure", responses=_WRITE, tags=["technician"])
async def fail_run(run_id: str, body: FailureIn, who: BenchCaller, session: WriteSession) -> RunOut:
    """
    Note that a run's controls failed after all: findings that rest on it are invalidated, released ones taken back.
    """
    return await run_service.fail(
        session, caller=who, run_id=ids.read("run", run_id), reason=body.reason
    )
