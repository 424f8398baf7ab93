"""
The gate before a finding: the eighteen cases of the laboratory's rules, and what holds for any evidence.
"""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.results.rules import (
    AnalysisResult,
    Evidence,
    Kinds,
    by_gentleness,
    catalogue,
    judge_identified,
    judge_presumptive,
)
from app.results.rules import gate as gate_module
from app.results.rules.techniques import Suggestion, build

TECHNIQUES = catalogue().techniques
ISOMERS = Kinds(
    group={"para-fluorofentanyl": "fluorofentanyl"},
    group_name={"fluorofentanyl": "fluorofentanyl"},
    material={"cannabis": "cannabis"},
)
BOTH = frozenset({"mass", "gas retention"})


def shows(code: str, substance: str = "fentanyl", **more: Any) -> Evidence:
    """
    Return a sound analysis that detected a substance, on a portion of its own unless told otherwise.
    """
    found = Evidence(
        technique=TECHNIQUES[code],
        result=AnalysisResult.DETECTED,
        substances=frozenset({substance}),
        aliquot=f"for {code}",
        validated=TECHNIQUES[code].validated,
    )
    return replace(found, **more)


def fails(code: str, *looked_for: str) -> Evidence:
    """
    Return a sound analysis that detected nothing.
    """
    return replace(
        shows(code),
        result=AnalysisResult.NOT_DETECTED,
        substances=frozenset(),
        looked_for=frozenset(looked_for),
    )


@dataclass(frozen=True, slots=True)
class Case:
    """
    One row of the table of acceptance: what was recorded, what it must come to, and by which rule.
    """

    number: str
    evidence: tuple[Evidence, ...]
    refused_by: str | None = None
    substance: str = "fentanyl"
    says: str = ""
    warns: str = ""
    remarks: str = ""
    reported: str = ""


TOGETHER: dict[str, Any] = {"aliquot": "A"}

CASES = (
    Case("1", (shows("ms"), shows("colour_test"))),
    Case("2", (shows("ftir"), shows("gc_fid"))),
    Case("3", (shows("gc_ms", used=BOTH),)),
    Case(
        "3, an isomer nobody separated",
        (shows("gc_ms", "para-fluorofentanyl", used=BOTH),),
        substance="para-fluorofentanyl",
        reported="fluorofentanyl (isomer not determined)",
        remarks="not validated to separate",
    ),
    Case(
        "3, an isomer the method separates",
        (
            shows(
                "gc_ms", "para-fluorofentanyl", used=BOTH, separates=frozenset({"fluorofentanyl"})
            ),
        ),
        substance="para-fluorofentanyl",
        reported="para-fluorofentanyl",
    ),
    Case("4", (shows("gc_ms", used=frozenset({"mass"})),), "R1", says="one more technique"),
    Case("5", (shows("ms"), shows("ms")), "R1", says="exploiting a different property"),
    Case("6", (shows("raman"),), "R1", says="for example dart_ms or ftir"),
    Case("7", (shows("gc_fid"), shows("tlc"), shows("colour_test"))),
    Case("8", (shows("gc_fid"), shows("tlc")), "R2", says="3 different validated methods"),
    Case(
        "9",
        (shows("colour_test"), shows("immunoassay"), shows("melting_point")),
        "R2",
        says="two category B techniques",
    ),
    Case(
        "10",
        (shows("gc_fid"), shows("colour_test"), shows("immunoassay")),
        "R2",
        says="one more category B technique",
    ),
    Case(
        "11",
        (
            shows("gc_fid", method="GC-1"),
            shows("gc_fid", method="GC-2", aliquot="B"),
            shows("colour_test"),
        ),
        "R2",
        says="uncorrelated",
    ),
    Case(
        "11, shown to be uncorrelated",
        (
            shows("gc_fid", method="GC-1"),
            shows("gc_fid", method="GC-2", uncorrelated_with=frozenset({"GC-1"})),
            shows("colour_test"),
        ),
    ),
    Case("12", (shows("ms"), fails("ftir")), "R5", says="a negative result never identifies"),
    Case("13", (shows("ms"), shows("ftir", has_data=False)), "R4", says="attach the data of ftir"),
    Case(
        "14",
        (shows("ms", **TOGETHER), shows("colour_test", sample_limited=True, **TOGETHER)),
        remarks="too small for a second",
    ),
    Case("15", (shows("ms", **TOGETHER), shows("colour_test", **TOGETHER)), warns="R3"),
    Case(
        "16",
        tuple(
            shows(code, "cannabis")
            for code in ("cannabis_macroscopic", "cannabis_microscopic", "colour_test")
        ),
        substance="cannabis",
    ),
    Case(
        "17",
        tuple(
            shows(code) for code in ("cannabis_macroscopic", "cannabis_microscopic", "colour_test")
        ),
        "R7",
        says="count for cannabis alone",
    ),
    Case(
        "18",
        (shows("field_strip"), shows("field_raman")),
        "R2",
        says="keep fentanyl as presumptive",
    ),
)


