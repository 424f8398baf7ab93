"""
What an agency sends about a seizure. The field names are fixed: tools rely on them.
"""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import (
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from app.kit.ids import AgencyIdText
from app.kit.instants import Instant
from app.samples.schemas.words import (
    Circumstance,
    FieldResult,
    FieldTechnique,
    Form,
    Number,
    QuantityKind,
    Route,
    Short,
    Strict,
    Text,
    Unit,
)

SAMPLES_MOST = 500
"""Samples in one submission."""


class QuantityIn(Strict):
    """
    An amount. Zero means a trace, or not weighed.
    """

    value: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
    unit: Unit
    kind: QuantityKind | None = None
    uncertainty: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None = Field(
        default=None, description="Expanded uncertainty (k = 2), in the same unit."
    )


class FieldTestIn(Strict):
    """
    A test made before the laboratory. It moves the probability; it never replaces it.
    """

    technique: FieldTechnique
    target: Short | None = Field(default=None, description="A substance or class name.")
    result: FieldResult
    device: Short | None = None


class PlaceIn(Strict):
    """
    Where the seizure took place.
    """

    name: Short | None = None
    office: Short | None = None
    locality: Short | None = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None


class ParcelIn(Strict):
    """
    The parcel the samples came in, if they did. Clear names are refused: there is no field for one.
    """

    declared_contents: Short | None = None
    origin_country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    weight_g: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None = Field(
        default=None, description="Gross weight as seized, in grams."
    )
    sender_digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None,
        description="HMAC-SHA-256 of the sender, made by the client with the laboratory's link key.",
    )
    tracking_digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None


class ReferenceIn(Strict):
    """
    Another office's number for the same matter.
    """

    kind: Short
    number: Number


class HearingIn(Strict):
    """
    A date at court. It never enters the ranking: a hearing is served by an answered rush request.
    """

    kind: Short
    date: date


class SampleIn(Strict):
    """
    One exhibit.
    """

    exhibit_number: Number
    description: Text | None = None
    suspected: list[Short] = Field(
        default=[],
        max_length=20,
        description="What the agency suspects, in its own words. Never a finding.",
    )
    form: Form = Form.UNKNOWN
    colour: Short | None = None
    markings: Short | None = None
    quantity_seized: QuantityIn | None = Field(default=None, description="In total, as seized.")
    quantity_sent: QuantityIn | None = Field(
        default=None, description="The portion sent to the laboratory."
    )
    packaging: Short | None = None
    field_tests: list[FieldTestIn] = Field(default=[], max_length=50)
    reported_effects: list[Short] = Field(default=[], max_length=50)
    hazards: list[Short] = Field(default=[], max_length=50)
    circumstances: list[Circumstance] = Field(default=[], max_length=20)


class SubmissionIn(Strict):
    """
    One seizure. Only the file number, the instant of seizure and one sample with its exhibit number are mandatory.
    """

    agency_file_number: Number
    seized_at: Instant
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = Field(
        default=None, description="ISO 3166-1 alpha-2."
    )
    region: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}-[A-Z0-9]{1,3}$")] | None = Field(
        default=None, description="ISO 3166-2."
    )
    place: PlaceIn | None = None
    route: Route = Route.UNKNOWN
    parcel: ParcelIn | None = None
    references: list[ReferenceIn] = Field(default=[], max_length=50)
    hearings: list[HearingIn] = Field(default=[], max_length=20)
    laboratory_id: AgencyIdText | None = Field(
        default=None, description="Default: the only laboratory."
    )
    samples: list[SampleIn] = Field(min_length=1, max_length=SAMPLES_MOST)

    @field_validator("seized_at")
    @classmethod
    def _plausible(cls, value: datetime) -> datetime:
        if value.year < 1900:  # noqa: PLR2004 - a year
            message = "lies before 1900; check the year"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _exhibits_differ(self) -> Self:
        seen = set()
        for sample in self.samples:
            if sample.exhibit_number in seen:
                message = f"exhibit {sample.exhibit_number} is listed twice; give each sample its own exhibit_number"
                raise ValueError(message)
            seen.add(sample.exhibit_number)
        return self
