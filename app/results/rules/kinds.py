"""
The codes of what the laboratory records, concludes, reviews and reports.
"""

from enum import StrEnum


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
    CERTIFICATE = "certificate"
    """What a statute lets a court take as proof; it rests on a final report."""
