"""
A made-up laboratory's intake: hidden truth, and the noisy and partly missing evidence an agency would give.

Truth is drawn from the same counts the policy was made from, disturbed for every class by a random error, so that the
policy is never exactly right; tests err at their published rates, not at the policy's capped weights. Siblings share
their truth three times in four. None of this is a forecast for a real laboratory: it compares orders in one world.
"""

from dataclasses import dataclass, field
from math import exp, log2
from random import Random

from app.ranking.assess import assess
from app.ranking.facts import Facts, FieldTest
from app.ranking.policy import Policy
from app.substances.classes import HazardClass

MIX = (
    ("cannabis", "plant", 0.16),
    ("methamphetamine", "crystal", 0.2),
    ("cocaine", "powder", 0.16),
    ("heroin", "powder", 0.05),
    ("fentanyl", "powder", 0.05),
    ("oxycodone", "tablet", 0.06),
    ("alprazolam", "tablet", 0.06),
    ("MDMA", "tablet", 0.06),
    ("ketamine", "powder", 0.05),
    ("", "powder", 0.1),
    ("testosterone", "liquid", 0.05),
)
"""What is expected, how it looks, and how often: made up, with the classes a police laboratory meets most."""

TRUE_HARM = {"super": 5.0, "opioid": 1.0, "sedative": 0.25, "other": 0.02, "none": 0.002}
STRONG = 6.0
"""A strong dose does so many times the harm (ranking notes, 2.4)."""
SHARED = 0.75
MISSING = 0.25
OVER_MARKING = 0.25
"""Agencies that write "fentanyl" on every second submission."""
ERROR_BITS = 0.7


@dataclass(slots=True)
class Sample:
    """
    One sample: what is true, and what was said.
    """

    number: int
    group: int
    arrived: float
    kind: str
    strong: bool
    circulating: bool
    harm: float
    facts: Facts
    work: float
    """Days of one bench, screen included."""
    court: float | None
    manual: int
    found: list[str] = field(default_factory=list)
    marked: bool = False
    """By an agency that marks everything."""

    @property
    def lethal(self) -> bool:
        """
        A potent opioid, strong, and out there.
        """
        return self.kind in {"super", "opioid"} and self.strong and self.circulating

    @property
    def hazard(self) -> str | None:
        """
        What a laboratory would find in it.
        """
        return {"super": "carfentanil", "opioid": "fentanyl", "sedative": "bromazolam"}.get(
            self.kind
        )


@dataclass(frozen=True, slots=True)
class Load:
    """
    How busy the laboratory is.
    """

    rho: float
    benches: int = 8
    days: float = 720.0
    backlog: float = 60.0
    mean_work: float = 0.21
    missing: float = MISSING
    over_marking: float = OVER_MARKING


def intake(load: Load, policy: Policy, seed: int) -> list[Sample]:
    """
    Draw everything that arrives, the backlog first.
    """
    random = Random(seed)
    truth = _truth(policy, random)
    rate = load.rho * load.benches / load.mean_work
    samples: list[Sample] = []
    at, group = -load.backlog, 0
    agencies = [random.random() < load.over_marking for _ in range(20)]
    while True:
        at += random.expovariate(rate / 2.2)
        if at > load.days:
            return samples
        group += 1
        marks = random.choice(agencies)
        many = min(1 + int(random.expovariate(1 / 1.75)), 12)
        first = None
        for _ in range(many):
            drawn = _draw(random, truth)
            state = first if first is not None and random.random() < SHARED else drawn
            first = first or state
            samples.append(_sample(random, len(samples), group, at, state, load, marks=marks))


@dataclass(frozen=True, slots=True)
class State:
    """
    What is true of a group.
    """

    said: str
    form: str
    kind: str
    strong: bool
    circulating: bool


