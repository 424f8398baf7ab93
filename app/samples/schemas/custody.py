"""
What callers send and read about custody: handovers, storage, portions, disposals and legal holds.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, Field, StrictBool, StringConstraints, model_validator

from app.custody.rules import DisposalKind, HandoverOutcome, PortionUnit
from app.kit.ids import (
    AgencyId,
    ClientId,
    ClientIdText,
    DisposalId,
    HandoverId,
    LegalHoldId,
    SampleId,
    SubmissionId,
)
from app.samples.schemas.words import Number, Reason, Short, Strict

PlaceCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")]
Amount = Annotated[Decimal, Field(gt=0, le=Decimal(10**9), decimal_places=6, allow_inf_nan=False)]
Tolerance = Annotated[
    Decimal, Field(ge=0, le=Decimal(10**6), decimal_places=6, allow_inf_nan=False)
]


class HoldingOut(BaseModel):
    """
    Who held the sample, from when to when.
    """

    holder_agency_id: AgencyId
    holder_client_id: ClientId | None = Field(
        description="Null in storage, and where an agency brought it and named nobody."
    )
    place: str | None = Field(description="The storage place's code, for the laboratory.")
    since: datetime
    until: datetime | None
    purpose: str
    seal_number: str | None
    condition: str | None


class HandoverIn(Strict):
    """
    An offer of the item to another person of your agency, or back to the agency it came from.
    """

    to_client_id: ClientIdText | None = None
    to_agency: StrictBool = Field(
        default=False, description="As the laboratory: to any person of the submitting agency."
    )
    reason: Reason
    seal_number: Short | None = None

    @model_validator(mode="after")
    def _one_receiver(self) -> Self:
        if (self.to_client_id is None) != self.to_agency:
            message = "name a person in to_client_id, or set to_agency; not both"
            raise ValueError(message)
        return self


class AcceptanceIn(Strict):
    """
    The other person's acceptance.
    """

    condition: Short | None = Field(
        default=None, description="Seal and condition as you found them."
    )


class HandoverOut(BaseModel):
    """
    A handover. Until it is accepted, the giver holds the item.
    """

    id: HandoverId
    sample_id: SampleId
    from_client_id: ClientId
    to_agency_id: AgencyId
    to_client_id: ClientId | None
    reason: str
    seal_number: str | None
    opened_at: datetime
    closed_at: datetime | None
    outcome: HandoverOutcome | None


class StoragePlaceIn(Strict):
    """
    A storage place: a room, a safe, a shelf, a box.
    """

    name: Short
    parent: PlaceCode | None = Field(default=None, description="The code of what it lies in.")
    capacity: Annotated[int, Field(ge=0, le=10_000_000)] | None = Field(
        default=None, description="Items in it and in everything below it; null has no limit."
    )
    closed: StrictBool = False


class StoragePlaceOut(BaseModel):
    """
    A storage place and how full it is.
    """

    code: str
    name: str
    parent: str | None
    capacity: int | None
    items: int = Field(description="In it and in everything below it.")
    closed_at: datetime | None


class StorageIn(Strict):
    """
    Into which place the item goes.
    """

    place: PlaceCode
    seal_number: Short | None = None


class PortionIn(Strict):
    """
    The whole of a sample as weighed, or a part of a portion.
    """

    label: Number
    parent: Number | None = Field(default=None, description="None for the whole of the sample.")
    amount: Amount | None = Field(default=None, description="Null where it was not measured.")
    unit: PortionUnit = PortionUnit.MILLIGRAM
    tolerance: Tolerance = Field(
        default=Decimal(0),
        description="By how much parts and uses may exceed it together: the balance's uncertainty.",
    )


class PortionOut(BaseModel):
    """
    A portion, and what is left of it.
    """

    label: str
    parent: str | None
    amount: Decimal | None
    unit: PortionUnit
    tolerance: Decimal
    parts: Decimal
    used: Decimal
    left: Decimal | None
    made_by: ClientId
    made_at: datetime


class ConsumptionIn(Strict):
    """
    What was used of a portion.
    """

    portion: Number
    amount: Amount = Field(description="In the portion's unit.")


class ReasonIn(Strict):
    """
    Why.
    """

    reason: Reason


class LastUseOut(BaseModel):
    """
    An authorization to use up what is left of a sample, once, by somebody else.
    """

    sample_id: SampleId
    reason: str
    granted_by: ClientId
    granted_at: datetime


class DisposalIn(Strict):
    """
    A proposal to return or destroy an item. It is done when a second person confirms it.
    """

    kind: DisposalKind
    method: Short
    authority_reference: Short = Field(
        description="The order, consent or retention rule it rests on."
    )


class DisposalOut(BaseModel):
    """
    A return or destruction, with its two people.
    """

    id: DisposalId
    sample_id: SampleId
    kind: DisposalKind
    method: str
    authority_reference: str
    performed_by: ClientId
    second_by: ClientId | None
    proposed_at: datetime
    closed_at: datetime | None
    outcome: str | None


class LegalHoldOut(BaseModel):
    """
    A party's word that nothing of a file may be returned or destroyed.
    """

    id: LegalHoldId
    submission_id: SubmissionId
    placed_by_agency_id: AgencyId
    reason: str
    placed_at: datetime
    lifted_at: datetime | None
