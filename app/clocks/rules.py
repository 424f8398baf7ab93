"""
Working and calendar time, and what each move does to each clock. Pure: time arrives as an argument.

``stopped``, ``withdrawn``, ``rejected`` and ``closed_screen_only`` end every clock; ``on_hold`` stops or keeps each as
its policy says.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import holidays

ON_HOLD = "on_hold"
GIVEN_UP = frozenset({"stopped", "withdrawn", "rejected", "closed_screen_only"})
"""Endings by which a promise is neither kept nor broken."""
OTHER = "other"
_LONGEST_CLOSED_DAYS = 60


class TimeKind(StrEnum):
    """
    Which hours count.
    """

    WORKING = "working"
    CALENDAR = "calendar"


class Effect(StrEnum):
    """
    What a move does to a clock.
    """

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"


class Ending(StrEnum):
    """
    How a promise ended.
    """

    KEPT = "kept"
    LATE = "late"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Calendar:
    """
    When a laboratory works.
    """

    zone: ZoneInfo
    country: str
    subdivision: str | None
    days: frozenset[int]
    opens: int
    closes: int
    also_closed: frozenset[date]

    def is_working_day(self, day: date) -> bool:
        """
        Say whether the laboratory works on this day: weekdays, public holidays, and days of its own.
        """
        return (
            day.weekday() in self.days
            and day not in self.also_closed
            and day not in _holidays(self.country, self.subdivision)
        )

    def add(self, start: datetime, span: timedelta) -> datetime:
        """
        Return the instant by which this much working time has passed.
        """
        now, left, idle = start.astimezone(self.zone), span, 0
        while True:
            begins, ends = self._hours(now.date())
            now = max(now, begins)
            if self.is_working_day(now.date()) and now < ends:
                idle = 0
                # Subtracting local times of one zone would pass the clock change by.
                worked = ends.astimezone(_UTC) - now.astimezone(_UTC)
                if left <= worked:
                    return (now.astimezone(_UTC) + left).astimezone(start.tzinfo)
                left -= worked
            idle += 1
            if idle > _LONGEST_CLOSED_DAYS:
                message = "the calendar has no working day in two months"
                raise ValueError(message)
            now = datetime.combine(now.date() + timedelta(days=1), time(), self.zone)

    def between(self, start: datetime, end: datetime) -> timedelta:
        """
        Return the working time between two instants; nothing when they are the other way round.
        """
        total = timedelta()
        day, last = start.astimezone(self.zone).date(), end.astimezone(self.zone).date()
        while day <= last:
            if self.is_working_day(day):
                begins, ends = self._hours(day)
                first = max(begins.astimezone(_UTC), start.astimezone(_UTC))
                until = min(ends.astimezone(_UTC), end.astimezone(_UTC))
                total += max(until - first, timedelta())
            day += timedelta(days=1)
        return total

    def _hours(self, day: date) -> tuple[datetime, datetime]:
        return (
            datetime.combine(day, time(self.opens), self.zone),
            datetime.combine(day, time(self.closes), self.zone),
        )


_UTC = ZoneInfo("UTC")


@cache
def _holidays(country: str, subdivision: str | None) -> holidays.HolidayBase:
    return holidays.country_holidays(country, subdiv=subdivision)


@dataclass(frozen=True, slots=True)
class Clock:
    """
    One clock: in which statuses it runs, which hours count, how it takes a hold, and what is promised.
    """

    name: str
    runs_in: frozenset[str]
    kind: TimeKind
    stops_on_hold: bool
    from_receipt: bool
    hours: Mapping[str, int]

    def effect(self, source: str, target: str) -> Effect | None:
        """
        Say what a move from one status to another does to this clock, if it is open.
        """
        if ON_HOLD in {source, target} and not self.stops_on_hold:
            # It ran before the hold and runs on; what leaves the hold for an ending ends it.
            if source == ON_HOLD and target not in self.runs_in:
                return Effect.END
            return None
        ran, runs = source in self.runs_in, target in self.runs_in
        if runs:
            return None if ran else (Effect.RESUME if source == ON_HOLD else Effect.START)
        if target == ON_HOLD:
            return Effect.PAUSE if ran else None
        return Effect.END if ran or source == ON_HOLD else None

    def promised(self, band: str) -> timedelta:
        """
        Return what is promised for a band.
        """
        return timedelta(hours=self.hours.get(band, self.hours[OTHER]))


@dataclass(frozen=True, slots=True)
class ClockPolicy:
    """
    A laboratory's clocks and its calendar.
    """

    version: str
    calendar: Calendar
    clocks: Mapping[str, Clock]

    def due(self, kind: TimeKind, start: datetime, span: timedelta) -> datetime:
        """
        Return the instant by which a span of this kind of time has passed.
        """
        return self.calendar.add(start, span) if kind is TimeKind.WORKING else start + span

    def passed(self, kind: TimeKind, start: datetime, end: datetime) -> timedelta:
        """
        Return how much of this kind of time lies between two instants.
        """
        if kind is TimeKind.WORKING:
            return self.calendar.between(start, end)
        return max(end - start, timedelta())


def ending(target: str, *, promised_by: datetime, now: datetime) -> Ending:
    """
    Say how a promise ended.
    """
    if now > promised_by:
        return Ending.LATE
    return Ending.GIVEN_UP if target in GIVEN_UP else Ending.KEPT


def read_policy(text: str) -> ClockPolicy:
    """
    Read a policy as it is written in TOML.
    """
    data: dict[str, Any] = tomllib.loads(text)
    told = data["calendar"]
    calendar = Calendar(
        zone=ZoneInfo(told["zone"]),
        country=told["country"],
        subdivision=told.get("subdivision"),
        days=frozenset(told["days"]),
        opens=told["opens"],
        closes=told["closes"],
        also_closed=frozenset(told["also_closed"]),
    )
    clocks = {
        name: Clock(
            name=name,
            runs_in=frozenset(one["runs_in"]),
            kind=TimeKind(one["time"]),
            stops_on_hold=one["on_hold"] == "stops",
            from_receipt=one.get("from_receipt", False),
            hours=one["hours"],
        )
        for name, one in data["clock"].items()
    }
    return ClockPolicy(data["version"], calendar, clocks)
