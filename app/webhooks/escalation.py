"""
How long a correction may stay unacknowledged, and what follows when it does.

People have been convicted on results that were corrected and whose correction nobody read. So a
correction stays open until a named person acknowledges it: it is repeated after a day, after three
days, after a week, and every week from then on; it never falls silent.

Pure.
"""

from datetime import timedelta
from enum import StrEnum

_DAY = timedelta(days=1)

STEPS = (1 * _DAY, 2 * _DAY, 4 * _DAY, 7 * _DAY)
"""The wait before each reminder: after one, three and seven days; the last one repeats for ever."""

TELEPHONE_FROM = 2
"""From this many reminders on the laboratory is asked to telephone the agency."""


class Action(StrEnum):
    """
    What the person who acknowledges did about it. Codes, so that no name gets into the record.
    """

    NOTED = "noted"
    """Read and understood; nothing else is to be done."""
    PASSED_ON = "passed_on"
    """Passed on to whoever acted upon the result: prosecution, counsel, court."""
    FILE_REOPENED = "file_reopened"
    """A closed file is open again because of it."""


class Level(StrEnum):
    """
    How pressing an open correction has become.
    """

    OPEN = "open"
    REMINDED = "reminded"
    TELEPHONE = "telephone"
    """Machines were not enough: somebody at the laboratory is to telephone the agency."""


def wait_before(reminder: int) -> timedelta:
    """
    Return how long to wait before this reminder, the first being 1.
    """
    return STEPS[min(reminder, len(STEPS)) - 1]


def level(reminders: int) -> Level:
    """
    Say how pressing a correction is after so many reminders.
    """
    if reminders >= TELEPHONE_FROM:
        return Level.TELEPHONE
    return Level.REMINDED if reminders else Level.OPEN
