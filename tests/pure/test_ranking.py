"""
What the ranking promises about order, whatever it is given.
"""

from dataclasses import replace
from math import isclose, isfinite

from hypothesis import given
from hypothesis import strategies as st

from app.ranking.assess import Assessment, Stage, assess, rank_key
from app.ranking.facts import Facts, FieldTest
from app.ranking.policy import current
from app.substances.classes import HazardClass

POLICY = current()
CAP_US = 730 * 86_400_000_000
TECHNIQUES = [
    "fentanyl_strip",
    "nitazene_strip",
    "benzodiazepine_strip",
    "colour_test",
    "ftir",
    "raman",
    "ims",
    "handheld_ms",
    "dart_ms",
    "other",
    "new_one",
]
NAMES = [
    "fentanyl",
    "heroin",
    "cocaine",
    "down",
    "carfentanil",
    "isotonitazene",
    "M30",
    "bromazolam",
    "xylazine",
    "oxy",
    "diazepam",
    "unknown",
    "zzqx",
    "methamphetamine",
    "cannabis",
    "cychlorphine",
]
FORMS = [
    "powder",
    "crystal",
    "tablet",
    "capsule",
    "liquid",
    "blotter",
    "plant",
    "resin",
    "paste",
    "patch",
    "residue",
    "other",
    "unknown",
]
UNITS = [
    "g",
    "mL",
    "tablet",
    "capsule",
    "blotter",
    "patch",
    "plant",
    "item",
    "swab",
]
RAISING = [
    "in_circulation",
    "mailed_to_many",
    "linked_overdose",
    "pill_press",
    "precursors",
    "clandestine_lab",
    "look_alike_medicine",
]
EFFECTS = [
    "overdose",
    "loss of consciousness",
    "seizure",
    "trouble breathing",
    "no effect",
    "sleepy",
]

tests = st.builds(
    FieldTest,
    technique=st.sampled_from(TECHNIQUES),
    target=st.none() | st.sampled_from([*NAMES, "caffeine"]),
    result=st.sampled_from(["detected", "not_detected", "inconclusive"]),
)
facts = st.builds(
    Facts,
    suspected=st.lists(st.sampled_from(NAMES), max_size=3).map(tuple),
    form=st.none() | st.sampled_from(FORMS),
    colour=st.none() | st.sampled_from(["blue", "white", "green; white", "yellow", "chartreuse"]),
    markings=st.none() | st.sampled_from(["M30", "crown", "Rolex"]),
    country=st.none() | st.sampled_from(["US", "CA", "GB", "IE", "FR"]),
    region=st.none() | st.sampled_from(["CA-AB", "CA-BC", "CA-NS", "US-NY"]),
    year=st.none() | st.integers(1, 9999),
    route=st.none() | st.sampled_from(["mail", "courier", "overdose_scene", "street"]),
    origin_country=st.none() | st.sampled_from(["CN", "US"]),
    quantity_seized=st.none()
    | st.tuples(
        st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([*UNITS, "parsec"])
    ),
    field_tests=st.lists(tests, max_size=5).map(tuple),
    reported_effects=st.lists(st.sampled_from(EFFECTS), max_size=3).map(tuple),
    circumstances=st.lists(st.sampled_from([*RAISING, "intercepted_whole"]), max_size=5).map(tuple),
)
stages = st.sampled_from(list(Stage))


def head_start(given_facts: Facts, stage: Stage = Stage.SCREEN) -> int:
    """
    Return the head start under the policy in force.
    """
    return assess(given_facts, POLICY, stage).head_start_us


