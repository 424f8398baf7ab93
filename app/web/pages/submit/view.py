"""
What the pages of a submission show.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from markupsafe import Markup

from app.kit import ids
from app.samples.schemas import SampleOut, SubmissionOut
from app.web.forms import Form
from app.web.language import N_, Language
from app.web.pages.bench.labels import picture
from app.web.pages.bench.words import CIRCUMSTANCES, FORMS, TEST_RESULTS, UNITS
from app.web.pages.desk.view import Line, line
from app.web.pages.submit import reading
from app.web.words import StatusView, status_view

Options = tuple[tuple[str, str], ...]

ROUTES = {
    "unknown": N_("Not known"),
    "mail": N_("Mail"),
    "courier": N_("Courier"),
    "traveller": N_("On a traveller"),
    "vehicle": N_("In a vehicle"),
    "cargo": N_("Cargo"),
    "search": N_("Search of a place"),
    "street": N_("On the street"),
    "overdose_scene": N_("Scene of an overdose"),
    "custody_facility": N_("Custody facility"),
    "found": N_("Found"),
    "other": N_("Other"),
}
TESTS = {
    "": N_("None made"),
    "fentanyl_strip:fentanyl": N_("Fentanyl strip"),
    "nitazene_strip:nitazene": N_("Nitazene strip"),
    "benzodiazepine_strip:benzodiazepine": N_("Benzodiazepine strip"),
    "colour_test": N_("Colour test"),
    "other": N_("Another test"),
}


NO_RESULT = N_("No test")


@dataclass(frozen=True, slots=True)
class SubmitView:
    """
    The form, with what happened lately beside it.
    """

    form: Form
    once: str
    exhibits: tuple[int, ...]
    more: bool
    routes: Options
    forms: Options
    units: Options
    tests: Options
    results: Options
    circumstances: Options
    laboratories: Options
    lately: tuple[Line, ...]
    draft: str
    given: bool
    """Whether this is the form that was sent: then no draft takes its place."""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """
    One exhibit that is stored.
    """

    sample_id: str
    exhibit_number: str
    status: StatusView
    photographs: tuple[str, ...]
    picture: Markup


@dataclass(frozen=True, slots=True)
class StoredView:
    """
    A submission that is stored.
    """

    path: str
    file_number: str
    submitted_at: datetime
    exhibits: tuple[Exhibit, ...]
    draft: str
    wrong: str


def submit_view(
    form: Form,
    *,
    once: str,
    client_id: UUID,
    laboratories: Mapping[UUID, str],
    lately: Sequence[SampleOut],
    given: bool,
    language: Language,
) -> SubmitView:
    """
    Return the form as it is shown, with everything that was typed.
    """
    shown = reading.count(form)
    return SubmitView(
        form=form,
        once=once,
        exhibits=tuple(range(shown)),
        more=shown < reading.EXHIBITS_MOST,
        routes=_options(ROUTES, language),
        forms=(
            ("unknown", language.say("Form unknown")),
            *(pair for pair in _options(FORMS, language) if pair[0] != "unknown"),
        ),
        units=_options(UNITS, language),
        tests=_options(TESTS, language),
        results=(("", language.say(NO_RESULT)), *_options(TEST_RESULTS, language)),
        circumstances=_options(CIRCUMSTANCES, language),
        laboratories=tuple(
            (ids.write("agn", key), name or ids.write("agn", key))
            for key, name in laboratories.items()
        )
        if len(laboratories) > 1
        else (),
        lately=tuple(line(one, language) for one in lately),
        draft=draft_of(client_id),
        given=given,
    )


def stored_view(
    found: SubmissionOut,
    *,
    photographs: Mapping[UUID, Sequence[str]],
    client_id: UUID,
    language: Language,
    wrong: str = "",
) -> StoredView:
    """
    Return what is shown of a stored submission.
    """
    return StoredView(
        path=f"/submit/{ids.write('sub', found.id)}",
        file_number=found.agency_file_number,
        submitted_at=found.submitted_at,
        exhibits=tuple(
            Exhibit(
                sample_id=ids.write("smp", one.id),
                exhibit_number=one.exhibit_number,
                status=status_view(one.status, language),
                photographs=tuple(photographs.get(one.id, ())),
                picture=picture(ids.write("smp", one.id)),
            )
            for one in found.samples
        ),
        draft=draft_of(client_id),
        wrong=wrong,
    )


def draft_of(client_id: UUID) -> str:
    """
    Return under which name this person's browser keeps what is typed but not sent.
    """
    return f"assayline-draft-{client_id.hex}"


def _options(words: Mapping[str, str], language: Language) -> Options:
    return tuple((code, language.say(text)) for code, text in words.items())
