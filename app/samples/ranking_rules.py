"""
Rush requests and policies: what may be asked, what an answer does, and by when it is due. Pure.
"""

from collections.abc import Container
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

import holidays

ANSWER_DAYS = 2
"""Business days in which a rush request is answered."""


class RushReason(StrEnum):
    """
    Why somebody asks to be first.
    """

    PUBLIC_SAFETY = "public_safety"
    """Somebody may come to harm before the sample's turn. The only reason that moves the order, and within bounds."""
    PERSON_IN_CUSTODY = "person_in_custody"
    HOLD_72_HOURS = "hold_72_hours"
    HEARING_WITHIN_30_DAYS = "hearing_within_30_days"
    OTHER = "other"
    """With text."""


class RushState(StrEnum):
    """
    Where a rush request stands.
    """

    OPEN = "open"
    GRANTED = "granted"
    REFUSED = "refused"


class PolicyState(StrEnum):
    """
    Where a ranking policy stands.
    """

    PROPOSED = "proposed"
    ACTIVE = "active"
    RETIRED = "retired"
    REJECTED = "rejected"


def moves_the_order(reason: str) -> bool:
    """
    Say whether granting it adds a head start; every other grant reserves a start and leaves the order alone.
    """
    return reason == RushReason.PUBLIC_SAFETY


def answer_by(asked_on: date, off: Container[date], days: int = ANSWER_DAYS) -> date:
    """
    Return the business day by which a request is answered, counted from the day after it was made.

    Args:
        asked_on: when it was made.
        off: public holidays.
        days: how many business days there are.

    """
    day, left = asked_on, days
    while left:
        day += timedelta(days=1)
        # Monday is 0.
        if day.weekday() < 5 and day not in off:  # noqa: PLR2004 - Saturday
            left -= 1
    return day


@lru_cache(maxsize=64)
def days_off(country: str | None) -> Container[date]:
    """
    Return the public holidays of a country; none where the country is not told or not known.
    """
    if country is None or country not in holidays.list_supported_countries():
        return frozenset()
    return holidays.country_holidays(country)
