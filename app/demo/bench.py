"""
The simulated bench: how much it can do in each session, and what each piece of work costs in time.

Invented, and labelled so wherever it shows. Pure: everything comes from the arrivals and a seed.

The k-th screen takes the k-th drawn time, whichever sample it is. So the plan of starts is the same under every
order of work, and a comparison of orders on it compares nothing else: the same minutes, the same number of
findings, the same backlog.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import log
from random import Random

from app.demo.seizures import Arrival, chance, session_day


@dataclass(frozen=True, slots=True)
class Instrument:
    """
    One instrument and the share of its time that these seizures get.

    Attributes:
        opens: when its share of a session begins.
        minutes: the share. A piece of work may begin while some of it is left and then runs to its end; what it runs
            over is taken from the next sessions.
        mean_minutes: of one piece of work.
        spread: sigma of the logarithm; times are lognormal.

    """

    opens: time
    minutes: float
    mean_minutes: float
    spread: float

    def times(self, dice: Random) -> Iterator[timedelta]:
        """
        Draw how long each piece of work takes, for as long as anybody asks.
        """
        mu = log(self.mean_minutes) - self.spread**2 / 2
        while True:
            yield timedelta(seconds=round(60 * dice.lognormvariate(mu, self.spread)))


SCREEN = Instrument(opens=time(9, tzinfo=UTC), minutes=44, mean_minutes=9, spread=0.3)
"""
One DART-MS. The run takes a minute or less, and the whole screen as long as color tests do (Sisco 2022); nine minutes
with label, aliquot, controls and note is an assumption. 44 minutes in each of two sessions a week are about five
sixths of what this file needs, chosen so that a backlog stands. A much smaller bench lets fentanyl wait too: the
policy bounds everybody's wait, and is meant for backlogs of some months, not of years.
"""

CONFIRM = Instrument(opens=time(8, 30, tzinfo=UTC), minutes=36, mean_minutes=150, spread=0.3)
"""
One GC-MS and one FTIR. A run of general GC-MS takes 30 minutes (published); with blank, controls, FTIR and reading it
is taken as two and a half hours, an assumption. This share confirms about one in twenty of what is screened.
"""

RELEASE = timedelta(minutes=1)
"""From the end of a screen to its released presumptive finding."""


@dataclass(frozen=True, slots=True)
class Slot:
    """
    A stretch of an instrument's time, for one sample.
    """

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Day:
    """
    One session: what arrives in the morning, and the work that can be begun.
    """

    day: date
    arrivals: tuple[Arrival, ...]
    screens: tuple[Slot, ...]
    confirmations: tuple[Slot, ...]

    def at(self, hour: time) -> datetime:
        """
        Return an hour of this day.
        """
        return datetime.combine(self.day, hour)


class _Diary:
    """
    One instrument from session to session.
    """

    def __init__(self, instrument: Instrument, dice: Random) -> None:
        self._instrument = instrument
        self._times = instrument.times(dice)
        self._left = timedelta()

    def begin(self, day: date, waiting: int) -> tuple[Slot, ...]:
        # Time not used is gone; time overrun is owed.
        share = timedelta(minutes=self._instrument.minutes)
        self._left = min(self._left, timedelta()) + share
        clock = datetime.combine(day, self._instrument.opens)
        slots: list[Slot] = []
        while len(slots) < waiting and self._left > timedelta():
            needed = next(self._times)
            slots.append(Slot(clock, clock + needed))
            clock += needed
            self._left -= needed
        return tuple(slots)


def plan(arrivals: Sequence[Arrival], *, seed: int) -> tuple[Day, ...]:
    """
    Lay out every session from the first arrival to the last.
    """
    screen = _Diary(SCREEN, chance(seed, "screen"))
    confirm = _Diary(CONFIRM, chance(seed, "confirm"))
    to_screen = to_confirm = 0
    days: list[Day] = []
    by_day: dict[date, list[Arrival]] = {}
    for arrival in arrivals:
        by_day.setdefault(arrival.submitted_at.date(), []).append(arrival)
    day, last = min(by_day), max(by_day)
    while day <= last:
        morning = tuple(by_day.get(day, ()))
        to_screen += len(morning)
        # Confirmation begins before the session's screening: it takes what earlier sessions have screened.
        confirmations = confirm.begin(day, to_confirm)
        screens = screen.begin(day, to_screen)
        to_screen -= len(screens)
        to_confirm += len(screens) - len(confirmations)
        days.append(Day(day, morning, screens, confirmations))
        day = session_day(day + timedelta(days=1))
    return tuple(days)


def closing(days: Sequence[Day]) -> datetime:
    """
    Return the instant at which the replay ends and whoever waits is counted as still waiting.
    """
    return days[-1].at(time(18, tzinfo=UTC))
