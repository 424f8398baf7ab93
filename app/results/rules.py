"""
What may be concluded from which analyses, and who may sign it. The rule set and its techniques carry a version.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

RULE_SET = "swgdrug-8.1/assayline-1"
"""SWGDRUG Recommendations 8.1 (2022-08-19): its rules on category A techniques, reviewable data, positive results only
and hyphenated techniques (R1, R4, R5, R6 below). The other rules are not applied yet."""

MEASURED_FROM = 20
"""Confirmed cases a laboratory needs before its own agreement figure is printed."""


class AnalysisResult(StrEnum):
    """
    What one technique showed on one aliquot.
    """

    DETECTED = "detected"
    NOT_DETECTED = "not_detected"
    INCONCLUSIVE = "inconclusive"


class FindingKind(StrEnum):
    """
    How far a finding may be relied upon.
    """

    PRESUMPTIVE = "presumptive"
    """For safety and the direction of an inquiry; not proof; may change."""
    IDENTIFIED = "identified"
    """The conclusion of the confirming stage; leaves only in a reviewed, final report."""


class FindingOutcome(StrEnum):
    """
    What was concluded.
    """

    DETECTED = "detected"
    NOTHING_CONTROLLED = "nothing_controlled"
    """No controlled substance was found. It may still be toxic, and is never worded as harmless."""
    INCONCLUSIVE = "inconclusive"


class ReviewDecision(StrEnum):
    """
    What the reviewer decided.
    """

    ACCEPT = "accept"
    RETURN = "return"


class ReportKind(StrEnum):
    """
    Which document an agency holds.
    """

    PRELIMINARY = "preliminary"
    FINAL = "final"


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


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    One analysis as the rules see it.
    """

    technique: Technique
    result: AnalysisResult
    substances: frozenset[str]
    controls_passed: bool
    has_data: bool


def why_not_presumptive(evidence: Sequence[Evidence], substances: frozenset[str]) -> str | None:
    """
    Say what is missing for a presumptive finding, or None when nothing is.
    """
    if not evidence:
        return "Cite at least one analysis."
    if not all(one.controls_passed for one in evidence):
        return "The controls of a cited run failed: repeat the run."
    unseen = substances - _positive(evidence)
    if unseen:
        return f"No cited analysis detected {', '.join(sorted(unseen))}."
    return None


def why_not_identified(evidence: Sequence[Evidence], substances: frozenset[str]) -> str | None:
    """
    Say what is missing for an identification, or None when nothing is.

    R1: a category A technique and at least one other that exploits a different property. R4: category A and B data
    must be reviewable. R5: only positive results count. R6: a hyphenated technique counts for each property it uses.
    """
    missing = why_not_presumptive(evidence, substances)
    if missing:
        return missing
    for substance in sorted(substances):
        positive = [
            one
            for one in evidence
            if one.result is AnalysisResult.DETECTED and substance in one.substances
        ]
        bare = [
            one for one in positive if not one.has_data and POWERS[one.technique].category < "C"
        ]
        if bare:
            return f"R4: attach the data of {bare[0].technique} for {substance}, so that it can be reviewed."
        if not any(POWERS[one.technique].category == "A" for one in positive):
            return f"R1: {substance} needs a category A technique, for example gc_ms or ftir."
        if len(frozenset().union(*(POWERS[one.technique].properties for one in positive))) < 2:  # noqa: PLR2004 - R1: two
            return (
                f"R1: {substance} needs one more technique exploiting a different property,"
                " for example gc_fid or colour_test."
            )
    return None


def _positive(evidence: Sequence[Evidence]) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    return found.union(
        *(one.substances for one in evidence if one.result is AnalysisResult.DETECTED)
    )


def statement(outcome: FindingOutcome, substances: Sequence[str], kind: FindingKind) -> str:
    """
    Word a finding. Never "safe": a negative says what was looked for, not what is harmless.
    """
    if outcome is FindingOutcome.INCONCLUSIVE:
        return "Inconclusive: the analyses neither showed nor excluded a controlled substance."
    if outcome is FindingOutcome.NOTHING_CONTROLLED:
        return "No controlled substance was identified by the techniques named. The material may still be toxic."
    listed = ", ".join(substances)
    if kind is FindingKind.PRESUMPTIVE:
        return f"Presumptively contains {listed}."
    return f"{listed} identified."


def reliability(technique: str, agreed: int, total: int) -> str:
    """
    Word how well a technique has agreed with confirmation in this laboratory, measured, or say that it is not yet.
    """
    if total < MEASURED_FROM:
        return (
            f"Agreement of {technique} with confirmation in this laboratory: not yet measured"
            f" ({total} of {MEASURED_FROM} confirmed cases)."
        )
    share = 100 * agreed / total
    return (
        f"Measured agreement of {technique} with confirmation in this laboratory: {share:.1f} % of {total:,};"
        " not the probability for this sample."
    )


PRELIMINARY_NOTICE = "For safety and direction of inquiry; not proof; may change."
FINAL_NOTICE = "The results relate only to the items tested."
