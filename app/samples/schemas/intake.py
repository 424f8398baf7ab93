"""
What the counter sends, and everybody reads, about an item's arrival.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, Field, StrictBool, model_validator

from app.custody.rules import Nonconformance, SealState
from app.kit.ids import (
    AgencyIdText,
    AttachmentId,
    AttachmentIdText,
    ClientId,
    SampleId,
    SampleIdText,
)
from app.samples.rules import Status
from app.samples.schemas.submit import SubmissionIn
from app.samples.schemas.words import Number, Reason, Short, Strict, Text


class ReceiptIn(Strict):
    """
    An item at the laboratory's door. Only its scanned label is needed; what is given besides is checked and kept.
    """

    sample_id: SampleIdText = Field(description="The label, as scanned.")
    seal_number: Short | None = Field(default=None, description="As read from the item.")
    seal_state: SealState = SealState.UNKNOWN
    seal_as_announced: StrictBool = Field(
        default=True, description="False when the seal is not the one the papers name."
    )
    condition: Short | None = None
    gross_weight_g: (
        Annotated[Decimal, Field(ge=0, le=Decimal(10**9), allow_inf_nan=False)] | None
    ) = Field(default=None, description="Compared with the parcel's declared weight.")
    hazards: Annotated[list[Short], Field(max_length=20)] = Field(default=[])
    attachment_ids: Annotated[list[AttachmentIdText], Field(max_length=30)] = Field(
        default=[], description="Photographs, attached to this sample before."
    )
    file_number_on_item: Number | None = Field(
        default=None, description="What the item itself says; another one stops work."
    )
    exhibit_number_on_item: Number | None = None
    missing: StrictBool = Field(default=False, description="The packaging came without the item.")
    note: Text | None = None
    accept_because: Reason | None = Field(
        default=None,
        description="Accept a broken seal or another weight in your own name: the results are then not for court.",
    )


class ReceiptOut(BaseModel):
    """
    What was received, and what was not as it should be.
    """

    sample_id: SampleId
    status: Status
    version: int
    received_at: datetime | None = Field(description="Null when work was stopped.")
    nonconformances: list[Nonconformance]
    not_for_court: bool


class IntakeOut(BaseModel):
    """
    What was found when an item came.
    """

    sample_id: SampleId
    seal_number: str | None
    seal_state: SealState
    condition: str | None
    gross_weight_g: Decimal | None
    declared_weight_g: Decimal | None
    hazards: list[str]
    attachment_ids: list[AttachmentId]
    nonconformances: list[Nonconformance]
    note: str | None
    received_by: ClientId
    received_at: datetime
    accepted_at: datetime | None
    accepted_by: ClientId | None
    accepted_because: str | None


class RegistrationIn(Strict):
    """
    Items that arrive unannounced: the agency they come from, what is known of them, and their receipt, in one request.
    """

    agency_id: AgencyIdText
    submission: SubmissionIn
    seal_number: Short | None = None
    seal_state: SealState = SealState.UNKNOWN
    condition: Short | None = None

    @model_validator(mode="after")
    def _here(self) -> Self:
        if self.submission.laboratory_id is not None:
            message = "laboratory_id is your own laboratory; leave it out of the submission"
            raise ValueError(message)
        return self
