"""
Review by somebody else, technical and then administrative, and the release of the final report.
"""

from typing import Any
from uuid import UUID

from app.access.rules import ClientKind
from app.access.service import Caller
from app.attachments import service as attachments
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import Conflict, FieldError, Forbidden, Invalid, Stale
from app.results import repo
from app.results.models import review as review_table
from app.results.rules import FindingKind, ReportKind, ReviewDecision
from app.results.rules.signing import (
    Meaning,
    ReviewKind,
    administrative_review,
    technical_review,
)
from app.results.schemas import ReportIn, ReportOut, ReviewIn, ReviewOut
from app.results.service import announced, report, signing, standing
from app.results.service.record import record_of
from app.samples import service as samples
from app.samples.rules import Act, Stage
from app.samples.service import Held


class OwnWork(Forbidden):
    """
    You made an analysis or a finding of this sample: somebody else must review it.
    """

    code = "own-work"
    title = "Not your own work"


_MEANING = {
    ReviewKind.TECHNICAL: Meaning.TECHNICAL_REVIEW,
    ReviewKind.ADMINISTRATIVE: Meaning.ADMINISTRATIVE_REVIEW,
}


async def record_review(
    session: Session,
    *,
    caller: Caller,
    sample_id: UUID | None,
    token: int,
    lease_s: int,
    body: ReviewIn,
    reviewers_apart: bool,
) -> ReviewOut:
    """
    Accept a sample's record, or return it to the bench with remarks; signed either way.

    Raises:
        NotFound: when the sample is not this laboratory's.
        Stale: when the claim no longer holds it, or the record has changed since the reviewer opened it.
        OwnWork: when the reviewer is an author.
        Conflict: when an administrative review comes before the technical one.
        Invalid: when the conclusion has warnings that the reviewer does not acknowledge.
        NotProved: when the signer's proof is not their own.

    """
    held = await _hold(session, caller, sample_id, token, lease_s)
    record = await record_of(session, held.sample_id)
    if record.sha256.hex() != body.record_sha256:
        raise Stale("The record is not the one you opened: read the file again, then review it.")
    if body.kind is ReviewKind.ADMINISTRATIVE:
        await _after_technical(
            session, caller, held.sample_id, record.sha256, apart=reviewers_apart
        )
    row: dict[str, Any] = {
        "id": ids.new(),
        "laboratory_id": caller.agency_id,
        "sample_id": held.sample_id,
        "claim_id": held.claim_id,
        "reviewer_id": caller.client_id,
        "kind": body.kind,
        "decision": body.decision,
        "remarks": body.remarks,
        "acknowledged": await _acknowledged(session, held.sample_id, body),
        "record_sha256": record.sha256,
        "reviewed_at": session.now,
    }
    await repo.add(session, review_table, row)
    returned = body.decision is ReviewDecision.RETURN
    await signing.sign(
        session,
        caller=caller,
        sample=await samples.look_up(session, held.sample_id),
        record=signing.Record("review", row["id"], record.sha256),
        meaning=Meaning.RETURN if returned else _MEANING[body.kind],
        proof=body.signature.proof,
    )
    if returned:
        await samples.return_to_bench(session, held=held, caller=caller, remarks=body.remarks or "")
    return ReviewOut.model_validate({**row, "record_sha256": record.sha256.hex()})


