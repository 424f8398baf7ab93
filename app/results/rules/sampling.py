"""
How many of many similar units to test, and what may then be said of all of them. Integer and fraction arithmetic only.

In binary floats ceil(0.55 x 100) is 56, not 55, and a table so computed is wrong where nobody looks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import comb, isqrt

MOST_NEGATIVES = 5
MOST_UNITS = 1_000_000


class Plan(StrEnum):
    """
    Where the number of units to test comes from.
    """

    HYPERGEOMETRIC = "hypergeometric"
    BAYESIAN = "bayesian"
    """A flat prior on the share, for any number of units."""
    BINOMIAL = "binomial"
    """The limit for very many units."""
    SQUARE_ROOT = "square_root"
    TWENTY_AND_TENTH = "twenty_and_tenth"
    """Twenty, and a tenth of what is beyond."""
    SINGLE = "single"


STATISTICAL = frozenset({Plan.HYPERGEOMETRIC, Plan.BAYESIAN, Plan.BINOMIAL})
"""Plans that support a statement about the units that were not tested (R8: drawn at random)."""


class Step(StrEnum):
    """
    What comes next under a plan.
    """

    TEST_MORE = "test_more"
    REACHED = "reached"
    """The statement the plan was made for may be made: testing may stop."""
    OUT_OF_REACH = "out_of_reach"
    """It cannot be reached any more under this plan."""


@dataclass(frozen=True, slots=True)
class Progress:
    """
    Where a plan stands: the next step, and how many units more it takes at least.
    """

    step: Step
    more: int


def wanted(units: int, share: Fraction) -> int:
    """
    This function will return how many of the units a share is, rounded up.
    """
    return -((-share * units).__floor__())


def size(plan: Plan, units: int, share: Fraction, confidence: Fraction, negatives: int = 0) -> int:
    """
    This function will return how many units to test.

    Args:
        plan: where the number comes from.
        units: how many there are.
        share: the share of which something is to be said.
        confidence: with which it is to be said.
        negatives: how many negatives the plan still bears.

    Raises:
        ValueError: when no number of tests supports it, as when as many negatives are allowed as the share leaves out.

    """
    if plan is Plan.SINGLE:
        return 1
    if plan is Plan.SQUARE_ROOT:
        root = isqrt(units)
        return root + (root * root < units)
    if plan is Plan.TWENTY_AND_TENTH:
        return units if units <= 20 else 20 + -(-(units - 20) // 10)  # noqa: PLR2004 - the plan's own name
    error = 1 - confidence
    if plan is Plan.HYPERGEOMETRIC:
        goal = wanted(units, share)
        return _smallest(
            lambda n: _at_most(units, goal - 1, n, negatives) <= error, negatives, units
        )
    risk = _bayesian if plan is Plan.BAYESIAN else _binomial
    found = _smallest(lambda n: risk(n, share, negatives) <= error, negatives, MOST_UNITS)
    return min(found, units)


def stages(units: int, share: Fraction, confidence: Fraction, negatives: int) -> tuple[int, ...]:
    """
    This function will return after how many tests to look, when testing goes on after each negative up to a number.

    Looking more than once adds up chances of being wrong. Each stage therefore gets only what the stages before have
    left of the error: if one unit too few were positive, all stages together would say otherwise with at most that
    probability. The first stage is that of the plan without negatives.

    Raises:
        ValueError: when no number of tests supports it.

    """
    goal, error = wanted(units, share), 1 - confidence
    found = [size(Plan.HYPERGEOMETRIC, units, share, confidence)]
    spent = _at_most(units, goal - 1, found[0], 0)
    # Ways to place so many negatives in the first stage's tests that it did not stop there.
    ways = {count: comb(found[0], count) for count in range(1, negatives + 1)}
    for allowed in range(1, negatives + 1):
        placed, left = ways[allowed], error - spent

        def chance(n: int, allowed: int = allowed, placed: int = placed) -> Fraction:
            exactly = _exactly(units, goal - 1, n, allowed)
            return exactly * Fraction(placed, comb(n, allowed))

        stage = _smallest(lambda n: chance(n) <= left, found[-1] + 1, units)  # noqa: B023 - used at once
        spent += chance(stage)
        drawn = stage - found[-1]
        ways = {
            count: sum(
                ways.get(before, 0) * comb(drawn, count - before) for before in range(count + 1)
            )
            for count in range(allowed + 1, negatives + 1)
        }
        found.append(stage)
    return tuple(found)


def progress(looks: tuple[int, ...], positives: int, negatives: int) -> Progress:
    """
    This function will say what comes next: the looks are how many tests it takes with none, one, two ... negatives.
    """
    if negatives >= len(looks):
        return Progress(Step.OUT_OF_REACH, 0)
    missing = looks[negatives] - positives - negatives
    return Progress(Step.TEST_MORE, missing) if missing > 0 else Progress(Step.REACHED, 0)


def at_least(units: int, tested: int, positives: int, confidence: Fraction) -> int:
    """
    This function will return how many of all units are positive at least, from what a random selection showed.
    """
    error = 1 - confidence
    low, high = positives, units - (tested - positives)
    while low < high:
        middle = (low + high + 1) // 2
        if _at_most(units, middle - 1, tested, tested - positives) <= error:
            low = middle
        else:
            high = middle - 1
    return low


def statement(
    plan: Plan,
    units: int,
    tested: int,
    positives: int,
    confidence: Fraction,
    substance: str,
    kind: str,
) -> str:
    """
    This function will word what may be said of all units from those that were tested.
    """
    seen = f"{positives} of {tested} tested units contain {substance}"
    if plan not in STATISTICAL or tested == units or positives == 0:
        rest = (
            ""
            if tested == units
            else f" No statement is made about the other {units - tested} {kind}."
        )
        return f"{seen}.{rest}"
    least = at_least(units, tested, positives, confidence)
    percent = 100 * least // units
    return (
        f"At least {percent} % of {units} {kind} ({least}) contain {substance},"
        f" {_percent(confidence)} % confidence ({seen}, drawn at random)."
    )


def _percent(confidence: Fraction) -> str:
    whole = confidence * 100
    return str(whole.numerator) if whole.denominator == 1 else f"{float(whole):g}"


def _smallest(suffices: Callable[[int], bool], low: int, high: int) -> int:
    # More tests never make it less certain, so that doubling and halving find the smallest number.
    low = reach = max(low, 1)
    if low > high:
        raise ValueError("no number of tests supports this")
    while reach < high and not suffices(reach):
        low, reach = reach + 1, min(2 * reach, high)
    high = reach
    if not suffices(high):
        raise ValueError("no number of tests supports this")
    while low < high:
        middle = (low + high) // 2
        if suffices(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _exactly(units: int, positive: int, drawn: int, negatives: int) -> Fraction:
    if drawn - negatives > positive:
        return Fraction(0)
    ways = comb(units - positive, negatives) * comb(positive, drawn - negatives)
    return Fraction(ways, comb(units, drawn))


def _at_most(units: int, positive: int, drawn: int, negatives: int) -> Fraction:
    # The chance of no more than so many negatives among those drawn, if only so many of all were positive.
    return sum(
        (_exactly(units, positive, drawn, seen) for seen in range(min(negatives, drawn) + 1)),
        Fraction(0),
    )


def _binomial(drawn: int, share: Fraction, negatives: int) -> Fraction:
    return sum(
        (
            comb(drawn, seen) * (1 - share) ** seen * share ** (drawn - seen)
            for seen in range(min(negatives, drawn) + 1)
        ),
        Fraction(0),
    )


def _bayesian(drawn: int, share: Fraction, negatives: int) -> Fraction:
    # What a flat prior leaves below the share: a sum of binomial terms of one test more.
    return _binomial(drawn + 1, share, negatives)
