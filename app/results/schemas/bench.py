"""
What the bench sends and reads about analyses and findings.
"""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from app.kit.ids import AnalysisId, AnalysisIdText, ClientId, FindingId, SampleId
from app.results.rules import AnalysisResult, FindingKind, FindingOutcome, Technique
from app.samples.schemas import Number, Short, Strict

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
