"""
Writing a report: numbered, canonical, hashed, signed, never changed; and owed to the printer.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from app import nudge
from app.access import service as access
from app.access.service import Caller
from app.custody import service as custody
from app.kit import ids
from app.kit.clock import iso
from app.kit.db import Session
from app.results import repo
from app.results.models import report as report_table
from app.results.repo import paper as paper_repo
from app.results.rules import (
    FINAL_NOTICE,
    MEASURED_FROM,
    PRELIMINARY_NOTICE,
    FindingKind,
    FindingOutcome,
    ReportKind,
    reliability,
    statement_in_french,
)
from app.results.rules.signing import Meaning, Reviewed, ReviewKind
from app.results.schemas import ReportOut
from app.results.service import contents, sampling, signing
from app.samples import service as samples
from app.samples.schemas import SampleDetailOut

ONE_ITEM = {
    "en": ["One item; no statistical sampling plan was used. The result says nothing of others."],
    "fr": [
        "Un seul objet ; aucun plan d'échantillonnage statistique. Le résultat ne dit rien d'autres."
    ],
}


@dataclass(frozen=True, slots=True)
class Replacing:
    """
    The report that a new one replaces, why, and what has changed (ISO/IEC 17025 7.8.8).
    """

    report_id: UUID
    number: str
    reason: str
    changes: str

    def as_json(self) -> dict[str, str]:
        """
        Return it as the new report tells it.
        """
        return {
            "report_id": ids.write("rep", self.report_id),
            "number": self.number,
            "reason": self.reason,
            "changes": self.changes,
        }


@dataclass(frozen=True, slots=True)
class Content:
    """
    What a report states.
    """

    kind: ReportKind
    finding: Any
    analyses: Sequence[Any]
    reviews: Sequence[Any] = ()
    deviations: str | None = None
    remarks: str | None = None
    replacing: Replacing | None = None
    certifies_id: UUID | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Signing:
    """
    With what meaning, and by what proof of who they are, a person signs.
    """

    meaning: Meaning
    proof: SecretStr


async def issue(
    session: Session,
    *,
    caller: Caller,
    sample: SampleDetailOut,
    content: Content,
    signing_with: Signing | None = None,
) -> ReportOut:
    """
    Write and store one report, and owe it to the printer.

    What the agency said is marked as the agency's (ISO/IEC 17025 7.8.2.2); a suspected substance never appears.
    """
    report_id = ids.new()
    count = await repo.next_number(
        session, laboratory_id=sample.laboratory_id, year=session.now.year
    )
    body = await _body(session, caller, sample, content)
    body |= {
        "number": f"{session.now.year}-{count:06d}",
        "report_id": ids.write("rep", report_id),
        "verify": f"/v1/verify/{ids.write('rep', report_id)}",
        **content.more,
    }
    canonical = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    row: dict[str, Any] = {
        "id": report_id,
        "agency_id": sample.agency_id,
        "laboratory_id": sample.laboratory_id,
        "submission_id": sample.submission_id,
        "sample_id": sample.id,
        "number": body["number"],
        "kind": content.kind,
        "practice": session.practice,
        "body": body,
        "canonical": canonical,
        "sha256": hashlib.sha256(canonical.encode()).digest(),
        "authorized_by": caller.client_id,
        "released_at": session.now,
        "replaces_id": content.replacing.report_id if content.replacing else None,
        "certifies_id": content.certifies_id,
    }
    await repo.add(session, report_table, row)
    await paper_repo.owe(session, report_id=report_id, laboratory_id=sample.laboratory_id)
    session.ring(nudge.PRINT)
    if signing_with is not None:
        await signing.sign(
            session,
            caller=caller,
            sample=sample,
            record=signing.Record("report", report_id, row["sha256"]),
            meaning=signing_with.meaning,
            proof=signing_with.proof,
        )
    return report_out(row)


def report_out(row: Mapping[str, Any]) -> ReportOut:
    """
    Shape a stored report for callers.
    """
    return ReportOut.model_validate({**row, "sha256": row["sha256"].hex()})


async def _sampling(session: Session, sample_id: UUID) -> dict[str, list[str]]:
    # The statement itself is in English: it is the one the bench agreed to.
    plans = [one for one in await sampling.plans_of(session, sample_id) if one.tested]
    if not plans:
        return ONE_ITEM
    said = [one.statement for one in plans]
    return {"en": said, "fr": said}


async def _quantitation(session: Session, sample_id: UUID) -> dict[str, list[str]]:
    said = [one.statement for one in await contents.contents_of(session, sample_id)]
    return {"en": said, "fr": said}


async def _body(
    session: Session, caller: Caller, sample: SampleDetailOut, content: Content
) -> dict[str, Any]:
    finding, analyses = content.finding, content.analyses
    people = [caller.client_id, *(row.operator_id for row in analyses)]
    people += [row.reviewer_id for row in content.reviews]
    names = await access.names(session, people)
    heads = await access.letterheads(session, [sample.laboratory_id, sample.agency_id])
    final = content.kind is not ReportKind.PRELIMINARY
    agreement = [] if final else await _agreement(session, sample, analyses)
    kind, outcome = FindingKind(finding.kind), FindingOutcome(finding.outcome)
    return {
        "format": "assayline-report/1",
        "kind": content.kind,
        "practice": session.practice,
        "notice": FINAL_NOTICE if final else PRELIMINARY_NOTICE,
        "laboratory": {
            "id": ids.write("agn", sample.laboratory_id),
            **heads[sample.laboratory_id].as_json(),
        },
        "customer": {
            "id": ids.write("agn", sample.agency_id),
            **heads[sample.agency_id].as_json(),
        },
        "sample_id": ids.write("smp", sample.id),
        "supplied_by_agency": await _supplied(session, sample),
        "received": await _received(session, sample),
        "result": {
            "finding_id": ids.write("fnd", finding.id),
            "kind": kind,
            "outcome": outcome,
            "substances": list(finding.substances),
            "statement": finding.statement,
            "statement_fr": statement_in_french(outcome, list(finding.substances), kind),
            "rule_set": finding.rule_set,
        },
        "analyses": [_analysis(row, names) for row in analyses],
        "performed_from": iso(min(row.started_at for row in analyses)),
        "performed_to": iso(max(row.ended_at for row in analyses)),
        "sampling": await _sampling(session, sample.id),
        "quantitation": await _quantitation(session, sample.id),
        "deviations": content.deviations,
        "remarks": " ".join(
            [*(finding.remarks or ()), *([content.remarks] if content.remarks else [])]
        )
        or None,
        "external_results": [],
        "agreement": agreement,
        "reliability": [
            reliability(one["technique"], one["agreed"], one["total"]) for one in agreement
        ],
        "reviews": [
            {
                "kind": row.kind,
                "by": names.get(row.reviewer_id),
                "at": iso(row.reviewed_at),
                "remarks": row.remarks,
            }
            for row in content.reviews
        ],
        "authorized_by": names.get(caller.client_id),
        "released_at": iso(session.now),
        "replaces": content.replacing.as_json() if content.replacing else None,
    }


def _analysis(row: Any, names: Mapping[UUID, str]) -> dict[str, Any]:
    return {
        "technique": row.technique,
        "method": f"{row.method} v{row.method_version}" if row.method else None,
        "aliquot": row.aliquot,
        "instrument": row.instrument,
        "result": row.result,
        "substances": list(row.substances),
        "looked_for": list(row.looked_for or ()),
        "detection_limit": row.detection_limit,
        "controls_passed": row.controls_passed,
        "performed_from": iso(row.started_at),
        "performed_to": iso(row.ended_at),
        "operator": names.get(row.operator_id),
    }


async def _supplied(session: Session, sample: SampleDetailOut) -> dict[str, Any]:
    file = await samples.submission(session, sample.submission_id)
    sent = sample.exhibit.get("quantity_sent") or {}
    quantity = None
    if sent.get("value") is not None:
        more = f" ± {_number(sent['uncertainty'])}" if sent.get("uncertainty") is not None else ""
        parts = (f"{_number(sent['value'])}{more}", sent.get("unit"), sent.get("kind"))
        quantity = " ".join(part for part in parts if part)
    return {
        "agency_file_number": sample.agency_file_number,
        "exhibit_number": sample.exhibit_number,
        "description": sample.exhibit.get("description"),
        "quantity": quantity,
        "seized_at": iso(file.seized_at),
    }


def _number(value: float) -> str:
    return repr(value).removesuffix(".0")


async def _received(session: Session, sample: SampleDetailOut) -> dict[str, Any]:
    held = await custody.history(session, sample.id)
    first = next((one for one in held if one["holder_agency_id"] == sample.laboratory_id), {})
    return {
        "at": iso(sample.received_at) if sample.received_at else None,
        "condition": first.get("condition"),
        "seal_number": first.get("seal_number"),
    }


async def _agreement(
    session: Session, sample: SampleDetailOut, analyses: Sequence[Any]
) -> list[dict[str, Any]]:
    found = []
    for technique in sorted({row.technique for row in analyses}):
        agreed, total = await repo.agreement(
            session, laboratory_id=sample.laboratory_id, technique=technique
        )
        found.append(
            {"technique": technique, "agreed": agreed, "total": total, "needed": MEASURED_FROM}
        )
    return found


def as_reviewed(row: Any) -> Reviewed:
    """
    Return a stored review as the order of reviews sees it.
    """
    return Reviewed(
        kind=ReviewKind(row.kind),
        accepted=row.decision == "accept",
        record_sha256=row.record_sha256,
        reviewer=row.reviewer_id,
        claim=row.claim_id,
    )
