"""
Whether a conclusion says what the recorded results say: no positive result may be passed over in silence.
"""

from collections.abc import Collection, Sequence

from app.results.rules.gate import Evidence, Refusal
from app.results.rules.kinds import AnalysisResult, FindingOutcome

RULE = "outcome"


def against_outcome(
    outcome: FindingOutcome,
    *,
    cited: Sequence[Evidence],
    recorded: Sequence[Evidence],
    harmless: Collection[str],
) -> list[Refusal]:
    """
    Return why the recorded results do not bear this outcome.

    Args:
        outcome: what is concluded.
        cited: the analyses it rests on.
        recorded: every analysis of the sample whose run stands, cited or not.
        harmless: names among their substances of which the catalogue knows that nothing controls them.

    """
    if outcome is FindingOutcome.NOTHING_CONTROLLED:
        refusals = [
            Refusal(
                RULE,
                f"{one.technique.code} detected {name} in this sample: that speaks against nothing controlled."
                " Conclude what was detected or that it is inconclusive, or invalidate the run if its controls failed.",
                name,
            )
            for one in recorded
            for name in sorted(one.substances - set(harmless))
        ]
        if not any(one.result is not AnalysisResult.INCONCLUSIVE for one in cited):
            refusals.append(
                Refusal(
                    RULE,
                    "an inconclusive analysis shows nothing: cite one that looked for controlled substances and"
                    " detected none.",
                )
            )
        return refusals
    if outcome is FindingOutcome.INCONCLUSIVE and all(
        one.result is AnalysisResult.DETECTED for one in cited
    ):
        return [
            Refusal(
                RULE,
                "every cited analysis detected something: conclude that, or cite what speaks against it.",
            )
        ]
    return []


def passed_over(cited: Sequence[Evidence], substances: Collection[str]) -> list[str]:
    """
    Return, as remarks, what a cited analysis indicated and the finding does not conclude.

    A reader who is told of heroin must not have to guess that the same run indicated fentanyl.
    """
    indicated: dict[str, set[str]] = {}
    for one in cited:
        for name in one.substances - set(substances):
            indicated.setdefault(name, set()).add(one.technique.code)
    return [
        f"Also indicated by {', '.join(sorted(codes))} and not part of this finding: {name}."
        for name, codes in sorted(indicated.items())
    ]
