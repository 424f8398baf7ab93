"""
From tests and statements to bits: what counts, once, and what is only noted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from app.ranking import words
from app.ranking.facts import Facts, FieldTest
from app.ranking.model import CLASSES, CONTROLLED, LETHAL, Effect, Exposure, Policy, Test
from app.substances.catalogue import ExpectedClass, resolve
from app.substances.data import normal

LABORATORY = "lab_"
"""Before a technique: made at the laboratory's bench, by its own method."""

DETECTED, NOT_DETECTED = "detected", "not_detected"


@dataclass(frozen=True, slots=True)
class Answer:
    """
    One test's answer that counts: bits on one class.
    """

    place: int
    hazard: int
    bits: float
    positive: bool
    found: str
    principle: str
    source: str

    def say(self, bits: float) -> str:
        """
        Say what it is worth, which may be less than its bits.
        """
        return f"{self.found}: {words.times(bits)} on {words.CLASSES[self.hazard]} ({self.source})"


@dataclass(frozen=True, slots=True)
class Statement:
    """
    A circumstance that counts: bits on everything.
    """

    code: str
    words: str
    bits: float
    source: str


def answers(
    tests: Iterable[FieldTest], policy: Policy, said: frozenset[ExpectedClass] = frozenset()
) -> tuple[list[Answer], list[str]]:
    """
    This function will weigh the tests, the strongest of each principle, class and direction, and note the rest.

    Args:
        tests: what was tested, in any order.
        policy: the weights.
        said: what the sample is said to be; some tests see less in what is only a trace of something else.

    """
    best: dict[tuple[str, int, bool], Answer] = {}
    silent: dict[tuple[int, bool], str] = {}
    notes: dict[str, None] = {}
    for test in tests:
        if _rule(test.technique, policy) is None or test.result not in {DETECTED, NOT_DETECTED}:
            notes["An inconclusive test, or one that is not in the policy, moves nothing."] = None
            continue
        answer = _answer(test, policy, said)
        if answer is None:
            technique = _rule_of(test, policy).words
            notes[f"{technique}: its target names no class of substance, so it moves nothing."] = (
                None
            )
            continue
        if not answer.bits:
            silent[answer.hazard, answer.positive] = answer.found
            continue
        key = (answer.principle, answer.hazard, answer.positive)
        rival = best.get(key)
        if rival is None:
            best[key] = answer
            continue
        notes[f"Tests of one principle ({answer.principle}) count once."] = None
        if (abs(answer.bits), -answer.place) > (abs(rival.bits), -rival.place):
            best[key] = answer
    chosen = sorted(best.values(), key=lambda one: (one.hazard, not one.positive, one.place))
    return chosen, [*_contradictions(chosen), *_negatives(chosen, silent), *notes]


def _rule(technique: str, policy: Policy) -> Test | None:
    # A policy that knows no better counts the laboratory's own method as the same technique in the field.
    return policy.tests.get(technique) or policy.tests.get(technique.removeprefix(LABORATORY))


def _rule_of(test: FieldTest, policy: Policy) -> Test:
    rule = _rule(test.technique, policy)
    assert rule is not None  # asked for before
    return rule


@lru_cache(maxsize=4096)
def _answer(test: FieldTest, policy: Policy, said: frozenset[ExpectedClass]) -> Answer | None:
    rule = _rule_of(test, policy)
    hazard = target_class(rule.implies or test.target)
    if hazard is None:
        return None
    weight = next(
        (one for one in rule.weights.get(hazard, ()) if not one.among or one.among & said),
        rule.otherwise,
    )
    positive = test.result == DETECTED
    return Answer(
        place=rule.place,
        hazard=hazard,
        bits=weight.detected if positive else weight.not_detected,
        positive=positive,
        found=f"{rule.words} {words.sign(positive=positive)}",
        principle=rule.principle,
        source=weight.source,
    )


def found_lethal(tests: Iterable[FieldTest]) -> bool:
    """
    This function will say whether the laboratory itself has found a lethal opioid.
    """
    return any(
        test.result == DETECTED
        and test.technique.startswith(LABORATORY)
        and target_class(test.target) in LETHAL
        for test in tests
    )


def target_class(target: str | None) -> int | None:
    """
    This function will say which class a test looked for; None when its target names none.
    """
    if target is None:
        return None
    found = resolve(target)
    if found.hazard is not None:
        return CLASSES.index(found.hazard)
    if found.expected in {ExpectedClass.UNKNOWN, ExpectedClass.OTHER}:
        return None
    return CONTROLLED


def statements(
    facts: Facts, policy: Policy
) -> tuple[list[Statement], Effect | None, float, list[str]]:
    """
    This function will weigh what nobody can verify at intake, all together up to a limit.

    Returns:
        the circumstances that count, the strongest effect reported with what is left of its bits, and notes.

    """
    left = policy.most_statements
    cut = False
    counted: list[Statement] = []
    for rule in policy.exposures:
        times = min(_times(rule, facts), rule.times)
        if not times:
            continue
        bits = min(times * rule.bits, left)
        cut = cut or bits < times * rule.bits
        left -= bits
        if bits:
            counted.append(Statement(rule.circumstance, rule.words, bits, rule.source))
    effect = _strongest(facts.reported_effects, policy)
    worth = min(effect.bits, left) if effect else 0.0
    cut = cut or (effect is not None and worth < effect.bits)
    notes = []
    if cut:
        notes.append(
            "Statements that cannot be verified at intake count together at most"
            f" {words.times(policy.most_statements)}; the rest of them moved nothing."
        )
    said = set(facts.circumstances)
    if "intercepted_whole" in said:
        if "in_circulation" in said:
            notes.append(
                "Said to be intercepted whole and in circulation: counted as in circulation."
            )
        else:
            stopped = policy.intercepted
            counted.append(
                Statement("intercepted_whole", "Intercepted whole", stopped.bits, stopped.source)
            )
    return counted, effect, worth, notes


def _times(rule: Exposure, facts: Facts) -> int:
    times = facts.circumstances.count(rule.circumstance)
    if rule.circumstance == "linked_overdose" and facts.route == "overdose_scene":
        return max(times, 1)
    return times


def _strongest(effects: tuple[str, ...], policy: Policy) -> Effect | None:
    # Effects come together; only the strongest counts.
    if not effects:
        return None
    said = {word for effect in effects for word in _words(effect)}
    for effect in policy.effects:
        if said & effect.words:
            return effect
    return None


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, ...]:
    split = normal(text).split()
    # "no overdose" reports none.
    return tuple(
        word
        for at, word in enumerate(split)
        if not (at and split[at - 1] in {"no", "not", "pas", "sans"})
    )


def _contradictions(chosen: list[Answer]) -> list[str]:
    found = {one.hazard for one in chosen if one.positive}
    missed = {one.hazard for one in chosen if not one.positive}
    return [
        f"The tests contradict each other on {words.CLASSES[hazard]}: both count, and a screen should settle it."
        for hazard in sorted(found & missed)
    ]


def _negatives(chosen: list[Answer], silent: dict[tuple[int, bool], str]) -> list[str]:
    notes = []
    negative = sorted({one.hazard for one in chosen if not one.positive})
    if negative:
        told = ", ".join(words.CLASSES[hazard] for hazard in negative)
        notes.append(
            f"The negative test speaks of {told} alone. It says nothing about other classes, and rules nothing out."
        )
    for (hazard, positive), told in sorted(silent.items()):
        notes.append(
            f"{told} moves nothing on {words.CLASSES[hazard]}: "
            + (
                "its error rates are not known."
                if positive
                else "it cannot be relied on to see them."
            )
        )
    return notes
