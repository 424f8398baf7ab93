"""
What the page about a sample's rank shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.kit import ids
from app.samples.schemas import (
    AssessmentHistory,
    AssessmentOut,
    PlaceOut,
    ReasonOut,
    SampleDetailOut,
)
from app.web.language import N_, Language
from app.web.words import BandView, StatusView, band_view, status_view

_HALF = 50
"""Where a picture of 100 has its middle: no effect."""
_SMALL = 0.05
"""Bits that nobody could tell from none."""

STAGES = {
    "screen": N_("for the screen"),
    "confirm": N_("for confirmation"),
    "review": N_("for review"),
}
CAUSES = {
    "submitted": N_("It was submitted"),
    "correction": N_("The agency corrected what it had said"),
    "reopened": N_("It was opened again"),
    "linked finding": N_("A linked sample was found to hold something"),
    "finding withdrawn": N_("A finding was taken back"),
    "screen": N_("Its screen was concluded"),
    "confirm": N_("It was confirmed"),
    "return": N_("Its review returned it to the bench"),
}
_EVIDENCE = "evidence: "


@dataclass(frozen=True, slots=True)
class Share:
    """
    One contribution: a bar from the middle to the right where it raises, to the left where it lowers.
    """

    text: str
    factor: str
    words: str
    x: float
    width: float
    tone: str
    source: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """
    A test that has not been made, with the place after either answer.
    """

    text: str
    detected: str
    not_detected: str


@dataclass(frozen=True, slots=True)
class Before:
    """
    One assessment of the past.
    """

    when: datetime
    cause: str
    band: BandView
    chance: float
    head_start: str


@dataclass(frozen=True, slots=True)
class FoldedView:
    """
    What somebody sees who must not be swayed.
    """

    sample_id: str
    file_number: str
    exhibit_number: str
    status: StatusView


@dataclass(frozen=True, slots=True)
class WhyView:
    """
    The assessment of one sample.
    """

    sample_id: str
    file_number: str
    exhibit_number: str
    status: StatusView
    band: BandView
    sentences: tuple[str, ...]
    shares: tuple[Share, ...]
    notes: tuple[str, ...]
    changes: tuple[Change, ...]
    history: tuple[Before, ...]
    policy: str
    assessed_at: datetime


def folded(sample: SampleDetailOut, language: Language) -> FoldedView:
    """
    Return the page without its reasons.
    """
    return FoldedView(
        sample_id=ids.write("smp", sample.id),
        file_number=sample.agency_file_number,
        exhibit_number=sample.exhibit_number,
        status=status_view(sample.status, language),
    )


def why_view(
    sample: SampleDetailOut,
    *,
    found: AssessmentOut,
    history: AssessmentHistory,
    language: Language,
) -> WhyView:
    """
    Return what the page shows.
    """
    changes = tuple(
        Change(
            text=one.text,
            detected=_place(one.answers[0].place, language),
            not_detected=_place(one.answers[1].place, language),
        )
        for one in found.would_change_most
    )
    return WhyView(
        sample_id=ids.write("smp", sample.id),
        file_number=sample.agency_file_number,
        exhibit_number=sample.exhibit_number,
        status=status_view(sample.status, language),
        band=band_view(found.band, language),
        sentences=tuple(_sentences(found, language)),
        shares=shares(found.reasons, language),
        notes=tuple(found.notes),
        changes=changes,
        history=tuple(
            Before(
                when=one.assessed_at,
                cause=cause(one.cause, language),
                band=band_view(one.band, language),
                chance=one.p_lethal_opioid,
                head_start=_days(one.head_start_days, language),
            )
            for one in history.items
        ),
        policy=found.policy,
        assessed_at=found.assessed_at,
    )


def shares(reasons: Sequence[ReasonOut], language: Language) -> tuple[Share, ...]:
    """
    Return the contributions as bars, all drawn to one scale.
    """
    most = max((abs(one.bits) for one in reasons), default=0) or 1
    return tuple(_share(one, most, language) for one in reasons)


def cause(code: str, language: Language) -> str:
    """
    Say what made an assessment necessary.
    """
    if code.startswith(_EVIDENCE):
        return language.say("Something new became known")
    return language.say(CAUSES.get(code, N_("It went on to its next step")))


def _share(reason: ReasonOut, most: float, language: Language) -> Share:
    long = round(abs(reason.bits) / most * _HALF, 1)
    up = reason.bits >= 0
    if abs(reason.bits) < _SMALL:
        words = language.say("makes no difference")
    elif up:
        words = language.say("moves it forward")
    else:
        words = language.say("moves it back")
    return Share(
        text=reason.text,
        factor=f"\N{MULTIPLICATION SIGN} {language.number(float(f'{reason.factor:.3g}'), 4)}",
        words=words,
        x=_HALF if up else _HALF - long,
        width=long,
        tone="up" if up else "down",
        source=reason.source,
    )


def _sentences(found: AssessmentOut, language: Language) -> list[str]:
    stage = language.say(STAGES.get(found.stage, N_("for the screen")))
    said = [
        language.say(
            "The chance that it holds a lethal opioid is put at %(chance)s.",
            chance=language.percent(found.p_lethal_opioid),
        ),
        language.say(
            "Every day of not knowing is put at %(harm)s times that of one dose of street fentanyl in circulation.",
            harm=language.number(float(f"{found.harm_per_day:.2g}"), 4),
        ),
        language.say(
            "It takes about %(minutes)s minutes at the bench %(stage)s.",
            minutes=language.number(found.bench_minutes, 0),
            stage=stage,
        ),
        language.say(
            "So it ranks as if it had come on %(when)s: a head start of %(days)s.",
            when=language.instant(found.ranks_as_if_received),
            days=_days(found.head_start_days, language),
        ),
    ]
    place: PlaceOut | None = found.place
    if place is not None and place.place is not None:
        said.append(
            language.say("Number %(place)s in line.", place=language.number(place.place, 0))
        )
    return said


def _place(place: int | None, language: Language) -> str:
    if place is None:
        return language.say("not counted")
    return language.say("number %(place)s in line", place=language.number(place, 0))


def _days(days: float, language: Language) -> str:
    return language.say("%(days)s days", days=language.number(days, 1))
