"""
What the desk shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.kit import ids
from app.results.rules import FindingKind, ReportKind
from app.results.schemas import FindingOut, ReportOut
from app.samples.rules import Status
from app.samples.schemas import HoldingOut, PlaceOut, SampleDetailOut, SampleOut
from app.web.language import N_, Language
from app.web.pages.desk import told
from app.web.pages.desk.told import Owed, Promise, Sent, Undelivered
from app.web.words import BandView, FoundView, StatusView, Step, band_view, status_view


@dataclass(frozen=True, slots=True)
class Line:
    """
    One sample in the list.
    """

    path: str
    file_number: str
    exhibit_number: str
    status: StatusView
    suspected: tuple[str, ...]
    updated_at: datetime
    small_parcel: bool


@dataclass(frozen=True, slots=True)
class DeskView:
    """
    The list of samples.
    """

    wanted: str
    lines: tuple[Line, ...]
    newest: str | None
    older: str | None
    owed: tuple[Owed, ...]
    undelivered: Undelivered | None


@dataclass(frozen=True, slots=True)
class Holder:
    """
    Who held the item, from when to when.
    """

    who: str
    since: datetime
    until: datetime | None
    purpose: str


@dataclass(frozen=True, slots=True)
class ReportLine:
    """
    One report.
    """

    number: str
    kind: str
    released_at: datetime
    statement: str
    final: bool
    replaced_by: str | None


@dataclass(frozen=True, slots=True)
class SampleView:
    """
    One sample.
    """

    sample_id: str
    file_number: str
    exhibit_number: str
    description: str
    status: StatusView
    band: BandView
    suspected: tuple[str, ...]
    found: tuple[FoundView, ...]
    steps: tuple[Step, ...]
    place: str
    reasons: tuple[str, ...]
    reports: tuple[ReportLine, ...]
    holders: tuple[Holder, ...]
    promises: tuple[Promise, ...]
    sent: tuple[Sent, ...]
    owed: tuple[Owed, ...]
    """Of this sample."""
    actions: tuple[tuple[str, str], ...]
    undelivered: Undelivered | None
    disclosed: bool
    """Whether the packet can be had."""


KINDS = {
    FindingKind.PRESUMPTIVE: N_("Presumptive finding of the laboratory, not yet confirmed"),
    FindingKind.IDENTIFIED: N_("Identified by the laboratory"),
}

_STEPS = (
    ("submitted_at", N_("Submitted")),
    ("received_at", N_("Received by the laboratory")),
    ("screened_at", N_("Screened")),
    ("confirmed_at", N_("Confirmed")),
    ("reported_at", N_("Reported")),
)


def line(sample: SampleOut, language: Language) -> Line:
    """
    Return one line of the list.
    """
    return Line(
        path=f"/desk/{ids.write('smp', sample.id)}",
        file_number=sample.agency_file_number,
        exhibit_number=sample.exhibit_number,
        status=status_view(sample.status, language),
        suspected=tuple(sample.exhibit.get("suspected") or ()),
        updated_at=sample.updated_at,
        small_parcel=sample.small_parcel,
    )


def steps(sample: SampleOut, place: PlaceOut, language: Language) -> tuple[Step, ...]:
    """
    Return what happened and what is still to come; the first that has not happened is next.
    """
    found = []
    state = "done"
    for name, label in _STEPS:
        when: datetime | None = getattr(sample, name)
        note = ""
        if when is None and sample.status in OVER:
            continue
        if when is None:
            state = "next" if state == "done" else "later"
            if state == "next" and place.predicted_at is not None:
                note = language.say(
                    "Expected at the bench on %(when)s", when=language.instant(place.predicted_at)
                )
        found.append(Step(language.say(label), when, state if when is None else "done", note))
    if sample.status in OVER - {Status.REPORTED}:
        found.append(Step(status_view(sample.status, language).label, sample.updated_at, "done"))
    return tuple(found)


def place_words(place: PlaceOut, status: Status, language: Language) -> str:
    """
    Say where in line a sample stands.
    """
    if status in OVER:
        return language.say("The work is finished.")
    if status is Status.ON_HOLD:
        return language.say("It is not in line while it is on hold.")
    if place.at_bench:
        return language.say("Somebody is working on it now.")
    if place.place is None:
        return language.say("It is in line; its place is not counted.")
    return language.say("Number %(place)s in line.", place=language.number(place.place))


def sample_view(
    sample: SampleDetailOut,
    *,
    place: PlaceOut,
    findings: Sequence[FindingOut],
    reports: Sequence[ReportOut],
    holdings: Sequence[HoldingOut],
    promises: tuple[Promise, ...],
    sent: tuple[Sent, ...],
    owed: tuple[Owed, ...],
    undelivered: Undelivered | None,
    language: Language,
) -> SampleView:
    """
    Return what the page of one sample shows.
    """
    path = f"/desk/{ids.write('smp', sample.id)}"
    newer = {one.replaces_id: one.number for one in reports if one.replaces_id is not None}
    return SampleView(
        sample_id=ids.write("smp", sample.id),
        file_number=sample.agency_file_number,
        exhibit_number=sample.exhibit_number,
        description=str(sample.exhibit.get("description") or ""),
        status=status_view(sample.status, language),
        band=band_view(sample.risk.band, language),
        suspected=tuple(sample.exhibit.get("suspected") or ()),
        found=tuple(found_view(one, language) for one in reversed(findings)),
        steps=steps(sample, place, language),
        place=place_words(place, sample.status, language),
        reasons=tuple(reason.text for reason in sample.risk.reasons[:3]),
        reports=tuple(_report(one, newer.get(one.id), language) for one in reversed(reports)),
        holders=tuple(_holder(one, sample, language) for one in holdings),
        promises=promises,
        sent=sent,
        owed=tuple(one for one in owed if one.path == path),
        actions=told.actions(language),
        undelivered=undelivered,
        disclosed=any(one.kind is ReportKind.FINAL for one in reports),
    )


def found_view(finding: FindingOut, language: Language) -> FoundView:
    """
    Return how one finding is shown.
    """
    return FoundView(
        kind=language.say(KINDS[finding.kind]),
        what=", ".join(finding.substances) or language.say("No substance named"),
        statement=finding.statement,
        when=finding.released_at or finding.recorded_at,
        final=finding.kind is FindingKind.IDENTIFIED,
        # What is contradicted is shown like what was taken back: nobody is to act upon it.
        withdrawn=finding.withdrawn_at or finding.contradicted_at or finding.invalidated_at,
    )


def _report(report: ReportOut, newer: str | None, language: Language) -> ReportLine:
    return ReportLine(
        number=report.number,
        kind=language.say(REPORTS[report.kind]),
        released_at=report.released_at,
        statement=str(report.body.get("statement") or ""),
        final=report.kind is not ReportKind.PRELIMINARY,
        replaced_by=newer,
    )


def _holder(holding: HoldingOut, sample: SampleOut, language: Language) -> Holder:
    ours = holding.holder_agency_id == sample.laboratory_id
    return Holder(
        who=language.say(LABORATORY if ours else AGENCY),
        since=holding.since,
        until=holding.until,
        purpose=holding.purpose,
    )


OVER = frozenset(
    {
        Status.REPORTED,
        Status.WITHDRAWN,
        Status.REJECTED,
        Status.STOPPED,
        Status.CLOSED_SCREEN_ONLY,
    }
)
REPORTS = {
    ReportKind.PRELIMINARY: N_("Preliminary report"),
    ReportKind.FINAL: N_("Final report"),
    ReportKind.CERTIFICATE: N_("Certificate"),
}
LABORATORY = N_("The laboratory")
AGENCY = N_("The agency")