class TestTheTable:
    """
    Section 6.1 of the laboratory's rules, row by row.
    """

    def test_every_row_is_here(self) -> None:
        """
        All eighteen.
        """
        assert {int(case.number.split(",")[0]) for case in CASES} == set(range(1, 19))

    @pytest.mark.parametrize("case", CASES, ids=[case.number for case in CASES])
    def test_case(self, case: Case) -> None:
        """
        It identifies, or a refusal names the rule and says what is missing.
        """
        verdict = judge_identified(case.evidence, [case.substance], ISOMERS)

        assert [one.rule for one in verdict.refusals] == (
            [case.refused_by] if case.refused_by else []
        )
        assert case.says in " ".join(str(one) for one in verdict.refusals)
        assert bool(verdict.warnings) == bool(case.warns)
        assert case.warns in " ".join(verdict.warnings)
        assert bool(verdict.remarks) == bool(case.remarks)
        assert case.remarks in " ".join(verdict.remarks)
        if not case.refused_by:
            assert verdict.reported == (case.reported or case.substance,)

    def test_what_the_field_saw_stays_presumptive(self) -> None:
        """
        Row 18: the same evidence supports a presumptive finding.
        """
        verdict = judge_presumptive(CASES[-1].evidence, ["fentanyl"])

        assert not verdict.refused

    @pytest.mark.parametrize(
        ("broken", "numbers"),
        [
            # A gate that forgets one rule lets exactly that rule's rows through.
            ("_fits", ["17"]),
            ("_shown_uncorrelated", ["11"]),
            ("_suffices", ["4", "5", "6", "8", "9", "10", "11", "12", "17", "18"]),
        ],
    )
    def test_a_broken_gate_fails_the_table(
        self, monkeypatch: pytest.MonkeyPatch, broken: str, numbers: list[str]
    ) -> None:
        """
        Negative control: with one check always content, these rows and no others are let through.
        """
        monkeypatch.setattr(gate_module, broken, lambda *_: True)

        through = [
            case.number
            for case in CASES
            if case.refused_by
            and not judge_identified(case.evidence, [case.substance], ISOMERS).refused
        ]

        assert through == numbers


class TestPresumptive:
    """
    One sound analysis that shows it.
    """

    @pytest.mark.parametrize("code", TECHNIQUES)
    def test_one_is_enough(self, code: str) -> None:
        """
        Any technique that detected the substance supports a presumptive finding.
        """
        assert not judge_presumptive([shows(code)], ["fentanyl"]).refused

    def test_what_is_missing_is_named(self) -> None:
        """
        No analysis, failed controls, a substance nobody saw.
        """
        failed = shows("gc_ms", controls_passed=False)

        assert "at least one" in str(judge_presumptive([], ["fentanyl"]).refusals[0])
        assert "controls" in str(
            judge_presumptive([shows("ftir"), failed], ["fentanyl"]).refusals[0]
        )
        both = judge_presumptive([shows("gc_ms")], ["fentanyl", "heroin"])
        assert [one.substance for one in both.refusals] == ["heroin"]
        assert judge_presumptive([fails("ftir")], ["fentanyl"]).refused
        assert not judge_presumptive([fails("ftir")], []).refused

    def test_an_isomer_is_not_guessed_at_a_screen(self) -> None:
        """
        A screen that cannot tell isomers apart reports their group.
        """
        verdict = judge_presumptive(
            [shows("dart_ms", "para-fluorofentanyl")], ["para-fluorofentanyl"], ISOMERS
        )

        assert verdict.reported == ("fluorofentanyl (isomer not determined)",)
        assert verdict.isomer_not_determined == {"fluorofentanyl": "para-fluorofentanyl"}

    def test_a_swab_names_the_swab(self) -> None:
        """
        What only a swab showed is said of the swab; with the contents examined too, it is not.
        """
        swab = shows("dart_ms", on_swab=True)

        on_swab = judge_presumptive([swab], ["fentanyl"])
        both = judge_presumptive([swab, shows("ftir")], ["fentanyl"])

        assert "names the swab, not the contents" in on_swab.remarks[0]
        assert both.remarks == ()


