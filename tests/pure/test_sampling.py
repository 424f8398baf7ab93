"""
How many to test, by the whole table of section 6.2, and what may be said of the rest.
"""

from fractions import Fraction
from math import ceil, comb

import pytest

from app.results.rules.sampling import (
    Plan,
    Step,
    at_least,
    progress,
    size,
    stages,
    statement,
    wanted,
)

SHARES = (Fraction(1, 2), Fraction(7, 10), Fraction(9, 10))
P95, P99 = Fraction(95, 100), Fraction(99, 100)

TABLE = {
    10: "3 5 8 4 6 9",
    20: "4 6 12 5 9 15",
    30: "4 7 15 6 10 20",
    40: "4 7 18 6 10 23",
    50: "4 8 19 6 11 26",
    60: "4 8 20 6 11 28",
    70: "5 8 21 7 12 30",
    80: "5 8 22 7 12 31",
    90: "5 8 23 7 12 32",
    100: "5 8 23 7 12 33",
    200: "5 9 26 7 13 38",
    300: "5 9 27 7 13 40",
    400: "5 9 27 7 13 41",
    500: "5 9 28 7 13 41",
    1000: "5 9 28 7 13 43",
    5000: "5 9 29 7 13 44",
    10000: "5 9 29 7 13 44",
}


class TestHypergeometric:
    """
    The table, its further columns and its edges.
    """

    @pytest.mark.parametrize("units", TABLE)
    def test_the_table(self, units: int) -> None:
        """
        Without a negative, at 95 % and 99 %, for a half, seven tenths and nine tenths.
        """
        found = [
            size(Plan.HYPERGEOMETRIC, units, share, confidence)
            for confidence in (P95, P99)
            for share in SHARES
        ]

        assert " ".join(map(str, found)) == TABLE[units]

    @pytest.mark.parametrize(
        ("units", "negatives", "expected"),
        [
            (10, 1, "5 7 10"),
            (20, 1, "6 10 17"),
            (50, 1, "7 12 29"),
            (100, 1, "7 13 36"),
            (1000, 1, "8 14 45"),
            (10000, 1, "8 14 46"),
            (100, 2, "10 17 46"),
            (1000, 2, "11 19 59"),
            (1, 0, "1 1 1"),
            (2, 0, "1 2 2"),
            (3, 0, "2 3 3"),
        ],
    )
    def test_negatives_and_edges(self, units: int, negatives: int, expected: str) -> None:
        """
        Expecting one or two negatives, and the smallest numbers.
        """
        found = [size(Plan.HYPERGEOMETRIC, units, share, P95, negatives) for share in SHARES]

        assert " ".join(map(str, found)) == expected

    def test_it_is_not_monotone(self) -> None:
        """
        More units may need fewer tests: a table that assumes otherwise is wrong.
        """
        found = {n: size(Plan.HYPERGEOMETRIC, n, SHARES[1], P95) for n in (6, 7, 9, 10)}

        assert found == {6: 5, 7: 4, 9: 5, 10: 5}

    def test_floats_would_be_wrong(self) -> None:
        """
        Negative control: in binary floats 0.55 of 100 rounds up to 56 (H6).
        """
        assert wanted(100, Fraction(55, 100)) == 55
        assert ceil(0.55 * 100) == 56

    def test_the_smallest_that_suffices(self) -> None:
        """
        By the formula itself: one test fewer would not do.
        """
        for units in range(1, 60):
            for share in SHARES:
                n = size(Plan.HYPERGEOMETRIC, units, share, P95)
                goal = wanted(units, share)
                wrong = [Fraction(comb(goal - 1, m), comb(units, m)) for m in (n, n - 1)]
                assert wrong[0] <= 1 - P95
                assert n == 1 or wrong[1] > 1 - P95


class TestOtherPlans:
    """
    Plans met in practice.
    """

    @pytest.mark.parametrize(
        ("plan", "confidence", "expected"),
        [
            (Plan.BINOMIAL, P95, "5 9 29"),
            (Plan.BINOMIAL, P99, "7 13 44"),
            (Plan.BAYESIAN, P95, "4 8 28"),
            (Plan.BAYESIAN, P99, "6 12 43"),
        ],
    )
    def test_limits(self, plan: Plan, confidence: Fraction, expected: str) -> None:
        """
        The limits for very many units, and the flat prior.
        """
        found = [size(plan, 10**6, share, confidence) for share in SHARES]

        assert " ".join(map(str, found)) == expected

    def test_without_statistics(self) -> None:
        """
        Square root, twenty and a tenth, a single unit.
        """
        assert [size(Plan.SQUARE_ROOT, n, SHARES[0], P95) for n in (1, 9, 10, 400)] == [1, 3, 4, 20]
        tenth = [size(Plan.TWENTY_AND_TENTH, n, SHARES[0], P95) for n in (5, 20, 21, 400)]
        assert tenth == [5, 20, 21, 58]
        assert size(Plan.SINGLE, 400, SHARES[0], P95) == 1

    def test_what_nothing_supports(self) -> None:
        """
        As many negatives as the share leaves out support nothing, however many are tested.
        """
        with pytest.raises(ValueError, match="no number of tests"):
            size(Plan.HYPERGEOMETRIC, 10, SHARES[2], P95, 2)


