"""
What may be concluded from which analyses, and who may sign it. The rule set and its techniques carry a version.
"""

from app.results.rules.gate import (
    RULE_SET,
    Evidence,
    Kinds,
    Refusal,
    Verdict,
    judge_identified,
    judge_presumptive,
)
from app.results.rules.kinds import (
    AnalysisResult,
    FindingKind,
    FindingOutcome,
    ReportKind,
    ReviewDecision,
)
from app.results.rules.outcome import against_outcome, passed_over
from app.results.rules.standing import Because, WithdrawalBecause, contradicts
from app.results.rules.techniques import (
    OWN,
    Suggestion,
    Technique,
    by_gentleness,
    catalogue,
)
from app.results.rules.wording import (
    FINAL_NOTICE,
    MEASURED_FROM,
    PRELIMINARY_NOTICE,
    analysis_words,
    reliability,
    statement,
    statement_in_french,
)

__all__ = [
    "FINAL_NOTICE",
    "MEASURED_FROM",
    "OWN",
    "PRELIMINARY_NOTICE",
    "RULE_SET",
    "AnalysisResult",
    "Because",
    "Evidence",
    "FindingKind",
    "FindingOutcome",
    "Kinds",
    "Refusal",
    "ReportKind",
    "ReviewDecision",
    "Suggestion",
    "Technique",
    "Verdict",
    "WithdrawalBecause",
    "against_outcome",
    "analysis_words",
    "by_gentleness",
    "catalogue",
    "contradicts",
    "judge_identified",
    "judge_presumptive",
    "passed_over",
    "reliability",
    "statement",
    "statement_in_french",
]
