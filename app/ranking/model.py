"""
A policy as the ranking uses it: weights in the order of the hazard classes, each with where it comes from.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.ranking.assessment import Stage
from app.substances.classes import LETHAL_OPIOIDS, ExpectedClass, HazardClass

CLASSES = tuple(HazardClass)
"""Worst first; the last one is what remains when nothing else is there."""
PRESENT = CLASSES[:-1]
"""Those whose presence has a probability of its own."""
HAZARDS = CLASSES[:-2]
"""Those that are hidden in something else; counted, named, tested for."""
LETHAL = tuple(CLASSES.index(hazard) for hazard in LETHAL_OPIOIDS)
CONTROLLED = CLASSES.index(HazardClass.OTHER_CONTROLLED)

ANY = "any"
"""The market of those who do not say where, or where nothing was counted."""


class PolicyError(ValueError):
    """
    The policy's data file cannot be used as it is.
    """


@dataclass(frozen=True, slots=True)
class Curve:
    """
    From points to head start.
    """

    half_life_days: float
    power: float
    cap_days: float
    line: float


@dataclass(frozen=True, slots=True)
class Prior:
    """
    What is expected of samples said to be something, somewhere, in a year: log2 odds of each hazard.
    """

    logits: tuple[float, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Shift:
    """
    Bits added to one hazard under a condition.
    """

    expected: frozenset[ExpectedClass]
    hazard: int
    bits: float
    label: str
    source: str


@dataclass(frozen=True, slots=True)
class Weight:
    """
    What a test's two answers are worth for one class.
    """

    detected: float
    not_detected: float
    source: str
    among: frozenset[ExpectedClass] = frozenset()
    """What the sample must be said to be for this to hold; empty: anything."""


@dataclass(frozen=True, slots=True)
class Test:
    """
    One technique.
    """

    place: int
    words: str
    principle: str
    implies: str | None
    """What it tests for whatever the form says: strips have one target."""
    weights: Mapping[int, tuple[Weight, ...]]
    """By class; the first that fits what the sample is said to be."""
    otherwise: Weight


@dataclass(frozen=True, slots=True)
class Effect:
    """
    Words people use of what happened, and their bits on lethal opioids.
    """

    words: frozenset[str]
    label: str
    bits: float
    source: str


@dataclass(frozen=True, slots=True)
class Exposure:
    """
    A circumstance that says how many may meet it.
    """

    circumstance: str
    words: str
    bits: float
    times: int
    source: str


@dataclass(frozen=True, slots=True)
class LinkRule:
    """
    How much alike samples are that are linked in one way.
    """

    place: int
    words: str
    share: float
    """The probability that both hold the same; else each is drawn for itself."""
    source: str


@dataclass(frozen=True, slots=True)
class Novelty:
    """
    What a substance is worth that the laboratory has hardly met.
    """

    suspected: float
    """Before it has been met at all."""
    met: float
    """After the first time."""
    times: int
    """Confirmed cases that end it."""
    source: str


@dataclass(frozen=True, slots=True)
class RecordRule:
    """
    How far an agency's record may move its suspicions.
    """

    after: int
    """Resolved suspicions; before, it moves nothing."""
    most: float
    least: float
    mean: float
    """Taken for the mean over agencies while too few have a record."""
    strength: float
    source: str


@dataclass(frozen=True, slots=True)
class Imports:
    """
    Parcels from abroad.
    """

    bits: float
    routes: frozenset[str]
    forms: frozenset[str]
    source: str


@dataclass(frozen=True, slots=True)
class Pills:
    """
    How the content of fentanyl pills changed by year.
    """

    markets: frozenset[str]
    forms: frozenset[str]
    factors: Mapping[int, float]
    source: str


@dataclass(frozen=True, slots=True)
class Potency:
    """
    How far a named substance may move the harm of its class.
    """

    reference: Mapping[HazardClass, float]
    most: float
    most_fentanyl: float
    least: float
    source: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """
    Doses where no weight says them.
    """

    unknown_grams: float
    unknown_units: float
    per_ml: float
    per_plant: float
    per_patch: float
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """
    One versioned set of weights. Equal only to itself, so that what it gives can be remembered.
    """

    id: str
    title: str
    curve: Curve
    bands: tuple[tuple[str, float], ...]
    bench: Mapping[Stage, Mapping[str, float]]
    bench_source: Mapping[Stage, str]
    harm: tuple[float, ...]
    per_gram: tuple[float, ...]
    harm_source: str
    controlled_harm: Mapping[ExpectedClass, float]
    controlled_logit: Mapping[ExpectedClass, float]
    quantity: Quantity
    market_of: Mapping[str, str]
    market_words: Mapping[str, str]
    years: tuple[int, int]
    priors: Mapping[tuple[str, ExpectedClass, int], Prior]
    named: Mapping[HazardClass, Prior]
    regions: Mapping[str, tuple[Shift, ...]]
    appearances: Mapping[tuple[str, str, str], tuple[Shift, ...]]
    """By market, "colour" or "form", and its word."""
    tests: Mapping[str, Test]
    most_negative: float
    most_statements: float
    effects: tuple[Effect, ...]
    exposures: tuple[Exposure, ...]
    intercepted: Effect
    imports: Imports
    pills: Pills
    potency: Potency
    substances: Mapping[tuple[str, str, int], Prior]
    """By market, substance and year: where the class alone would mislead."""
    links: Mapping[str, LinkRule]
    record: RecordRule | None
    novelty: Novelty | None
    told: Effect | None
    """What is left to learn of a sample in which the laboratory has found a lethal opioid."""
    public_safety: Effect | None
