"""
What would change an assessment most: each test that has not been made, with both its answers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from app.ranking.assess import Assessment, assess
from app.ranking.assessment import Stage
from app.ranking.evidence import DETECTED, NOT_DETECTED
from app.ranking.facts import Facts, FieldTest
from app.ranking.model import Policy

TRIED: tuple[tuple[str, str, str], ...] = (
    ("fentanyl_strip", "fentanyl", "A fentanyl strip"),
    ("nitazene_strip", "nitazene", "A nitazene strip"),
    ("ftir", "fentanyl", "An infrared test for fentanyl"),
    ("dart_ms", "fentanyl", "A mass spectrum that shows fentanyl or not"),
    ("dart_ms", "nitazene", "A mass spectrum that shows a nitazene or not"),
)
"""Technique, target, and how to call it: tests an agency or a bench can make within minutes."""


@dataclass(frozen=True, slots=True)
class WouldChange:
    """
    One test, and the assessments after either answer.
    """

    technique: str
    target: str
    words: str
    detected: Assessment
    not_detected: Assessment

    @property
    def between(self) -> float:
        """
        The bits between the two answers.
        """
        return self.detected.points - self.not_detected.points


def would_change(facts: Facts, policy: Policy, stage: Stage) -> list[WouldChange]:
    """
    This function will try every test that has not been made, and return the most telling first.
    """
    made = {(test.technique, test.target) for test in facts.field_tests}
    found = [
        WouldChange(
            technique,
            target,
            words,
            assess(_after(facts, technique, target, DETECTED), policy, stage),
            assess(_after(facts, technique, target, NOT_DETECTED), policy, stage),
        )
        for technique, target, words in _left(TRIED, made)
    ]
    return sorted(found, key=lambda one: (-one.between, one.technique, one.target))


def _left(
    tried: Iterable[tuple[str, str, str]], made: set[tuple[str, str | None]]
) -> Iterator[tuple[str, str, str]]:
    techniques = {technique for technique, _ in made}
    for technique, target, words in tried:
        strip = technique.endswith("_strip")
        if (technique in techniques) if strip else ((technique, target) in made):
            continue
        yield technique, target, words


def _after(facts: Facts, technique: str, target: str, result: str) -> Facts:
    return replace(facts, field_tests=(*facts.field_tests, FieldTest(technique, target, result)))
