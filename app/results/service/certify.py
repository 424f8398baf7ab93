"""
Certificates of analyst: by the designated analyst who made the analyses, from a final report, never from practice.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.exc import IntegrityError

from app.access import service as access
from app.access.rules import ClientKind
from app.access.service import Caller
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from app.results import repo
from app.results.paper.certificates import Template, templates
from app.results.paper.layout import instant
from app.results.repo import paper as paper_repo
from app.results.rules import ReportKind
from app.results.rules.signing import Meaning
from app.results.schemas import CertificateIn, ReportOut
from app.results.service import announced, report
from app.results.service.amend import refuse_replaced
from app.samples import service as samples
from app.samples.rules import Act


@dataclass(frozen=True, slots=True)
class CertificateRules:
    """
    What this installation allows: its own folder of templates, and whether counsel must have approved them.
    """

    folder: Path | None
    approved_only: bool


async def certify(
    session: Session,
    *,
    caller: Caller,
    number: str,
    body: CertificateIn,
    allowed: CertificateRules,
) -> ReportOut:
    """
    Issue a certificate of analyst that rests on a final report.

    Raises:
        NotFound: when this laboratory has no such report.
        Forbidden: when the caller is a program, or not designated under the statute.
        Invalid: when the template is unknown, not approved, not in force, or what it replaces is no certificate.
        Conflict: when the report cannot carry one, or the analyses are not the caller's own.
        NotProved: when the signer's proof is not their own.

    """
    if caller.kind is not ClientKind.PERSON:
        raise Forbidden("A certificate is signed by a person, never by a program.")
    base = await paper_repo.numbered(session, number=number, sample_id=None)
    if base is None:
        raise NotFound
    template = _template(session, body, allowed)
    designation = await access.designation_of(
        session, client_id=caller.client_id, statute=template.statute
    )
    if designation is None:
        raise Forbidden(f"You are not recorded as a designated analyst under {template.statute}.")
    if base.kind != ReportKind.FINAL:
        raise Conflict(f"This is a {base.kind} report; a certificate rests on a final one.")
    if base.practice or session.practice:
        raise Conflict("Practice data carry no certificate.")
    await refuse_replaced(session, base.id)
    finding, cited = await _own(session, caller, base)
    if not template.says(finding.outcome):
        raise Conflict(f"An analysis that is {finding.outcome} certifies nothing.")
    values = {
        "analyst": caller.name,
        "designation": designation.number,
        "laboratory": _place(base.body["laboratory"]),
        "start": instant(base.body["performed_from"]),
        "end": instant(base.body["performed_to"]),
        "agency": base.body["customer"]["name"],
        "file": base.body["supplied_by_agency"]["agency_file_number"],
        "exhibit": base.body["supplied_by_agency"]["exhibit_number"],
        "received": instant(base.body["received"]["at"]),
        "sample": base.body["sample_id"],
        "substances": ", ".join(finding.substances),
        "report": base.number,
        "issued": instant(base.body["released_at"]),
    }
    content = report.Content(
        kind=ReportKind.CERTIFICATE,
        finding=finding,
        analyses=cited,
        replacing=await _replacing(session, body, base),
        certifies_id=base.id,
        more={
            "certificate": template.filled(finding.outcome, values),
            "rests_on": {"number": base.number, "sha256": base.sha256.hex()},
        },
    )
    try:
        issued = await report.issue(
            session,
            caller=caller,
            sample=await samples.look_up(session, base.sample_id),
            content=content,
            signing_with=report.Signing(Meaning.CERTIFICATE, body.signature.proof),
        )
    except IntegrityError as problem:
        raise Conflict("This certificate has just been replaced by somebody else.") from problem
    await samples.apply(
        session,
        act=Act.CERTIFY if content.replacing is None else Act.AMEND,
        sample_ids=[base.sample_id],
        actor_id=caller.client_id,
        details={"report_sha256": issued.sha256, "certifies": base.number},
        summary={"report_number": issued.number},
        content=announced.content([finding], issued=issued),
    )
    return issued


def _template(session: Session, body: CertificateIn, allowed: CertificateRules) -> Template:
    known = templates(allowed.folder)
    found = known.get(body.template)
    if found is None:
        message = f"is none of {', '.join(sorted(known))}"
        raise Invalid(errors=[FieldError("template", message, "choose one of these")])
    if allowed.approved_only and not found.is_approved:
        remedy = "have counsel approve a copy, and put it into the folder of ASSAYLINE_CERTIFICATES"
        raise Invalid(errors=[FieldError("template", "is not approved by counsel", remedy)])
    if session.now.date() < found.effective_from:
        message = f"is in force from {found.effective_from.isoformat()}"
        raise Invalid(errors=[FieldError("template", message, "choose the one in force today")])
    return found


async def _own(session: Session, caller: Caller, base: Any) -> tuple[Any, list[Any]]:
    # What was reported is in the body; who may sign for it is in the rows it came from.
    findings = {
        ids.write("fnd", row.id): row for row in await repo.findings(session, base.sample_id)
    }
    finding = findings[base.body["result"]["finding_id"]]
    cited = [
        row
        for row in await repo.analyses(session, base.sample_id)
        if row.id in finding.analysis_ids
    ]
    authors = {finding.recorded_by, *(row.operator_id for row in cited)}
    if authors != {caller.client_id}:
        raise Conflict(
            "A certificate names the one analyst who made every analysis it states; these are not all yours."
        )
    return finding, cited


async def _replacing(session: Session, body: CertificateIn, base: Any) -> report.Replacing | None:
    if body.replaces is None:
        return None
    old = await paper_repo.numbered(session, number=body.replaces.number, sample_id=None)
    if old is None or old.kind != ReportKind.CERTIFICATE or old.sample_id != base.sample_id:
        message = "is no certificate of this sample"
        raise Invalid(errors=[FieldError("replaces.number", message, "name the one to replace")])
    await refuse_replaced(session, old.id)
    return report.Replacing(old.id, old.number, body.replaces.reason, body.replaces.changes)


def _place(laboratory: dict[str, Any]) -> str:
    address = (laboratory["address"] or "").replace("\n", ", ")
    return f"{laboratory['name']}, {address}" if address else str(laboratory["name"])
