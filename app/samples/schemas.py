"""
What callers send and receive about submissions and samples. The field names are fixed: tools rely on them.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from app.kit.ids import AgencyId, AgencyIdText, ClaimId, SampleId, SampleIdText, SubmissionId
from app.samples.rules import Stage, Status


def _storable(text: str) -> str:
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        message = "holds a character that is no text; remove NUL characters and broken surrogates"
        raise ValueError(message)
    return text


_Clean = AfterValidator(_storable)
Short = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), _Clean
]
Number = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), _Clean
]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), _Clean]

SAMPLES_MOST = 500
"""Samples in one submission."""


class Route(StrEnum):
    """
    How the seized item travelled or where it was found.
    """

    MAIL = "mail"
    COURIER = "courier"
    TRAVELLER = "traveller"
    VEHICLE = "vehicle"
    CARGO = "cargo"
    SEARCH = "search"
    STREET = "street"
    OVERDOSE_SCENE = "overdose_scene"
    CUSTODY_FACILITY = "custody_facility"
    FOUND = "found"
    OTHER = "other"
    UNKNOWN = "unknown"


class Form(StrEnum):
    """
    What the exhibit looks like.
    """

    POWDER = "powder"
    CRYSTAL = "crystal"
    TABLET = "tablet"
    CAPSULE = "capsule"
    LIQUID = "liquid"
    BLOTTER = "blotter"
    PLANT = "plant"
    RESIN = "resin"
    PASTE = "paste"
    PATCH = "patch"
    RESIDUE = "residue"
    OTHER = "other"
    UNKNOWN = "unknown"


class Unit(StrEnum):
    """
    What a quantity counts.
    """

    GRAM = "g"
    MILLILITRE = "mL"
    TABLET = "tablet"
    CAPSULE = "capsule"
    BLOTTER = "blotter"
    PATCH = "patch"
    PLANT = "plant"
    ITEM = "item"
    SWAB = "swab"


class QuantityKind(StrEnum):
    """
    How a quantity was taken.
    """

    NET = "net"
    GROSS = "gross"
    COUNT = "count"


class FieldTechnique(StrEnum):
    """
    A test made before the laboratory.
    """

    FENTANYL_STRIP = "fentanyl_strip"
    NITAZENE_STRIP = "nitazene_strip"
    BENZODIAZEPINE_STRIP = "benzodiazepine_strip"
    COLOUR_TEST = "colour_test"
    FTIR = "ftir"
    RAMAN = "raman"
    IMS = "ims"
    HANDHELD_MS = "handheld_ms"
    DART_MS = "dart_ms"
    OTHER = "other"


class FieldResult(StrEnum):
    """
    What a field test showed.
    """

    DETECTED = "detected"
    NOT_DETECTED = "not_detected"
    INCONCLUSIVE = "inconclusive"


class Circumstance(StrEnum):
    """
    What bears on the risk besides the substance.
    """

    IN_CIRCULATION = "in_circulation"
    INTERCEPTED_WHOLE = "intercepted_whole"
    MAILED_TO_MANY = "mailed_to_many"
    LINKED_OVERDOSE = "linked_overdose"
    PILL_PRESS = "pill_press"
    PRECURSORS = "precursors"
    CLANDESTINE_LAB = "clandestine_lab"
    LOOK_ALIKE_MEDICINE = "look_alike_medicine"


class Strict(BaseModel):
    """
    An input: unknown fields are refused, so that a misspelt one is never silently lost.
    """

    model_config = ConfigDict(extra="forbid")


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
    seized_at: AwareDatetime
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
    exhibit: dict[str, Any] = Field(description="The exhibit as the agency described it.")


class SampleDetailOut(SampleOut):
    """
    One sample with its latest assessment.
    """

    risk: RiskOut


class ReceiptIn(Strict):
    """
    An item at the laboratory's door.
    """

    sample_id: SampleIdText
    seal_number: Short | None = None
    condition: Short | None = None
    gross_weight_g: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None = None


class ReceiptOut(BaseModel):
    """
    What was received.
    """

    sample_id: SampleId
    status: Status
    version: int
    received_at: datetime


class ClaimIn(Strict):
    """
    What to take: the next at a stage, or up to ``count``, or one named sample.
    """

    stage: Stage = Stage.SCREEN
    count: Annotated[int, Field(ge=1, le=50)] = 1
    sample_id: SampleIdText | None = Field(
        default=None, description="Take this one instead of the next."
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
    risk: RiskOut


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
    reasons: list[ReasonOut] = Field(description="The three strongest.")


class QueueOut(BaseModel):
    """
    The head of the queue at one stage, in order.
    """

    stage: Stage
    items: list[QueueLine]


class HoldingOut(BaseModel):
    """
    Who held the sample, from when to when.
    """

    holder_agency_id: AgencyId
    since: datetime
    until: datetime | None
    purpose: str


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

    file_number: Annotated[str, StringConstraints(max_length=100)] | None = None
    status: Status | None = None
    updated_since: AwareDatetime | None = None
    small_parcel: bool | None = None
    after: Annotated[str, StringConstraints(max_length=400)] | None = Field(
        default=None, description="The ``next`` of the page before."
    )
    limit: Annotated[int, Field(ge=1, le=200)] = 50


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