class TestAnyEvidence:
    """
    What holds whatever was recorded.
    """

    evidence = st.lists(
        st.builds(
            shows,
            st.sampled_from(sorted(TECHNIQUES)),
            st.sampled_from(["fentanyl", "xylazine"]),
            controls_passed=st.booleans(),
            has_data=st.booleans(),
            validated=st.booleans(),
            aliquot=st.sampled_from("AB"),
        ),
        max_size=5,
    )

    @given(evidence, st.sampled_from([["fentanyl"], ["fentanyl", "xylazine"]]))
    def test_more_sound_evidence_never_hurts(
        self, cited: list[Evidence], substances: list[str]
    ) -> None:
        """
        What is identified stays so when one more sound analysis is cited, and is never less than presumptive.
        """
        if not judge_identified(cited, substances).refused:
            assert not judge_presumptive(cited, substances).refused
            assert not judge_identified([*cited, shows("gc_ms")], substances).refused
            assert not judge_identified([*cited, fails("tlc", "fentanyl")], substances).refused

    @given(evidence)
    def test_nothing_is_identified_without_validation(self, cited: list[Evidence]) -> None:
        """
        However much was done by methods that nobody validated, it never identifies.
        """
        loose = [replace(one, validated=False) for one in cited]

        assert judge_identified(loose, ["fentanyl"]).refused

    @given(evidence)
    def test_one_property_never_identifies(self, cited: list[Evidence]) -> None:
        """
        Any number of repetitions of one property are one.
        """
        mass = [replace(one, technique=TECHNIQUES["ms"]) for one in cited]

        assert judge_identified(mass, ["fentanyl"]).refused

    @given(evidence)
    def test_a_refusal_names_its_rule_and_a_remedy(self, cited: list[Evidence]) -> None:
        """
        A refusal begins with its rule and says what to do.
        """
        for one in judge_identified(cited, ["fentanyl"]).refusals:
            assert one.rule in {"R1", "R2", "R4", "R5", "R7", "controls"}
            assert str(one).startswith(one.rule)
            assert any(
                word in str(one) for word in ("needs", "cite", "attach", "repeat", "detected")
            )

    def test_a_contradiction_must_be_acknowledged(self) -> None:
        """
        Two that identify and one that looked for it in vain: identified, with a warning for the reviewer.
        """
        verdict = judge_identified(
            [shows("ms"), shows("ftir"), fails("tlc", "fentanyl")], ["fentanyl"]
        )

        assert not verdict.refused
        assert "tlc looked for fentanyl" in verdict.warnings[0]

    def test_each_substance_on_its_own(self) -> None:
        """
        What identifies one substance does nothing for another.
        """
        verdict = judge_identified(
            [shows("gc_ms"), shows("ftir", "xylazine")], ["fentanyl", "xylazine"]
        )

        assert [one.substance for one in verdict.refusals] == ["fentanyl", "xylazine"]


class TestTechniques:
    """
    The table that ships.
    """

    def test_categories(self) -> None:
        """
        Each category holds what the edition says; handheld instruments are not validated by anybody here.
        """
        by = {
            category: {code for code, one in TECHNIQUES.items() if one.category == category}
            for category in "ABC"
        }

        assert {"ftir", "ms", "nmr", "raman", "xrd"} <= by["A"]
        assert {"ce", "gc_fid", "ims", "lc_uv", "microcrystalline", "tlc"} <= by["B"]
        assert {"colour_test", "fluorescence", "immunoassay", "melting_point"} <= by["C"]
        assert {code for code, one in TECHNIQUES.items() if not one.validated} == {
            "field_strip",
            "field_raman",
            "field_ftir",
        }

    @pytest.mark.parametrize("parts", [[], [{"property": "x", "category": "D"}]])
    def test_a_spoilt_table_is_refused(self, parts: list[dict[str, str]]) -> None:
        """
        A technique without a property, or of a category there is not.
        """
        entry = {"code": "x", "name": "x", "parts": parts, "minutes": 1, "destructive": False}

        with pytest.raises(ValueError, match="category A, B or C"):
            build({"version": "x", "technique": [entry]})

    def test_a_code_is_there_once(self) -> None:
        """
        Two entries of one code are refused.
        """
        parts = [{"property": "x", "category": "C"}]
        entry = {"code": "x", "name": "x", "parts": parts, "minutes": 1, "destructive": False}

        with pytest.raises(ValueError, match="twice"):
            build({"version": "x", "technique": [entry, entry]})

    def test_the_least_destructive_first_where_there_is_little(self) -> None:
        """
        Of a small sample what leaves it whole comes first, however long it takes; of a large one the quickest.
        """
        quick = Suggestion("dart_ms", None, destructive=True, minutes=5, category="A")
        gentle = Suggestion("ftir", None, destructive=False, minutes=10, category="A")

        assert by_gentleness([quick, gentle], small=True) == [gentle, quick]
        assert by_gentleness([gentle, quick], small=False) == [quick, gentle]
