"""
At the bench: record what a technique showed, conclude, and let a presumptive finding go out.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.access.service import Caller
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import AppError, Conflict, FieldError, Invalid
from app.ledger import service as ledger
from app.results import repo
from app.results.models import analysis as analysis_table
from app.results.models import finding as finding_table
from app.results.rules import (
    POWERS,
    RULE_SET,
    AnalysisResult,
    Evidence,
    FindingKind,
    Technique,
    statement,
    why_not_identified,
    why_not_presumptive,
)
from app.results.schemas import AnalysisIn, AnalysisOut, FindingIn, FindingOut
from app.samples import service as samples
from app.samples.rules import Act, Stage

_STAGE_OF = {FindingKind.PRESUMPTIVE: Stage.SCREEN, FindingKind.IDENTIFIED: Stage.CONFIRM}
_ACT_OF = {FindingKind.PRESUMPTIVE: Act.SCREEN, FindingKind.IDENTIFIED: Act.CONFIRM}
_NEXT = {FindingKind.PRESUMPTIVE: Stage.CONFIRM, FindingKind.IDENTIFIED: Stage.REVIEW}


class RuleNotMet(AppError):
    """
    The recorded analyses do not support this finding.
    """

    status = 422
    code = "identification-rule"
    title = "Identification rule not met"


async def record_analysis(
    session: Session,
    *,
    caller: Caller,
    sample_id: UUID | None,
    token: int,
    lease_s: int,
    body: AnalysisIn,
) -> AnalysisOut:
    """
    Record one analysis under the caller's claim.

    Raises:
        NotFound: when the sample is not this laboratory's.
        Stale: when the claim no longer holds it.
        Conflict: when the claim is for a review.

    """
    held = await samples.hold(
        session, caller=caller, sample_id=sample_id, token=token, lease_s=lease_s
    )
    if held.stage is Stage.REVIEW:
        raise Conflict("A review records no analyses: return the sample to the bench.")
    row: dict[str, Any] = {
        "id": ids.new(),
        "laboratory_id": caller.agency_id,
        "sample_id": held.sample_id,
        "claim_id": held.claim_id,
        "stage": held.stage,
        "operator_id": caller.client_id,
        "recorded_at": session.now,
        **body.model_dump(exclude={"data_sha256"}),
        "data_sha256": bytes.fromhex(body.data_sha256) if body.data_sha256 else None,
    }
    await repo.add(session, analysis_table, row)
    sample = await samples.look_up(session, held.sample_id)
    await ledger.record(
        session,
        [
            ledger.Fact(
                kind="sample.analysis",
                agency_id=sample.agency_id,
                laboratory_id=sample.laboratory_id,
                submission_id=sample.submission_id,
                sample_id=sample.id,
                version=sample.version,
                actor_id=caller.client_id,
                details={
                    "analysis": str(row["id"]),
                    "technique": body.technique,
                    "result": body.result,
                    "data_sha256": body.data_sha256,
                },
            )
        ],
    )
    return AnalysisOut.model_validate(row)


async def record_finding(
    session: Session,
    *,
    caller: Caller,
    sample_id: UUID | None,
    token: int,
    lease_s: int,
    body: FindingIn,
) -> FindingOut:
    """
    Conclude the caller's stage: the sample goes on to the next one.

    Raises:
        NotFound: when the sample is not this laboratory's.
        Stale: when the claim no longer holds it.
        Conflict: when the claim is for another stage.
        RuleNotMet: when the analyses do not support it; the message says what is missing.

    """
    held = await samples.hold(
        session, caller=caller, sample_id=sample_id, token=token, lease_s=lease_s
    )
    if held.stage is not _STAGE_OF[body.kind]:
        raise Conflict(f"This claim is for the stage {held.stage}; it cannot end with {body.kind}.")
    cited = await cited_by(session, held.sample_id, body.analysis_ids)
    evidence = [_evidence(row) for row in cited]
    check = why_not_identified if body.kind is FindingKind.IDENTIFIED else why_not_presumptive
    missing = check(evidence, frozenset(body.substances))
    if missing:
        raise RuleNotMet(
            missing, errors=[FieldError("analysis_ids", missing, "record it, then cite it")]
        )
    sample = await samples.look_up(session, held.sample_id)
    row: dict[str, Any] = {
        "id": ids.new(),
        "agency_id": sample.agency_id,
        "laboratory_id": sample.laboratory_id,
        "submission_id": sample.submission_id,
        "sample_id": sample.id,
        "kind": body.kind,
        "outcome": body.outcome,
        "substances": body.substances,
        "statement": statement(body.outcome, body.substances, body.kind),
        "analysis_ids": [one.id for one in cited],
        "rule_set": RULE_SET,
        "recorded_by": caller.client_id,
        "recorded_at": session.now,
        "released_at": None,
    }
    await repo.add(session, finding_table, row)
    await samples.finish(
        session,
        held=held,
        caller=caller,
        act=_ACT_OF[body.kind],
        stage=_NEXT[body.kind],
        found=_as_field_tests(cited),
        details={"finding": str(row["id"]), "kind": body.kind, "outcome": body.outcome},
    )
    return FindingOut.model_validate(row)


async def cited_by(session: Session, sample_id: UUID, analysis_ids: Sequence[str]) -> list[Any]:
    """
    Return the analyses a finding cites, each of this very sample.

    Raises:
        Invalid: when one is not.

    """
    known = {row.id: row for row in await repo.analyses(session, sample_id)}
    wanted = [ids.read("ana", text) for text in analysis_ids]
    strange = [text for text, key in zip(analysis_ids, wanted, strict=True) if key not in known]
    if strange:
        message = f"{strange[0]} is no analysis of this sample"
        raise Invalid(errors=[FieldError("analysis_ids", message, "cite this sample's analyses")])
    return [known[key] for key in wanted if key is not None]


def _evidence(row: Any) -> Evidence:
    return Evidence(
        technique=Technique(row.technique),
        result=AnalysisResult(row.result),
        substances=frozenset(row.substances),
        controls_passed=row.controls_passed,
        has_data=row.data_reference is not None or row.data_sha256 is not None,
    )


def _as_field_tests(cited: Sequence[Any]) -> list[dict[str, Any]]:
    # The ranking knows one form of evidence: a technique, a target, a result.
    return [
        {
            "technique": POWERS[Technique(row.technique)].field_code,
            "target": target,
            "result": row.result,
        }
        for row in cited
        for target in (row.substances or [None])
    ]
