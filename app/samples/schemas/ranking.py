"""
What supervisors decide about the order, and what they read about it.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from app.kit.ids import AgencyId, ClientId, PolicyId, RushRequestId, SampleId
from app.samples.ranking_rules import PolicyState, RushReason, RushState
from app.samples.rules import Stage, Status
from app.samples.schemas.words import Reason, Short, Strict


class RushRequestIn(Strict):
    """
    A request to take a sample before its turn.
    """

    reason: RushReason
    text: Reason | None = Field(default=None, description="Mandatory for ``other``.")
    needed_by: date

    @model_validator(mode="after")
    def _told(self) -> Self:
        if self.reason is RushReason.OTHER and not self.text:
            message = "say why in ``text`` when the reason is other"
            raise ValueError(message)
        return self


class RushDecisionIn(Strict):
    """
    A supervisor's answer.
    """

    decision: Literal["grant", "refuse"]
    remarks: Reason
    start_by: date | None = Field(
        default=None, description="When granted for a hearing or custody: the bench takes it by."
    )
    earliest_on: date | None = Field(
        default=None, description="When refused: the earliest day it may be expected."
    )

    @model_validator(mode="after")
    def _dated(self) -> Self:
        if self.decision == "refuse" and self.earliest_on is None:
            message = "say in ``earliest_on`` when it may be expected instead"
            raise ValueError(message)
        return self


class RushRequestOut(BaseModel):
    """
    A rush request and its answer.
    """

    id: RushRequestId
    sample_id: SampleId
    agency_file_number: str
    exhibit_number: str
    reason: RushReason
    text: str | None
    needed_by: date
    requested_at: datetime
    answer_by: date = Field(description="Business days, without the laboratory's public holidays.")
    overdue: bool
    state: RushState
    decided_by_name: str | None
    decided_at: datetime | None
    remarks: str | None
    start_by: date | None
    earliest_on: date | None


class RushCount(BaseModel):
    """
    How many requests of one kind an agency made.
    """

    agency_id: AgencyId
    reason: RushReason
    state: RushState
    times: int


class RushRequestList(BaseModel):
    """
    Rush requests, the first to be answered first, and how many there were.
    """

    items: list[RushRequestOut]
    counts: list[RushCount]


class CourtDateAtRisk(BaseModel):
    """
    An open sample with a hearing ahead of its predicted completion.
    """

    sample_id: SampleId
    agency_id: AgencyId
    agency_file_number: str
    exhibit_number: str
    status: Status
    hearing_kind: str
    hearing_on: date
    predicted_at: datetime | None
    start_by: date | None
    at_risk: bool | None = Field(description="Null while nothing can be predicted.")


class CourtDates(BaseModel):
    """
    A report, and nothing else: no date at court moves the order.
    """

    as_of: datetime
    items: list[CourtDateAtRisk]


class PolicyIn(Strict):
    """
    A policy to be looked at: its whole text (TOML), every number with its source.
    """

    document: Annotated[str, StringConstraints(min_length=1, max_length=400_000)]
    reason: Reason


class PolicyDecisionIn(Strict):
    """
    Approval or rejection, by a supervisor who did not propose it.
    """

    decision: Literal["approve", "reject"]
    remarks: Reason


class PolicyLine(BaseModel):
    """
    One policy and where it stands.
    """

    id: PolicyId | None = Field(description="Null for the one that comes with the service.")
    name: str
    title: str
    sha256: str
    state: PolicyState
    reason: str | None
    proposed_by: ClientId | None
    proposed_at: datetime | None
    decided_by: ClientId | None
    decided_at: datetime | None
    remarks: str | None
    applied: int = Field(description="Open samples it has ranked anew.")
    applied_at: datetime | None = Field(description="When the last one was.")


class PolicyOut(PolicyLine):
    """
    One policy with its text, and its comparison with the one in force.
    """

    document: str
    comparison: dict[str, Any] | None


class PolicyList(BaseModel):
    """
    Every policy of this laboratory, the one in force first.
    """

    items: list[PolicyLine]


class BenchIn(Strict):
    """
    What a bench does, and how often it takes the oldest.
    """

    stages: Annotated[list[Stage], Field(min_length=1, max_length=2)] = Field(
        description="``screen``, ``confirm``, or both: then it screens while anything waits to be screened."
    )
    oldest_every: Annotated[int, Field(ge=2, le=20)] = Field(
        default=20, description="Every so-manieth start takes the oldest; at least every twentieth."
    )


class BenchOut(BaseModel):
    """
    A declared bench.
    """

    name: Short
    stages: list[Stage]
    oldest_every: int
    declared_at: datetime


class BenchList(BaseModel):
    """
    The declared benches.
    """

    items: list[BenchOut]


class QualityDay(BaseModel):
    """
    How good the order was, by the laboratory's own results, as stored that day.
    """

    day: date
    figures: dict[str, Any]


class QualityOut(BaseModel):
    """
    The figures of the last days, newest first.
    """

    items: list[QualityDay]
