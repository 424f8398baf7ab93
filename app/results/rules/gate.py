"""
What may be concluded from which analyses.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.results.rules.kinds import AnalysisResult
from app.results.rules.techniques import POWERS, Technique

RULE_SET = "swgdrug-8.1/assayline-1"
"""SWGDRUG Recommendations 8.1 (2022-08-19): its rules on category A techniques, reviewable data, positive results only
and hyphenated techniques (R1, R4, R5, R6 below). The other rules are not applied yet."""


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
