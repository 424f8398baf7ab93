"""
From the form of a seizure to what the service takes, and what is wrong with it by field.
"""

from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

from app.samples.schemas import SubmissionIn
from app.web.forms import Form
from app.web.language import N_, Language
from app.web.pages.bench import reading

EXHIBITS_MOST = 20
"""On one form; whoever has more has a spreadsheet."""
PARTS = (
    "number",
    "description",
    "form",
    "amount",
    "unit",
    "suspected",
    "technique",
    "result",
    "circumstances",
)
_DEFAULTS = frozenset({"form", "unit", "technique", "result"})
"""Lists to choose from: they always hold something, and make no exhibit by themselves."""

MISSING = N_("This is needed.")
NO_DATE = N_("Give the day of the seizure, such as 2026-03-31.")
NO_TIME = N_("Give a time such as 14:30, or leave it empty.")
NO_NUMBER = N_("Give a number, such as 2.5, or leave it empty when it is not known.")
TWICE = N_("Another exhibit has this number already.")


def name(index: int, part: str) -> str:
    """
    Return the name of one exhibit's field.
    """
    return f"e{index}-{part}"


def count(form: Form) -> int:
    """
    Return how many exhibits the form shows.
    """
    text = form.text("exhibits")
    asked = int(text) if text.isdecimal() and len(text) < 4 else 1  # noqa: PLR2004 - no longer than any sensible count
    return max(1, min(asked, EXHIBITS_MOST))


def filled(form: Form) -> Iterator[int]:
    """
    Yield the exhibits somebody wrote anything about; the first always.
    """
    for index in range(count(form)):
        written = any(form.text(name(index, part)) for part in PARTS if part not in _DEFAULTS)
        if index == 0 or written:
            yield index


def complaints(form: Form, language: Language) -> list[tuple[str, str]]:
    """
    Return what is wrong, as pairs of field and sentence; empty when the form can be sent on.
    """
    found: list[tuple[str, str]] = []
    if not form.text("file"):
        found.append(("file", MISSING))
    if _day(form.text("day")) is None:
        found.append(("day", NO_DATE))
    if form.text("time") and _time(form.text("time")) is None:
        found.append(("time", NO_TIME))
    if form.text("weight") and _figure(form.text("weight")) is None:
        found.append(("weight", NO_NUMBER))
    numbers: set[str] = set()
    for index in filled(form):
        number = form.text(name(index, "number"))
        if not number:
            found.append((name(index, "number"), MISSING))
        elif number in numbers:
            found.append((name(index, "number"), TWICE))
        numbers.add(number)
        amount = form.text(name(index, "amount"))
        if amount and _figure(amount) is None:
            found.append((name(index, "amount"), NO_NUMBER))
    return [(field, language.say(sentence)) for field, sentence in found]


def body(form: Form, language: Language) -> SubmissionIn:
    """
    Return the seizure a form without complaints describes. What was left empty is unknown, and never guessed.

    Raises:
        Invalid: when the service's own input refuses something.

    """
    day = _day(form.text("day"))
    assert day is not None
    clock = _time(form.text("time")) or time()
    values: dict[str, Any] = {
        "agency_file_number": form.text("file"),
        "seized_at": datetime.combine(day, clock, tzinfo=language.zone).isoformat(),
        "route": form.text("route") or "unknown",
        "samples": [_exhibit(form, index) for index in filled(form)],
    }
    if form.text("laboratory"):
        values["laboratory_id"] = form.text("laboratory")
    if form.text("place"):
        values["place"] = {"locality": form.text("place")}
    if form.text("weight"):
        values["parcel"] = {"weight_g": _figure(form.text("weight"))}
    return reading.read(SubmissionIn, values)


def fields(form: Form) -> dict[str, str]:
    """
    Return the form's field for each of the service's, so that a complaint stands where it belongs.
    """
    ours = {
        "agency_file_number": "file",
        "seized_at": "day",
        "route": "route",
        "laboratory_id": "laboratory",
        "place.locality": "place",
        "parcel.weight_g": "weight",
    }
    for at, index in enumerate(filled(form)):
        prefix = f"samples.{at}"
        ours |= {
            f"{prefix}.exhibit_number": name(index, "number"),
            f"{prefix}.description": name(index, "description"),
            f"{prefix}.form": name(index, "form"),
            f"{prefix}.quantity_seized.value": name(index, "amount"),
            f"{prefix}.quantity_seized.unit": name(index, "unit"),
        }
        for which in range(20):
            ours[f"{prefix}.suspected.{which}"] = name(index, "suspected")
        ours[f"{prefix}.suspected"] = name(index, "suspected")
    return ours


def _exhibit(form: Form, index: int) -> dict[str, Any]:
    def text(part: str) -> str:
        return form.text(name(index, part))

    said = [one.strip() for one in text("suspected").replace("\n", ",").split(",")]
    found: dict[str, Any] = {
        "exhibit_number": text("number"),
        "description": text("description") or None,
        "form": text("form") or "unknown",
        "suspected": [one for one in said if one],
        "circumstances": list(form.several(name(index, "circumstances"))),
    }
    if text("amount"):
        found["quantity_seized"] = {"value": _figure(text("amount")), "unit": text("unit") or "g"}
    if text("technique") and text("result"):
        technique, _, target = text("technique").partition(":")
        found["field_tests"] = [
            {"technique": technique, "target": target or None, "result": text("result")}
        ]
    return found


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _time(text: str) -> time | None:
    try:
        return time.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None


def _figure(text: str) -> float | None:
    try:
        return float(text.replace(",", ".").replace(" ", ""))
    except ValueError:
        return None
