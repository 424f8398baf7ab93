"""
A measured content and its uncertainty: one is never said without the other.
"""

from decimal import ROUND_HALF_EVEN, ROUND_UP, Decimal
from enum import StrEnum


class ContentUnit(StrEnum):
    """
    What a content is given in.
    """

    PERCENT = "%"
    MG_PER_G = "mg/g"
    MG_PER_UNIT = "mg/unit"
    MG_PER_ML = "mg/mL"


def rounded(value: Decimal, uncertainty: Decimal) -> tuple[Decimal, Decimal]:
    """
    This function will round the uncertainty up to two digits, and the value to the same place.
    """
    place = Decimal(1).scaleb(uncertainty.adjusted() - 1)
    up = uncertainty.quantize(place, rounding=ROUND_UP)
    # Rounding up may have made a digit more: 0.996 is 1.0, not 1.00.
    if up.adjusted() > uncertainty.adjusted():
        place = place.scaleb(1)
        up = up.quantize(place)
    return value.quantize(place, rounding=ROUND_HALF_EVEN), up


def words(
    substance: str,
    value: Decimal,
    unit: ContentUnit,
    *,
    uncertainty: Decimal,
    k: Decimal,
    dose_units: Decimal | None = None,
) -> str:
    """
    This function will word a content with its expanded uncertainty and its coverage factor.
    """
    shown, spread = rounded(value, uncertainty)
    said = f"{substance}: {shown:f} {unit} ± {spread:f} {unit} (expanded uncertainty, k = {k.normalize():f})"
    return said if dose_units is None else f"{said}; {dose_units.normalize():f} dose units"
