"""
The theorem of docs/ranking.md, by property and in small simulated laboratories; each with a broken variant.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ranking.assess import assess, rank_key
from app.ranking.assessment import Stage
from app.ranking.facts import Facts, FieldTest, Link, Record
from app.ranking.harm import DAY_US
from app.ranking.linked import record_bits, usual
from app.ranking.policy import current
from app.ranking.whatif import would_change
from bench.ranking.laboratory import OLDEST_EVERY, one_stage
from bench.ranking.measure import predicted_longest
from bench.ranking.world import Load, Sample, intake

POLICY = current()
BUSY = Load(0.95, benches=3, days=120, backlog=30)
NAMES = ["fentanyl", "heroin", "oxycodone", "cocaine", "cannabis", "zzqx", "isotonitazene", ""]


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    """
    A small laboratory's intake.
    """
    return intake(BUSY, POLICY, seed=1)


def days_of(sample: Sample) -> float:
    """
    Return a sample's head start in days.
    """
    return assess(sample.facts, POLICY, Stage.CONFIRM).head_start_us / DAY_US


def overtakings(starts: Sequence[int], samples: Sequence[Sample], heads: dict[int, float]) -> int:
    """
    Count starts before somebody who was waiting and whose age no head start made up for.
    """
    waiting_ahead = 0
    place = {number: at for at, number in enumerate(starts)}
    for late, early in pairwise(starts):
        one, other = samples[late], samples[early]
        ahead = one.arrived - other.arrived
        if place[late] < place[early] and ahead > heads[late] - heads[early] + 1e-6 and ahead > 0:
            waiting_ahead += 1
    return waiting_ahead


class TestTheorem:
    """
    Nobody is overtaken by more than the difference of head starts.
    """

    @given(
        first=st.sampled_from(NAMES),
        second=st.sampled_from(NAMES),
        later_us=st.integers(0, 1500 * DAY_US),
        result=st.sampled_from(["detected", "not_detected"]),
    )
    @settings(max_examples=300, deadline=None)
    def test_overtaking_is_bounded(
        self, first: str, second: str, later_us: int, result: str
    ) -> None:
        """
        Whoever came later and is ranked first came within the difference, and within 730 days.
        """
        tests = (FieldTest("fentanyl_strip", None, result),)
        one, other = (
            assess(Facts(suspected=(name,) if name else (), country="CA", field_tests=told), POLICY)
            for name, told in ((first, ()), (second, tests))
        )

        overtakes = rank_key(later_us, other.head_start_us) < rank_key(0, one.head_start_us)

        if overtakes:
            assert later_us < other.head_start_us - one.head_start_us
            assert later_us < 730 * DAY_US - one.head_start_us

    def test_in_a_laboratory(self, samples: list[Sample]) -> None:
        """
        No start breaks it; an order by harm alone (negative control) does.
        """
        heads = {one.number: days_of(one) for one in samples}

        kept = one_stage(samples, BUSY, lambda one: one.arrived - heads[one.number])
        broken = one_stage(samples, BUSY, lambda one: -heads[one.number])

        assert overtakings(kept.starts, samples, heads) == 0
        assert overtakings(broken.starts, samples, heads) > 0

    def test_the_longest_wait_is_foreseen(self, samples: list[Sample]) -> None:
        """
        The equation's answer and the laboratory's agree; without its overtaking term (negative control) they do not.
        """
        heads = {one.number: days_of(one) for one in samples}
        work = sum(one.work for one in samples) / len(samples)

        def longest(starts: dict[int, float]) -> float:
            return max(starts.get(one.number, BUSY.days) - one.arrived for one in samples)

        fifo = longest(one_stage(samples, BUSY, lambda one: one.arrived).done)
        seen = longest(one_stage(samples, BUSY, lambda one: one.arrived - heads[one.number]).done)

        told = predicted_longest(fifo, BUSY, list(heads.values()), work, screens=False)
        assert abs(told / seen - 1) < 0.1
        assert abs(predicted_longest(fifo, BUSY, [0.0], work, screens=False) / seen - 1) > 0.1


class TestBroken:
    """
    A broken score starves nobody.
    """

    def test_a_constant_scorer_is_first_come(self, samples: list[Sample]) -> None:
        """
        A crashed scorer gives everybody the same head start: exactly first come, first served. A working one differs.
        """
        fifo = one_stage(samples, BUSY, lambda one: one.arrived).starts

        assert one_stage(samples, BUSY, lambda one: one.arrived - 60).starts == fifo
        assert one_stage(samples, BUSY, lambda one: one.arrived - days_of(one)).starts != fifo

    def test_every_twentieth_start_takes_the_oldest(self, samples: list[Sample]) -> None:
        """
        Even under a score that hates the old; without the share (negative control) the oldest is never taken.
        """
        kept = one_stage(samples, BUSY, lambda one: -one.arrived, every=OLDEST_EVERY)
        without = one_stage(samples, BUSY, lambda one: -one.arrived, every=0)

        assert len(kept.oldest) == len(kept.starts) // OLDEST_EVERY
        assert kept.oldest == sorted(kept.oldest)
        assert 0 in kept.done
        assert 0 not in without.done


class TestLinked:
    """
    What is found next to a sample moves it, by the strongest link only.
    """

    def test_up_and_down(self) -> None:
        """
        A lethal sibling raises, a harmless one lowers, and both are weighed by their link.
        """
        plain = Facts(suspected=("heroin",), country="CA")

        def after(*links: Link) -> float:
            return assess(replace(plain, links=links), POLICY).p_lethal_opioid

        lethal, harmless = frozenset({"fentanyl_class"}), frozenset[str]()
        before = assess(plain, POLICY).p_lethal_opioid
        assert after(Link("same_submission", lethal)) > after(Link("same_sender", lethal)) > before
        assert after(Link("same_submission", harmless)) < before
        assert after(Link("same_submission", harmless), Link("same_sender", lethal)) < before


class TestRecord:
    """
    Agencies that mark everything are tempered, and no sooner than there is something to know.
    """

    def test_after_fifty(self) -> None:
        """
        Before fifty resolved suspicions nothing moves; then 6 of 60 against 45 % usual is about -2 bits.
        """
        rule = POLICY.record
        assert rule is not None
        assert record_bits(Record(49, 0, 0.45, 12), rule) == 0
        assert -2.3 < record_bits(Record(60, 6, 0.45, 12), rule) < -1.8
        assert record_bits(Record(5000, 5000, 0.45, 12), rule) == rule.most

    def test_the_mean_is_fitted(self) -> None:
        """
        Agencies that differ by chance alone pull strongly to the mean; those that truly differ, little.
        """
        alike = usual([(100, 45), (100, 46), (100, 44), (100, 45)], mean=0.5, strength=12)
        apart = usual([(100, 10), (100, 80), (100, 45), (100, 45)], mean=0.5, strength=12)
        assert abs(alike[0] - 0.45) < 0.01
        assert alike[1] > apart[1]


class TestWhatIf:
    """
    What would change it most.
    """

    def test_the_most_telling_first(self) -> None:
        """
        A test that was made is not offered again.
        """
        facts = Facts(suspected=("cocaine",), country="CA")
        offered = would_change(facts, POLICY, Stage.SCREEN)
        made = Facts(
            suspected=("cocaine",),
            country="CA",
            field_tests=(FieldTest("fentanyl_strip", None, "not_detected"),),
        )

        assert [one.between for one in offered] == sorted(
            (one.between for one in offered), reverse=True
        )
        assert "fentanyl_strip" not in {
            one.technique for one in would_change(made, POLICY, Stage.SCREEN)
        }
