"""
Amendments: a new report that names the one it replaces, pushed to everyone who received it (ISO/IEC 17025 7.8.8).
"""

from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.access.rules import ClientKind
from app.access.service import Caller
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import Conflict, Forbidden, NotFound
from app.results import repo
from app.results.repo import paper as paper_repo
from app.results.rules import ReportKind
from app.results.rules.signing import Meaning
from app.results.schemas import AmendmentIn, ReportOut
from app.results.service import announced, report
from app.results.service.record import record_of
from app.results.service.review import concluded, refuse_own_work, reviews_of
from app.samples import service as samples
from app.samples.rules import Act


async def amend(session: Session, *, caller: Caller, number: str, body: AmendmentIn) -> ReportOut:
    """
    Issue a final report anew, from what is on record now, with the change named and its reason.

    The conclusion is the sample's latest, and its record must have been reviewed as it is now.

    Raises:
        NotFound: when this laboratory has no such report.
        Forbidden: when the caller is a program.
        OwnWork: when the caller made an analysis or a finding of the sample.
        Conflict: when it is no final report, was replaced before, or its record has changed since its review.
        NotProved: when the signer's proof is not their own.

    """
    if caller.kind is not ClientKind.PERSON:
        raise Forbidden("An amendment is signed by a person, never by a program.")
    old = await paper_repo.numbered(session, number=number, sample_id=None)
    if old is None:
        raise NotFound
    await refuse_own_work(session, caller, old.sample_id)
    if old.kind != ReportKind.FINAL:
        raise Conflict(f"This is a {old.kind} report; only a final one is amended.")
    await refuse_replaced(session, old.id)
    finding = await concluded(session, old.sample_id)
    record = await record_of(session, old.sample_id)
    accepted = reviews_of(await repo.reviews(session, old.sample_id), record.sha256)
    if not accepted:
        raise Conflict("The record has changed since it was reviewed: have it reviewed anew first.")
    cited = [
        row for row in await repo.analyses(session, old.sample_id) if row.id in finding.analysis_ids
    ]
    replacing = report.Replacing(old.id, old.number, body.reason, body.changes)
    try:
        issued = await report.issue(
            session,
            caller=caller,
            sample=await samples.look_up(session, old.sample_id),
            content=report.Content(
                kind=ReportKind.FINAL,
                finding=finding,
                analyses=cited,
                reviews=accepted,
                deviations=body.deviations,
                remarks=body.remarks,
                replacing=replacing,
            ),
            signing_with=report.Signing(Meaning.AMENDMENT, body.signature.proof),
        )
    except IntegrityError as problem:
        raise Conflict("This report has just been replaced by somebody else.") from problem
    await samples.apply(
        session,
        act=Act.AMEND,
        sample_ids=[old.sample_id],
        actor_id=caller.client_id,
        details={"report_sha256": issued.sha256, "replaces": old.number, "reason": body.reason},
        summary={"report_number": issued.number, "replaces": old.number},
        content=announced.content([finding], issued=issued),
    )
    return issued


async def refuse_replaced(session: Session, report_id: UUID) -> None:
    """
    Refuse a report that another one has replaced.

    Raises:
        Conflict: naming the report that replaced it.

    """
    later = await paper_repo.successor(session, report_id)
    if later is not None:
        found = await paper_repo.find_report(session, later)
        raise Conflict(
            "This report was replaced before; take the one that replaced it.",
            extra={
                "replaced_by": ids.write("rep", later),
                "replaced_by_number": found.number if found else None,
            },
        )
