"""
What reviewers send, and everybody reads, about releases, reviews and reports.
"""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, model_validator

from app.kit.ids import ClientId, ReportId, ReviewId, SampleId, SampleIdText
from app.results.rules import ReportKind, ReviewDecision
from app.samples.schemas import Strict, Text


class ReleaseIn(Strict):
    """
    The release of a presumptive finding: the label is scanned again, so that the finding goes out for this very item.
    """

    label_scanned: SampleIdText


class ReviewIn(Strict):
    """
    A review by somebody who made none of the analyses.
    """

    decision: ReviewDecision
    remarks: Text | None = None

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
    decision: ReviewDecision
    remarks: str | None
    reviewed_at: datetime


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
