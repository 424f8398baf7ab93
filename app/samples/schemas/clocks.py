"""
What callers read about clocks.
"""

from datetime import datetime

from pydantic import BaseModel, Field

from app.clocks.rules import Ending, TimeKind
from app.kit.ids import SampleId


class ClockOut(BaseModel):
    """
    One clock of one sample: what was promised, and how it stands.
    """

    sample_id: SampleId
    clock: str
    time: TimeKind = Field(description="Which hours the promise counts.")
    band: str
    policy: str
    started_at: datetime
    promised_by: datetime
    paused_at: datetime | None = Field(description="A hold has stopped it since then.")
    ended_at: datetime | None
    ending: Ending | None
    late: bool = Field(description="Past what was promised, finished or not.")
    late_by_hours: float = Field(description="In calendar hours.")
    working_hours: float = Field(description="Passed so far, of the laboratory's working time.")
    calendar_hours: float = Field(description="Passed so far, by the calendar.")
    predicted_start_at: datetime | None = Field(
        description="When the bench is expected to take it, at the present pace."
    )
    predicted_breach: bool | None = Field(
        description="Whether the bench is expected to take it only after the promise; null without a basis."
    )


class ClocksOut(BaseModel):
    """
    Clocks, as they stood at an instant.
    """

    as_of: datetime
    items: list[ClockOut]
