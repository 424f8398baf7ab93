"""
What the bench sends and reads: receipts, claims, the queue.
"""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from app.kit.ids import ClaimId, ClientId, SampleId, SampleIdText
from app.samples.rules import Stage
from app.samples.schemas.read import ReasonOut, RiskOut, SampleOut
from app.samples.schemas.words import Short, Strict


class ClaimIn(Strict):
    """
    What to take: the next at a stage, or up to ``count``, or one named sample.
    """

    stage: Stage = Stage.SCREEN
    count: Annotated[int, Field(ge=1, le=50)] = 1
    sample_id: SampleIdText | None = Field(
        default=None, description="Take this one instead of the next."
    )
    bench: Short | None = Field(
        default=None,
        description="Take what this declared bench does: a screen while any waits, if it screens.",
    )


class ClaimOut(BaseModel):
    """
    A lease on one sample at one stage. Its ETag is ``token``: send it as If-Match with everything the claim does.
    """

    id: ClaimId
    token: int
    stage: Stage
    taken_as_oldest: bool = Field(description="Every twentieth start takes the oldest sample.")
    lease_until: datetime
    sample: SampleOut
    risk: RiskOut | None = Field(description="Null while it is folded.")


class ClaimsOut(BaseModel):
    """
    The claims taken; fewer than asked for when the queue is short.
    """

    claims: list[ClaimOut]


class HeartbeatOut(BaseModel):
    """
    A claim that goes on.
    """

    id: ClaimId
    token: int
    lease_until: datetime


class HeldLine(BaseModel):
    """
    One open claim of the laboratory.
    """

    id: ClaimId
    token: int
    stage: Stage
    sample_id: SampleId
    agency_file_number: str
    exhibit_number: str
    holder: ClientId
    taken_at: datetime
    lease_until: datetime
    beyond_lease: bool = Field(description="Its lease has run out, and it was kept.")
    kept_since: datetime | None = Field(description="When that was noticed and recorded.")
    work_open: bool = Field(description="An analysis is recorded and not yet concluded.")
    in_hand: bool = Field(description="Its holder has the item in their hands.")


class HeldOut(BaseModel):
    """
    Who holds what at the bench.
    """

    items: list[HeldLine]


class QueueLine(BaseModel):
    """
    One sample in line.
    """

    place: int
    sample_id: SampleId
    agency_file_number: str
    exhibit_number: str
    small_parcel: bool
    small_quantity: bool
    rank_key: int
    ranks_as_if_received: datetime = Field(description="The rank key, read as an instant.")
    aged_from: datetime
    band: str
    held: bool
    reasons: list[ReasonOut] = Field(description="The three strongest; empty while folded.")
    folded: bool


class QueueOut(BaseModel):
    """
    The head of the queue at one stage, in order.
    """

    stage: Stage
    items: list[QueueLine]
