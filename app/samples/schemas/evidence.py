"""
What becomes known of a sample after it was submitted, and what that did.
"""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field, model_validator

from app.kit.ids import EvidenceId, SampleId
from app.samples.schemas.read import PlaceOut, ReasonOut, RiskOut
from app.samples.schemas.submit import FieldTestIn
from app.samples.schemas.words import Circumstance, Short, Strict


class EvidenceIn(Strict):
    """
    One new fact: exactly one of the fields. It is added to what was said before, and replaces nothing.
    """

    field_test: FieldTestIn | None = None
    circumstance: Circumstance | None = Field(
        default=None, description="``linked_overdose`` may come several times: once for each."
    )
    reported_effect: Short | None = None
    suspected: Short | None = Field(
        default=None, description="One more name, in the agency's own words. Never a finding."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set & set(type(self).model_fields)) != 1 or not any(
            (self.field_test, self.circumstance, self.reported_effect, self.suspected)
        ):
            message = "give exactly one of field_test, circumstance, reported_effect, suspected"
            raise ValueError(message)
        return self


class MovedReasonOut(BaseModel):
    """
    One contribution that is new, gone, or of another size.
    """

    code: str
    text: str
    bits_before: float | None = Field(description="Null where it was not there before.")
    bits_after: float | None = Field(description="Null where it is gone.")


class EvidenceOut(BaseModel):
    """
    The new risk, and what moved it.
    """

    id: EvidenceId
    sample_id: SampleId
    given_at: datetime
    version: int = Field(description="The sample's, after.")
    moved_bits: float = Field(description="By how much the order moved: +1 doubles the harm.")
    moved_by: list[MovedReasonOut] = Field(description="Strongest change first.")
    band_before: str
    risk: RiskOut
    place: PlaceOut | None


class StandingOut(BaseModel):
    """
    Where one possible answer would put the sample.
    """

    result: str
    place: int | None = Field(description="Null beyond 10,000, or when it is not in the queue.")
    ranks_as_if_received: datetime


class WouldChangeOut(BaseModel):
    """
    A test that has not been made, and where its answers would put the sample.
    """

    technique: str
    text: str
    answers: list[StandingOut]
    bits_between: float


class AssessmentOut(RiskOut):
    """
    One assessment with every contribution, and what would change it most.
    """

    sample_id: SampleId
    stage: str
    cause: str = Field(description="What made it necessary.")
    assessed_at: datetime
    bench_minutes: float
    head_start_days: float
    ranks_as_if_received: datetime
    start: ReasonOut | None = Field(description="Where every sample starts.")
    place: PlaceOut | None
    would_change_most: list[WouldChangeOut] = Field(description="The most informative test first.")


class AssessmentLine(BaseModel):
    """
    One assessment in the history of a sample.
    """

    assessed_at: datetime
    policy: str
    stage: str
    cause: str
    band: str
    p_lethal_opioid: float
    harm_per_bench_day: float
    head_start_days: float


class AssessmentHistory(BaseModel):
    """
    Every assessment a sample ever had, newest first.
    """

    items: list[AssessmentLine]
