"""
What the page of a review shows: everything the reviewer judges, and what is to be signed next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.results.rules import ReviewDecision
from app.results.rules.signing import MEANINGS, Meaning, ReviewKind
from app.results.schemas import FileOut
from app.samples.schemas.custody import HoldingOut
from app.web.forms import Form
from app.web.language import N_, Language
from app.web.pages.bench.work_view import (
    AnalysisLine,
    ClaimView,
    FileLine,
    Forms,
    Sibling,
    Suspicion,
)
from app.web.words import FoundView, StatusView

KINDS = {
    ReviewKind.TECHNICAL: N_("Technical review"),
    ReviewKind.ADMINISTRATIVE: N_("Administrative review"),
}
DECISIONS = {
    ReviewDecision.ACCEPT: N_("I accept it"),
    ReviewDecision.RETURN: N_("I return it to the bench"),
}
RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Signed:
    """
    One review that was signed.
    """

    kind: str
    decision: str
    by: str
    when: datetime
    remarks: str
    current: bool
    """Whether it was of the record as it is now."""


@dataclass(frozen=True, slots=True)
class Holder:
    """
    Who held the item, from when to when.
    """

    who: str
    purpose: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class ReviewView:
    """
    The page.
    """

    sample_id: str
    path: str
    file_number: str
    exhibit_number: str
    description: str
    status: StatusView
    hazards: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    suspicion: Suspicion | None
    may_unfold: bool
    siblings: tuple[Sibling, ...]
    files: tuple[FileLine, ...]
    mine: ClaimView | None
    analyses: tuple[AnalysisLine, ...]
    found: tuple[FoundView, ...]
    warnings: tuple[str, ...]
    to_acknowledge: bool
    """Whether accepting it needs the word that these were read."""
    custody: tuple[Holder, ...]
    reviews: tuple[Signed, ...]
    reports: tuple[str, ...]
    record_sha256: str
    step: str
    """What is to be signed next: a kind of review, or the release."""
    step_label: str
    meaning: str
    decisions: tuple[tuple[str, str, str], ...]
    form: Form
    forms: Forms


def step(file: FileOut) -> str:
    """
    Return what is to be signed next for the record as it is now.
    """
    accepted = {
        one.kind
        for one in file.reviews
        if one.decision is ReviewDecision.ACCEPT and one.record_sha256 == file.record_sha256
    }
    return next((kind.value for kind in ReviewKind if kind not in accepted), RELEASE)


def meaning(step: str, language: Language) -> str:
    """
    Return what a person says by signing this step.
    """
    meanings = {
        ReviewKind.TECHNICAL.value: Meaning.TECHNICAL_REVIEW,
        ReviewKind.ADMINISTRATIVE.value: Meaning.ADMINISTRATIVE_REVIEW,
        RELEASE: Meaning.RELEASE,
    }
    english, french = MEANINGS[meanings[step]]
    return french if language.code == "fr" else english


def label(step: str, language: Language) -> str:
    """
    Return a step's heading.
    """
    return language.say(N_("Release of the report") if step == RELEASE else KINDS[ReviewKind(step)])


def signed(file: FileOut, language: Language) -> tuple[Signed, ...]:
    """
    Return the reviews so far, first to last.
    """
    return tuple(
        Signed(
            kind=language.say(KINDS[one.kind]),
            decision=language.say(DECISIONS[one.decision]),
            by=one.by or "",
            when=one.reviewed_at,
            remarks=one.remarks or "",
            current=one.record_sha256 == file.record_sha256,
        )
        for one in file.reviews
    )


def custody(
    holdings: Sequence[HoldingOut], laboratory: object, language: Language
) -> tuple[Holder, ...]:
    """
    Return who held the item.
    """
    return tuple(
        Holder(
            who=language.say(
                N_("The laboratory") if one.holder_agency_id == laboratory else N_("The agency")
            ),
            purpose=one.purpose,
            since=one.since,
            until=one.until,
        )
        for one in holdings
    )
