"""
What the bench sends and reads about analyses and findings.
"""

from datetime import datetime
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    StrictBool,
    StringConstraints,
    model_validator,
)

from app.kit.ids import (
    AnalysisId,
    AnalysisIdText,
    AttachmentId,
    AttachmentIdText,
    ClientId,
    FindingId,
    SampleId,
)
from app.kit.instants import Instant
from app.results.rules import (
    AnalysisResult,
    Because,
    FindingKind,
    FindingOutcome,
    WithdrawalBecause,
)
from app.samples.schemas import Number, Short, Strict
from app.samples.schemas.custody import Amount

Substances = Annotated[list[Short], Field(max_length=30)]


class AnalysisIn(Strict):
    """
    One technique applied to one aliquot.
    """

    technique: Number = Field(description="A code of `GET /lab/techniques`.")
    method: Number | None = Field(
        default=None,
        description="Your laboratory's procedure; needed where it has registered one for this technique.",
    )
    used: Annotated[list[Number], Field(max_length=4)] | None = Field(
        default=None,
        description="The properties whose results were used, such as gas retention beside mass; by default the"
        " method's, else the technique's best alone.",
    )
    aliquot: Number
    sample_limited: StrictBool = Field(
        default=False, description="There is too little for a separate sampling (R3)."
    )
    on_swab: StrictBool = Field(
        default=False, description="A swab of the item was examined, not its contents."
    )
    consumed: Amount | None = Field(
        default=None, description="What it used of the portion that ``aliquot`` names, in its unit."
    )
    uses_up: StrictBool = Field(
        default=False,
        description="Nothing of the sample is left after it: needs a supervisor's authorization.",
    )
    instrument: Short | None = None
    started_at: Instant
    ended_at: Instant
    result: AnalysisResult
    substances: Substances = Field(default=[])
    looked_for: Substances = Field(
        default=[], description="What a negative result speaks of, if it is not everything."
    )
    detection_limit: Short | None = Field(
        default=None, description="Of what was not detected; by default the method's."
    )
    controls_passed: StrictBool = Field(
        description="Whether the blanks and controls of its run passed."
    )
    attachment_ids: Annotated[list[AttachmentIdText], Field(max_length=30)] = Field(
        default=[],
        description="Files attached to this sample: its data, so that a reviewer can open them.",
    )
    data_reference: Short | None = Field(
        default=None, description="Where a reviewer can open the data."
    )
    data_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.ended_at < self.started_at:
            message = "ended_at lies before started_at; check both"
            raise ValueError(message)
        if (self.result is AnalysisResult.DETECTED) != bool(self.substances):
            message = "substances belong to the result detected; name them, or change the result"
            raise ValueError(message)
        return self


class AnalysisOut(BaseModel):
    """
    One analysis as recorded. Laboratory only.
    """

    id: AnalysisId
    sample_id: SampleId
    technique: str
    catalogue: str
    method: str | None
    method_version: int | None
    used: list[str]
    aliquot: str
    sample_limited: bool
    on_swab: bool
    instrument: str | None
    operator_id: ClientId
    started_at: datetime
    ended_at: datetime
    result: AnalysisResult
    substances: list[str]
    looked_for: list[str]
    detection_limit: str | None
    statement: str
    controls_passed: bool
    data_reference: str | None
    attachment_ids: list[AttachmentId]
    recorded_at: datetime


def _listed(value: list[str] | None) -> list[str]:
    # Rows from before the column have NULL there.
    return value or []


Listed = Annotated[list[str], BeforeValidator(_listed)]


class FindingIn(Strict):
    """
    A conclusion from analyses. Recording it ends the stage: ``presumptive`` a screen, ``identified`` a confirmation.
    """

    kind: FindingKind
    outcome: FindingOutcome
    substances: Substances = Field(default=[])
    analysis_ids: Annotated[list[AnalysisIdText], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.outcome is FindingOutcome.DETECTED) != bool(self.substances):
            message = "substances belong to the outcome detected; name them, or change the outcome"
            raise ValueError(message)
        return self


class FindingOut(BaseModel):
    """
    A conclusion. Agencies see it once it is released.
    """

    id: FindingId
    sample_id: SampleId
    kind: FindingKind
    outcome: FindingOutcome
    substances: list[str]
    statement: str
    rule_set: str
    warnings: Listed = Field(description="What the reviewer must acknowledge.")
    remarks: Listed = Field(description="What must be said wherever the result is.")
    invalidated_at: datetime | None
    contradicted_at: datetime | None = Field(description="Later work speaks against it.")
    contradicted_because: Because | None
    withdrawn_at: datetime | None = Field(description="It was taken back: nothing may rest on it.")
    withdrawn_because: WithdrawalBecause | None
    withdrawn_by_name: str | None
    recorded_at: datetime
    released_at: datetime | None