class TestTotal:
    """
    Every sample gets an answer, and the same one every time.
    """

    @given(facts, stages)
    def test_every_number_is_finite_and_within_its_bounds(self, told: Facts, stage: Stage) -> None:
        """
        No NaN, no overflow, probabilities that sum to 1, a head start within the cap.
        """
        judged = assess(told, POLICY, stage)

        assert all(0 <= p <= 1 for p in judged.probabilities.values())
        assert isclose(1, sum(judged.probabilities.values()), abs_tol=1e-9)
        assert list(HazardClass) == list(judged.probabilities)
        assert 0 <= judged.p_lethal_opioid <= 1
        assert judged.harm_per_day > 0
        assert isfinite(judged.harm_per_bench_day)
        assert 0 <= judged.head_start_us <= CAP_US
        assert judged.band in {"very high", "high", "medium", "low"}

    @given(facts, stages)
    def test_the_reasons_sum_to_the_total(self, told: Facts, stage: Stage) -> None:
        """
        The parts telescope: nothing moves the rank without a reason, and they come strongest first.
        """
        judged = assess(told, POLICY, stage)

        assert isclose(judged.points, sum(part.bits for part in judged.reasons), abs_tol=1e-5)
        sizes = [abs(part.bits) for part in judged.reasons]
        assert sorted(sizes, reverse=True) == sizes
        assert all(isclose(part.factor, 2**part.bits) for part in judged.reasons)
        assert all(part.source for part in judged.reasons)

    @given(facts)
    def test_the_order_of_what_is_said_does_not_matter(self, told: Facts) -> None:
        """
        Neither do repetitions of one test.
        """
        turned = replace(
            told,
            suspected=told.suspected[::-1],
            field_tests=(*told.field_tests[::-1], *told.field_tests),
            reported_effects=told.reported_effects[::-1],
            circumstances=told.circumstances[::-1],
        )

        assert head_start(told) == head_start(turned)
        assert head_start(told) == head_start(told)

    @given(facts, st.integers(0, 10**17), st.integers(1, 10**15))
    def test_equal_evidence_gives_first_come_first_served(
        self, told: Facts, came: int, later: int
    ) -> None:
        """
        The keys differ by exactly the difference in age.
        """
        head = head_start(told)

        assert later == rank_key(came + later, head) - rank_key(came, head)


class TestMonotone:
    """
    A reason to worry never costs a place.
    """

    @given(facts, st.sampled_from(TECHNIQUES), st.none() | st.sampled_from(NAMES))
    def test_a_positive_test_never_lowers(
        self, told: Facts, technique: str, target: str | None
    ) -> None:
        """
        Whatever it found, and whatever else was found before.
        """
        more = replace(
            told, field_tests=(*told.field_tests, FieldTest(technique, target, "detected"))
        )

        assert head_start(told) <= head_start(more)

    @given(facts, st.sampled_from(TECHNIQUES), st.none() | st.sampled_from(NAMES))
    def test_a_negative_test_never_raises(
        self, told: Facts, technique: str, target: str | None
    ) -> None:
        """
        It speaks of its own class alone.
        """
        more = replace(
            told, field_tests=(*told.field_tests, FieldTest(technique, target, "not_detected"))
        )

        assert head_start(told) >= head_start(more)

    @given(facts, st.sampled_from(RAISING))
    def test_a_circumstance_never_lowers(self, told: Facts, circumstance: str) -> None:
        """
        Not even when statements have reached their limit.
        """
        more = replace(told, circumstances=(*told.circumstances, circumstance))

        assert head_start(told) <= head_start(more)

    @given(facts, st.sampled_from(EFFECTS))
    def test_a_reported_effect_never_lowers(self, told: Facts, effect: str) -> None:
        """
        Effects and circumstances share one limit without paying for each other.
        """
        more = replace(told, reported_effects=(*told.reported_effects, effect))

        assert head_start(told) <= head_start(more)

    @given(facts, st.floats(1e-6, 1e9), st.floats(1, 1e6), st.sampled_from(UNITS))
    def test_more_of_it_never_lowers(
        self, told: Facts, little: float, times: float, unit: str
    ) -> None:
        """
        In the same unit.
        """
        small = replace(told, quantity_seized=(little, unit))
        large = replace(told, quantity_seized=(little * times, unit))

        assert head_start(small) <= head_start(large)

    @given(
        facts,
        st.sampled_from(
            ["fentanyl", "carfentanil", "isotonitazene", "M30", "zzqx", "phenylfentanyl"]
        ),
    )
    def test_naming_something_dangerous_as_well_never_lowers(self, told: Facts, name: str) -> None:
        """
        A second name does not dilute the first.
        """
        named = replace(told, suspected=(*told.suspected, "heroin"))
        more = replace(named, suspected=(*named.suspected, name))

        assert head_start(named) <= head_start(more)


class TestStages:
    """
    The bench time of what would be done next.
    """

    @given(facts)
    def test_harm_is_the_same_at_every_stage(self, told: Facts) -> None:
        """
        Only the bench time divides it.
        """
        judged: list[Assessment] = [assess(told, POLICY, stage) for stage in Stage]

        assert len({one.harm_per_day for one in judged}) == 1
        assert all(
            isclose(one.harm_per_bench_day, one.harm_per_day / one.bench_days) for one in judged
        )
