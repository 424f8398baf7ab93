"""
What an agency sends to repair what it said, and what is kept of it.

There is no field for a person's name here either: a sender is a keyed digest or nothing.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from app.kit.ids import CorrectionId, SampleId, SampleIdText, SubmissionId
from app.kit.instants import Instant
from app.samples.schemas.submit import (
    SAMPLES_MOST,
    FieldTestIn,
    HearingIn,
    ParcelIn,
    PlaceIn,
    QuantityIn,
    ReferenceIn,
)
from app.samples.schemas.words import Circumstance, Form, Note, Number, Route, Short, Strict, Text


class CorrectionReason(StrEnum):
    """
    Why something is corrected.
    """

    TYPING_ERROR = "typing_error"
    WRONG_EXHIBIT = "wrong_exhibit"
    NEW_INFORMATION = "new_information"
    OTHER = "other"


class SeizureChange(Strict):
    """
    Fields of the seizure, as they should read. What is not sent stays; null clears, where nothing needs a value.
    """

    agency_file_number: Number | None = Field(default=None, description="Null leaves it as it is.")
    seized_at: Instant | None = Field(default=None, description="Null leaves it as it is.")
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    region: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}-[A-Z0-9]{1,3}$")] | None = None
    place: PlaceIn | None = None
    route: Route | None = Field(default=None, description="Null leaves it as it is.")
    parcel: ParcelIn | None = Field(
        default=None, description="The parcel whole, as it should read."
    )


class ExhibitChange(Strict):
    """
    Fields of one exhibit, as they should read. What is not sent stays; null clears, where nothing needs a value.
    """

    exhibit_number: Number | None = Field(default=None, description="Null leaves it as it is.")
    description: Text | None = None
    suspected: list[Short] | None = Field(
        default=None, max_length=20, description="Null leaves it as it is, [] clears."
    )
    form: Form | None = Field(default=None, description="Null leaves it as it is.")
    colour: Short | None = None
    markings: Short | None = None
    quantity_seized: QuantityIn | None = None
    quantity_sent: QuantityIn | None = None
    packaging: Short | None = None
    field_tests: list[FieldTestIn] | None = Field(
        default=None, max_length=50, description="Null leaves it as it is, [] clears."
    )
    reported_effects: list[Short] | None = Field(
        default=None, max_length=50, description="Null leaves it as it is, [] clears."
    )
    hazards: list[Short] | None = Field(
        default=None, max_length=50, description="Null leaves it as it is, [] clears."
    )
    circumstances: list[Circumstance] | None = Field(
        default=None, max_length=20, description="Null leaves it as it is, [] clears."
    )


class SampleChange(Strict):
    """
    What is wrong about one sample.
    """

    sample_id: SampleIdText
    exhibit: ExhibitChange


class CorrectionIn(Strict):
    """
    A repair of what was submitted, with its reason.
    """

    reason: CorrectionReason
    note: Note
    seizure: SeizureChange | None = None
    add_references: list[ReferenceIn] = Field(
        default=[], max_length=50, description="Police, court, border or other file numbers."
    )
    add_hearings: list[HearingIn] = Field(default=[], max_length=20)
    samples: list[SampleChange] = Field(default=[], max_length=SAMPLES_MOST)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        named = [one.sample_id for one in self.samples]
        if len(set(named)) < len(named):
            message = "one sample is named twice; send its fields together"
            raise ValueError(message)
        return self


class ChangeOut(BaseModel):
    """
    One field before and after.
    """

    field: str
    sample_id: SampleId | None
    before: Any
    after: Any


class MovedOut(BaseModel):
    """
    A sample that was ranked anew because of a correction.
    """

    sample_id: SampleId
    band_before: str
    band_after: str
    moved: bool = Field(description="Whether its place changed.")


class CorrectionLine(BaseModel):
    """
    A correction as it is kept.
    """

    id: CorrectionId
    submission_id: SubmissionId
    version: int = Field(description="The submission's version after it.")
    reason: CorrectionReason
    note: str
    made_by_name: str
    made_at: datetime
    changes: list[ChangeOut]


class CorrectionOut(CorrectionLine):
    """
    A correction just made, and what it moved.
    """

    ranked_anew: list[MovedOut]
