"""
Concluding a stage at the bench: what may be said passes the gate of the rule set.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.access.service import Caller
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import AppError, Conflict, FieldError
from app.results import repo
from app.results.models import finding as finding_table
from app.results.rules import (
    RULE_SET,
    FindingKind,
    Refusal,
    against_outcome,
    judge_identified,
    judge_presumptive,
    passed_over,
    statement,
)
from app.results.schemas import FindingIn, FindingOut
from app.results.service import methods, standing
from app.results.service.evidence import (
    as_field_tests,
    cited_by,
    evidence,
    harmless,
    kinds_of,
    recorded_at,
)
from app.samples import service as samples
from app.samples.rules import Act, Stage

_STAGE_OF = {FindingKind.PRESUMPTIVE: Stage.SCREEN, FindingKind.IDENTIFIED: Stage.CONFIRM}
_ACT_OF = {FindingKind.PRESUMPTIVE: Act.SCREEN, FindingKind.IDENTIFIED: Act.CONFIRM}
_NEXT = {FindingKind.PRESUMPTIVE: Stage.CONFIRM, FindingKind.IDENTIFIED: Stage.REVIEW}
_JUDGE = {
    FindingKind.PRESUMPTIVE: judge_presumptive,
    FindingKind.IDENTIFIED: judge_identified,
}


class RuleNotMet(AppError):
    """
    The recorded analyses do not support this finding.
    """

    status = 422
    code = "identification-rule"
    title = "Identification rule not met"


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
        RuleNotMet: when the analyses do not support it; the message says which rule and what is missing.

    """
    held = await samples.hold(
        session, caller=caller, sample_id=sample_id, token=token, lease_s=lease_s
    )
    if held.stage is not _STAGE_OF[body.kind]:
        raise Conflict(f"This claim is for the stage {held.stage}; it cannot end with {body.kind}.")
    cited = await cited_by(session, held.sample_id, body.analysis_ids)
    here = await methods.known(session)
    shown = [evidence(row, here) for row in cited]
    verdict = _JUDGE[body.kind](shown, body.substances, kinds_of(body.substances))
    _refuse(verdict.refusals)
    recorded = await recorded_at(session, held.sample_id, held.stage, here)
    _refuse(
        against_outcome(body.outcome, cited=shown, recorded=recorded, harmless=harmless(recorded))
    )
    sample = await samples.look_up(session, held.sample_id)
    substances = list(verdict.reported)
    marked = await samples.not_for_court(session, sample.id)
    row: dict[str, Any] = {
        "id": ids.new(),
        "agency_id": sample.agency_id,
        "laboratory_id": sample.laboratory_id,
        "submission_id": sample.submission_id,
        "sample_id": sample.id,
        "kind": body.kind,
        "outcome": body.outcome,
        "substances": substances,
        "statement": statement(body.outcome, substances, body.kind),
        "analysis_ids": [one.id for one in cited],
        "rule_set": RULE_SET,
        "warnings": list(verdict.warnings),
        "remarks": [
            *verdict.remarks,
            *passed_over(shown, body.substances),
            *([marked] if marked else []),
        ],
        "recorded_by": caller.client_id,
        "recorded_at": session.now,
        "released_at": None,
        "invalidated_at": None,
        "contradicted_at": None,
        "contradicted_because": None,
        "withdrawn_at": None,
        "withdrawn_because": None,
        "withdrawn_by_name": None,
    }
    await repo.add(session, finding_table, row)
    await samples.finish(
        session,
        held=held,
        caller=caller,
        act=_ACT_OF[body.kind],
        stage=_NEXT[body.kind],
        found=as_field_tests(cited, here),
        details={"finding": str(row["id"]), "kind": body.kind, "outcome": body.outcome},
    )
    if body.kind is FindingKind.IDENTIFIED:
        await standing.against_presumptive(
            session, sample_id=sample.id, conclusion=row, actor_id=caller.client_id
        )
    return FindingOut.model_validate(row)


def _refuse(refusals: Sequence[Refusal]) -> None:
    if not refusals:
        return
    errors = [
        FieldError("analysis_ids", str(one), "record what is missing, then cite it")
        for one in refusals
    ]
    raise RuleNotMet(
        " ".join(str(one) for one in refusals),
        errors=errors,
        extra={"rules": [one.rule for one in refusals], "rule_set": RULE_SET},
    )
