"""
Recording what one technique showed on one portion of a sample.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from app.access.service import Caller
from app.attachments import service as attachments
from app.custody import service as custody
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import Conflict, FieldError, Invalid, NotFound
from app.kit.rows import mapping
from app.ledger import service as ledger
from app.results import repo
from app.results.models import analysis as analysis_table
from app.results.rules import AnalysisResult, Technique, analysis_words
from app.results.schemas import AnalysisIn, AnalysisOut
from app.results.schemas.methods import MethodOut
from app.results.service import methods
from app.samples import service as samples
from app.samples.rules import Stage
from app.samples.schemas import SampleDetailOut
from app.samples.service import Held

_CLOCKS_DIFFER = timedelta(hours=1)
"""How far an instrument's clock may run ahead."""


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
        Invalid: when the technique or the method is not known here.

    """
    held = await samples.hold(
        session, caller=caller, sample_id=sample_id, token=token, lease_s=lease_s, opens=True
    )
    if held.stage is Stage.REVIEW:
        raise Conflict("A review records no analyses: return the sample to the bench.")
    here = await methods.known(session)
    return await write(session, caller=caller, held=held, here=here, body=body)


async def write(
    session: Session,
    *,
    caller: Caller,
    held: Held,
    here: methods.Known,
    body: AnalysisIn,
    run_id: UUID | None = None,
) -> AnalysisOut:
    """
    Write one analysis of a sample that is held, and its entry in the ledger.

    Raises:
        CustodyRefused: when the item is in transit, or its portion has not that much left.
        LastOfSample: when it would use up the sample and nobody has authorized it.
        Invalid: when the technique or the method is not known here.

    """
    if body.ended_at > session.now + _CLOCKS_DIFFER:
        message = "lies in the future"
        raise Invalid(errors=[FieldError("ended_at", message, "check the date and the time zone")])
    await samples.check_in_hand(session, held.sample_id)
    sample = await samples.look_up(session, held.sample_id)
    files = [found for text in body.attachment_ids if (found := ids.read("att", text))]
    await attachments.these(session, files, sample_id=held.sample_id)
    row: dict[str, Any] = {
        "attachment_ids": files,
        "run_id": run_id,
        "id": ids.new(),
        "laboratory_id": caller.agency_id,
        "sample_id": held.sample_id,
        "claim_id": held.claim_id,
        "stage": held.stage,
        "operator_id": caller.client_id,
        "recorded_at": session.now,
        **body.model_dump(exclude={"data_sha256", "attachment_ids", "consumed", "uses_up"}),
        **_by_method(here, body),
        "on_swab": body.on_swab or _is_swab(sample),
        "data_sha256": bytes.fromhex(body.data_sha256) if body.data_sha256 else None,
    }
    await repo.add(session, analysis_table, row)
    if body.consumed is not None:
        await custody.consume(
            session,
            held.sample_id,
            client_id=caller.client_id,
            label=body.aliquot,
            amount=body.consumed,
            analysis_id=row["id"],
        )
    if body.uses_up:
        await custody.spend_last_use(session, held.sample_id, client_id=caller.client_id)
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
                    "method": row["method"],
                    "method_version": row["method_version"],
                    "result": body.result,
                    "data_sha256": body.data_sha256,
                },
            )
        ],
    )
    return analysis_out(row, here)


async def analyses_of(session: Session, sample_id: UUID | None) -> list[AnalysisOut]:
    """
    Return a sample's analyses, first to last. Laboratory only.

    Raises:
        NotFound: when the sample is not there for this caller.

    """
    await samples.version_of(session, sample_id)
    if sample_id is None:
        raise NotFound
    here = await methods.known(session)
    return [
        analysis_out(
            {
                **mapping(row),
                "used": row.used or [],
                "looked_for": row.looked_for or [],
                "attachment_ids": row.attachment_ids or [],
                "catalogue": row.catalogue or "",
                "sample_limited": bool(row.sample_limited),
                "on_swab": bool(row.on_swab),
            },
            here,
        )
        for row in await repo.analyses(session, sample_id)
    ]


def analysis_out(row: dict[str, Any], here: methods.Known) -> AnalysisOut:
    """
    Shape a stored analysis for the laboratory.
    """
    technique = here.technique(row["technique"], row["catalogue"])
    said = analysis_words(
        technique.name if technique else row["technique"],
        AnalysisResult(row["result"]),
        substances=row["substances"],
        looked_for=row["looked_for"] or (),
        limit=row["detection_limit"],
    )
    return AnalysisOut.model_validate({**row, "statement": said})


def _by_method(here: methods.Known, body: AnalysisIn) -> dict[str, Any]:
    # What the technique and the method say about this analysis, in the versions of today.
    technique = here.technique(body.technique)
    if technique is None:
        raise Invalid(errors=[methods.unknown_technique()])
    method = _method(here, technique, body)
    used = body.used if body.used is not None else (method.used if method else [])
    strange = set(used) - technique.properties
    if strange:
        message = f"{technique.code} does not measure {', '.join(sorted(strange))}"
        remedy = f"choose from {', '.join(sorted(technique.properties))}"
        raise Invalid(errors=[FieldError("used", message, remedy)])
    limit = body.detection_limit or (method.detection_limit if method else None)
    return {
        "catalogue": here.version(technique.code),
        "method": method.code if method else None,
        "method_version": method.version if method else None,
        "used": used or [technique.parts[0].property],
        "detection_limit": limit,
    }


def _method(here: methods.Known, technique: Technique, body: AnalysisIn) -> MethodOut | None:
    offered = here.of(technique.code)
    if body.method is None:
        if not offered:
            return None
        message = f"is needed: this laboratory has its own methods for {technique.code}"
    else:
        found = here.current.get(body.method)
        if found is not None and found in offered:
            return found
        message = f"is no method in use for {technique.code}"
    codes = ", ".join(one.code for one in offered)
    remedy = f"use one of {codes}" if codes else "leave it out, or have a supervisor register it"
    raise Invalid(errors=[FieldError("method", message, remedy)])


def _is_swab(sample: SampleDetailOut) -> bool:
    sent = sample.exhibit.get("quantity_sent") or {}
    return sent.get("unit") == "swab"
