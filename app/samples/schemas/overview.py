"""
What those read who look at the bench as a whole.
"""

from datetime import date, datetime

from pydantic import BaseModel, Field

from app.kit.ids import AgencyId, ClaimId, ClientId, SampleId
from app.samples.rules import Stage


class ClaimLine(BaseModel):
    """
    The open claim on a sample.
    """

    id: ClaimId
    token: int
    stage: Stage
    sample_id: SampleId
    holder: ClientId
    taken_at: datetime
    lease_until: datetime


class OpenCell(BaseModel):
    """
    How many samples are open at one stage and in one band.
    """

    stage: Stage
    band: str
    open: int
    held: int


class AgeCell(BaseModel):
    """
    How many open samples have aged so long.
    """

    from_days: float
    below_days: float | None
    small_parcels: int
    others: int


class DayCell(BaseModel):
    """
    One day's inflow and output. Days are UTC's.
    """

    day: date
    submitted: int
    screened: int
    confirmed: int
    reported: int = Field(description="Reviews that were finished.")


class StreamCell(BaseModel):
    """
    Small parcels, or all the rest.
    """

    small_parcels: bool
    open: int
    oldest: datetime | None
    submitted: int = Field(description="In the window.")


class WaitCell(BaseModel):
    """
    How many samples will have waited so long when their turn comes at this stage, at its present pace.
    """

    stage: Stage
    from_days: float
    below_days: float | None
    samples: int


class CapacityCell(BaseModel):
    """
    Whether one stage keeps up.
    """

    stage: Stage
    open: int
    per_day: float = Field(description="Finished per day in the window.")
    arriving_per_day: float = Field(
        description="What comes to this stage: submissions, or what the stage before it finished."
    )
    empty_on: date | None = Field(description="At these rates; null: never.")


class RecordCell(BaseModel):
    """
    How often one agency's suspicions of lethal opioids were borne out.
    """

    agency_id: AgencyId
    resolved: int
    held: int


class OverviewOut(BaseModel):
    """
    The bench as a whole.
    """

    as_of: datetime
    window_days: int
    open: list[OpenCell]
    ages: list[AgeCell]
    streams: list[StreamCell]
    days: list[DayCell]
    waits: list[WaitCell]
    capacity: list[CapacityCell]
    records: list[RecordCell]


class CalibrationCell(BaseModel):
    """
    What was thought at submission, beside what was found.
    """

    from_share: float
    below_share: float
    samples: int
    expected: float = Field(description="Mean probability of a lethal opioid, when first assessed.")
    found: int = Field(description="Samples in whose final report one was found.")


class FloorOut(OverviewOut):
    """
    The bench as a whole, and how well its ranking judges.
    """

    calibration: list[CalibrationCell]
