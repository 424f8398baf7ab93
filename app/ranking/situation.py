"""
One sample while it is being assessed: odds of each class, doses, exposure.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from math import exp2

from app.ranking import harm, words
from app.ranking.facts import Facts
from app.ranking.model import ANY, CONTROLLED, LETHAL, Policy, Potency, Prior, Shift
from app.substances.catalogue import (
    ExpectedClass,
    HazardClass,
    Resolution,
    find,
    resolve,
    says_nothing,
)
from app.substances.classes import LETHAL_OPIOIDS
from app.substances.data import Substance, normal

_COUNTED = frozenset({"tablet", "capsule", "blotter", "patch"})


_PLACE = {hazard: place for place, hazard in enumerate(HazardClass)}


@dataclass(frozen=True, slots=True)
class Part:
    """
    One step, in words.
    """

    code: str
    text: str
    source: str


_WHOLE = 1000
"""From here on a quantity is written without decimals."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """
    What is expected of a sample said to be something, somewhere, in a year.
    """

    rows: tuple[tuple[ExpectedClass | None, tuple[float, ...]], ...]
    """Log2 odds by what was named; None is a name that is itself a warning."""
    odds: tuple[float, ...]
    """The highest of them."""
    present: tuple[float, ...]
    harms: tuple[float, ...]
    names: tuple[Resolution, ...]
    classes: frozenset[ExpectedClass]
    names_lethal: bool
    """Whether the suspicion itself is one of a lethal opioid."""
    text: str
    source: str
    notes: tuple[str, ...]


class Situation:
    """
    What holds so far. Every step changes it and asks for the harm again.
    """

    __slots__ = (
        "_doses",
        "_harms",
        "_odds",
        "_weights",
        "expectation",
        "exposure",
        "market",
        "notes",
        "present",
        "shifts",
    )

    def __init__(
        self, said: Expectation, market: str, shifts: tuple[Shift, ...], policy: Policy
    ) -> None:
        self.expectation = said
        self.market = market
        self.shifts = shifts
        self.present = list(said.present)
        self._odds = list(said.odds)
        self.exposure = 0.0
        self.notes = list(said.notes)
        self._harms = list(said.harms)
        self._doses = _dose_factors(*_usual(None, policy), policy)
        self._weights = harm.weighted(self._harms, self._doses)

    def harm(self) -> float:
        """
        Return the expected harm per day.
        """
        return harm.expected(self.present, self._weights) * exp2(self.exposure)

    def move(self, hazard: int, bits: float) -> None:
        """
        Add evidence on one class, and on no other.
        """
        odds = min(max(self._odds[hazard] + bits, -harm.FAR), harm.FAR)
        self._odds[hazard] = odds
        self.present[hazard] = harm.presence(odds)

    def content(self, facts: Facts, policy: Policy) -> Iterator[Part]:
        """
        Apply what is known of strength, one step at a time.
        """
        yield from self._pills(facts, policy)
        yield from self._potency(policy)
        yield from self._import(facts, policy)

    def weigh(self, facts: Facts, policy: Policy) -> str:
        """
        Apply the quantity and say it in words. Unknown, a trace and not weighed count as the expectation.
        """
        value, unit = facts.quantity_seized or (0.0, "")
        if not harm.usable(value) or unit in {"item", "swab"}:
            self.notes.append(
                "The quantity is not known, or a trace: it counts as the usual quantity, not as none."
            )
            value, unit = _usual(facts.form, policy)
        self._doses = _dose_factors(value, unit, policy)
        self._weights = harm.weighted(self._harms, self._doses)
        factor = words.by(self._doses[words.FENTANYL])
        amount = f"{value:,.0f}" if value >= _WHOLE else f"{value:.4g}"
        return f"{amount} {unit}: doses count by their logarithm, {factor} against a single dose"

    def _scale(self, hazard: int, factor: float) -> None:
        self._harms[hazard] *= factor
        self._weights = harm.weighted(self._harms, self._doses)

    def _pills(self, facts: Facts, policy: Policy) -> Iterator[Part]:
        rule = policy.pills
        if facts.form not in rule.forms or self.market not in rule.markets:
            return
        year = facts.year or max(rule.factors)
        nearest = min(rule.factors, key=lambda known: (abs(known - year), known))
        factor = rule.factors[nearest]
        self._scale(words.FENTANYL, factor)
        yield Part(
            "content",
            f"Fentanyl pills of {nearest}: {words.by(factor)} of a middle year's content",
            rule.source,
        )

    def _potency(self, policy: Policy) -> Iterator[Part]:
        rule = policy.potency
        strongest: dict[HazardClass, tuple[float, Substance | None]] = {}
        for named in self.expectation.names:
            if named.hazard is None or named.hazard not in rule.reference:
                continue
            substance = find(named.name) if named.name else None
            factor = _potency_factor(substance, rule)
            if named.hazard not in strongest or factor > strongest[named.hazard][0]:
                strongest[named.hazard] = (factor, substance)
        # A weak one makes its class less harmful only when nothing else is suspected.
        least = (
            rule.least
            if {one.hazard for one in self.expectation.names} == {*strongest}
            and len(strongest) == 1
            else 1.0
        )
        for hazard, (factor, substance) in strongest.items():
            if factor == 1 or factor < least or substance is None:
                continue
            self._scale(_PLACE[hazard], factor)
            yield Part(
                "potency",
                f"{substance.name}, about {substance.times_fentanyl:.3g} times fentanyl"
                f" ({substance.source}): {words.by(factor)} on its class",
                substance.source or rule.source,
            )

    def _import(self, facts: Facts, policy: Policy) -> Iterator[Part]:
        rule = policy.imports
        abroad = facts.origin_country is not None and facts.origin_country != facts.country
        if not abroad or facts.country is None:
            return
        if facts.route in rule.routes and facts.form in rule.forms:
            for hazard in LETHAL:
                self._scale(hazard, exp2(rule.bits))
            yield Part("import", "Posted from abroad: what comes that way was purer", rule.source)


def begin(facts: Facts, policy: Policy) -> Situation:
    """
    This function will set out from what is expected of such a sample, there and then.
    """
    market = policy.market_of.get(facts.country or "", ANY)
    year = min(max(facts.year or policy.years[1], policy.years[0]), policy.years[1])
    said = _expectation(facts.suspected, facts.markings, market, year, policy)
    return Situation(said, market, _shifts(facts, policy, market, said), policy)


@lru_cache(maxsize=8192)
def _expectation(
    suspected: tuple[str, ...], markings: str | None, market: str, year: int, policy: Policy
) -> Expectation:
    said = tuple(resolve(text) for text in suspected)
    told = tuple(
        dict.fromkeys(one.expected for one in said if one.expected != ExpectedClass.UNKNOWN)
    )
    unread = any(
        one.how == "unknown" and normal(text) and not says_nothing(text)
        for text, one in zip(suspected, said, strict=True)
    )
    # An unread name is not harmless: it may be that of something new.
    classes = (*told, ExpectedClass.UNKNOWN) if unread or not told else told
    names = said + _marked(markings)
    warnings = [policy.named[one] for one in dict.fromkeys(one.hazard for one in names) if one]
    counted = _counted(said, market, year, policy)
    # A class of which every name was counted apart says nothing of its own.
    apart = {
        one.expected
        for one in said
        if all(other.name in counted for other in said if other.expected == one.expected)
    }
    plain = tuple(one for one in classes if one not in apart)
    priors = [
        *(policy.priors[market, one, year] for one in plain),
        *(prior for _, prior in counted.values()),
        *warnings,
    ]
    owners = (*plain, *(expected for expected, _ in counted.values()), *(None for _ in warnings))
    rows = tuple(zip(owners, (one.logits for one in priors), strict=True))
    # Several names: any of them may be true, and naming a second one must not dilute the first.
    odds = [max(column) for column in zip(*(row for _, row in rows), strict=True)]
    odds.append(max(policy.controlled_logit[one] for one in classes))
    present = tuple(harm.presence(bits) for bits in odds)
    harms = list(policy.harm)
    harms[CONTROLLED] = max(policy.controlled_harm[one] for one in classes)
    notes = (
        "A name is not in the catalogue; it counts as an unknown substance, which is not a harmless one.",
    )
    return Expectation(
        rows=rows,
        odds=tuple(odds),
        present=present,
        harms=tuple(harms),
        names=names,
        classes=frozenset(classes),
        names_lethal=any(one.hazard in LETHAL_OPIOIDS for one in said),
        text=_say(said, policy.market_words[market], year, present, unread=unread),
        source="; ".join(dict.fromkeys(one.source for one in priors)),
        notes=notes if unread else (),
    )


def _counted(
    said: tuple[Resolution, ...], market: str, year: int, policy: Policy
) -> dict[str, tuple[ExpectedClass, Prior]]:
    # Names that were counted apart from their class, such as oxycodone among the medicines.
    return {
        one.name: (one.expected, policy.substances[market, one.name, year])
        for one in said
        if one.name is not None and (market, one.name, year) in policy.substances
    }


def _marked(markings: str | None) -> tuple[Resolution, ...]:
    # A marking counts only when it is a known name for something dangerous.
    found = resolve(markings) if markings else None
    if found is None or found.hazard is None or found.how not in {"exact", "synonym"}:
        return ()
    return (found,)


def _shifts(facts: Facts, policy: Policy, market: str, said: Expectation) -> tuple[Shift, ...]:
    found = [
        shift
        for shift in policy.regions.get(facts.region or "", ())
        if shift.expected & said.classes
    ]
    for kind, text in (("colour", facts.colour), ("form", facts.form)):
        if text is None:
            continue
        looks = [
            shift
            for word in normal(text).split()
            for shift in policy.appearances.get((market, kind, word), ())
            if shift.expected & said.classes
        ]
        # "Blue and white" is as telling as blue.
        strongest: dict[int, Shift] = {}
        for shift in looks:
            rival = strongest.get(shift.hazard)
            if rival is None or shift.bits > rival.bits:
                strongest[shift.hazard] = shift
        found += strongest.values()
    return tuple(_effective(found, said)) if found else ()


def _effective(found: list[Shift], said: Expectation) -> Iterator[Shift]:
    # A shift moves the odds of what it was counted on, and the rest only as far as it changes the highest of them.
    rows = [(expected, list(odds)) for expected, odds in said.rows]
    for shift in found:
        before = max(odds[shift.hazard] for _, odds in rows)
        for expected, odds in rows:
            if expected in shift.expected:
                odds[shift.hazard] += shift.bits
        bits = max(odds[shift.hazard] for _, odds in rows) - before
        if bits:
            yield replace(shift, bits=bits)


def _say(
    said: tuple[Resolution, ...], where: str, year: int, present: tuple[float, ...], *, unread: bool
) -> str:
    shares = harm.leading(present)
    lethal = sum(shares[at] for at in LETHAL)
    names = [one.name or str(one.expected) for one in said if one.how != "unknown"]
    if unread:
        names.append("a name not in the catalogue")
    what = f"Suspected: {', '.join(dict.fromkeys(names))}" if names else "Nothing suspected"
    return f"{what} ({where}, {year}): {lethal:.2%} of such samples are expected to hold a lethal opioid"


def _potency_factor(substance: Substance | None, rule: Potency) -> float:
    # Without a sourced figure a name counts as its class does, so that a second name never weakens the first.
    if substance is None or substance.hazard is None or substance.times_fentanyl is None:
        return 1.0
    most = rule.most_fentanyl if substance.hazard is HazardClass.FENTANYL_CLASS else rule.most
    return min(max(substance.times_fentanyl / rule.reference[substance.hazard], rule.least), most)


def _usual(form: str | None, policy: Policy) -> tuple[float, str]:
    if form in _COUNTED:
        return policy.quantity.unknown_units, form
    return policy.quantity.unknown_grams, "g"


@lru_cache(maxsize=16_384)
def _dose_factors(value: float, unit: str, policy: Policy) -> tuple[float, ...]:
    if unit == "g":
        return tuple(harm.dose_factor(value * per_gram) for per_gram in policy.per_gram)
    each = {
        "mL": policy.quantity.per_ml,
        "plant": policy.quantity.per_plant,
        "patch": policy.quantity.per_patch,
    }.get(unit, 1.0)
    return (harm.dose_factor(value * each),) * len(policy.per_gram)
