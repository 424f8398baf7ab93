"""
What reviewers send, and everybody reads, about releases, reviews, signatures and reports.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, SecretStr, StrictBool, StringConstraints, model_validator

from app.kit.ids import ClientId, ReportId, ReviewId, SampleId, SampleIdText
from app.results.rules import ReportKind, ReviewDecision
from app.results.rules.signing import Meaning, ReviewKind
from app.samples.schemas import HoldingOut, Number, Strict, Text

Language = Literal["en", "fr"]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class SignatureIn(Strict):
    """
    A signature: you prove again, at this moment, that it is you. Who, when and with what meaning is recorded.
    """

    proof: Annotated[SecretStr, Field(min_length=8, max_length=200)] = Field(
        description="Your own API key, presented again. Never stored and never logged."
    )


class ReleaseIn(Strict):
    """
    The release of a presumptive finding: the label is scanned again, so that the finding goes out for this very item.
    """

    label_scanned: SampleIdText


class ReviewIn(Strict):
    """
    A signed review by somebody who made none of the analyses: first technical, then administrative.
    """

    kind: ReviewKind
    decision: ReviewDecision
    remarks: Text | None = None
    record_sha256: Sha256 = Field(description="The record you reviewed, as its file gave it.")
    acknowledges_warnings: StrictBool = Field(
        default=False,
        description="You have read the warnings of the conclusion, such as one sampling for all techniques, and accept"
        " it all the same. Needed to accept a conclusion that has some.",
    )
    signature: SignatureIn

    @model_validator(mode="after")
    def _reasoned(self) -> Self:
        if self.decision is ReviewDecision.RETURN and not self.remarks:
            message = "remarks are needed to return a sample; say what to do"
            raise ValueError(message)
        return self


class ReviewOut(BaseModel):
    """
    A review as recorded.
    """

    id: ReviewId
    sample_id: SampleId
    reviewer_id: ClientId
    kind: ReviewKind
    decision: ReviewDecision
    remarks: str | None
    acknowledged: list[str] = Field(description="The warnings that were acknowledged.")
    record_sha256: str
    reviewed_at: datetime


class ReportIn(Strict):
    """
    The release of a final report, signed.
    """

    deviations: Text | None = Field(
        default=None, description="Deviations from, additions to or exclusions from the method."
    )
    remarks: Text | None = None
    signature: SignatureIn


class AmendmentIn(Strict):
    """
    A report issued anew: what has changed and why stand on it, with the number of the one it replaces.
    """

    reason: Text
    changes: Text
    deviations: Text | None = None
    remarks: Text | None = None
    signature: SignatureIn


class ReplacesIn(Strict):
    """
    The certificate that a new one replaces.
    """

    number: Number
    reason: Text
    changes: Text


class CertificateIn(Strict):
    """
    A certificate of analyst, signed by the designated analyst whose analyses it states.
    """

    template: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")]
    replaces: ReplacesIn | None = None
    signature: SignatureIn


class SignatureOut(BaseModel):
    """
    Who signed, when, with what meaning, over the record of which hash.
    """

    name: str
    meaning: Meaning
    signed_at: datetime
    record_sha256: str
    proved_by: str


class ReportOut(BaseModel):
    """
    A released, numbered, immutable document. ``sha256`` covers ``canonical``, the exact text of ``body``.
    """

    id: ReportId
    sample_id: SampleId
    number: str
    kind: ReportKind
    released_at: datetime
    replaces_id: ReportId | None
    sha256: str
    canonical: str
    body: dict[str, Any]


class ReviewLine(BaseModel):
    """
    One review in a file, with its signature.
    """

    id: ReviewId
    kind: ReviewKind
    decision: ReviewDecision
    by: str | None
    remarks: str | None
    record_sha256: str | None
    reviewed_at: datetime
    signatures: list[SignatureOut]


class FileOut(BaseModel):
    """
    Everything a reviewer judges: the record, with the hash to sign, its custody and the reviews so far.
    """

    sample_id: SampleId
    hazards: list[str] = Field(description="Always shown, whatever else is folded.")
    record: dict[str, Any]
    record_sha256: str
    custody: list[HoldingOut]
    reviews: list[ReviewLine]
    reports: list[str] = Field(description="The numbers of the reports issued so far.")


class VerifiedOut(BaseModel):
    """
    What anyone who holds a report may learn: that it is ours, unchanged, and whether it has been replaced.
    """

    number: str
    sha256: str = Field(description="Of the report's record.")
    documents: dict[Language, str] = Field(
        description="SHA-256 of each printed document; empty while it waits for the printer."
    )
    replaced: bool
