"""
Letting a presumptive finding go out.
"""

from collections.abc import Sequence
from uuid import UUID

from app.access import service as access
from app.access.rules import ClientKind
from app.access.service import Caller
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from app.results import repo
from app.results.rules import FindingKind, ReportKind
from app.results.schemas import ReportOut
from app.results.service import announced, report, standing
from app.results.service.evidence import cited_by
from app.samples import service as samples
from app.samples.rules import Act


async def release_finding(
    session: Session, *, caller: Caller, finding_id: UUID | None, label_scanned: str
) -> ReportOut:
    """
    Let a presumptive finding go out as a preliminary report: seconds of work, but never nobody's.

    Raises:
        NotFound: when there is no such finding in this laboratory.
        Forbidden: when the caller is no person, or not authorized for its technique.
        Invalid: when the scanned label is another item's.
        Conflict: when it is already released, its controls failed, or the sample has moved on.

    """
    found = await repo.find_finding(session, finding_id) if finding_id else None
    if found is None:
        raise NotFound
    cited = await cited_by(
        session, found.sample_id, [ids.write("ana", a) for a in found.analysis_ids]
    )
    await _may_release(session, caller, [row.technique for row in cited])
    if ids.read("smp", label_scanned) != found.sample_id:
        message = "is the label of another item"
        raise Invalid(errors=[FieldError("label_scanned", message, "scan the item in your hand")])
    if found.kind != FindingKind.PRESUMPTIVE:
        raise Conflict("An identification leaves only in a reviewed, final report.")
    if found.invalidated_at is not None:
        raise Conflict("This finding was invalidated: conclude the screen anew.")
    if not all(row.controls_passed for row in cited):
        raise Conflict("The controls of a cited run failed: repeat the run before anything leaves.")
    if await standing.spoken_against(session, found):
        raise Conflict(
            "The confirmation says otherwise: this sample's result goes out in its report."
        )
    released = await repo.release(session, finding_id=found.id, released_by=caller.client_id)
    if released is None:
        raise Conflict("This finding is already released.")
    sample = await samples.look_up(session, found.sample_id)
    issued = await report.issue(
        session,
        caller=caller,
        sample=sample,
        content=report.Content(kind=ReportKind.PRELIMINARY, finding=released, analyses=cited),
    )
    await samples.apply(
        session,
        act=Act.RELEASE,
        sample_ids=[found.sample_id],
        actor_id=caller.client_id,
        details={"finding": str(found.id), "report_sha256": issued.sha256},
        summary={"finding_id": ids.write("fnd", found.id), "report_number": issued.number},
        content=announced.content([released], issued=issued),
    )
    return issued


async def _may_release(session: Session, caller: Caller, techniques: Sequence[str]) -> None:
    if caller.kind is not ClientKind.PERSON:
        raise Forbidden("A finding is released by a person, never by a program.")
    allowed = await access.authorized_techniques(session, client_id=caller.client_id)
    missing = sorted(set(techniques) - allowed)
    if missing:
        raise Forbidden(f"You are not authorized to release findings by {', '.join(missing)}.")
