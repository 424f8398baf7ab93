"""
What a run came to: the waits under each order, the examples, and whether it may be called good.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.demo.bench import Day, closing
from app.demo.compare import (
    Agreement,
    Start,
    Waits,
    agreement,
    by_arrival,
    by_court_date,
    serve,
    waits,
)
from app.demo.replay import File, Run
from app.demo.seizures import Arrival
from app.demo.tally import Pushes, Samples
from app.kit import ids
from app.kit.clock import to_us
from app.ledger.service import Verdict
from app.ranking.assess import Stage, assess, rank_key
from app.ranking.intake import facts_from
from app.ranking.policy import current

HERE = "this service"
ORDERS = (HERE, "first come, first served", "by court date")
TONNE_G = 1_000_000


@dataclass(frozen=True, slots=True)
class Compared:
    """
    Waits for a first finding by order of work: what happened, and the two replays on the same bench.
    """

    fentanyl: Mapping[str, Waits | None]
    others: Mapping[str, Waits | None]
    everything: Mapping[str, Waits | None]
    starts: int
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class Example:
    """
    One real seizure from the run, in words, with the service's own reasons.
    """

    title: str
    text: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    Everything that is shown at the end.
    """

    run: Run
    samples: Samples
    compared: Compared
    pushes: Pushes
    ledger: Verdict
    examples: Sequence[Example]
    calls: int
    call_ms: tuple[float, float]
    """Median and 95th percentile."""
    took_s: float

    @property
    def good(self) -> bool:
        """
        Whether nothing was lost or doubled and the ledger is proved.
        """
        return self.pushes.good and self.ledger.good and not self.ledger.pending


def compare(run: Run) -> Compared:
    """
    Compare what the service did with the two other orders, and with a replay of its own.
    """
    days = run.days
    until = closing(days)
    arrivals = [arrival for day in days for arrival in day.arrivals]
    found = {
        HERE: {row: file.found_at for row, file in run.files.items() if file.found_at},
        ORDERS[1]: _found(serve(days, by_arrival)),
        ORDERS[2]: _found(serve(days, by_court_date)),
    }

    def each(chosen: Sequence[Arrival]) -> dict[str, Waits | None]:
        return {order: waits(chosen, found[order], until=until) for order in ORDERS}

    happened = [Start(one.row, found[HERE].get(one.row, until)) for one in run.starts]
    return Compared(
        fentanyl=each([one for one in arrivals if one.seizure.is_fentanyl]),
        others=each([one for one in arrivals if not one.seizure.is_fentanyl]),
        everything=each(arrivals),
        starts=len(run.starts),
        agreement=agreement(_own_order(days, run.files), happened),
    )


def _found(starts: Sequence[Start]) -> dict[int, datetime]:
    return {start.row: start.found_at for start in starts}


def _own_order(days: Sequence[Day], files: Mapping[int, File]) -> list[Start]:
    """
    Replay the service's own order: its pure ranking, its tie-break by id, its twentieth start.
    """
    policy = current()
    keys: dict[int, tuple[int, Any]] = {}
    ages: dict[int, tuple[int, Any]] = {}
    for row, file in files.items():
        body = file.arrival.body()
        judged = assess(facts_from(body, body["samples"][0]), policy, Stage.SCREEN)
        # Received an hour after it was submitted: it ages from its submission.
        age = to_us(file.arrival.submitted_at)
        name = ids.read("smp", file.sample_id)
        keys[row] = rank_key(age, judged.head_start_us), name
        ages[row] = age, name
    return serve(days, lambda one: keys[one.row], age=lambda one: ages[one.row])


def examples(run: Run) -> list[Example]:
    """
    Choose five real seizures of this run that show what the order did, to whom it was kind and to whom not.
    """
    until = closing(run.days)
    other = {
        order: _found(serve(run.days, key))
        for order, key in ((ORDERS[1], by_arrival), (ORDERS[2], by_court_date))
    }
    chosen = (
        _overtaking(run, until),
        _trace(run, other[ORDERS[1]]),
        _court(run, other[ORDERS[2]]),
        _turn(run),
        _still_waiting(run, until),
    )
    return [one for one in chosen if one is not None]


