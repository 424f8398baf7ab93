"""
Whether the bench keeps up: simple arithmetic on rates, said as what it is.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from app.ranking.assess import Stage

WINDOW_DAYS = 28
"""Rates are means over so many days: four whole weeks, so that weekends weigh alike."""

AGES = (1.0, 3.0, 7.0, 14.0, 30.0, 60.0)
"""Days, between which ages are counted."""

WAITS = (7.0, 14.0, 30.0, 60.0, 90.0)
"""Days, between which predicted waits are counted."""

FARTHEST_DAYS = 3650
"""A queue that empties later than in ten years does not empty: no rate lasts so long."""


def arriving(stage: Stage, submitted_per_day: float, paces: Mapping[Stage, float]) -> float:
    """
    This function will return what comes to a stage each day: submissions, or what the stage before it finishes.
    """
    before = {Stage.CONFIRM: Stage.SCREEN, Stage.REVIEW: Stage.CONFIRM}.get(stage)
    return submitted_per_day if before is None else paces[before]


def empty_on(
    now: datetime, open_samples: int, *, per_day: float, arriving_per_day: float
) -> date | None:
    """
    This function will return the day a queue is empty at these rates; None when it never is.
    """
    if open_samples == 0:
        return now.date()
    net = per_day - arriving_per_day
    if net <= 0 or open_samples / net > FARTHEST_DAYS:
        return None
    return (now + timedelta(days=open_samples / net)).date()
