"""
What the floor shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from babel import dates

from app.kit import ids
from app.samples.rules import Stage
from app.samples.schemas import HeldLine, SampleOut
from app.samples.schemas.clocks import ClockOut
from app.samples.schemas.overview import AgeCell, CapacityCell, FloorOut, StreamCell
from app.samples.schemas.ranking import RushRequestOut
from app.web.forms import Form
from app.web.language import N_, Language
from app.web.pages.bench import words
from app.web.pages.floor.lines import Hold, Promise, Rush, hold, promise
from app.web.pages.floor.picture import Picture, columns
from app.web.render import Bar
from app.web.words import BANDS, BandView, band_view

_EVERY_DAY = 7
"""Every so many days a day is named below its column."""

_LATE_DAYS = 30.0

DECISIONS = (("grant", N_("Grant it")), ("refuse", N_("Refuse it")))
REASONS = {
    "public_safety": N_("Public safety"),
    "person_in_custody": N_("A person is in custody"),
    "hold_72_hours": N_("A hold of 72 hours"),
    "hearing_within_30_days": N_("A hearing within 30 days"),
    "other": N_("Another reason"),
}


@dataclass(frozen=True, slots=True)
class Capacity:
    """
    Whether a stage keeps up, in words.
    """

    stage: str
    open: str
    rates: str
    words: str
    bad: bool


@dataclass(frozen=True, slots=True)
class OpenRow:
    """
    One band, with what is open of it at each stage.
    """

    band: BandView
    counts: tuple[str, ...]
    whole: str


@dataclass(frozen=True, slots=True)
class Stream:
    """
    Small parcels, or the rest.
    """

    label: str
    open: str
    oldest: str
    submitted: str


@dataclass(frozen=True, slots=True)
class Waits:
    """
    What will have waited how long at one stage.
    """

    stage: str
    bars: tuple[Bar, ...]
    late: str


@dataclass(frozen=True, slots=True)
class FloorView:
    """
    The floor.
    """

    form: Form
    as_of: datetime
    window_days: int
    capacity: tuple[Capacity, ...]
    stages: tuple[str, ...]
    open: tuple[OpenRow, ...]
    open_whole: tuple[str, ...]
    ages: Picture
    days: Picture
    streams: tuple[Stream, ...]
    waits: tuple[Waits, ...]
    promises: tuple[Promise, ...]
    rushes: tuple[Rush, ...]
    decisions: tuple[tuple[str, str], ...]
    holds: tuple[Hold, ...]
    calibration: tuple[Bar, ...]
    records: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What the page shows besides the counts, fresh at every look.
    """

    held: Sequence[HeldLine]
    names: Mapping[UUID, str]
    agencies: Mapping[UUID, str]
    clocks: Sequence[ClockOut]
    samples: Mapping[UUID, SampleOut]
    rushes: Sequence[RushRequestOut]


def view(
    found: FloorOut,
    seen: Seen,
    *,
    now: datetime,
    form: Form,
    language: Language,
) -> FloorView:
    """
    Return the whole page.
    """
    number = language.number
    stages = tuple(Stage)
    counts = {(cell.stage, cell.band): cell.open for cell in found.open}
    bands = [band for band in BANDS if any((stage, band) in counts for stage in stages)]
    return FloorView(
        form=form,
        as_of=found.as_of,
        window_days=found.window_days,
        capacity=tuple(_capacity(cell, language) for cell in found.capacity),
        stages=tuple(language.say(words.STAGES[stage]) for stage in stages),
        open=tuple(
            OpenRow(
                band=band_view(band, language),
                counts=tuple(number(counts.get((stage, band), 0)) for stage in stages),
                whole=number(sum(counts.get((stage, band), 0) for stage in stages)),
            )
            for band in bands
        ),
        open_whole=tuple(
            number(sum(count for (at, _), count in counts.items() if at is stage))
            for stage in stages
        ),
        ages=_ages(found.ages, language),
        days=_days(found, language),
        streams=tuple(_stream(cell, found.as_of, language) for cell in found.streams),
        waits=tuple(_waits(found, stage, language) for stage in stages),
        promises=tuple(promise(one, seen.samples, language) for one in seen.clocks),
        rushes=tuple(
            Rush(
                request_id=ids.write("rsh", one.id),
                path=f"/bench/{ids.write('smp', one.sample_id)}",
                what=f"{one.agency_file_number} · {one.exhibit_number}",
                reason=language.say(REASONS.get(one.reason, str(one.reason))),
                text=one.text or "",
                needed_by=one.needed_by,
                answer_by=one.answer_by,
                overdue=one.overdue,
            )
            for one in seen.rushes
        ),
        decisions=tuple((code, language.say(label)) for code, label in DECISIONS),
        holds=tuple(hold(line, seen.names, now, language) for line in seen.held),
        calibration=_calibration(found, language),
        records=tuple(
            Bar(
                label=seen.agencies.get(cell.agency_id, "?"),
                share=cell.held / cell.resolved,
                value=language.say(
                    "%(held)s of %(resolved)s",
                    held=number(cell.held),
                    resolved=number(cell.resolved),
                ),
            )
            for cell in found.records
            if cell.resolved
        ),
    )