def _overtaking(run: Run, until: datetime) -> Example | None:
    # The heaviest seizure of cannabis or khat that was waiting when some later fentanyl was screened, and the lightest.
    light = sorted(
        (
            file
            for file in run.files.values()
            if file.found_at and file.arrival.seizure.is_fentanyl
            if file.arrival.seizure.quantity_g > 0 and _waited(file, until) < timedelta(days=1)
        ),
        key=lambda file: file.arrival.seizure.quantity_g,
    )
    heavy = sorted(
        (
            file
            for file in run.files.values()
            if file.arrival.seizure.substance in {"cannabis", "khat"}
        ),
        key=lambda file: -file.arrival.seizure.quantity_g,
    )
    for big in heavy:
        for small in light:
            overtaken = big.arrival.submitted_at < small.arrival.submitted_at
            if overtaken and (big.found_at or until) > (small.found_at or until):
                then = f"waited {_days(big, until)}" if big.found_at else "still waits at the end"
                return Example(
                    f"{_what(small)} went ahead of {_what(big)}",
                    f"Handed in {_date(small)}, first finding after {_days(small, until)}. The other,"
                    f" handed in {_date(big)}, {then}.",
                    _reasons(small),
                )
    return None


def _trace(run: Run, first_come: Mapping[int, datetime]) -> Example | None:
    zeros = [file for file in _by_gain(run, first_come) if not file.arrival.seizure.quantity_g]
    # Only those the order helped; on a short run there may be none.
    for file in zeros[:1]:
        if file.found_at and file.found_at < first_come.get(file.arrival.row, closing(run.days)):
            return Example(
                f"{_what(file)}: booked as zero, a trace or not weighed, and counted as small",
                f"First finding after {_days(file)}; first come, first served: {_else(file, first_come, run)}.",
                _reasons(file),
            )
    return None


def _court(run: Run, by_court: Mapping[int, datetime]) -> Example | None:
    for file in _by_gain(run, by_court):
        if file.arrival.hearing is None and file.arrival.seizure.is_fentanyl:
            return Example(
                f"{_what(file)}, without a hearing date",
                f"First finding after {_days(file)}; by court date: {_else(file, by_court, run)}.",
                _reasons(file),
            )
    return None


def _turn(run: Run) -> Example | None:
    turns = [file for file in run.files.values() if file.claim and file.claim["taken_as_oldest"]]
    turns = [file for file in turns if file.found_at]
    if not turns:
        return None
    file = max(turns, key=lambda one: _waited(one, closing(run.days)))
    return Example(
        f"{_what(file)}: taken because it was the oldest",
        f"After {_days(file)} the twentieth start was its turn, whatever its rank: a wrong score"
        " cannot hide a sample for good.",
    )


def _still_waiting(run: Run, until: datetime) -> Example | None:
    waiting = [file for file in run.files.values() if file.found_at is None]
    if not waiting:
        return None
    file = max(waiting, key=lambda one: _waited(one, until))
    return Example(
        f"{_what(file)} pays for it",
        f"Handed in {_date(file)} and still without a finding after {_days(file, until)}, the"
        " longest of all that wait: this bench is too small, and no order makes it larger.",
    )


def _by_gain(run: Run, other: Mapping[int, datetime]) -> list[File]:
    until = closing(run.days)
    done = [file for file in run.files.values() if file.found_at and file.claim]
    return sorted(
        done,
        key=lambda file: (file.found_at or until) - other.get(file.arrival.row, until),
    )


def _reasons(file: File) -> tuple[str, ...]:
    risk = (file.claim or {}).get("risk", {})
    told = [one["text"] for one in risk.get("reasons", ()) if one["code"] != "start"]
    return tuple(told[:2])


def _else(file: File, other: Mapping[int, datetime], run: Run) -> str:
    found_at = other.get(file.arrival.row)
    length = (found_at or closing(run.days)) - file.arrival.submitted_at
    return _length(length) if found_at else f"not yet after {_length(length)}"


def _waited(file: File, until: datetime) -> timedelta:
    return (file.found_at or until) - file.arrival.submitted_at


def _days(file: File, until: datetime | None = None) -> str:
    return _length(_waited(file, until or file.arrival.submitted_at))


def _length(length: timedelta) -> str:
    days = length / timedelta(days=1)
    return f"{days * 24:.1f} hours" if days < 1 else f"{days:,.0f} days"


def _date(file: File) -> str:
    return f"{file.arrival.submitted_at:%d %b %Y}".lstrip("0")


def _what(file: File) -> str:
    seizure = file.arrival.seizure
    return f"{mass(seizure.quantity_g)} booked as {seizure.booked} (file {seizure.row})"


def mass(grams: float) -> str:
    """
    Write a quantity as people say it.
    """
    if grams >= TONNE_G:
        return f"{grams / TONNE_G:,.1f} t"
    if grams >= 1000:  # noqa: PLR2004 - grams in a kilogram
        return f"{grams / 1000:,.1f} kg"
    return f"{grams:,.1f} g" if grams >= 1 else f"{grams:.2g} g"