async def release_report(
    session: Session,
    *,
    caller: Caller,
    sample_id: UUID | None,
    token: int,
    lease_s: int,
    body: ReportIn,
) -> ReportOut:
    """
    Release the final report of a sample whose record this caller has just accepted.

    Raises:
        NotFound: when the sample is not this laboratory's.
        Stale: when the claim no longer holds it.
        OwnWork: when the caller is an author.
        Conflict: when the record as it is now lacks its technical review, or this claim's administrative one.
        NotProved: when the signer's proof is not their own.

    """
    held = await _hold(session, caller, sample_id, token, lease_s)
    record = await record_of(session, held.sample_id)
    stored = await repo.reviews(session, held.sample_id)
    accepted = reviews_of(stored, record.sha256)
    seen = [report.as_reviewed(row) for row in stored]
    if not administrative_review(seen, record.sha256, claim=held.claim_id):
        raise Conflict(
            "Review and accept the results first: the technical review, then under this claim the administrative one."
        )
    finding = await concluded(session, held.sample_id)
    cited = [
        row
        for row in await repo.analyses(session, held.sample_id)
        if row.id in finding.analysis_ids
    ]
    released = await repo.release(session, finding_id=finding.id, released_by=caller.client_id)
    if released is None:
        raise Conflict("This finding is already released.")
    # What the report rests on is the parties' to read from now on.
    await attachments.show(session, [one for row in cited for one in row.attachment_ids or ()])
    issued = await report.issue(
        session,
        caller=caller,
        sample=await samples.look_up(session, held.sample_id),
        content=report.Content(
            kind=ReportKind.FINAL,
            finding=released,
            analyses=cited,
            reviews=accepted,
            deviations=body.deviations,
            remarks=body.remarks,
        ),
        signing_with=report.Signing(Meaning.RELEASE, body.signature.proof),
    )
    await samples.finish(
        session,
        held=held,
        caller=caller,
        act=Act.REPORT,
        stage=None,
        details={"finding": str(finding.id), "report_sha256": issued.sha256},
        summary={"finding_id": ids.write("fnd", finding.id), "report_number": issued.number},
        content=announced.content([released], issued=issued),
    )
    await standing.against_suspicion(
        session,
        sample=await samples.look_up(session, held.sample_id),
        reported=released,
        actor_id=caller.client_id,
    )
    return issued


def reviews_of(stored: Any, record_sha256: bytes) -> list[Any]:
    """
    Return the last accepting review of each kind of this very record.
    """
    found = {
        row.kind: row
        for row in stored
        if row.decision == ReviewDecision.ACCEPT and row.record_sha256 == record_sha256
    }
    return [found[kind] for kind in ReviewKind if kind in found]


async def _acknowledged(session: Session, sample_id: UUID, body: ReviewIn) -> list[str]:
    if body.decision is not ReviewDecision.ACCEPT or body.kind is not ReviewKind.TECHNICAL:
        return []
    warnings = list((await concluded(session, sample_id)).warnings or ())
    if warnings and not body.acknowledges_warnings:
        remedy = "read the warnings and acknowledge them, or return the sample to the bench"
        raise Invalid(
            errors=[FieldError("acknowledges_warnings", text, remedy) for text in warnings]
        )
    return warnings


async def concluded(session: Session, sample_id: UUID) -> Any:
    """
    Return the latest conclusion of the confirming stage.

    Raises:
        Conflict: when there is none.

    """
    found = [
        row
        for row in await repo.findings(session, sample_id)
        if row.kind == FindingKind.IDENTIFIED and row.invalidated_at is None
    ]
    if not found:
        raise Conflict("This sample has no conclusion of the confirming stage.")
    return found[-1]


async def refuse_own_work(session: Session, caller: Caller, sample_id: UUID) -> None:
    """
    Refuse whoever made an analysis or a finding of this sample.

    Raises:
        OwnWork: when the caller is an author.

    """
    authors = {row.operator_id for row in await repo.analyses(session, sample_id)}
    authors |= {row.recorded_by for row in await repo.findings(session, sample_id)}
    if caller.client_id in authors:
        raise OwnWork


async def _after_technical(
    session: Session, caller: Caller, sample_id: UUID, record_sha256: bytes, *, apart: bool
) -> None:
    seen = [report.as_reviewed(row) for row in await repo.reviews(session, sample_id)]
    technical = technical_review(seen, record_sha256)
    if technical is None:
        raise Conflict(
            "The administrative review comes after the technical one, and this record has none that accepts it."
        )
    if apart and technical.reviewer == caller.client_id:
        raise Invalid(
            errors=[
                FieldError(
                    "kind",
                    "you made the technical review, and this laboratory wants two people",
                    "put the sample back, so that somebody else takes it",
                )
            ]
        )


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
    await refuse_own_work(session, caller, held.sample_id)
    return held