class TestWhatMayBeSaid:
    """
    From what was found to a statement.
    """

    @pytest.mark.parametrize(
        ("units", "tested", "positives", "least"),
        [
            (100, 5, 5, 56),
            (100, 8, 8, 70),
            (100, 23, 23, 90),
            (100, 23, 22, 83),
            (100, 36, 35, 90),
            (1000, 28, 28, 900),
            (1000, 28, 27, 844),
            (10, 8, 8, 9),
            (20, 12, 12, 18),
            (3, 3, 3, 3),
            (26, 1, 1, 2),
        ],
    )
    def test_the_bounds(self, units: int, tested: int, positives: int, least: int) -> None:
        """
        The reverse column of section 6.2.
        """
        assert at_least(units, tested, positives, P95) == least

    def test_words(self) -> None:
        """
        The statement names share, number, confidence and basis; a plan without statistics says nothing of the rest.
        """
        said = statement(Plan.HYPERGEOMETRIC, 400, 27, 27, P95, "fentanyl", "tablets")
        single = statement(Plan.SINGLE, 400, 1, 1, P95, "fentanyl", "tablets")
        every = statement(Plan.SINGLE, 1, 1, 1, P95, "fentanyl", "tablets")
        none = statement(Plan.HYPERGEOMETRIC, 400, 27, 0, P95, "fentanyl", "tablets")

        assert said.startswith("At least 90 % of 400 tablets (")
        assert "95 % confidence (27 of 27 tested units contain fentanyl, drawn at random)" in said
        assert "No statement is made about the other 399 tablets" in single
        assert every == "1 of 1 tested units contain fentanyl."
        assert "No statement" in none


class TestStages:
    """
    Going on after a negative without saying more than is true.
    """

    def test_stops_as_soon_as_it_may(self) -> None:
        """
        Reached without negatives at the first look; a negative asks for more; too many are out of reach.
        """
        looks = stages(100, SHARES[2], P95, 1)

        assert looks[0] == 23
        assert progress(looks, 22, 0).more == 1
        assert progress(looks, 23, 0).step is Step.REACHED
        assert progress(looks, 22, 1).step is Step.TEST_MORE
        assert progress(looks, looks[1] - 1, 1).step is Step.REACHED
        assert progress(looks, 50, 2).step is Step.OUT_OF_REACH

    @pytest.mark.parametrize(("units", "share"), [(40, SHARES[0]), (60, SHARES[1])])
    def test_the_error_is_kept(self, units: int, share: Fraction) -> None:
        """
        By following every course of negatives: all looks together are wrong with at most the stated probability.
        """
        looks = stages(units, share, P95, 2)

        assert _wrong(units, wanted(units, share) - 1, looks) <= 1 - P95

    def test_the_plain_table_would_break_it(self) -> None:
        """
        Negative control: with the table's numbers for 0, 1 and 2 negatives as looks, the error is exceeded (H6).
        """
        plain = tuple(size(Plan.HYPERGEOMETRIC, 60, SHARES[1], P95, r) for r in range(3))

        assert _wrong(60, wanted(60, SHARES[1]) - 1, plain) > 1 - P95


def _wrong(units: int, positive: int, looks: tuple[int, ...]) -> Fraction:
    # Draws one by one and adds up the chance of stopping with the statement although it is false.
    at = {0: Fraction(1)}
    wrong = Fraction(0)
    for drawn in range(max(looks)):
        nxt: dict[int, Fraction] = {}
        for negatives, chance in at.items():
            left = positive - (drawn - negatives)
            good = Fraction(max(left, 0), units - drawn)
            for seen, p in ((negatives, good), (negatives + 1, 1 - good)):
                if p:
                    nxt[seen] = nxt.get(seen, Fraction(0)) + chance * p
        at = {}
        for negatives, chance in nxt.items():
            if negatives < len(looks) and drawn + 1 == looks[negatives]:
                wrong += chance
            elif negatives < len(looks):
                at[negatives] = chance
    return wrong
