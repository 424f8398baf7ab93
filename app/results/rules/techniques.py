"""
Techniques and what each can contribute.
"""

from dataclasses import dataclass
from enum import StrEnum


class Technique(StrEnum):
    """
    How an aliquot was examined.
    """

    DART_MS = "dart_ms"
    GC_MS = "gc_ms"
    LC_MS = "lc_ms"
    FTIR = "ftir"
    RAMAN = "raman"
    NMR = "nmr"
    GC_FID = "gc_fid"
    LC_UV = "lc_uv"
    TLC = "tlc"
    IMS = "ims"
    MICROCRYSTALLINE = "microcrystalline"
    COLOUR_TEST = "colour_test"
    IMMUNOASSAY = "immunoassay"


@dataclass(frozen=True, slots=True)
class Power:
    """
    What a technique can contribute.

    Attributes:
        category: SWGDRUG category, A the most discriminating.
        properties: the chemical or physical properties it exploits; a hyphenated technique counts for each (R6).
        field_code: the code under which the ranking knows its result.

    """

    category: str
    properties: frozenset[str]
    field_code: str


def _power(category: str, *properties: str, field_code: str = "other") -> Power:
    return Power(category, frozenset(properties), field_code)


POWERS: dict[Technique, Power] = {
    Technique.DART_MS: _power("A", "mass", field_code="dart_ms"),
    Technique.GC_MS: _power("A", "mass", "gas retention", field_code="dart_ms"),
    Technique.LC_MS: _power("A", "mass", "liquid retention", field_code="dart_ms"),
    Technique.FTIR: _power("A", "infrared absorption", field_code="ftir"),
    Technique.RAMAN: _power("A", "Raman scattering", field_code="raman"),
    Technique.NMR: _power("A", "nuclear magnetic resonance", field_code="dart_ms"),
    Technique.GC_FID: _power("B", "gas retention"),
    Technique.LC_UV: _power("B", "liquid retention"),
    Technique.TLC: _power("B", "thin-layer retention"),
    Technique.IMS: _power("B", "ion mobility", field_code="ims"),
    Technique.MICROCRYSTALLINE: _power("B", "crystal shape"),
    Technique.COLOUR_TEST: _power("C", "color reaction", field_code="colour_test"),
    Technique.IMMUNOASSAY: _power("C", "antibody binding", field_code="fentanyl_strip"),
}
"""Categories after SWGDRUG 8.1; that a hyphenated technique counts as two (R6) is a reading to be confirmed."""
