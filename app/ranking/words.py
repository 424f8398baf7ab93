"""
How sentences about risk say things.
"""

from math import exp2

CLASSES = (
    "carfentanil-like",
    "nitazenes",
    "other novel opioids",
    "fentanyl-class",
    "novel benzodiazepines",
    "alpha-2 agonists",
    "precursors",
    "other controlled substances",
    "nothing controlled",
)
"""The classes, in the order of HazardClass."""

FENTANYL = CLASSES.index("fentanyl-class")

_TIMES = "\N{MULTIPLICATION SIGN}"


def times(bits: float) -> str:
    """
    This function will write bits as a factor.
    """
    return by(exp2(bits))


def by(factor: float) -> str:
    """
    This function will write a factor.
    """
    return f"{_TIMES}{factor:.3g}"


def sign(*, positive: bool) -> str:
    """
    This function will name a test's answer.
    """
    return "positive" if positive else "negative"
