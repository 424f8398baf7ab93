"""
Working and calendar time, public holidays, and what each move does to each clock.
"""

from datetime import UTC, datetime, timedelta
from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.clocks.rules import (
    OTHER,
    ClockPolicy,
    Effect,
    Ending,
    TimeKind,
    ending,
    read_policy,
)
from app.samples.rules import MOVES, Status

HOUR = timedelta(hours=1)


def shipped() -> ClockPolicy:
    """
    Return the policy as shipped.
    """
    return read_policy(
        resources.files("app.clocks").joinpath("policy.toml").read_text(encoding="utf-8")
    )


POLICY = shipped()


def at(text: str) -> datetime:
    """
    Return an instant in Toronto, in UTC.
    """
    return datetime.fromisoformat(text).replace(tzinfo=POLICY.calendar.zone).astimezone(UTC)


class TestTime:
    """
    Which hours count.
    """

    @pytest.mark.parametrize(
        ("start", "hours", "end"),
        [
            ("2026-03-02T09:00", 4, "2026-03-02T13:00"),
            ("2026-03-02T15:00", 2, "2026-03-03T09:00"),
            ("2026-03-06T15:00", 2, "2026-03-09T09:00"),  # over a weekend, and the clock change
            ("2026-03-07T12:00", 1, "2026-03-09T09:00"),  # from a Saturday
            ("2026-04-02T15:00", 2, "2026-04-06T09:00"),  # Good Friday is honored
            ("2026-06-30T15:00", 2, "2026-07-02T09:00"),  # Canada Day too
            ("2026-03-02T05:00", 1, "2026-03-02T09:00"),  # before it opens
        ],
    )
    def test_working_time(self, start: str, hours: int, end: str) -> None:
        """
        It passes only while the laboratory works: hours, weekends, public holidays (6.4).
        """
        assert POLICY.due(TimeKind.WORKING, at(start), hours * HOUR) == at(end)
        assert POLICY.passed(TimeKind.WORKING, at(start), at(end)) == hours * HOUR

    def test_the_two_kinds_differ(self) -> None:
        """
        Over a weekend, working and calendar time give different numbers (6.4).
        """
        start, end = at("2026-03-06T15:00"), at("2026-03-10T15:00")

        assert POLICY.passed(TimeKind.WORKING, start, end) == 16 * HOUR
        # One hour less than four days: the clocks were put forward in between.
        assert POLICY.passed(TimeKind.CALENDAR, start, end) == 95 * HOUR

    @settings(deadline=None)  # a loaded machine is no defect of the rule
    @given(
        st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - Hypothesis adds the zone
        st.integers(1, 400),
    )
    def test_there_and_back(self, start: datetime, hours: int) -> None:
        """
        What is added is what has passed, whatever lies in between.
        """
        end = POLICY.due(TimeKind.WORKING, start, hours * HOUR)

        assert POLICY.passed(TimeKind.WORKING, start, end) == hours * HOUR

    def test_a_calendar_without_a_working_day_is_refused(self) -> None:
        """
        It says so instead of searching for ever.
        """
        text = resources.files("app.clocks").joinpath("policy.toml").read_text(encoding="utf-8")
        closed = read_policy(text.replace("days = [0, 1, 2, 3, 4]", "days = []"))

        with pytest.raises(ValueError, match="no working day"):
            closed.due(TimeKind.WORKING, at("2026-03-02T09:00"), HOUR)


class TestEffects:
    """
    What a move does to a clock, stated per clock.
    """

    @pytest.mark.parametrize(
        ("clock", "source", "target", "effect"),
        [
            ("screen", "submitted", "received", Effect.START),
            ("screen", "received", "screening", None),
            ("screen", "screening", "screened", Effect.END),
            ("confirm", "screening", "screened", Effect.START),
            ("confirm", "in_review", "screened", Effect.START),
            ("review", "in_review", "screened", Effect.END),
            ("review", "in_review", "reported", Effect.END),
            ("whole", "screening", "screened", None),
            ("whole", "in_review", "reported", Effect.END),
            ("confirm", "confirming", "on_hold", Effect.PAUSE),
            ("whole", "confirming", "on_hold", None),
            ("confirm", "on_hold", "screened", Effect.RESUME),
            ("whole", "on_hold", "screened", None),
            ("confirm", "on_hold", "stopped", Effect.END),
            ("whole", "on_hold", "stopped", Effect.END),
            ("whole", "screened", "closed_screen_only", Effect.END),
            ("confirm", "screened", "stopped", Effect.END),
            ("confirm", "stopped", "screened", Effect.START),
        ],
    )
    def test_each(self, clock: str, source: str, target: str, effect: Effect | None) -> None:
        """
        A hold stops the clock of a step and keeps the whole's; every ending ends them.
        """
        assert POLICY.clocks[clock].effect(source, target) == effect

    def test_along_the_life_cycle(self) -> None:
        """
        Every move into an ending stops all that runs; no clock runs in a status in which nothing is waited for.
        """
        for clock in POLICY.clocks.values():
            assert not clock.runs_in & {"reported", "stopped", "withdrawn", "rejected"}
            assert clock.runs_in <= {str(status) for status in Status}
            assert OTHER in clock.hours
            for move in MOVES:
                if move.source in clock.runs_in and move.target not in {*clock.runs_in, "on_hold"}:
                    assert clock.effect(move.source, move.target) is Effect.END

    def test_how_a_promise_ends(self) -> None:
        """
        Late is late, even when the work was given up; given up in time is neither kept nor late.
        """
        due = at("2026-03-02T09:00")

        assert ending("reported", promised_by=due, now=due) is Ending.KEPT
        assert ending("reported", promised_by=due, now=due + HOUR) is Ending.LATE
        assert ending("stopped", promised_by=due, now=due) is Ending.GIVEN_UP
        assert ending("stopped", promised_by=due, now=due + HOUR) is Ending.LATE
