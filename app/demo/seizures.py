"""
The real part: 2,497 border seizures, read from the public-domain file beside this module.

Everything the file does not say is drawn by a seed, in one place, and named so: the day within the month, the hour,
and hearing dates.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

from app.substances.catalogue import ExpectedClass, resolve

SOURCE = (
    'U.S. Customs and Border Protection, "Drug Seizure Statistics", FY2020-FY2023, public domain'
)
FILE = "border_seizures_fy2020_fy2023.csv"

HANDED_IN = time(7, tzinfo=UTC)
"""Agencies hand in on the first session day after the seizure, at this hour."""
RECEIVED = time(8, tzinfo=UTC)

HEARING_SHARE = 0.4
"""Of the seizures, how many get a hearing date: an assumption, the file has none."""
HEARING_DAYS = (30, 365)
"""From the seizure to its hearing: an assumption, drawn evenly."""

_ABROAD = "PRECLEARANCE"
"""These offices work at airports outside the United States; the file does not say in which country."""
SESSIONS = (0, 3)
"""Monday and Thursday: the laboratory takes in and works on these seizures twice a week. An assumption."""


@dataclass(frozen=True, slots=True)
class Seizure:
    """
    One row of the file. ``row`` counts from 1 and serves as the agency's file number.
    """

    row: int
    month: date
    agency: str
    region: str
    office: str
    booked: str
    quantity_g: float

    @property
    def is_fentanyl(self) -> bool:
        """
        Whether it was booked as fentanyl.
        """
        return _expected(self.booked) is ExpectedClass.FENTANYL

    @property
    def substance(self) -> str | None:
        """
        What the simulated bench will find: the drug as booked, or None where the booking names no substance.
        """
        if _expected(self.booked) in {ExpectedClass.OTHER, ExpectedClass.UNKNOWN}:
            return None
        return resolve(self.booked).name


@dataclass(frozen=True, slots=True)
class Arrival:
    """
    A seizure with what the seed drew for it.
    """

    seizure: Seizure
    seized_at: datetime
    submitted_at: datetime
    hearing: date | None

    @property
    def row(self) -> int:
        """
        The row of the file.
        """
        return self.seizure.row

    def body(self) -> dict[str, Any]:
        """
        Write the submission as the agency's program would send it.
        """
        seizure = self.seizure
        hearings = []
        if self.hearing is not None:
            hearings = [{"kind": "hearing (date drawn by seed)", "date": self.hearing.isoformat()}]
        return {
            "agency_file_number": str(seizure.row),
            "seized_at": self.seized_at.isoformat(),
            "country": None if seizure.office.startswith(_ABROAD) else "US",
            "place": {"name": seizure.region, "office": seizure.office},
            "route": "unknown",
            "hearings": hearings,
            "samples": [
                {
                    "exhibit_number": "1",
                    "suspected": [seizure.booked],
                    "quantity_seized": {
                        "value": seizure.quantity_g,
                        "unit": "g",
                        "kind": "gross",
                    },
                }
            ],
        }


@cache
def _expected(booked: str) -> ExpectedClass:
    return resolve(booked).expected


def read(rows: int | None = None) -> list[Seizure]:
    """
    Read the file, or its first rows, which are its first months.
    """
    text = files("app.demo").joinpath(FILE).read_text(encoding="utf-8")
    found = [
        Seizure(
            row=number,
            month=date.fromisoformat(f"{line['seized_month']}-01"),
            agency=line["agency"],
            region=line["region"],
            office=line["office"],
            booked=line["drug_as_booked"],
            quantity_g=float(line["quantity_g"]),
        )
        for number, line in enumerate(csv.DictReader(text.splitlines()), start=1)
    ]
    return found[:rows]


def chance(seed: int, *about: object) -> Random:
    """
    Return the random numbers that this seed gives one matter, whatever else is drawn.
    """
    return Random(f"{seed}:{':'.join(map(str, about))}")  # noqa: S311 - a replay must repeat, it guards nothing


def draw(seizures: Iterable[Seizure], *, seed: int) -> list[Arrival]:
    """
    Draw what the file does not say, and return the arrivals in the order they are handed in.
    """
    return sorted(
        (_draw(one, chance(seed, "row", one.row)) for one in seizures),
        key=lambda arrival: (arrival.submitted_at, arrival.row),
    )


def _draw(seizure: Seizure, dice: Random) -> Arrival:
    following = (seizure.month + timedelta(days=32)).replace(day=1)
    day = seizure.month + timedelta(days=dice.randrange((following - seizure.month).days))
    hour = time(dice.randrange(24), dice.randrange(60), tzinfo=UTC)
    hearing = None
    if dice.random() < HEARING_SHARE:
        hearing = day + timedelta(days=dice.randint(*HEARING_DAYS))
    return Arrival(
        seizure=seizure,
        seized_at=datetime.combine(day, hour),
        submitted_at=datetime.combine(session_day(day + timedelta(days=1)), HANDED_IN),
        hearing=hearing,
    )


def session_day(day: date) -> date:
    """
    Return this day, or the next on which there is a session. No holiday is known here.
    """
    while day.weekday() not in SESSIONS:
        day += timedelta(days=1)
    return day