def _truth(policy: Policy, random: Random) -> dict[str, dict[str, float]]:
    truth = {}
    for name, form, _ in MIX:
        suspected = (name,) if name else ()
        p = assess(Facts(suspected=suspected, form=form, country="US", year=2025), policy)
        share = p.probabilities
        super_potent = share[HazardClass.SUPER_POTENT] + share[HazardClass.NITAZENE]
        opioid = share[HazardClass.FENTANYL_CLASS] + share[HazardClass.OTHER_NOVEL_OPIOID]
        sedative = share[HazardClass.NOVEL_BENZODIAZEPINE]
        truth[name] = {
            kind: _disturbed(value, random)
            for kind, value in (("super", super_potent), ("opioid", opioid), ("sedative", sedative))
        }
    return truth


def _disturbed(p: float, random: Random) -> float:
    bits = log2(p / (1 - p)) + random.gauss(0, ERROR_BITS)
    return 1 / (1 + 2**-bits)


def _draw(random: Random, truth: dict[str, dict[str, float]]) -> State:
    ((name, form, _),) = random.choices(MIX, [share for _, _, share in MIX])
    kind = "none" if random.random() < 0.1 else "other"
    for candidate, p in truth[name].items():
        if random.random() < p:
            kind = candidate
            break
    return State(name, form, kind, random.random() < 0.5, random.random() < 0.4)


def _sample(
    random: Random, number: int, group: int, at: float, state: State, load: Load, *, marks: bool
) -> Sample:
    base = TRUE_HARM[state.kind]
    if state.kind in {"super", "opioid"} and state.strong:
        base *= STRONG
    grams = exp(random.gauss(2.5, 1.8))
    doses = 1 + max(log2(max(grams * 90, 1)) / log2(10), 0)
    exposure = 1.0 if state.circulating else 0.125
    over = marks and random.random() < 0.5
    facts = _evidence(random, state, grams, load, over=over)
    work = load.mean_work * exp(random.gauss(-0.18, 0.6))
    court = at + random.uniform(10, 180) if random.random() < 0.3 else None
    urgent = "linked_overdose" in facts.circumstances or "fentanyl" in facts.suspected
    manual = 0 if (urgent and random.random() < 0.7) or random.random() < 0.15 else 1
    manual += 1 if manual and random.random() < 0.4 else 0
    return Sample(
        number=number,
        group=group,
        arrived=at,
        kind=state.kind,
        strong=state.strong,
        circulating=state.circulating,
        harm=base * doses * exposure,
        facts=facts,
        work=work,
        court=court,
        manual=manual,
        marked=over,
    )


def _evidence(random: Random, state: State, grams: float, load: Load, *, over: bool) -> Facts:
    def told() -> bool:
        return random.random() >= load.missing

    opioid = state.kind == "opioid"
    tests = []
    if random.random() < 0.3 and told():
        positive = random.random() < (0.985 if opioid else 0.108)
        tests.append(_test("fentanyl_strip", "fentanyl", positive=positive))
    if random.random() < 0.15 and told():
        positive = random.random() < (0.628 if opioid else 0.003)
        tests.append(_test("ftir", "fentanyl", positive=positive))
    circumstances = []
    potent = state.kind in {"super", "opioid"}
    if (
        potent and state.circulating and random.random() < (0.35 if state.strong else 0.15)
    ) or random.random() < 0.01:
        circumstances.append("linked_overdose")
    if state.circulating and random.random() < 0.4 and told():
        circumstances.append("in_circulation")
    if not state.circulating and random.random() < 0.5 and told():
        circumstances.append("intercepted_whole")
    said = ("fentanyl",) if over else ((state.said,) if state.said and told() else ())
    return Facts(
        suspected=said,
        form=state.form if told() else None,
        country="US",
        year=2025,
        quantity_seized=(grams, "g") if told() else None,
        field_tests=tuple(tests),
        circumstances=tuple(circumstances),
    )


def _test(technique: str, target: str, *, positive: bool) -> FieldTest:
    return FieldTest(technique, target, "detected" if positive else "not_detected")
