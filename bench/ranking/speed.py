"""
How long one assessment takes, in pure Python.
"""

import sys
import time
from collections.abc import Callable
from statistics import median

from app.ranking.assess import assess
from app.ranking.facts import Facts, FieldTest
from app.ranking.policy import Policy

TIMES = 20_000


def measure(make: Callable[[int], Facts], policy: Policy) -> float:
    """
    Return the median of five rounds, in microseconds. Quantities differ, so that nothing is merely remembered.
    """
    rounds = []
    for number in range(5):
        facts = [make(number * TIMES + at) for at in range(TIMES // 5)]
        begun = time.perf_counter()
        for one in facts:
            assess(one, policy)
        rounds.append((time.perf_counter() - begun) / len(facts) * 1e6)
    return median(rounds)


def plain(at: int) -> Facts:
    """
    What is expected, how it looks, where, and how much: no evidence.
    """
    return Facts(
        suspected=("cocaine",),
        form="powder",
        country="CA",
        region="CA-BC",
        year=2025,
        quantity_seized=(1.0 + at / 7, "g"),
    )


def full(at: int) -> Facts:
    """
    Ten pieces of evidence.
    """
    return Facts(
        suspected=("heroin", "fentanyl"),
        form="powder",
        colour="brown",
        country="CA",
        region="CA-AB",
        year=2025,
        quantity_seized=(1.0 + at / 7, "g"),
        field_tests=(
            FieldTest("fentanyl_strip", None, "detected"),
            FieldTest("nitazene_strip", None, "not_detected"),
            FieldTest("ftir", "fentanyl", "not_detected"),
            FieldTest("raman", "heroin", "detected"),
            FieldTest("colour_test", "heroin", "detected"),
        ),
        reported_effects=("overdose", "loss of consciousness"),
        circumstances=("linked_overdose", "in_circulation", "pill_press"),
    )


def report(policy: Policy) -> list[str]:
    """
    Write what was found.
    """
    without, ten = measure(plain, policy), measure(full, policy)
    return [
        "## Speed",
        "",
        "| one assessment, with all its reasons | measured | target |",
        "|---|---|---|",
        f"| without evidence | {without:.0f} µs | 50 µs |",
        f"| with ten pieces of evidence | {ten:.0f} µs | 150 µs |",
        "",
        f"CPython {sys.version.split()[0]}, one core, no numpy.",
        "",
    ]
