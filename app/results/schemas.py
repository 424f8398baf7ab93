"""
What the bench sends and everybody reads about analyses, findings, reviews and reports.
"""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from app.kit.ids import (
    AnalysisId,
    AnalysisIdText,
    ClientId,
    FindingId,
    ReportId,
    ReviewId,
    SampleId,
    SampleIdText,
)
from app.results.rules import (
    AnalysisResult,
    FindingKind,
    FindingOutcome,
    ReportKind,
    ReviewDecision,
    Technique,
)
from app.samples.schemas import Number, Short, Strict, Text

Substances = Annotated[list[Short], Field(max_length=30)]


class AnalysisIn(Strict):
    """
    One technique applied to one aliquot.
    """

    technique: Technique
    aliquot: Number
    instrument: Short | None = None
    started_at: AwareDatetime
    ended_at: AwareDatetime
    result: AnalysisResult
    substances: Substances = Field(default=[])
    controls_passed: bool = Field(description="Whether the blanks and controls of its run passed.")
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
    technique: Technique
    aliquot: str
    instrument: str | None
    operator_id: ClientId
    started_at: datetime
    ended_at: datetime
    result: AnalysisResult
    substances: list[str]
    controls_passed: bool
    data_reference: str | None
    recorded_at: datetime


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
    recorded_at: datetime
    released_at: datetime | None


class ReleaseIn(Strict):
    """
    The release of a presumptive finding: the label is scanned again, so that the finding goes out for this very item.
    """

    label_scanned: SampleIdText


class ReviewIn(Strict):
    """
    A review by somebody who made none of the analyses.
    """

    decision: ReviewDecision
    remarks: Text | None = None

    @model_validator(mode="after")
    def _reasoned(self) -> Self:
        if self.decision is ReviewDecision.RETURN and not self.remarks:
            message = "remarks are needed to return a sample; say what to do"
            raise ValueError(message)
        return self


class ReviewOut(BaseModel):
    """
    A review as recorded.
    """

    id: ReviewId
    sample_id: SampleId
    reviewer_id: ClientId
    decision: ReviewDecision
    remarks: str | None
    reviewed_at: datetime


class ReportOut(BaseModel):
    """
    A released, numbered, immutable document. ``sha256`` covers ``canonical``, the exact text of ``body``.
    """

    id: ReportId
    sample_id: SampleId
    number: str
    kind: ReportKind
    released_at: datetime
    replaces_id: ReportId | None
    sha256: str
    canonical: str
    body: dict[str, Any]
