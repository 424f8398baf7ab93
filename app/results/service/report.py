"""
Writing a report: numbered, canonical, hashed, never changed.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from app.access import service as access
from app.access.service import Caller
from app.kit import ids
from app.kit.clock import iso
from app.kit.db import Session
from app.results import repo
from app.results.models import report as report_table
from app.results.rules import (
    FINAL_NOTICE,
    PRELIMINARY_NOTICE,
    ReportKind,
    reliability,
)
from app.results.schemas import ReportOut
from app.samples.schemas import SampleDetailOut


async def issue(
    session: Session,
    *,
    caller: Caller,
    sample: SampleDetailOut,
    kind: ReportKind,
    finding: Any,
    analyses: Sequence[Any],
    review: Any,
) -> ReportOut:
    """
    Write and store one report.

    What the agency said is marked as the agency's (ISO/IEC 17025 7.8.2.2); a suspected substance never appears.
    """
    number = await repo.next_number(
        session, laboratory_id=sample.laboratory_id, year=session.now.year
    )
    people = [caller.client_id, *(row.operator_id for row in analyses)]
    names = await access.names(session, [*people, *([review.reviewer_id] if review else [])])
    techniques = sorted({row.technique for row in analyses})
    body: dict[str, Any] = {
        "format": "assayline-report/1",
        "number": f"{session.now.year}-{number:06d}",
        "kind": kind,
        "notice": FINAL_NOTICE if kind is ReportKind.FINAL else PRELIMINARY_NOTICE,
        "laboratory_id": ids.write("agn", sample.laboratory_id),
        "agency_id": ids.write("agn", sample.agency_id),
        "sample_id": ids.write("smp", sample.id),
        "supplied_by_agency": {
            "agency_file_number": sample.agency_file_number,
            "exhibit_number": sample.exhibit_number,
            "description": sample.exhibit.get("description"),
        },
        "received_at": iso(sample.received_at) if sample.received_at else None,
        "result": {
            "outcome": finding.outcome,
            "substances": list(finding.substances),
            "statement": finding.statement,
            "rule_set": finding.rule_set,
        },
        "analyses": [
            {
                "technique": row.technique,
                "aliquot": row.aliquot,
                "result": row.result,
                "performed_from": iso(row.started_at),
                "performed_to": iso(row.ended_at),
                "operator": names.get(row.operator_id),
            }
            for row in analyses
        ],
        "authorized_by": names.get(caller.client_id),
        "released_at": iso(session.now),
        "replaces": None,
    }
    if kind is ReportKind.PRELIMINARY:
        body["reliability"] = [await _reliability(session, sample, name) for name in techniques]
    if review is not None:
        body["review"] = {
            "by": names.get(review.reviewer_id),
            "at": iso(review.reviewed_at),
            "remarks": review.remarks,
        }
    return await _store(session, caller, sample, kind, body)


async def _reliability(session: Session, sample: SampleDetailOut, technique: str) -> str:
    agreed, total = await repo.agreement(
        session, laboratory_id=sample.laboratory_id, technique=technique
    )
    return reliability(technique, agreed, total)


async def _store(
    session: Session,
    caller: Caller,
    sample: SampleDetailOut,
    kind: ReportKind,
    body: dict[str, Any],
) -> ReportOut:
    canonical = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    sha256 = hashlib.sha256(canonical.encode()).digest()
    row: dict[str, Any] = {
        "id": ids.new(),
        "agency_id": sample.agency_id,
        "laboratory_id": sample.laboratory_id,
        "submission_id": sample.submission_id,
        "sample_id": sample.id,
        "number": body["number"],
        "kind": kind,
        "body": body,
        "canonical": canonical,
        "sha256": sha256,
        "authorized_by": caller.client_id,
        "released_at": session.now,
        "replaces_id": None,
    }
    await repo.add(session, report_table, row)
    return ReportOut.model_validate({**row, "sha256": sha256.hex()})
