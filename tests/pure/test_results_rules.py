"""
What may be concluded from which analyses, and in which words.
"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.results.rules import (
    FINAL_NOTICE,
    MEASURED_FROM,
    POWERS,
    PRELIMINARY_NOTICE,
    AnalysisResult,
    Evidence,
    FindingKind,
    FindingOutcome,
    Technique,
    reliability,
    statement,
    why_not_identified,
    why_not_presumptive,
)

FENTANYL = frozenset({"fentanyl"})
NOTHING: frozenset[str] = frozenset()
UNFIT_WORDS = ("safe", "clean", "dirty", "addict", "abuse", "harmless", "negative")


def shows(
    technique: Technique, *substances: str, controls_passed: bool = True, has_data: bool = True
) -> Evidence:
    """
    Return an analysis that detected these substances, sound unless told otherwise.
    """
    result = AnalysisResult.DETECTED if substances else AnalysisResult.NOT_DETECTED
    return Evidence(
        technique=technique,
        result=result,
        substances=frozenset(substances),
        controls_passed=controls_passed,
        has_data=has_data,
    )


GC_MS = shows(Technique.GC_MS, "fentanyl")
FTIR = shows(Technique.FTIR, "fentanyl")
COLOUR = shows(Technique.COLOUR_TEST, "fentanyl")

evidence = st.lists(
    st.builds(
        shows,
        st.sampled_from(Technique),
        st.sampled_from(["fentanyl", "xylazine"]),
        controls_passed=st.booleans(),
        has_data=st.booleans(),
    ),
    max_size=5,
)


class TestPresumptive:
    """
    One sound analysis that shows it.
    """

    def test_one_is_enough(self) -> None:
        """
        Any technique that detected the substance supports a presumptive finding.
        """
        for technique in Technique:
            assert why_not_presumptive([shows(technique, "fentanyl")], FENTANYL) is None

    def test_what_is_missing_is_named(self) -> None:
        """
        No analysis, failed controls, a substance nobody saw.
        """
        failed = replace(GC_MS, controls_passed=False)

        assert "at least one" in str(why_not_presumptive([], FENTANYL))
        assert "controls" in str(why_not_presumptive([FTIR, failed], FENTANYL))
        assert "heroin" in str(why_not_presumptive([GC_MS], FENTANYL | {"heroin"}))
        unseen = shows(Technique.FTIR)
        assert "fentanyl" in str(why_not_presumptive([unseen], FENTANYL))
        assert why_not_presumptive([unseen], NOTHING) is None


class TestIdentified:
    """
    A category A technique, a second property, data that can be reviewed, positive results only.
    """

    @pytest.mark.parametrize(
        ("cited", "missing"),
        [
            ([GC_MS], None),
            ([FTIR, COLOUR], None),
            ([FTIR, shows(Technique.TLC, "fentanyl")], None),
            ([FTIR], "one more technique"),
            ([FTIR, FTIR], "one more technique"),
            ([COLOUR, shows(Technique.IMMUNOASSAY, "fentanyl")], "category A"),
            ([shows(Technique.TLC, "fentanyl"), shows(Technique.GC_FID, "fentanyl")], "category A"),
            ([FTIR, shows(Technique.GC_MS)], "one more technique"),
            ([FTIR, shows(Technique.GC_MS, "xylazine")], "one more technique"),
            ([replace(FTIR, has_data=False), COLOUR], "R4"),
            ([FTIR, replace(COLOUR, has_data=False)], None),
            ([replace(GC_MS, controls_passed=False), FTIR, COLOUR], "controls"),
            ([], "at least one"),
        ],
    )
    def test_the_rules(self, cited: list[Evidence], missing: str | None) -> None:
        """
        Each rule, met and not met; a refusal says which.
        """
        found = why_not_identified(cited, FENTANYL)

        assert (found is None) == (missing is None)
        assert missing is None or missing in str(found)

    def test_each_substance_on_its_own(self) -> None:
        """
        What identifies one substance does nothing for another.
        """
        found = why_not_identified(
            [GC_MS, shows(Technique.FTIR, "xylazine")], FENTANYL | {"xylazine"}
        )

        assert "xylazine" in str(found)

    @given(evidence, st.sampled_from([FENTANYL, FENTANYL | {"xylazine"}]))
    def test_more_sound_evidence_never_hurts(
        self, cited: list[Evidence], substances: frozenset[str]
    ) -> None:
        """
        What is identified stays so when one more sound analysis is cited, and is never less than presumptive.
        """
        if why_not_identified(cited, substances) is None:
            assert why_not_presumptive(cited, substances) is None
            assert why_not_identified([*cited, GC_MS], substances) is None
            assert why_not_identified([*cited, shows(Technique.TLC)], substances) is None

    @given(evidence)
    def test_no_identification_without_category_a(self, cited: list[Evidence]) -> None:
        """
        However much of lesser techniques there is, they never identify.
        """
        lesser = [one for one in cited if POWERS[one.technique].category != "A"]

        assert why_not_identified(lesser, FENTANYL) is not None

    def test_every_technique_has_its_power(self) -> None:
        """
        Each technique has a category and a property.
        """
        assert set(POWERS) == set(Technique)
        assert all(
            power.category in {"A", "B", "C"} and power.properties for power in POWERS.values()
        )


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
