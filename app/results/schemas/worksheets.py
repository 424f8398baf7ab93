"""
What the bench sends and reads about sampling plans, contents and runs.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, StrictBool, StringConstraints, model_validator

from app.kit.ids import (
    AnalysisId,
    AnalysisIdText,
    ClientId,
    ContentId,
    RunId,
    SampleId,
    SampleIdText,
    SamplingPlanId,
)
from app.kit.instants import Instant
from app.results.rules import AnalysisResult
from app.results.rules.quantities import ContentUnit
from app.results.rules.sampling import MOST_NEGATIVES, MOST_UNITS, Plan, Step
from app.results.schemas.bench import Substances
from app.samples.schemas import Number, Reason, Short, Strict

Share = Annotated[Decimal, Field(gt=0, lt=1, decimal_places=4, allow_inf_nan=False)]


class SamplingPlanIn(Strict):
    """
    Many similar units, and what is to be said of them.
    """

    plan: Plan = Plan.HYPERGEOMETRIC
    units: Annotated[int, Field(ge=1, le=MOST_UNITS)]
    kind: Short = Field(default="units", description="What they are, such as tablets.")
    share: Share = Decimal("0.9")
    confidence: Share = Decimal("0.95")
    negatives: Annotated[int, Field(ge=0, le=MOST_NEGATIVES)] = Field(
        default=0, description="After how many negatives testing still goes on (hypergeometric)."
    )


class UnitResultIn(Strict):
    """
    What one selected unit showed.
    """

    unit: Annotated[int, Field(ge=1)]
    positive: StrictBool
    analysis_id: AnalysisIdText | None = None


class SamplingPlanOut(BaseModel):
    """
    A plan, the units drawn at random in the order to test them, and where it stands.
    """

    id: SamplingPlanId
    sample_id: SampleId
    plan: Plan
    units: int
    kind: str
    share: Decimal
    confidence: Decimal
    looks: list[int] = Field(description="Tests needed with none, one, two ... negatives.")
    selected: list[int]
    drawn_by: ClientId
    drawn_at: datetime
    tested: int
    positives: int
    step: Step
    more: int = Field(description="Tests still needed, if no further one is negative.")
    statement: str = Field(description="What may be said now, from what was found.")


class ContentIn(Strict):
    """
    A measured content. Without its uncertainty and coverage factor it is refused.
    """

    substance: Short
    value: Annotated[Decimal, Field(ge=0, le=10**6, decimal_places=9, allow_inf_nan=False)]
    unit: ContentUnit
    expanded_uncertainty: Annotated[
        Decimal, Field(gt=0, le=10**6, decimal_places=9, allow_inf_nan=False)
    ]
    k: Annotated[Decimal, Field(ge=1, le=10, decimal_places=3, allow_inf_nan=False)]
    dose_units: Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=3)] | None = None
    analysis_id: AnalysisIdText

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.unit is ContentUnit.PERCENT and self.value > 100:  # noqa: PLR2004 - percent
            message = "value lies above 100 %; check it and its unit"
            raise ValueError(message)
        return self


class ContentOut(BaseModel):
    """
    A measured content, always with its uncertainty.
    """

    id: ContentId
    sample_id: SampleId
    analysis_id: AnalysisId
    substance: str
    value: Decimal
    unit: ContentUnit
    expanded_uncertainty: Decimal
    k: Decimal
    dose_units: Decimal | None
    statement: str
    recorded_at: datetime


class RunLineIn(Strict):
    """
    One line of a worksheet, in the order of the instrument's list.
    """

    kind: Literal["sample", "blank", "control"]
    label: Number
    sample_id: SampleIdText | None = None
    token: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Of your claim on this sample."
    )
    aliquot: Number | None = None
    expected: Substances = Field(default=[], description="What a control must show.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        of_sample = self.sample_id is not None and self.token is not None
        if (self.kind == "sample") != of_sample:
            message = "a sample's line needs sample_id and token, and no other line has them"
            raise ValueError(message)
        if (self.kind == "control") != bool(self.expected):
            message = "a control's line needs expected, and no other line has it"
            raise ValueError(message)
        return self


class RunIn(Strict):
    """
    One run of many samples with its blanks and controls.
    """

    technique: Number
    method: Number | None = None
    used: Annotated[list[Number], Field(max_length=4)] | None = None
    instrument: Short | None = None
    lines: Annotated[list[RunLineIn], Field(min_length=1, max_length=400)]

    @model_validator(mode="after")
    def _controlled(self) -> Self:
        labels = [line.label for line in self.lines]
        if len(set(labels)) != len(labels):
            message = "lines have one label twice; each names its vial"
            raise ValueError(message)
        if not {"blank", "control"} <= {line.kind for line in self.lines}:
            message = "lines need at least one blank and one control"
            raise ValueError(message)
        return self


class ColumnsIn(Strict):
    """
    Which column of the instrument's sheet says what.
    """

    label: Short
    result: Short
    substances: Short
    separator: Annotated[str, StringConstraints(min_length=1, max_length=3)] = Field(
        default=";", description="Between several substances in one cell."
    )
    words: dict[str, AnalysisResult] = Field(
        default={}, description="The sheet's own words for a result, such as ND."
    )


class ImportIn(Strict):
    """
    An instrument's results sheet. A preview stores nothing; otherwise all lines are stored, or none.
    """

    csv: Annotated[str, StringConstraints(min_length=1, max_length=200_000)]
    columns: ColumnsIn
    started_at: Instant
    ended_at: Instant
    data_reference: Short | None = None
    preview: StrictBool = True


class ImportLineOut(BaseModel):
    """
    What became of one line of the sheet.
    """

    line: int
    label: str
    outcome: Literal["fits", "stored", "refused"]
    kind: str | None
    result: AnalysisResult | None
    substances: list[str]
    problem: str | None
    analysis_id: AnalysisId | None


class ImportOut(BaseModel):
    """
    Line by line.
    """

    stored: bool
    controls_passed: bool | None
    lines: list[ImportLineOut]


class RunOut(BaseModel):
    """
    A worksheet.
    """

    id: RunId
    technique: str
    method: str | None
    instrument: str | None
    operator_id: ClientId
    opened_at: datetime
    closed_at: datetime | None
    controls_passed: bool | None
    failed_because: str | None
    lines: list[dict[str, object]]


class FailureIn(Strict):
    """
    Why the controls of a run are not to be relied upon after all.
    """

    reason: Reason
