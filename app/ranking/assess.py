"""
From facts to an assessment.

The parts are added in a fixed order and each is worth what it changes, so they sum to the total: what is said to be in
it, where it comes from, how it looks, what tests and people say, how much there is, who may meet it, and how long the
bench takes.
"""

from functools import lru_cache
from math import exp2, log2

from app.ranking import harm, words
from app.ranking.assessment import Assessment, Reason, Stage
from app.ranking.evidence import answers, found_lethal, statements
from app.ranking.facts import Facts
from app.ranking.linked import shared, tempers
from app.ranking.model import CLASSES, LETHAL, Policy
from app.ranking.situation import Situation, begin

__all__ = ["Assessment", "Reason", "Stage", "assess", "rank_key"]

BENCH_MINUTES = 360
"""In a bench-day of six hours."""
_NOTHING = 5e-7
"""Bits that no reader would miss."""


def assess(facts: Facts, policy: Policy, stage: Stage = Stage.SCREEN) -> Assessment:
    """
    This function will say how much harm one more day of not knowing does, and why.

    Args:
        facts: what is known of the sample.
        policy: the weights.
        stage: what would be done next; its expected bench time divides the harm.

    """
    told = _Telling(policy, stage)
    now = begin(facts, policy)
    told.add("suspicion", now.expectation.text, now.harm(), now.expectation.source)
    _weigh_record(facts, policy, now, told)
    for shift in now.shifts:
        now.move(shift.hazard, shift.bits)
        text = f"{shift.label}: {words.times(shift.bits)} on {words.CLASSES[shift.hazard]} among such samples"
        told.add("appearance", text, now.harm(), shift.source)
    for linked in shared(facts.links, now.present, policy) if facts.links else ():
        now.move(linked.hazard, linked.bits)
        told.add("link", linked.text, now.harm(), linked.source)
    test_notes = _weigh_tests(facts, policy, now, told)
    circumstances, effect, worth, statement_notes = statements(facts, policy)
    if effect and worth:
        for hazard in LETHAL:
            now.move(hazard, worth)
        text = f"Reported effect, {effect.label}: {words.times(worth)} on lethal opioids"
        told.add("effect", text, now.harm(), effect.source)
    for part in now.content(facts, policy):
        told.add(part.code, part.text, now.harm(), part.source)
    text = now.weigh(facts, policy)
    told.add("quantity", text, now.harm(), policy.quantity.source)
    for said in circumstances:
        now.exposure += said.bits
        text = f"{said.words}: {words.times(said.bits)} in who may meet it"
        told.add(said.code, text, now.harm(), said.source)
    days = policy.bench[stage].get(facts.form or "", policy.bench[stage]["days"])
    _weigh_standing(facts, policy, now, told, days)
    per_day = now.harm()
    told.add_bench(days, per_day, facts.form)
    points = told.points(per_day, days)
    shares = harm.leading(now.present)
    return Assessment(
        policy=policy.id,
        stage=stage,
        probabilities=dict(zip(CLASSES, shares, strict=True)),
        p_lethal_opioid=min(sum(shares[at] for at in LETHAL), 1.0),
        harm_per_day=per_day,
        harm_per_bench_day=per_day / days,
        bench_days=days,
        points=points,
        head_start_us=harm.head_start_us(points, policy.curve),
        band=next(name for name, least in policy.bands if exp2(points) >= least),
        reasons=told.ordered(),
        notes=(*now.notes, *test_notes, *statement_notes),
    )


def rank_key(aged_from_us: int, head_start_us: int) -> int:
    """
    This function will return the stored order, lower is sooner: both are in microseconds.
    """
    return aged_from_us - head_start_us


