"""
Review by somebody else, and the release of the final report.
"""

from typing import Any
from uuid import UUID

from app.access.rules import ClientKind
from app.access.service import Caller
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import Conflict, Forbidden
from app.results import repo
from app.results.models import review as review_table
from app.results.rules import FindingKind, ReportKind, ReviewDecision
from app.results.schemas import ReportOut, ReviewIn, ReviewOut
from app.results.service import report
from app.samples import service as samples
from app.samples.rules import Act, Stage
from app.samples.service import Held


class OwnWork(Forbidden):
    """
    You made an analysis or a finding of this sample: somebody else must review it.
    """

    code = "own-work"
    title = "Not your own work"


async def record_review(
    session: Session,
    *,
    caller: Caller,
    sample_id: UUID | None,
    token: int,
    lease_s: int,
    body: ReviewIn,
) -> ReviewOut:
    """
    Accept a sample's results, or return them to the bench with remarks.

    Raises:
        NotFound: when the sample is not this laboratory's.
        Stale: when the claim no longer holds it.
        OwnWork: when the reviewer is an author.

    """
    held = await _hold(session, caller, sample_id, token, lease_s)
    row: dict[str, Any] = {
        "id": ids.new(),
        "laboratory_id": caller.agency_id,
        "sample_id": held.sample_id,
        "claim_id": held.claim_id,
        "reviewer_id": caller.client_id,
        "decision": body.decision,
        "remarks": body.remarks,
        "reviewed_at": session.now,
    }
    await repo.add(session, review_table, row)
    if body.decision is ReviewDecision.RETURN:
        await samples.return_to_bench(session, held=held, caller=caller, remarks=body.remarks or "")
    return ReviewOut.model_validate(row)


async def release_report(
    session: Session, *, caller: Caller, sample_id: UUID | None, token: int, lease_s: int
) -> ReportOut:
    """
    Release the final report of a sample that this caller has just reviewed and accepted.

    Raises:
        NotFound: when the sample is not this laboratory's.
        Stale: when the claim no longer holds it.
        OwnWork: when the reviewer is an author.
        Conflict: when this claim has no accepting review.

    """
    held = await _hold(session, caller, sample_id, token, lease_s)
    accepted = [
        row
        for row in await repo.reviews(session, held.sample_id)
        if row.claim_id == held.claim_id and row.decision == ReviewDecision.ACCEPT
    ]
    if not accepted:
        raise Conflict("Review and accept the results first.")
    concluded = [
        row
        for row in await repo.findings(session, held.sample_id)
        if row.kind == FindingKind.IDENTIFIED
    ]
    finding = concluded[-1]
    cited = [
        row
        for row in await repo.analyses(session, held.sample_id)
        if row.id in finding.analysis_ids
    ]
    released = await repo.release(session, finding_id=finding.id, released_by=caller.client_id)
    if released is None:
        raise Conflict("This finding is already released.")
    sample = await samples.look_up(session, held.sample_id)
    issued = await report.issue(
        session,
        caller=caller,
        sample=sample,
        kind=ReportKind.FINAL,
        finding=released,
        analyses=cited,
        review=accepted[-1],
    )
    await samples.finish(
        session,
        held=held,
        caller=caller,
        act=Act.REPORT,
        stage=None,
        details={"finding": str(finding.id), "report_sha256": issued.sha256},
        summary={"finding_id": ids.write("fnd", finding.id), "report_number": issued.number},
    )
    return issued


async def _hold(
    session: Session, caller: Caller, sample_id: UUID | None, token: int, lease_s: int
) -> Held:
    if caller.kind is not ClientKind.PERSON:
        raise Forbidden("A review is signed by a person, never by a program.")
    held = await samples.hold(
        session, caller=caller, sample_id=sample_id, token=token, lease_s=lease_s
    )
    if held.stage is not Stage.REVIEW:
        raise Conflict(f"This claim is for the stage {held.stage}; take the sample for review.")
    authors = {row.operator_id for row in await repo.analyses(session, held.sample_id)}
    authors |= {row.recorded_by for row in await repo.findings(session, held.sample_id)}
    if caller.client_id in authors:
        raise OwnWork
    return held
