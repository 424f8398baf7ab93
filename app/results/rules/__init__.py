"""
What may be concluded from which analyses, and who may sign it. The rule set and its techniques carry a version.
"""

from app.results.rules.gate import RULE_SET, Evidence, why_not_identified, why_not_presumptive
from app.results.rules.kinds import (
    AnalysisResult,
    FindingKind,
    FindingOutcome,
    ReportKind,
    ReviewDecision,
)
from app.results.rules.techniques import POWERS, Technique
from app.results.rules.wording import (
    FINAL_NOTICE,
    MEASURED_FROM,
    PRELIMINARY_NOTICE,
    reliability,
    statement,
)

__all__ = [
    "FINAL_NOTICE",
    "MEASURED_FROM",
    "POWERS",
    "PRELIMINARY_NOTICE",
    "RULE_SET",
    "AnalysisResult",
    "Evidence",
    "FindingKind",
    "FindingOutcome",
    "ReportKind",
    "ReviewDecision",
    "Technique",
    "reliability",
    "statement",
    "why_not_identified",
    "why_not_presumptive",
]
