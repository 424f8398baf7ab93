"""
What counts as evidence, who may tell it, and what links samples. Pure.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from app.ranking.evidence import target_class
from app.ranking.model import CLASSES, HAZARDS
from app.substances.catalogue import resolve
from app.substances.classes import LETHAL_OPIOIDS, HazardClass
from app.substances.data import normal

MARK_DAYS = 30
"""A mark links samples submitted within so many days: stamps are copied and reused."""


class ToldBy(StrEnum):
    """
    Whose statement it is.
    """

    AGENCY = "agency"
    LABORATORY = "laboratory"
    SERVICE = "service"
    """Derived from what was found in linked samples."""


class EvidenceKind(StrEnum):
    """
    What became known.
    """

    FIELD_TEST = "field_test"
    CIRCUMSTANCE = "circumstance"
    REPORTED_EFFECT = "reported_effect"
    SUSPICION = "suspicion"
    SCREEN = "screen"
    """The laboratory's own results."""
    LINK = "link"
    """What was found in a linked sample."""
    FIRST_DETECTION = "first_detection"
    """What it may hold is new to this laboratory."""
    PUBLIC_SAFETY = "public_safety"
    """A rush request that a supervisor has granted for it."""


class LinkKind(StrEnum):
    """
    How two samples are linked: codes of the ranking policy.
    """

    SUBMISSION = "same_submission"
    MARK = "same_mark"
    SENDER = "same_sender"


_NEWS = frozenset(HAZARDS) - {HazardClass.FENTANYL_CLASS, HazardClass.PRECURSOR}
"""Fentanyl is news to nobody, and a name such as M30 says no more than that."""


def link_keys(submission: Mapping[str, Any], exhibit: Mapping[str, Any]) -> list[str]:
    """
    Return what this sample shares with others: keys of ``sample_link``.
    """
    keys = []
    sender = (submission.get("parcel") or {}).get("sender_digest")
    if sender:
        keys.append(f"{LinkKind.SENDER}:{sender}")
    mark = normal(exhibit.get("markings") or "")
    if mark:
        # The same stamp on a tablet and on a bag are two stamps.
        keys.append(f"{LinkKind.MARK}:{exhibit.get('form')}:{mark}")
    return keys


def hazards_found(tests: Iterable[Mapping[str, Any]]) -> list[str]:
    """
    Return the hazard classes among the laboratory's results, worst first.
    """
    found = {target_class(test["target"]) for test in tests if test["result"] == "detected"}
    return [str(hazard) for at, hazard in enumerate(HAZARDS) if at in found]


def is_lethal(hazards: Iterable[str]) -> bool:
    """
    Say whether one of them is a lethal opioid.
    """
    return any(str(hazard) in hazards for hazard in LETHAL_OPIOIDS)


def suspects_lethal(exhibit: Mapping[str, Any]) -> bool:
    """
    Say whether the suspicion itself is one of a lethal opioid.
    """
    return any(resolve(text).hazard in LETHAL_OPIOIDS for text in exhibit.get("suspected") or ())


def news(tests: Iterable[Mapping[str, Any]]) -> list[str]:
    """
    Return the names of dangerous substances among the laboratory's results, as they are counted.
    """
    names = []
    for test in tests:
        target = test["target"]
        at = target_class(target) if test["result"] == "detected" else None
        if at is not None and CLASSES[at] in _NEWS:
            names.append(normal(resolve(target).name or target))
    return sorted(set(names))


def names_suspected(exhibit: Mapping[str, Any]) -> list[str]:
    """
    Return the names of dangerous substances that a sample is said to hold, as they are counted.
    """
    names = []
    for text in exhibit.get("suspected") or ():
        found = resolve(text)
        if found.hazard in _NEWS:
            names.append(normal(found.name or found.matched or text))
    return sorted(set(names))


def told_by_agency(learnt: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """
    Return, of what became known of a sample, what its agency told, or was told by name: a decision on its request.

    What the laboratory found in this sample or in another one leaves when somebody releases it, and not as a risk.
    """
    return [
        one
        for one in learnt
        if one["told_by"] == ToldBy.AGENCY or one["kind"] == EvidenceKind.PUBLIC_SAFETY
    ]


def laboratory_knows(learnt: Iterable[Mapping[str, Any]]) -> bool:
    """
    Say whether something became known that the agency was not told.
    """
    everything = list(learnt)
    return len(told_by_agency(everything)) < len(everything)