class _Telling:
    """
    The account of how the total came about.
    """

    __slots__ = ("_before", "_parts", "_policy", "_stage", "_usual")

    def __init__(self, policy: Policy, stage: Stage) -> None:
        self._policy = policy
        self._stage = stage
        self._usual = policy.bench[stage]["days"]
        self._parts: list[Reason] = []
        self._before = 0.0
        text = "Where every sample starts, before anything is known of it"
        self.add("start", text, _start(policy), policy.harm_source)

    @property
    def stage(self) -> Stage:
        """
        What would be done next.
        """
        return self._stage

    def points(self, per_day: float, days: float) -> float:
        """
        Return the total: bits above the line at this stage's usual bench time.
        """
        return log2(per_day / self._policy.curve.line * self._usual / days)

    def add(self, code: str, text: str, per_day: float, source: str | None) -> None:
        """
        Add what has changed since the last part; nothing, if nothing has.
        """
        self._put(code, text, self.points(per_day, self._usual), source)

    def add_bench(self, days: float, per_day: float, form: str | None) -> None:
        """
        Add what a longer or shorter bench time changes.
        """
        took, usual = (f"{one * BENCH_MINUTES:.3g}" for one in (days, self._usual))
        what = f"{self._stage.capitalize()}: {form or 'this'}"
        text = f"{what} takes {took} bench-minutes instead of {usual}"
        self._put("bench", text, self.points(per_day, days), self._policy.bench_source[self._stage])

    def _put(self, code: str, text: str, after: float, source: str | None) -> None:
        bits = after - self._before
        if abs(bits) > _NOTHING:
            self._parts.append(Reason(code, text, exp2(bits), bits, source))
            self._before = after

    def ordered(self) -> tuple[Reason, ...]:
        """
        Return the parts, strongest first.
        """
        return tuple(sorted(self._parts, key=lambda part: (-abs(part.bits), part.code, part.text)))


@lru_cache(maxsize=8)
def _start(policy: Policy) -> float:
    return begin(Facts(), policy).harm()


def _weigh_record(facts: Facts, policy: Policy, now: Situation, told: _Telling) -> None:
    found = tempers(facts, policy, named=now.expectation.names_lethal) if facts.record else None
    if found and policy.record:
        bits, text = found
        for hazard in LETHAL:
            now.move(hazard, bits)
        told.add("record", text, now.harm(), policy.record.source)


def _weigh_standing(
    facts: Facts, policy: Policy, now: Situation, told: _Telling, days: float
) -> None:
    # What only the laboratory knows or decides, and nobody can state at intake.
    if policy.told and told.stage is not Stage.SCREEN and found_lethal(facts.field_tests):
        now.exposure += policy.told.bits
        text = (
            "The laboratory has found a lethal opioid and can warn of it:"
            f" {words.times(policy.told.bits)} in what is left to learn"
        )
        told.add("told", text, now.harm(), policy.told.source)
    if facts.first_seen and policy.novelty:
        name, met = facts.first_seen
        bits = policy.novelty.met if met else policy.novelty.suspected
        now.exposure += bits
        often = f"has met it {met} of {policy.novelty.times} times" if met else "has never met it"
        text = (
            f"May hold {name}, and this laboratory {often}: a first detection warns everybody,"
            f" {words.times(bits)}"
        )
        told.add("novelty", text, now.harm(), policy.novelty.source)
    if facts.public_safety and policy.public_safety:
        # Never past the top band: beyond its edge evidence alone counts.
        room = log2(policy.bands[0][1]) - told.points(now.harm(), days)
        bits = min(policy.public_safety.bits, max(room, 0.0))
        now.exposure += bits
        text = f"Public-safety request granted by a named supervisor: {words.times(bits)}"
        told.add("public_safety", text, now.harm(), policy.public_safety.source)


def _weigh_tests(facts: Facts, policy: Policy, now: Situation, told: _Telling) -> list[str]:
    if not facts.field_tests:
        return []
    chosen, notes = answers(facts.field_tests, policy, now.expectation.classes)
    left = [policy.most_negative] * len(CLASSES)
    for answer in chosen:
        bits = answer.bits
        if not answer.positive:
            bits = max(bits, left[answer.hazard])
            left[answer.hazard] -= bits
        now.move(answer.hazard, bits)
        told.add("test", answer.say(bits), now.harm(), answer.source)
    return notes
