"""
From a submission's body to facts: named fields, picked one by one. Hearings and references are never looked at.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from app.ranking.evidence import LABORATORY
from app.ranking.facts import Facts, FieldTest, Link, Record
from app.substances.catalogue import resolve

__all__ = ["facts_from", "laboratory_tests"]


def facts_from(
    submission: Mapping[str, Any],
    sample: Mapping[str, Any],
    learnt: Iterable[Mapping[str, Any]] = (),
    *,
    record: Record | None = None,
) -> Facts:
    """
    This function will pick what bears on the risk, and nothing else.

    Args:
        submission: the seizure's body; ``samples`` is not needed.
        sample: one exhibit's body.
        learnt: facts that came later, each with its ``kind`` and ``body``.
        record: of its agency's earlier suspicions.

    """
    parcel = submission.get("parcel") or {}
    later: dict[str, list[Mapping[str, Any]]] = {}
    for one in learnt:
        later.setdefault(str(one["kind"]), []).append(one["body"])
    tests = [
        *(sample.get("field_tests") or ()),
        *later.get("field_test", ()),
    ]
    screens = [laboratory_tests(screen["tests"]) for screen in later.get("screen", ())]
    return Facts(
        suspected=(
            *_texts(sample.get("suspected")),
            *_texts(one["suspected"] for one in later.get("suspicion", ())),
        ),
        form=_text(sample.get("form")),
        colour=_text(sample.get("colour")),
        markings=_text(sample.get("markings")),
        country=_text(submission.get("country")),
        region=_text(submission.get("region")),
        year=_year(submission.get("seized_at")),
        route=_text(submission.get("route")),
        origin_country=_text(parcel.get("origin_country")),
        quantity_seized=_quantity(sample.get("quantity_seized")),
        field_tests=tuple(
            FieldTest(
                technique=str(test.get("technique")),
                target=_text(test.get("target")),
                result=str(test.get("result")),
            )
            for test in tests
        )
        + tuple(test for screen in screens for test in screen),
        reported_effects=(
            *_texts(sample.get("reported_effects")),
            *_texts(one["effect"] for one in later.get("reported_effect", ())),
        ),
        circumstances=(
            *_texts(sample.get("circumstances")),
            *_texts(one["circumstance"] for one in later.get("circumstance", ())),
        ),
        links=tuple(
            Link(kind=str(one["link"]), found=frozenset(one["found"]))
            for one in later.get("link", ())
        ),
        first_seen=max(
            ((str(one["name"]), int(one["seen"])) for one in later.get("first_detection", ())),
            key=lambda one: (one[1] > 0, one[0]),
            default=None,
        ),
        record=record,
        public_safety="public_safety" in later,
    )


SOUGHT = ("carfentanil", "nitazene", "synthetic opioid", "fentanyl")
"""What a laboratory's method looks for whenever it looks: a name for each class of lethal opioids."""


def laboratory_tests(results: Iterable[Mapping[str, Any]]) -> list[FieldTest]:
    """
    This function will read the laboratory's own results.

    An agency's test answers what it asked. A laboratory's method looks for everything it can see, so that what it did
    not find among the lethal opioids is an answer too.
    """
    tests = []
    silent: dict[str, set[object]] = {}
    for one in results:
        if one["result"] not in {"detected", "not_detected"}:
            continue
        technique = f"{LABORATORY}{one['technique']}"
        found = silent.setdefault(technique, set())
        if one["result"] == "detected":
            found.add(resolve(str(one["target"])).hazard)
            tests.append(FieldTest(technique, _text(one["target"]), "detected"))
    for technique, found in silent.items():
        tests += [
            FieldTest(technique, name, "not_detected")
            for name in SOUGHT
            if resolve(name).hazard not in found
        ]
    return tests


def _text(value: object) -> str | None:
    return str(value) if value else None


def _texts(values: Iterable[object] | None) -> tuple[str, ...]:
    return tuple(str(value) for value in values or () if value)


def _year(seized_at: object) -> int | None:
    if isinstance(seized_at, datetime):
        return seized_at.year
    digits = str(seized_at or "")[:4]
    # isascii: other scripts have digits too, and int() would read them.
    return (
        int(digits)
        if len(digits) == len("2026") and digits.isascii() and digits.isdigit()
        else None
    )


def _quantity(quantity: Mapping[str, Any] | None) -> tuple[float, str] | None:
    if not quantity or quantity.get("value") is None:
        return None
    return float(quantity["value"]), str(quantity.get("unit"))
