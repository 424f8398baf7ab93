"""
What the page of the work on one sample shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app.kit import ids
from app.results.schemas import AnalysisOut, FindingOut
from app.results.schemas.files import AttachmentOut
from app.results.schemas.methods import SuggestionsOut, TechniquesOut
from app.samples.rules import Stage
from app.samples.schemas import SampleDetailOut, SampleOut
from app.samples.schemas.overview import ClaimLine
from app.web.forms import Form
from app.web.language import N_, Language
from app.web.pages.bench import words
from app.web.pages.bench.list_view import left, method_words
from app.web.pages.desk.view import found_view
from app.web.words import BandView, FoundView, StatusView, band_view, status_view

_TILES = 5
OTHER = ""


@dataclass(frozen=True, slots=True)
class Forms:
    """
    The forms of the page, each as it was filled in.
    """

    analysis: Form = field(default_factory=Form)
    finding: Form = field(default_factory=Form)
    back: Form = field(default_factory=Form)
    release: Form = field(default_factory=Form)
    fold: Form = field(default_factory=Form)
    whole: Form = field(default_factory=Form)
    """What went wrong and belongs to no form."""


@dataclass(frozen=True, slots=True)
class ClaimView:
    """
    The claim on the sample: mine, or somebody's.
    """

    token: int
    stage: str
    left: str
    until: datetime
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class Suspicion:
    """
    What the agency suspects, and why the sample stands where it stands: folded where the data speak first.
    """

    suspected: tuple[str, ...]
    band: BandView
    reasons: tuple[str, ...]
    field_tests: tuple[str, ...]
    circumstances: tuple[str, ...]
    effects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sibling:
    """
    Another exhibit of the same file.
    """

    path: str
    exhibit_number: str
    status: StatusView
    form: str
    current: bool


@dataclass(frozen=True, slots=True)
class FileLine:
    """
    One attached file.
    """

    path: str
    name: str
    size: str
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class AnalysisLine:
    """
    One analysis as it was recorded.
    """

    id: str
    what: str
    statement: str
    aliquot: str
    operator: str
    recorded_at: datetime
    controls_passed: bool
    data: str
    files: tuple[FileLine, ...]
    cited: bool


@dataclass(frozen=True, slots=True)
class Releasable:
    """
    A presumptive finding that has not gone out yet.
    """

    id: str
    what: str
    statement: str


@dataclass(frozen=True, slots=True)
class WorkView:
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
    """None while it is folded."""
    may_unfold: bool
    mine: ClaimView | None
    holder: str
    claimable: Stage | None
    claimable_label: str
    siblings: tuple[Sibling, ...]
    tiles: tuple[tuple[str, str, str], ...]
    techniques: tuple[tuple[str, str], ...]
    small: bool
    substances: tuple[str, ...]
    analyses: tuple[AnalysisLine, ...]
    files: tuple[FileLine, ...]
    found: tuple[FoundView, ...]
    releasable: Releasable | None
    remarks: tuple[str, ...]
    results: tuple[tuple[str, str, str], ...]
    controls: tuple[tuple[str, str, str], ...]
    outcomes: tuple[tuple[str, str, str], ...]
    finish: str
    forms: Forms
    now: datetime


FINISH = {
    Stage.SCREEN: N_("Finish the screen"),
    Stage.CONFIRM: N_("Finish the confirmation"),
    Stage.REVIEW: N_("Finish"),
}

CONTROLS = (
    ("passed", N_("Controls and blanks passed")),
    ("failed", N_("They failed")),
)


def facts(exhibit: Mapping[str, Any], language: Language) -> tuple[tuple[str, str], ...]:
    """
    Return what identifies the item: its look and its amounts, nothing that is suspected of it.
    """
    say = language.say
    pairs = (
        (say("Form"), words.form(exhibit, language)),
        (say("Color"), str(exhibit.get("colour") or "")),
        (say("Markings"), str(exhibit.get("markings") or "")),
        (say("Packaging"), str(exhibit.get("packaging") or "")),
        (say("Seized"), words.quantity(exhibit.get("quantity_seized"), language)),
        (say("Sent to the laboratory"), words.quantity(exhibit.get("quantity_sent"), language)),
    )
    return tuple((name, value) for name, value in pairs if value)


def suspicion(sample: SampleDetailOut, language: Language) -> Suspicion:
    """
    Return what is folded at the stages where the data speak first.
    """
    exhibit = sample.exhibit
    return Suspicion(
        suspected=tuple(exhibit.get("suspected") or ()),
        band=band_view(sample.risk.band, language),
        reasons=tuple(reason.text for reason in sample.risk.reasons[:3]),
        field_tests=tuple(
            words.field_test(one, language) for one in exhibit.get("field_tests") or ()
        ),
        circumstances=tuple(
            language.say(words.CIRCUMSTANCES.get(one, one))
            for one in exhibit.get("circumstances") or ()
        ),
        effects=tuple(exhibit.get("reported_effects") or ()),
    )


def claim(line: ClaimLine, now: datetime, language: Language) -> ClaimView:
    """
    Return how a claim is shown.
    """
    return ClaimView(
        token=line.token,
        stage=language.say(words.STAGES[line.stage]),
        left=left(line.lease_until, now, language),
        until=line.lease_until,
        taken_at=line.taken_at,
    )


def siblings(others: Sequence[SampleOut], current: UUID, language: Language) -> tuple[Sibling, ...]:
    """
    Return the exhibits of one file.
    """
    return tuple(
        Sibling(
            path=f"/bench/{ids.write('smp', one.id)}",
            exhibit_number=one.exhibit_number,
            status=status_view(one.status, language),
            form=words.form(one.exhibit, language),
            current=one.id == current,
        )
        for one in others
    )


def tiles(suggested: SuggestionsOut, language: Language) -> tuple[tuple[str, str, str], ...]:
    """
    Return what to try first, gentlest first where there is little.
    """
    found = []
    for one in suggested.items[:_TILES]:
        leaves = N_("uses some up") if one.destructive else N_("leaves it whole")
        note = language.say(
            "%(minutes)s min, %(leaves)s",
            minutes=language.number(one.minutes),
            leaves=language.say(leaves),
        )
        found.append(
            (choice(one.technique, one.method), method_words(one.method or one.technique), note)
        )
    return tuple(found)


def techniques(
    known: TechniquesOut, suggested: SuggestionsOut, language: Language
) -> tuple[tuple[str, str], ...]:
    """
    Return every other technique there is to choose from, with the laboratory's methods for it.
    """
    offered = {one.technique: one for one in suggested.items}
    found = [(OTHER, language.say("Another technique …"))]
    found += [
        (choice(one.technique, one.method), method_words(one.method or one.technique))
        for one in suggested.items[_TILES:]
    ]
    found += [(choice(one.code, None), one.name) for one in known.items if one.code not in offered]
    return tuple(found)


def choice(technique: str, method: str | None) -> str:
    """
    Write a technique and a method as the value of one choice.
    """
    return f"{technique}|{method}" if method else technique


def file_line(file: AttachmentOut, language: Language) -> FileLine:
    """
    Return one attached file.
    """
    kilobytes = max(file.size / 1000, 0.1)
    return FileLine(
        path=f"/bench/files/{ids.write('att', file.id)}",
        name=file.name,
        size=f"{language.number(kilobytes, 1)} kB",
        stored_at=file.stored_at,
    )


def analyses(
    recorded: Sequence[AnalysisOut],
    *,
    names: Mapping[UUID, str],
    files: Sequence[AttachmentOut],
    cited: Sequence[str] | None,
    language: Language,
) -> tuple[AnalysisLine, ...]:
    """
    Return the analyses, first to last. ``cited`` are those ticked before; at first all whose controls passed.
    """
    by_id = {one.id: one for one in files}
    found = []
    for one in recorded:
        key = ids.write("ana", one.id)
        found.append(
            AnalysisLine(
                id=key,
                what=method_words(one.method or one.technique),
                statement=one.statement,
                aliquot=one.aliquot,
                operator=names.get(one.operator_id, ""),
                recorded_at=one.recorded_at,
                controls_passed=one.controls_passed,
                data=one.data_reference or "",
                files=tuple(
                    file_line(by_id[file], language) for file in one.attachment_ids if file in by_id
                ),
                cited=one.controls_passed if cited is None else key in cited,
            )
        )
    return tuple(found)


def releasable(findings: Sequence[FindingOut], language: Language) -> Releasable | None:
    """
    Return the latest presumptive finding, if it has not gone out and still stands.
    """
    latest = next((one for one in reversed(findings) if one.kind == "presumptive"), None)
    if latest is None or latest.released_at is not None or latest.invalidated_at is not None:
        return None
    shown = found_view(latest, language)
    return Releasable(ids.write("fnd", latest.id), shown.what, shown.statement)
