"""
A conclusion says what the results say: nothing positive is passed over.
"""

import pytest

from app.results.rules import (
    AnalysisResult,
    Evidence,
    FindingOutcome,
    against_outcome,
    catalogue,
    passed_over,
)

NOTHING = FindingOutcome.NOTHING_CONTROLLED


def shown(*substances: str, result: AnalysisResult | None = None) -> Evidence:
    """
    Make one DART-MS analysis that detected these, or nothing.
    """
    plain = AnalysisResult.DETECTED if substances else AnalysisResult.NOT_DETECTED
    return Evidence(
        technique=catalogue().techniques["dart_ms"],
        result=result or plain,
        substances=frozenset(substances),
    )


class TestNothingControlled:
    """
    "No controlled substance was found" beside a positive result.
    """

    @pytest.mark.parametrize("cited", [True, False])
    def test_is_refused_whether_or_not_the_positive_is_cited(self, *, cited: bool) -> None:
        """
        Leaving the positive analysis uncited is no way around it.
        """
        positive, negative = shown("fentanyl"), shown()

        refusals = against_outcome(
            NOTHING,
            cited=[positive] if cited else [negative],
            recorded=[positive, negative],
            harmless=(),
        )

        assert [one.substance for one in refusals] == ["fentanyl"]

    def test_stands_beside_what_nothing_controls(self) -> None:
        """
        Caffeine detected and nothing else is just this outcome.
        """
        one = shown("caffeine")

        assert not against_outcome(NOTHING, cited=[one], recorded=[one], harmless={"caffeine"})

    def test_needs_an_analysis_that_shows_something(self) -> None:
        """
        An inconclusive color test is no evidence of absence.
        """
        one = shown(result=AnalysisResult.INCONCLUSIVE)

        (refusal,) = against_outcome(NOTHING, cited=[one], recorded=[one], harmless=())

        assert "inconclusive" in refusal.text

    def test_stands_on_a_negative(self) -> None:
        """
        A negative alone is what it rests on.
        """
        assert not against_outcome(NOTHING, cited=[shown()], recorded=[shown()], harmless=())


class TestInconclusive:
    """
    "Inconclusive" where everything is positive.
    """

    def test_does_not_rest_on_positives_alone(self) -> None:
        """
        It is refused; beside a negative it stands.
        """
        positive = shown("fentanyl")
        outcome = FindingOutcome.INCONCLUSIVE

        assert against_outcome(outcome, cited=[positive], recorded=[positive], harmless=())
        both = [positive, shown()]
        assert not against_outcome(outcome, cited=both, recorded=both, harmless=())


class TestPassedOver:
    """
    What a cited analysis indicated and the finding leaves out.
    """

    def test_is_remarked(self) -> None:
        """
        The remark names the substance and the technique.
        """
        (remark,) = passed_over([shown("fentanyl", "heroin")], ["heroin"])

        assert remark == "Also indicated by dart_ms and not part of this finding: fentanyl."