def between(low: float, high: float | None, language: Language) -> str:
    """
    Name a span of days.
    """
    number = language.number
    if high is None:
        return language.say("%(low)s+", low=number(low))
    return language.say("%(low)s-%(high)s", low=number(low), high=number(high))


def _capacity(cell: CapacityCell, language: Language) -> Capacity:
    number = language.number
    if cell.open == 0:
        said = language.say("Nothing waits.")
    elif cell.empty_on is None and cell.per_day == 0:
        said = language.say("Nothing was finished in this time: it never empties so.")
    elif cell.empty_on is None:
        said = language.say("Never at this rate: more comes than is finished.")
    else:
        said = language.say("At this rate it is empty on %(day)s.", day=language.day(cell.empty_on))
    return Capacity(
        stage=language.say(words.STAGES[cell.stage]),
        open=number(cell.open),
        rates=language.say(
            "%(out)s finished a day, %(came)s come",
            out=number(cell.per_day, 1),
            came=number(cell.arriving_per_day, 1),
        ),
        words=said,
        bad=cell.open > 0 and cell.empty_on is None,
    )


def _ages(cells: Sequence[AgeCell], language: Language) -> Picture:
    title = language.say("Open samples by days since they began to age")
    return columns(
        title,
        [
            (
                between(cell.from_days, cell.below_days, language),
                ((cell.small_parcels, "small"), (cell.others, "rest")),
                language.number(cell.small_parcels + cell.others),
            )
            for cell in cells
        ],
    )


def _days(found: FloorOut, language: Language) -> Picture:
    title = language.say("Reported each day, with what was submitted as a line")
    return columns(
        title,
        [
            (
                dates.format_skeleton("MMMd", cell.day, locale=language.locale)
                if at % _EVERY_DAY == _EVERY_DAY // 2
                else "",
                ((cell.reported, "rest"),),
                "",
            )
            for at, cell in enumerate(found.days)
        ],
        over=[cell.submitted for cell in found.days],
    )


def _stream(cell: StreamCell, now: datetime, language: Language) -> Stream:
    label = N_("Small parcels") if cell.small_parcels else N_("All others")
    return Stream(
        label=language.say(label),
        open=language.number(cell.open),
        oldest=language.span(max(now - cell.oldest, timedelta(0))) if cell.oldest else "",
        submitted=language.number(cell.submitted),
    )


def _waits(found: FloorOut, stage: Stage, language: Language) -> Waits:
    cells = sorted(
        (one for one in found.waits if one.stage is stage), key=lambda one: one.from_days
    )
    whole = sum(one.samples for one in cells)
    late = sum(one.samples for one in cells if one.from_days >= _LATE_DAYS)
    return Waits(
        stage=language.say(words.STAGES[stage]),
        bars=tuple(
            Bar(
                label=language.say(
                    "%(span)s days", span=between(one.from_days, one.below_days, language)
                ),
                share=one.samples / whole,
                value=language.number(one.samples),
                tone="up" if one.from_days >= _LATE_DAYS else "plain",
            )
            for one in cells
        ),
        late=language.count(
            "%(num)s will have waited 30 days or more.",
            "%(num)s will have waited 30 days or more.",
            late,
        )
        if whole
        else "",
    )


def _calibration(found: FloorOut, language: Language) -> tuple[Bar, ...]:
    percent = language.percent
    bars = []
    for cell in found.calibration:
        if not cell.samples:
            continue
        share = cell.found / cell.samples
        bars.append(
            Bar(
                label=language.say(
                    "Thought %(expected)s on average", expected=percent(cell.expected)
                ),
                share=share,
                value=language.say(
                    "found in %(found)s of %(samples)s",
                    found=language.number(cell.found),
                    samples=language.number(cell.samples),
                ),
                tone="found",
            )
        )
    return tuple(bars)
