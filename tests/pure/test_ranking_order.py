"""
Orders that must hold, one by one.
"""

from dataclasses import replace
from math import isclose

import pytest

from app.ranking.assess import assess
from app.ranking.facts import Facts, FieldTest
from app.ranking.policy import current
from app.substances.classes import HazardClass

POLICY = current()
TECHNIQUES = sorted(POLICY.tests)
RAISING = [rule.circumstance for rule in POLICY.exposures]


def head_start(given_facts: Facts) -> int:
    """
    Return the head start under the policy in force.
    """
    return assess(given_facts, POLICY).head_start_us


class TestOrder:
    """
    Orders that must hold for people's sake.
    """

    def test_a_small_letter_with_an_opioid_comes_before_a_tonne_of_cannabis(self) -> None:
        """
        The case this service was made for.
        """
        letter = Facts(
            suspected=("heroin",), route="mail", country="GB", quantity_seized=(2.0, "g")
        )
        tonne = Facts(suspected=("marijuana",), country="GB", quantity_seized=(1e6, "g"))

        assert head_start(letter) > head_start(tonne)
        assert assess(letter, POLICY).harm_per_day > 20 * assess(tonne, POLICY).harm_per_day

    def test_a_trace_is_not_the_least_dangerous(self) -> None:
        """
        Zero means not weighed: it counts as usual.
        """
        trace = Facts(suspected=("fentanyl",), quantity_seized=(0.0, "g"))
        speck = Facts(suspected=("fentanyl",), quantity_seized=(0.01, "g"))
        unsaid = Facts(suspected=("fentanyl",))

        assert head_start(trace) == head_start(unsaid)
        assert head_start(trace) > head_start(speck)

    @pytest.mark.parametrize("country", [None, "US", "CA", "GB"])
    def test_an_unknown_name_is_not_the_least_dangerous(self, country: str | None) -> None:
        """
        A name nobody has seen counts as an unknown substance at least.
        """
        new = head_start(Facts(suspected=("zzqx",), country=country))

        assert new > head_start(Facts(suspected=("cannabis",), country=country))
        assert new >= head_start(Facts(suspected=("unknown powder",), country=country))

    @pytest.mark.parametrize("name", ["fluetonitazepyne", "spirobrorphine", "bromofentanyl"])
    def test_a_name_of_a_dangerous_class_counts_as_that_class(self, name: str) -> None:
        """
        New substances come faster than catalogues.
        """
        assert assess(Facts(suspected=(name,)), POLICY).p_lethal_opioid > 0.5

    def test_a_nitazene_market_and_a_fentanyl_market_differ(self) -> None:
        """
        Heroin is cut with nitazenes here and with fentanyl there.
        """
        here = assess(Facts(suspected=("heroin",), country="GB"), POLICY).probabilities
        there = assess(Facts(suspected=("heroin",), country="US"), POLICY).probabilities

        assert here[HazardClass.NITAZENE] > here[HazardClass.FENTANYL_CLASS]
        assert there[HazardClass.FENTANYL_CLASS] > there[HazardClass.NITAZENE]

    def test_a_negative_fentanyl_strip_says_nothing_about_nitazenes(self) -> None:
        """
        Their odds stay where they were, to the last digit; the note says so.
        """
        plain = Facts(suspected=("isotonitazene",))
        tested = replace(plain, field_tests=(FieldTest("fentanyl_strip", None, "not_detected"),))

        before, after = assess(plain, POLICY), assess(tested, POLICY)

        assert (
            before.probabilities[HazardClass.NITAZENE] == after.probabilities[HazardClass.NITAZENE]
        )
        assert (
            before.probabilities[HazardClass.SUPER_POTENT]
            == after.probabilities[HazardClass.SUPER_POTENT]
        )
        assert any("says nothing about other classes" in note for note in after.notes)

    def test_two_tests_of_one_principle_count_once(self) -> None:
        """
        Infrared and Raman share their blind spot.
        """
        one = Facts(suspected=("heroin",), field_tests=(FieldTest("ftir", "fentanyl", "detected"),))
        both = replace(
            one, field_tests=(*one.field_tests, FieldTest("raman", "fentanyl", "detected"))
        )

        assert head_start(one) == head_start(both)
        assert any("count once" in note for note in assess(both, POLICY).notes)

    def test_contradictory_tests_are_noted(self) -> None:
        """
        Both count, and a person sees it.
        """
        judged = assess(
            Facts(
                suspected=("heroin",),
                field_tests=(
                    FieldTest("fentanyl_strip", None, "detected"),
                    FieldTest("ftir", "fentanyl", "not_detected"),
                ),
            ),
            POLICY,
        )

        assert any("contradict" in note for note in judged.notes)
        assert {"Fentanyl strip positive", "Infrared (FTIR) negative"} <= {
            part.text.partition(":")[0] for part in judged.reasons
        }

    def test_inconclusive_moves_nothing(self) -> None:
        """
        It is not half a negative.
        """
        plain = Facts(suspected=("heroin",))
        tested = replace(plain, field_tests=(FieldTest("ftir", "fentanyl", "inconclusive"),))

        assert assess(plain, POLICY).points == assess(tested, POLICY).points

    def test_statements_have_a_limit(self) -> None:
        """
        Saying everything at intake is worth sixteenfold at most, and is noted.
        """
        plain = Facts(suspected=("cocaine",), country="CA")
        everything = replace(
            plain, circumstances=tuple(RAISING) * 3, reported_effects=("overdose", "seizure")
        )

        judged = assess(everything, POLICY)

        assert isclose(16, judged.harm_per_day / assess(plain, POLICY).harm_per_day)
        assert any("at most" in note for note in judged.notes)

    def test_no_word_of_reassurance_is_ever_said(self) -> None:
        """
        Nothing is called safe.
        """
        judged = assess(
            Facts(
                suspected=("caffeine",),
                field_tests=tuple(
                    FieldTest(name, "fentanyl", "not_detected") for name in TECHNIQUES
                ),
            ),
            POLICY,
        )

        text = str(judged.as_json()).lower()
        assert all(word not in text for word in ("safe", "harmless substance", "clean"))

    def test_a_test_without_a_target_moves_nothing(self) -> None:
        """
        It is noted instead.
        """
        plain = Facts(suspected=("heroin",))
        tested = replace(plain, field_tests=(FieldTest("raman", None, "detected"),))

        judged = assess(tested, POLICY)

        assert assess(plain, POLICY).points == judged.points
        assert any("names no class" in note for note in judged.notes)

    def test_powder_posted_from_abroad_counts_more(self) -> None:
        """
        It was purer, as far as anybody has measured.
        """
        plain = Facts(suspected=("cocaine",), country="CA", form="powder", route="mail")
        posted = replace(plain, origin_country="CN")

        assert head_start(plain) < head_start(posted)
        assert "import" in {part.code for part in assess(posted, POLICY).reasons}

    def test_the_most_telling_colour_counts(self) -> None:
        """
        Whichever is said first.
        """
        blue, both, turned = (
            head_start(Facts(suspected=("oxycodone",), country="GB", colour=colour))
            for colour in ("blue", "blue and white", "white; blue")
        )

        assert blue == both == turned

    def test_a_sourced_potency_counts(self) -> None:
        """
        Within its bounds, and never against another name.
        """
        strong, plain = (
            head_start(Facts(suspected=(name,), quantity_seized=(0.01, "g")))
            for name in ("N-pyrrolidino protonitazene", "metonitazene")
        )

        assert strong > plain
