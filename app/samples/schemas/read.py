"""
What callers read about submissions and samples.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

from app.kit.ids import AgencyId, SampleId, SampleIdText, SubmissionId
from app.kit.instants import Instant
from app.samples.rules import Stage, Status
from app.samples.schemas.halts import HaltOut
from app.samples.schemas.submit import HearingIn
from app.samples.schemas.words import Number, Reason, Strict


class ReasonOut(BaseModel):
    """
    One contribution to the ranking, in words.
    """

    code: str
    text: str
    factor: float = Field(description="By how much it multiplies the expected harm per bench-day.")
    bits: float
    source: str | None


class RiskOut(BaseModel):
    """
    The expected harm of not knowing, with its reasons, strongest first.
    """

    policy: str
    band: str
    p_lethal_opioid: float
    harm_per_day: float
    harm_per_bench_day: float
    probabilities: dict[str, float]
    reasons: list[ReasonOut]
    notes: list[str]


class PlaceOut(BaseModel):
    """
    A sample's place in line. Not part of the sample: it changes when others move.
    """

    as_of: datetime
    stage: Stage | None = Field(description="Null when nothing is waited for any more.")
    at_bench: bool
    place: int | None = Field(description="1 is next. Null at the bench, and beyond 10,000.")
    predicted_at: datetime | None = Field(
        description="When the bench is expected to take it at the present pace. Null until twenty are finished."
    )


class PlacedSampleOut(BaseModel):
    """
    One sample as it was just submitted.
    """

    id: SampleId
    exhibit_number: str
    status: Status
    small_parcel: bool
    small_quantity: bool
    risk: RiskOut
    place: PlaceOut | None


class SubmittedOut(BaseModel):
    """
    The answer to a submission.
    """

    id: SubmissionId
    agency_file_number: str
    laboratory_id: AgencyId
    submitted_at: datetime
    samples: list[PlacedSampleOut]


class SampleOut(BaseModel):
    """
    One sample. ``suspected`` is what the agency said; what the laboratory found is in findings and reports.
    """

    id: SampleId
    submission_id: SubmissionId
    agency_id: AgencyId
    laboratory_id: AgencyId
    agency_file_number: str
    exhibit_number: str
    status: Status
    version: int
    small_parcel: bool
    small_quantity: bool
    submitted_at: datetime
    received_at: datetime | None
    screened_at: datetime | None
    confirmed_at: datetime | None
    reported_at: datetime | None
    updated_at: datetime
    resumes_to: Status | None = Field(
        description="Where a paused or ended sample would go on; null for all others."
    )
    exhibit: dict[str, Any] = Field(description="The exhibit as the agency described it.")
    folded: list[str] = Field(
        description="What is kept from this caller so that it does not sway them; opening it is logged."
    )


class SampleDetailOut(SampleOut):
    """
    One sample with its latest assessment, and why it is halted, if it is.
    """

    risk: RiskOut
    halt: HaltOut | None


class SeenSampleOut(SampleOut):
    """
    One sample with its latest assessment, as this caller may see it.
    """

    risk: RiskOut | None = Field(description="Null while it is folded.")
    halt: HaltOut | None


class DisclosureIn(Strict):
    """
    Why somebody at the bench opens what was folded.
    """

    reason: Reason


class DisclosureOut(BaseModel):
    """
    What was folded, opened: by whom and when is on record.
    """

    sample_id: SampleId
    exhibit: dict[str, Any] = Field(description="The exhibit as the agency described it, whole.")
    risk: RiskOut
    opened_at: datetime


class SubmissionOut(BaseModel):
    """
    One submission with its samples.
    """

    id: SubmissionId
    agency_id: AgencyId
    laboratory_id: AgencyId
    agency_file_number: str
    seized_at: datetime
    submitted_at: datetime
    small_parcel: bool
    version: int
    seizure: dict[str, Any] = Field(
        description="The seizure as the agency described it, without its samples."
    )
    hearings: list[HearingIn]
    samples: list[SampleOut]


class SamplePage(BaseModel):
    """
    One page of samples, newest first.
    """

    items: list[SampleOut]
    next: str | None = Field(
        description="Send as ``after`` for the next page; null on the last one."
    )


class SampleQuery(Strict):
    """
    What to list.
    """

    file_number: Number | None = None
    status: Status | None = None
    updated_since: Instant | None = None
    small_parcel: bool | None = None
    after: Annotated[str, StringConstraints(max_length=400)] | None = Field(
        default=None, description="The ``next`` of the page before."
    )
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    wait: Annotated[int, Field(ge=0, le=60)] = Field(
        default=0, description="Seconds to hold an empty answer back until there is something."
    )


class StatusIn(Strict):
    """
    Which samples' status to tell.
    """

    sample_ids: Annotated[list[SampleIdText], Field(min_length=1, max_length=1000)]


class StatusLine(BaseModel):
    """
    Where one sample stands.
    """

    id: SampleId
    status: Status
    version: int = Field(description="Its ETag, and the highest `sequence` told of it.")
    updated_at: datetime


class StatusesOut(BaseModel):
    """
    Where these samples stand, in the order they were asked for.
    """

    items: list[StatusLine]
    missing: list[SampleId] = Field(description="Not there, or not yours.")


class SubmissionLine(BaseModel):
    """
    One submission in a list.
    """

    id: SubmissionId
    agency_file_number: str
    seized_at: datetime
    submitted_at: datetime
    small_parcel: bool


class SubmissionPage(BaseModel):
    """
    One page of submissions, newest first.
    """

    items: list[SubmissionLine]
    next: str | None
