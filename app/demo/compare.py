"""
What another order of work would have done with the same arrivals on the same bench. Pure.

The replay of the service's own order is here too: what the service really did is compared with it, start by start,
so that nobody has to believe the simulation for the other two.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from heapq import heappop, heappush
from math import ceil
from statistics import fmean, median
from typing import Any

from app.demo.bench import RELEASE, Day
from app.demo.seizures import Arrival
from app.samples.rules import oldest_starts

Key = Callable[[Arrival], Any]
"""What a queue is ordered by: the smallest is next."""


@dataclass(frozen=True, slots=True)
class Start:
    """
    One screen that was begun: which row, and when its presumptive finding was released.
    """

    row: int
    found_at: datetime


def by_arrival(arrival: Arrival) -> tuple[datetime, int]:
    """
    First come, first served.
    """
    return arrival.submitted_at, arrival.row


def by_court_date(arrival: Arrival) -> tuple[date, datetime, int]:
    """
    The nearest hearing first, whether it is still to come or over; without one, after those, as they came.
    """
    return arrival.hearing or date.max, *by_arrival(arrival)


class _Line:
    """
    A waiting line that can be entered with two keys and left at either front.
    """

    def __init__(self, key: Key, age: Key) -> None:
        self._key, self._age = key, age
        self._ranked: list[tuple[Any, int]] = []
        self._aged: list[tuple[Any, int]] = []
        self._waiting: dict[int, Arrival] = {}

    def enter(self, arrival: Arrival) -> None:
        self._waiting[arrival.row] = arrival
        heappush(self._ranked, (self._key(arrival), arrival.row))
        heappush(self._aged, (self._age(arrival), arrival.row))

    def take(self, *, oldest: int, ranked: int) -> list[Arrival]:
        taken = [
            self._first(line)
            for line, count in ((self._aged, oldest), (self._ranked, ranked))
            for _ in range(count)
        ]
        # Begun in the order of their keys, as the service hands them out.
        return sorted(taken, key=self._key)

    def _first(self, line: list[tuple[Any, int]]) -> Arrival:
        while True:
            _, row = heappop(line)
            if row in self._waiting:
                return self._waiting.pop(row)


def serve(days: Sequence[Day], key: Key, *, age: Key | None = None) -> list[Start]:
    """
    Screen on this plan in this order.

    Args:
        days: the plan: arrivals and starts of every day.
        key: the order.
        age: given, every twentieth start takes the first by age instead, as the service does.

    """
    line = _Line(key, age or key)
    starts: list[Start] = []
    for day in days:
        for arrival in day.arrivals:
            line.enter(arrival)
        count = len(day.screens)
        oldest = oldest_starts(len(starts), count) if age else 0
        taken = line.take(oldest=oldest, ranked=count - oldest)
        starts += [
            Start(arrival.row, slot.end + RELEASE)
            for arrival, slot in zip(taken, day.screens, strict=True)
        ]
    return starts


@dataclass(frozen=True, slots=True)
class Waits:
    """
    How long some samples waited for a first finding; whoever still waits counts with the time waited so far.
    """

    samples: int
    waiting: int
    median_d: float
    mean_d: float
    p95_d: float
    longest_d: float
    median_is_least: bool
    """The middle sample still waits: the true median is longer than the figure. Likewise the two below."""
    p95_is_least: bool
    longest_is_least: bool


def waits(
    arrivals: Iterable[Arrival], found: Mapping[int, datetime], *, until: datetime
) -> Waits | None:
    """
    Sum up how long these arrivals waited from their submission; None when there are none.
    """
    lengths = sorted(
        ((found.get(one.row, until) - one.submitted_at) / timedelta(days=1), one.row not in found)
        for one in arrivals
    )
    if not lengths:
        return None
    days = [length for length, _ in lengths]

    def least(length: float) -> bool:
        # As soon as one who still waits has waited no longer than this, the true figure may be longer.
        return any(open_ and waited <= length for waited, open_ in lengths)

    middle, high = median(days), days[ceil(0.95 * len(days)) - 1]
    return Waits(
        samples=len(days),
        waiting=sum(open_ for _, open_ in lengths),
        median_d=middle,
        mean_d=fmean(days),
        p95_d=high,
        longest_d=days[-1],
        median_is_least=least(middle),
        p95_is_least=least(high),
        longest_is_least=least(days[-1]),
    )


@dataclass(frozen=True, slots=True)
class Agreement:
    """
    How far a simulation and what happened are the same, start by start.
    """

    same: int
    starts: int

    @property
    def complete(self) -> bool:
        """
        Whether they are the same throughout.
        """
        return self.same == self.starts


def agreement(simulated: Sequence[Start], happened: Sequence[Start]) -> Agreement:
    """
    Compare two runs: the same sample at the same place with its finding at the same instant.
    """
    pairs = zip(simulated, happened, strict=False)
    return Agreement(sum(a == b for a, b in pairs), max(len(simulated), len(happened)))
