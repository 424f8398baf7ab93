"""
In which words findings and analyses are told.
"""

import pytest

from app.results.rules import (
    FINAL_NOTICE,
    MEASURED_FROM,
    PRELIMINARY_NOTICE,
    AnalysisResult,
    FindingKind,
    FindingOutcome,
    analysis_words,
    reliability,
    statement,
)

UNFIT_WORDS = ("safe", "clean", "dirty", "addict", "abuse", "harmless", "negative")


class TestWords:
    """
    What a report says, and never says.
    """

    @pytest.mark.parametrize("kind", list(FindingKind))
    @pytest.mark.parametrize("outcome", list(FindingOutcome))
    def test_no_unfit_word(self, outcome: FindingOutcome, kind: FindingKind) -> None:
        """
        No statement says "safe", or judges a person, and a negative says that it may still be toxic.
        """
        said = statement(outcome, ["fentanyl", "xylazine"], kind)

        assert not [word for word in UNFIT_WORDS if word in said.lower()]
        if outcome is FindingOutcome.NOTHING_CONTROLLED:
            assert "may still be toxic" in said

    def test_a_presumptive_finding_says_so(self) -> None:
        """
        Presumptive and identified are never worded alike.
        """
        words = [statement(FindingOutcome.DETECTED, ["fentanyl"], kind) for kind in FindingKind]

        assert words == ["Presumptively contains fentanyl.", "fentanyl identified."]
        assert "not proof" in PRELIMINARY_NOTICE
        assert "items tested" in FINAL_NOTICE

    def test_reliability_is_measured_or_not_given(self) -> None:
        """
        Below twenty confirmed cases there is no figure; from there on it names its basis and is no probability.
        """
        unmeasured = reliability("ftir", MEASURED_FROM - 1, MEASURED_FROM - 1)
        measured = reliability("ftir", 19, MEASURED_FROM)

        assert "not yet measured (19 of 20" in unmeasured
        assert "%" not in unmeasured
        assert "95.0 % of 20" in measured
        assert "not the probability for this sample" in measured

    def test_a_negative_names_its_technique_and_limit(self) -> None:
        """
        What was not detected is said with the technique and its limit, stated or not; never that it is not there.
        """
        result = AnalysisResult.NOT_DETECTED

        plain = analysis_words("FTIR", result)
        full = analysis_words("GC-MS", result, looked_for=["fentanyl"], limit="0.1 %")

        assert plain == "Not detected by FTIR (limit not stated)."
        assert full == "fentanyl not detected by GC-MS (limit 0.1 %)."
        assert analysis_words("FTIR", AnalysisResult.INCONCLUSIVE) == "Inconclusive by FTIR."
        assert (
            analysis_words("FTIR", AnalysisResult.DETECTED, substances=["fentanyl"])
            == "fentanyl detected by FTIR."
        )
