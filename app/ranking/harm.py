"""
From odds and doses to harm, and from harm to a head start. Plain arithmetic, total on every input.
"""

from collections.abc import Iterable, Sequence
from math import exp2, isfinite, log2

from app.ranking.model import CLASSES, Curve

DAY_US = 86_400_000_000
FAR = 30.0
"""Bits: odds beyond this are certainties, and are cut."""
MOST_DOSES = 1e15
_PRECISION = 9
"""Decimals of a point; beyond these lies the order in which numbers were added."""


def weighted(harm: Sequence[float], doses: Sequence[float]) -> list[float]:
    """
    This function will return each class's harm, worst first, never less than that of the class below it.

    That order is what makes the expectation monotone: more of anything never counts less.
    """
    weights = [0.0] * len(CLASSES)
    least = 0.0
    for at in range(len(CLASSES) - 1, -1, -1):
        least = max(least, harm[at] * doses[at])
        weights[at] = least
    return weights


def presence(bits: float) -> float:
    """
    This function will turn log2 odds into a probability.
    """
    return 1 / (1 + exp2(-bits))


def expected(present: Sequence[float], weights: Sequence[float]) -> float:
    """
    This function will return the expected harm of the worst class present.

    Args:
        present: the probability of each class being present, worst first.
        weights: harm of each class, and of nothing.

    """
    total, rest = 0.0, 1.0
    for at, p in enumerate(present):
        total += rest * p * weights[at]
        rest *= 1 - p
    return total + rest * weights[-1]


def leading(present: Iterable[float]) -> list[float]:
    """
    This function will return the probability of each class to be the worst one present; they sum to 1.
    """
    shares, rest = [], 1.0
    for p in present:
        shares.append(rest * p)
        rest *= 1 - p
    return [*shares, rest]


def dose_factor(doses: float) -> float:
    """
    This function will weigh doses: concave, because an alert stops later use; one dose is the least.
    """
    return 1 + log2(min(max(doses, 1.0), MOST_DOSES)) / log2(10)


def usable(value: float) -> bool:
    """
    This function will say whether a quantity says anything: zero is a trace, or not weighed.
    """
    return isfinite(value) and value > 0


def head_start_us(points: float, curve: Curve) -> int:
    """
    This function will return how much earlier than it came the sample is taken to have come, in microseconds.

    Flat below the line; above it every doubling is worth ``power`` half-lives, up to the cap.
    """
    points = min(max(round(points, _PRECISION), -FAR), FAR)
    days = curve.half_life_days * log2(1 + exp2(curve.power * points))
    return round(min(days, curve.cap_days) * DAY_US)
