"""
A content is never said without its uncertainty.
"""

from decimal import Decimal
from inspect import signature

import pytest

from app.results.rules.quantities import ContentUnit, rounded, words


@pytest.mark.parametrize(
    ("value", "uncertainty", "expected"),
    [
        ("12.3456", "0.8123", ("12.35", "0.82")),
        ("12.3456", "0.996", ("12.3", "1.0")),
        ("1234", "123", ("1.23E+3", "1.3E+2")),
        ("0.0512", "0.005", ("0.0512", "0.0050")),
    ],
)
def test_rounding(value: str, uncertainty: str, expected: tuple[str, str]) -> None:
    """
    The uncertainty is rounded up to two digits, the value to the same place.
    """
    found = rounded(Decimal(value), Decimal(uncertainty))

    assert tuple(map(str, found)) == expected


def test_words() -> None:
    """
    Content, expanded uncertainty and k stand together; dose units only where somebody counted them.
    """
    said = words(
        "fentanyl",
        Decimal("12.3456"),
        ContentUnit.PERCENT,
        uncertainty=Decimal("0.8123"),
        k=Decimal("2.0"),
        dose_units=Decimal(400),
    )

    assert said == "fentanyl: 12.35 % ± 0.82 % (expanded uncertainty, k = 2); 400 dose units"


def test_there_is_no_way_without() -> None:
    """
    Neither the uncertainty nor k has a default.
    """
    parameters = signature(words).parameters

    assert all(parameters[name].default is parameters[name].empty for name in ("uncertainty", "k"))
