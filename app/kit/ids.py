"""
Prefixed, random, sortable ids (TypeID over UUIDv7): ``smp_01h…`` outside, ``uuid`` inside the database.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import uuid_utils
from pydantic import AfterValidator, PlainSerializer, WithJsonSchema
from typeid import TypeID
from uuid_utils.compat import uuid7

PREFIXES = {
    "agn": "agency",
    "cli": "API client",
    "sub": "submission",
    "smp": "sample",
    "clm": "claim",
    "ana": "analysis",
    "fnd": "finding",
    "rev": "review",
    "rep": "report",
    "end": "webhook endpoint",
    "evt": "event",
    "dlv": "delivery",
    "ass": "assessment",
    "cor": "correction",
    "att": "attachment",
    "evd": "evidence",
    "pol": "ranking policy",
    "rsh": "rush request",
    "ssn": "session",
    "hnd": "handover",
    "run": "run",
    "pln": "sampling plan",
    "cnt": "measured content",
    "dsp": "disposal",
    "hld": "legal hold",
}


def new() -> UUID:
    """
    Make a new random, time-ordered id.
    """
    return uuid7()


def first_at(instant: datetime) -> UUID:
    """
    Return an id below every one made from this instant on, and above most that were made before.
    """
    return UUID(int=max(int(instant.timestamp() * 1000), 0) << 80)


def write(prefix: str, value: UUID) -> str:
    """
    Write an id as callers see it.
    """
    return str(TypeID.from_uuid(uuid_utils.UUID(int=value.int), prefix=prefix))


def read(prefix: str, text: str) -> UUID | None:
    """
    Read an id as callers write it, or None when it is not one of this kind.

    A malformed id and an unknown one are the same to a caller: there is nothing there.
    """
    try:
        parsed = TypeID.from_string(text)
    except Exception as problem:  # noqa: BLE001 - the library raises several unrelated kinds; all mean "not an id"
        del problem
        return None
    # The library has a UUID class of its own.
    return UUID(int=parsed.uuid.int) if parsed.prefix == prefix and str(parsed) == text else None


def _spec(prefix: str) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$",
            "examples": [write(prefix, UUID(int=0))],
        }
    )


def _writer(prefix: str) -> PlainSerializer:
    return PlainSerializer(lambda value: write(prefix, value), return_type=str)


AgencyId = Annotated[UUID, _writer("agn"), _spec("agn")]
ClientId = Annotated[UUID, _writer("cli"), _spec("cli")]
SubmissionId = Annotated[UUID, _writer("sub"), _spec("sub")]
SampleId = Annotated[UUID, _writer("smp"), _spec("smp")]
ClaimId = Annotated[UUID, _writer("clm"), _spec("clm")]
AnalysisId = Annotated[UUID, _writer("ana"), _spec("ana")]
FindingId = Annotated[UUID, _writer("fnd"), _spec("fnd")]
ReviewId = Annotated[UUID, _writer("rev"), _spec("rev")]
ReportId = Annotated[UUID, _writer("rep"), _spec("rep")]
EndpointId = Annotated[UUID, _writer("end"), _spec("end")]
EventId = Annotated[UUID, _writer("evt"), _spec("evt")]
CorrectionId = Annotated[UUID, _writer("cor"), _spec("cor")]
AttachmentId = Annotated[UUID, _writer("att"), _spec("att")]
RunId = Annotated[UUID, _writer("run"), _spec("run")]
SamplingPlanId = Annotated[UUID, _writer("pln"), _spec("pln")]
ContentId = Annotated[UUID, _writer("cnt"), _spec("cnt")]
HandoverId = Annotated[UUID, _writer("hnd"), _spec("hnd")]
DisposalId = Annotated[UUID, _writer("dsp"), _spec("dsp")]
LegalHoldId = Annotated[UUID, _writer("hld"), _spec("hld")]
DeliveryId = Annotated[UUID, _writer("dlv"), _spec("dlv")]
EvidenceId = Annotated[UUID, _writer("evd"), _spec("evd")]
PolicyId = Annotated[UUID, _writer("pol"), _spec("pol")]
RushRequestId = Annotated[UUID, _writer("rsh"), _spec("rsh")]


def _reader(prefix: str) -> AfterValidator:
    def check(text: str) -> str:
        if read(prefix, text) is None:
            message = (
                f"must be the id of a {PREFIXES[prefix]}, such as {write(prefix, UUID(int=0))}"
            )
            raise ValueError(message)
        return text

    return AfterValidator(check)


SampleIdText = Annotated[str, _reader("smp"), _spec("smp")]
AnalysisIdText = Annotated[str, _reader("ana"), _spec("ana")]
AttachmentIdText = Annotated[str, _reader("att"), _spec("att")]
FindingIdText = Annotated[str, _reader("fnd"), _spec("fnd")]
ClientIdText = Annotated[str, _reader("cli"), _spec("cli")]
AgencyIdText = Annotated[str, _reader("agn"), _spec("agn")]
EventIdText = Annotated[str, _reader("evt"), _spec("evt")]
