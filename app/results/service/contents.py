"""
Measured contents, with expanded uncertainty and coverage factor.
"""

from typing import Any
from uuid import UUID

from app.access.service import Caller
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import FieldError, Invalid
from app.kit.rows import mapping
from app.results import repo as results_repo
from app.results.models.bench import content
from app.results.repo import bench as repo
from app.results.rules.quantities import ContentUnit, words
from app.results.schemas.worksheets import ContentIn, ContentOut
from app.results.service.evidence import cited_by
from app.samples import service as samples


async def record_content(
    session: Session,
    *,
    caller: Caller,
    sample_id: UUID | None,
    token: int,
    lease_s: int,
    body: ContentIn,
) -> ContentOut:
    """
    Record a content measured by an analysis of this sample, under the caller's claim.

    Raises:
        NotFound: when the sample is not this laboratory's.
        Stale: when the claim no longer holds it.
        Invalid: when the analysis is another sample's, did not detect the substance, or its controls failed.

    """
    held = await samples.hold(
        session, caller=caller, sample_id=sample_id, token=token, lease_s=lease_s
    )
    (analysis,) = await cited_by(session, held.sample_id, [body.analysis_id])
    if body.substance not in analysis.substances or not analysis.controls_passed:
        message = f"did not detect {body.substance}, or its controls failed"
        remedy = "cite the analysis that measured it"
        raise Invalid(errors=[FieldError("analysis_id", message, remedy)])
    row: dict[str, Any] = {
        "id": ids.new(),
        "laboratory_id": caller.agency_id,
        "sample_id": held.sample_id,
        "recorded_by": caller.client_id,
        "recorded_at": session.now,
        **body.model_dump(mode="json"),
        "analysis_id": analysis.id,
    }
    await results_repo.add(session, content, row)
    return _out(row)


async def contents_of(session: Session, sample_id: UUID | None) -> list[ContentOut]:
    """
    Return a sample's measured contents.

    Raises:
        NotFound: when the sample is not there for this caller.

    """
    sample = await samples.look_up(session, sample_id)
    return [_out(mapping(row)) for row in await repo.contents(session, sample.id)]


def _out(row: Any) -> ContentOut:
    found = ContentOut.model_validate({**row, "statement": ""})
    said = words(
        found.substance,
        found.value,
        ContentUnit(found.unit),
        uncertainty=found.expanded_uncertainty,
        k=found.k,
        dose_units=found.dose_units,
    )
    return found.model_copy(update={"statement": said})
