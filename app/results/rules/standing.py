"""
When a released finding no longer holds.
"""

from collections.abc import Collection
from enum import StrEnum

from app.results.rules.kinds import FindingOutcome


class Because(StrEnum):
    """
    What speaks against a released finding, or against what was suspected.
    """

    CONFIRMATION = "confirmation"
    """The confirming conclusion says otherwise. It is not reviewed yet; the report follows."""
    CONTROL_FAILED = "control_failed"
    """A control of a run it rests on turned out to have failed."""
    NOTHING_CONTROLLED = "nothing_controlled"
    """A reviewed report found nothing controlled where something was suspected. It may still be toxic."""


class WithdrawalBecause(StrEnum):
    """
    Why a released finding is taken back.
    """

    CONTROL_FAILED = "control_failed"
    WRONG_ITEM = "wrong_item"
    CONTAMINATION = "contamination"
    MISREAD_DATA = "misread_data"
    OTHER = "other"


def contradicts(
    outcome: FindingOutcome,
    substances: Collection[str],
    later: FindingOutcome,
    later_substances: Collection[str],
) -> bool:
    """
    Say whether a confirming conclusion contradicts a presumptive finding.

    What is inconclusive contradicts nothing. Two detections agree when they share a substance, as in the measured
    agreement that is printed with a presumptive finding.
    """
    if FindingOutcome.INCONCLUSIVE in {outcome, later}:
        return False
    if outcome is not later:
        return True
    return outcome is FindingOutcome.DETECTED and not set(substances) & set(later_substances)
