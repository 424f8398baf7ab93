"""
The real part of the demo is what the file says; the rest is drawn, repeatably.
"""

from datetime import date

import pytest

from app.demo import seizures
from app.samples.schemas import SubmissionIn


@pytest.fixture(scope="module")
def everything() -> list[seizures.Seizure]:
    """
    The whole file.
    """
    return seizures.read()


class TestFile:
    """
    What the file holds.
    """

    def test_counts(self, everything: list[seizures.Seizure]) -> None:
        """
        2,497 seizures, 36 zeros, 1,456 of at most 30 g, two agencies, 306 booked as fentanyl.
        """
        assert len(everything) == 2497
        assert sum(one.quantity_g == 0 for one in everything) == 36
        assert sum(one.quantity_g <= 30 for one in everything) == 1456
        assert sum(one.is_fentanyl for one in everything) == 306
        assert {one.agency for one in everything} == {
            "Office of Field Operations",
            "U.S. Border Patrol",
        }

    def test_file_numbers_are_row_numbers(self, everything: list[seizures.Seizure]) -> None:
        """
        Rows count from 1 without a gap.
        """
        assert [one.row for one in everything] == list(range(1, 2498))

    def test_a_booking_that_names_nothing_is_no_substance(
        self, everything: list[seizures.Seizure]
    ) -> None:
        """
        "Other Drugs" is not turned into a finding; every other booking is known to the catalogue.
        """
        unnamed = {one.booked for one in everything if one.substance is None}

        assert unnamed == {"Other Drugs"}


class TestDraw:
    """
    What the seed draws.
    """

    def test_repeats(self, everything: list[seizures.Seizure]) -> None:
        """
        One seed draws one timeline, another seed another.
        """
        first, again, other = (seizures.draw(everything, seed=seed) for seed in (7, 7, 8))

        assert first == again
        assert first != other

    def test_keeps_the_month(self, everything: list[seizures.Seizure]) -> None:
        """
        The drawn day lies in the month of the file, and is handed in at a later session.
        """
        for arrival in seizures.draw(everything, seed=7):
            assert arrival.seized_at.date().replace(day=1) == arrival.seizure.month
            assert arrival.seized_at < arrival.submitted_at
            assert arrival.submitted_at.weekday() in seizures.SESSIONS

    def test_hearings(self, everything: list[seizures.Seizure]) -> None:
        """
        About as many have a hearing as is said, and always after the seizure.
        """
        drawn = seizures.draw(everything, seed=7)
        dated = [one for one in drawn if one.hearing]

        assert abs(len(dated) / len(drawn) - seizures.HEARING_SHARE) < 0.05
        assert all(one.hearing and one.hearing > one.seized_at.date() for one in dated)

    def test_bodies_are_submissions(self, everything: list[seizures.Seizure]) -> None:
        """
        Every body is one the API takes, names no route, and says the quantity as booked.
        """
        for arrival in seizures.draw(everything, seed=7):
            body = SubmissionIn.model_validate(arrival.body())

            assert body.route == "unknown"
            assert body.parcel is None
            assert body.samples[0].quantity_seized is not None
            assert body.samples[0].quantity_seized.value == arrival.seizure.quantity_g

    def test_sessions(self) -> None:
        """
        A Friday's seizures wait for Monday, a Monday's own session takes its own day.
        """
        friday = date(2021, 1, 1)

        assert seizures.session_day(friday) == date(2021, 1, 4)
        assert seizures.session_day(date(2021, 1, 4)) == date(2021, 1, 4)
        assert seizures.session_day(date(2021, 1, 5)) == date(2021, 1, 7)
