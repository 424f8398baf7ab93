"""
What findings and reports say, and never say.
"""

from collections.abc import Sequence

from app.results.rules.kinds import AnalysisResult, FindingKind, FindingOutcome

MEASURED_FROM = 20
"""Confirmed cases a laboratory needs before its own agreement figure is printed."""


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


def analysis_words(
    technique: str,
    result: AnalysisResult,
    *,
    substances: Sequence[str] = (),
    looked_for: Sequence[str] = (),
    limit: str | None = None,
) -> str:
    """
    Word one analysis. A negative names the technique and its limit: it says what was looked for and how well.
    """
    if result is AnalysisResult.INCONCLUSIVE:
        return f"Inconclusive by {technique}."
    if result is AnalysisResult.DETECTED:
        return f"{', '.join(substances)} detected by {technique}."
    what = f"{', '.join(looked_for)} not detected" if looked_for else "Not detected"
    return f"{what} by {technique} (limit {limit or 'not stated'})."


def statement_in_french(
    outcome: FindingOutcome, substances: Sequence[str], kind: FindingKind
) -> str:
    """
    Word a finding in French, as ``statement`` does in English.
    """
    if outcome is FindingOutcome.INCONCLUSIVE:
        return "Non concluant : les analyses n'ont ni montré ni exclu une substance réglementée."
    if outcome is FindingOutcome.NOTHING_CONTROLLED:
        return (
            "Aucune substance réglementée n'a été identifiée par les techniques indiquées."
            " La matière peut néanmoins être toxique."
        )
    listed = ", ".join(substances)
    if kind is FindingKind.PRESUMPTIVE:
        return f"Contient de façon présomptive : {listed}."
    return f"Identifié : {listed}."
