"""
What callers send and read about a sample that is taken out of its course.
"""

from datetime import datetime

from pydantic import BaseModel, Field

from app.kit.ids import AgencyId
from app.samples.rules import (
    Act,
    ClosureReason,
    HaltReason,
    HoldReason,
    RejectionReason,
    ReopeningReason,
    ResumptionReason,
    StopReason,
    WithdrawalReason,
)
from app.samples.schemas.words import Note, Strict


class HaltIn(Strict):
    """
    A reason that can be counted, and its words. The name is that of whoever's key is used.
    """

    reason: HaltReason
    note: Note = Field(
        description="What happened, in words. No name of an accused, an addressee or a sender."
    )


class WithdrawalIn(HaltIn):
    """
    The agency takes a sample back.
    """

    reason: WithdrawalReason


class RejectionIn(HaltIn):
    """
    The laboratory refuses an item.
    """

    reason: RejectionReason


class HoldIn(HaltIn):
    """
    A sample is paused.
    """

    reason: HoldReason


class ResumptionIn(HaltIn):
    """
    A paused sample goes on.
    """

    reason: ResumptionReason


class StopIn(HaltIn):
    """
    Work ends before a report.
    """

    reason: StopReason


class ClosureIn(HaltIn):
    """
    A screen was all that was asked for.
    """

    reason: ClosureReason = ClosureReason.SCREEN_ONLY_REQUESTED


class ReopeningIn(HaltIn):
    """
    An ended sample goes on after all.
    """

    reason: ReopeningReason


class HaltOut(BaseModel):
    """
    Why a sample is paused or has ended, and who decided it.
    """

    act: Act
    reason: str
    note: str
    made_by_name: str
    made_by_agency_id: AgencyId
    made_at: datetime
