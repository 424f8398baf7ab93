"""
What counts as small, and which start takes the oldest.
"""

from datetime import datetime, timedelta
from typing import Any

SMALL_G = 30
"""A small parcel weighs 30 g or less gross as seized; a small quantity is 30 g or less seized in total."""

OLDEST_EVERY = 20
"""Every twentieth start takes the oldest sample: it costs little, and it survives a broken score."""

POST_DAYS = 14
"""A sample ages from its submission, but at most this many days before its receipt."""

BASIS = 20
"""Completions needed before a prediction is given."""


def is_small_parcel(route: str | None, parcel: dict[str, Any] | None) -> bool:
    """
    Say whether the parcel is a mail or courier item of 30 g or less gross as seized.

    Never computed from the portion that was sent to the laboratory. An unknown weight is not a small one.
    """
    weight = (parcel or {}).get("weight_g")
    return route in {"mail", "courier"} and weight is not None and float(weight) <= SMALL_G


def is_small_quantity(quantity: dict[str, Any] | None) -> bool:
    """
    Say whether 30 g or less was seized in total, by any route.

    Zero (a trace, or not weighed) is counted as small. A count of units or a volume says nothing about the weight.
    """
    if not quantity or quantity.get("unit") != "g" or quantity.get("value") is None:
        return False
    return float(quantity["value"]) <= SMALL_G


def oldest_starts(starts_before: int, count: int, every: int = OLDEST_EVERY) -> int:
    """
    Return how many of the next ``count`` starts must take the oldest sample.

    Args:
        starts_before: how many there were.
        count: how many there will be.
        every: how often this bench takes the oldest; every twentieth start does so whatever it says.

    """
    return sum(
        start % every == 0 or start % OLDEST_EVERY == 0
        for start in range(starts_before + 1, starts_before + count + 1)
    )


def aged(submitted_at: datetime, received_at: datetime | None) -> datetime:
    """
    Return since when a sample counts as waiting: its submission; once received, at most ``POST_DAYS`` before that.
    """
    if received_at is None:
        return submitted_at
    return max(submitted_at, received_at - timedelta(days=POST_DAYS))
