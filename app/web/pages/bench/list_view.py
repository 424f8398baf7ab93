"""
What the bench's first page shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.kit import ids
from app.results.schemas.methods import SuggestionsOut
from app.samples.rules import Stage
from app.samples.rules.folding import folds_at
from app.samples.schemas import HeldLine, QueueLine, SampleOut
from app.web.forms import Form
from app.web.language import Language
from app.web.pages.bench import words
from app.web.words import BandView, band_view

_SHORT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Tab:
    """
    One stage to look at.
    """

    path: str
    label: str
    current: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """
    One sample in line.
    """

    place: int
    path: str
    file_number: str
    exhibit_number: str
    form: str
    small: str
    band: BandView
    reasons: tuple[str, ...]
    hazards: tuple[str, ...]
    aged_from: datetime
    age: str
    method: str
    held: bool


@dataclass(frozen=True, slots=True)
class Mine:
    """
    One sample that I hold.
    """

    path: str
    file_number: str
    exhibit_number: str
    stage: str
    left: str
    short: bool


@dataclass(frozen=True, slots=True)
class BenchView:
    """
    The bench.
    """

    form: Form
    stage: Stage
    stage_label: str
    tabs: tuple[Tab, ...]
    waiting: tuple[Waiting, ...]
    mine: tuple[Mine, ...]
    may_claim: bool
    folded: bool


def tabs(stages: Sequence[Stage], current: Stage, language: Language) -> tuple[Tab, ...]:
    """
    Return the stages this person may look at.
    """
    return tuple(
        Tab(f"/bench?stage={stage}", language.say(words.STAGES[stage]), stage is current)
        for stage in stages
    )


def waiting(
    lines: Sequence[QueueLine],
    samples: Mapping[UUID, SampleOut],
    suggestions: Mapping[UUID, SuggestionsOut],
    *,
    stage: Stage,
    now: datetime,
    language: Language,
) -> tuple[Waiting, ...]:
    """
    Return the head of the queue, each with what is known of it.
    """
    found = []
    for line in lines:
        exhibit = samples[line.sample_id].exhibit
        suggested = suggestions[line.sample_id].items
        found.append(
            Waiting(
                place=line.place,
                path=f"/bench/{ids.write('smp', line.sample_id)}",
                file_number=line.agency_file_number,
                exhibit_number=line.exhibit_number,
                form=words.form(exhibit, language),
                small=small(line, language),
                band=band_view(line.band, language),
                reasons=()
                if folds_at(stage)
                else tuple(reason.text for reason in line.reasons[:3]),
                hazards=tuple(exhibit.get("hazards") or ()),
                aged_from=line.aged_from,
                age=language.span(max(now - line.aged_from, timedelta(0))),
                method=method_words(suggested[0].method or suggested[0].technique)
                if suggested and stage is not Stage.REVIEW
                else "",
                held=line.held,
            )
        )
    return tuple(found)


def mine(lines: Sequence[HeldLine], now: datetime, language: Language) -> tuple[Mine, ...]:
    """
    Return what a person holds, and how long the claims still last.
    """
    return tuple(
        Mine(
            path=f"/bench/{ids.write('smp', line.sample_id)}",
            file_number=line.agency_file_number,
            exhibit_number=line.exhibit_number,
            stage=language.say(words.STAGES[line.stage]),
            left=left(line.lease_until, now, language),
            short=line.lease_until - now < _SHORT,
        )
        for line in lines
    )


def left(until: datetime, now: datetime, language: Language) -> str:
    """
    Say how long a claim still lasts.
    """
    if until <= now:
        return language.say("Time is up")
    return language.say("%(span)s left", span=language.span(until - now))


def small(line: QueueLine, language: Language) -> str:
    """
    Say that a sample is small, and in which sense.
    """
    if line.small_parcel:
        return language.say("Small parcel")
    return language.say("Small quantity") if line.small_quantity else ""


def method_words(code: str) -> str:
    """
    Write a technique's or method's code as people say it.
    """
    return code.upper().replace("_", " ") if code.islower() else code
