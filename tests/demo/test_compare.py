"""
The simulated bench and the orders of work on it.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import pytest

from app.demo.bench import CONFIRM, RELEASE, SCREEN, Day, Slot, closing, plan
from app.demo.compare import Start, agreement, by_arrival, by_court_date, serve, waits
from app.demo.seizures import Arrival, Seizure, draw, read

SEED = 7
MONDAY = date(2021, 3, 1)


def arrival(row: int, day: int, hearing: date | None = None) -> Arrival:
    """
    Make a seizure handed in so many days after a Monday.
    """
    handed_in = datetime.combine(MONDAY + timedelta(days=day), time(7, tzinfo=UTC))
    seizure = Seizure(row, MONDAY, "an agency", "somewhere", "an office", "Fentanyl", 1.0)
    return Arrival(seizure, handed_in - timedelta(hours=9), handed_in, hearing)


def days_of(*mornings: Sequence[Arrival], starts: int = 1) -> list[Day]:
    """
    Make days on which so many screens can be begun.
    """
    days = []
    for number, arrivals in enumerate(mornings):
        day = MONDAY + timedelta(days=number)
        nine = datetime.combine(day, time(9, tzinfo=UTC))
        slots = tuple(
            Slot(nine + timedelta(minutes=10 * n), nine + timedelta(minutes=10 * (n + 1)))
            for n in range(starts)
        )
        days.append(Day(day, tuple(arrivals), slots, ()))
    return days


@pytest.fixture(scope="module")
def whole() -> tuple[Day, ...]:
    """
    The plan of the whole file.
    """
    return plan(draw(read(), seed=SEED), seed=SEED)


class TestOrders:
    """
    Who is screened when.
    """

    def test_first_come_first_served(self) -> None:
        """
        In the order of arrival.
        """
        days = days_of([arrival(1, 0), arrival(2, 0)], [arrival(3, 1)], [])

        assert [start.row for start in serve(days, by_arrival)] == [1, 2, 3]

    def test_court_date(self) -> None:
        """
        The nearest hearing first, past ones too; those without one after, as they came.
        """
        days = days_of(
            [arrival(1, 0), arrival(2, 0, date(2021, 9, 1)), arrival(3, 0, date(2021, 6, 1))],
            [arrival(4, 1, date(2021, 2, 1))],
            [],
            [],
        )

        assert [start.row for start in serve(days, by_court_date)] == [3, 4, 2, 1]

    def test_nobody_is_taken_before_arriving(self) -> None:
        """
        An order sees only who is there.
        """
        days = days_of([arrival(1, 0)], [arrival(2, 1, date(2021, 3, 3))])

        assert [start.row for start in serve(days, by_court_date)] == [1, 2]

    def test_the_twentieth_start_takes_the_oldest(self) -> None:
        """
        Whatever its rank.
        """
        first = [arrival(row, 0) for row in range(1, 23)]
        days = days_of(first, *[[] for _ in range(20)])

        starts = serve(days, lambda one: -one.row, age=by_arrival)

        assert [start.row for start in starts[:19]] == list(range(22, 3, -1))
        assert starts[19].row == 1

    def test_a_finding_is_out_when_its_screen_is_done_and_released(self) -> None:
        """
        The instant is the end of the slot and the release.
        """
        (day,) = days_of([arrival(1, 0)])

        assert serve([day], by_arrival) == [Start(1, day.screens[0].end + RELEASE)]


class TestConservation:
    """
    The orders are compared on the same bench.
    """

    def test_same_work_under_every_order(self, whole: tuple[Day, ...]) -> None:
        """
        Every order uses the same minutes, makes the same number of findings and leaves the same backlog.
        """
        orders = (by_arrival, by_court_date, lambda one: -one.seizure.quantity_g)

        found = [serve(whole, order) for order in orders]

        slots = [slot for day in whole for slot in day.screens]
        busy = sum((slot.end - slot.start for slot in slots), timedelta())
        for starts in found:
            assert [start.found_at for start in starts] == [slot.end + RELEASE for slot in slots]
            assert len({start.row for start in starts}) == len(starts) == len(slots)
        assert busy / timedelta(minutes=SCREEN.minutes) == pytest.approx(len(whole), rel=0.01)

    def test_the_mean_wait_of_everything_is_the_same(self, whole: tuple[Day, ...]) -> None:
        """
        Order moves waiting from one to another and makes none of it go away.
        """
        everything = [one for day in whole for one in day.arrivals]

        means = []
        for order in (by_arrival, by_court_date):
            found = {start.row: start.found_at for start in serve(whole, order)}
            summed = waits(everything, found, until=closing(whole))
            assert summed is not None
            means.append(summed.mean_d)

        assert means[0] == pytest.approx(means[1], rel=1e-9)

    def test_a_backlog_stands(self, whole: tuple[Day, ...]) -> None:
        """
        The bench is too small, on purpose, for screening and more so for confirming.
        """
        arrived = sum(len(day.arrivals) for day in whole)
        screened = sum(len(day.screens) for day in whole)
        confirmed = sum(len(day.confirmations) for day in whole)

        assert arrived == 2497
        assert 0.75 * arrived < screened < 0.9 * arrived
        assert 0 < confirmed < screened / 2

    def test_nothing_is_confirmed_before_it_is_screened(self, whole: tuple[Day, ...]) -> None:
        """
        Each session confirms only what earlier ones have screened.
        """
        screened = confirmed = 0
        for day in whole:
            confirmed += len(day.confirmations)
            assert confirmed <= screened
            screened += len(day.screens)
        assert CONFIRM.opens < SCREEN.opens


class TestWaits:
    """
    Who still waits is counted, never left out.
    """

    def test_those_who_wait_count_with_the_time_so_far(self) -> None:
        """
        And the figures say that the truth is longer.
        """
        some = [arrival(row, 0) for row in range(1, 5)]
        at = some[0].submitted_at
        found = {1: at + timedelta(days=1), 2: at + timedelta(days=2)}

        summed = waits(some, found, until=at + timedelta(days=10))

        assert summed is not None
        assert (summed.samples, summed.waiting) == (4, 2)
        assert summed.mean_d == pytest.approx((1 + 2 + 10 + 10) / 4)
        assert summed.longest_d == 10
        assert summed.longest_is_least
        assert summed.median_d == pytest.approx(6)
        assert not summed.median_is_least

    def test_nobody(self) -> None:
        """
        No samples, no figures.
        """
        assert waits([], {}, until=datetime(2021, 1, 1, tzinfo=UTC)) is None


class TestAgreement:
    """
    Two runs are compared start by start.
    """

    def test_counts_what_is_the_same(self) -> None:
        """
        Another sample, another instant or a missing start is a difference.
        """
        at = datetime(2021, 1, 1, tzinfo=UTC)
        one, two, later = Start(1, at), Start(2, at), Start(2, at + RELEASE)

        assert agreement([one, two], [one, two]).complete
        assert agreement([one, two], [one, later]).same == 1
        assert agreement([one, two], [one]).starts == 2
