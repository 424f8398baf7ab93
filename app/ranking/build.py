"""
From a policy document to a policy. Every number must lie under a ``source``, and say "assumption" where it is one.
"""

from collections.abc import Mapping
from typing import Any

from app.ranking import counts
from app.ranking.assessment import Stage
from app.ranking.counts import Shrink, logit
from app.ranking.model import (
    CLASSES,
    HAZARDS,
    Curve,
    Effect,
    Exposure,
    Imports,
    LinkRule,
    Novelty,
    Pills,
    Policy,
    PolicyError,
    Potency,
    Prior,
    Quantity,
    RecordRule,
    Shift,
    Test,
    Weight,
)
from app.substances.classes import ExpectedClass, HazardClass

_LEAST_LOGIT = -30.0


def build(document: Mapping[str, Any]) -> Policy:
    """
    This function will turn a policy document into a policy.

    Raises:
        PolicyError: when a weight has no source, a table is missing, or classes are not ordered by harm.

    """
    unsourced = _numbers_without_source(document, "", sourced=False)
    if unsourced:
        raise PolicyError(f"numbers without a source: {unsourced}")
    try:
        policy = _build(document)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as problem:
        raise PolicyError(f"the policy cannot be read: {problem!r}") from problem
    if list(policy.harm) != sorted(policy.harm, reverse=True):
        raise PolicyError("the classes are not listed from the most harmful to the least")
    return policy


def _build(document: Mapping[str, Any]) -> Policy:
    shrink = document["shrink"]
    rows = counts.read(document)
    dated = [row.year for row in rows if row.year is not None]
    years = (min(dated), max(dated))
    span = range(years[0], years[1] + 1)
    scale = Shrink(
        strength=float(shrink["strength"]),
        most=float(shrink["most"]),
        reach_years=int(shrink["reach_years"]),
    )
    classes = [document["class"][hazard] for hazard in CLASSES]
    controlled = document["controlled"]
    return Policy(
        id=document["id"],
        title=document["title"],
        curve=Curve(
            half_life_days=float(document["head_start"]["half_life_days"]),
            power=float(document["head_start"]["power"]),
            cap_days=float(document["head_start"]["cap_days"]),
            line=float(document["head_start"]["line"]),
        ),
        bands=tuple((band["name"], float(band["at_least"])) for band in document["band"]),
        bench={
            stage: {
                form: float(days)
                for form, days in document["bench"][stage].items()
                if form != "source"
            }
            for stage in Stage
        },
        bench_source={stage: document["bench"][stage]["source"] for stage in Stage},
        harm=tuple(float(entry["harm"]) for entry in classes),
        per_gram=tuple(float(entry["per_gram"]) for entry in classes),
        harm_source=document["quantity"]["source"],
        controlled_harm={
            expected: float(controlled["harm"][expected]) for expected in ExpectedClass
        },
        controlled_logit={
            expected: logit(float(controlled["share"][expected])) for expected in ExpectedClass
        },
        quantity=_quantity(document["quantity"]),
        market_of={
            country: name
            for name, market in document["market"].items()
            for country in market["countries"]
        },
        market_words={name: market["words"] for name, market in document["market"].items()},
        years=years,
        priors=counts.priors(rows, document, scale, span),
        named={HazardClass(entry["hazard"]): _named(entry) for entry in document["named"]},
        regions=_regions(document["region"]),
        appearances=_appearances(
            document["appearance"],
            float(shrink["base_strength"]),
            float(shrink.get("appearance_share", 1.0)),
        ),
        tests={entry["technique"]: _test(entry, at) for at, entry in enumerate(document["test"])},
        most_negative=float(document["tests"]["most_negative"]),
        most_statements=float(document["statements"]["most"]),
        effects=tuple(_effect(entry) for entry in document["effect"]),
        exposures=tuple(_exposure(entry) for entry in document["exposure"]),
        intercepted=_effect({"words": (), "label": "intercepted whole", **document["intercepted"]}),
        imports=Imports(
            bits=float(document["import"]["bits"]),
            routes=frozenset(document["import"]["routes"]),
            forms=frozenset(document["import"]["forms"]),
            source=document["import"]["source"],
        ),
        pills=_pills(document["pills"]),
        potency=_potency(document["potency"]),
        substances=counts.substances(rows, document, scale, span),
        links={
            entry["kind"]: LinkRule(at, entry["words"], _share(entry["share"]), entry["source"])
            for at, entry in enumerate(document.get("link", ()))
        },
        record=_record(document.get("record")),
        novelty=_novelty(document.get("novelty")),
        told=_decision(document.get("told"), "told"),
        public_safety=_decision(document.get("public_safety"), "public safety"),
    )


def _numbers_without_source(node: object, path: str, *, sourced: bool) -> list[str]:
    if isinstance(node, Mapping):
        told = node.get("source")
        sourced = sourced or (isinstance(told, str) and bool(told.strip()))
        inner = [(f"{path}.{name}", child) for name, child in node.items()]
    elif isinstance(node, list):
        inner = [(f"{path}[{at}]", child) for at, child in enumerate(node)]
    else:
        number = isinstance(node, int | float) and not isinstance(node, bool)
        return [path] if number and not sourced else []
    return [
        found
        for where, child in inner
        for found in _numbers_without_source(child, where, sourced=sourced)
    ]


def _index(name: str) -> int:
    return CLASSES.index(HazardClass(name))


def _quantity(entry: Mapping[str, Any]) -> Quantity:
    return Quantity(
        unknown_grams=float(entry["unknown_grams"]),
        unknown_units=float(entry["unknown_units"]),
        per_ml=float(entry["per_ml"]),
        per_plant=float(entry["per_plant"]),
        per_patch=float(entry["per_patch"]),
        source=entry["source"],
    )


def _named(entry: Mapping[str, Any]) -> Prior:
    return Prior(
        logits=tuple(
            logit(float(entry[hazard])) if hazard in entry else _LEAST_LOGIT for hazard in HAZARDS
        ),
        source=entry["source"],
    )


def _regions(entries: list[Mapping[str, Any]]) -> dict[str, tuple[Shift, ...]]:
    table: dict[str, tuple[Shift, ...]] = {}
    for entry in entries:
        for code in entry["codes"]:
            shift = Shift(
                expected=frozenset(ExpectedClass(name) for name in entry["expected"]),
                hazard=_index(entry["hazard"]),
                bits=float(entry["bits"]),
                label=code,
                source=entry["source"],
            )
            table[code] = (*table.get(code, ()), shift)
    return table


def _appearances(
    entries: list[Mapping[str, Any]], strength: float, share: float
) -> dict[tuple[str, str, str], tuple[Shift, ...]]:
    table: dict[tuple[str, str, str], tuple[Shift, ...]] = {}
    for entry in entries:
        base = entry["base"][0] / entry["base"][1]
        for kind, rows in (("colour", entry.get("colours", {})), ("form", entry.get("forms", {}))):
            for word, (found, of) in rows.items():
                bits = share * (logit((found + base * strength) / (of + strength)) - logit(base))
                shift = Shift(
                    expected=frozenset({ExpectedClass(entry["expected"])}),
                    hazard=_index(entry["hazard"]),
                    bits=min(max(bits, float(entry["least"])), float(entry["most"])),
                    label=word,
                    source=entry["source"],
                )
                key = (entry["market"], kind, word)
                table[key] = (*table.get(key, ()), shift)
    return table


def _test(entry: Mapping[str, Any], place: int) -> Test:
    return Test(
        place=place,
        words=entry["words"],
        principle=entry["principle"],
        implies=entry.get("implies"),
        weights={
            at: (*map(_weight, entry[hazard].get("among", ())), _weight(entry[hazard]))
            for at, hazard in enumerate(CLASSES)
            if hazard in entry
        },
        otherwise=_weight(entry["other"]),
    )


def _weight(entry: Mapping[str, Any]) -> Weight:
    detected, not_detected = float(entry["detected"]), float(entry["not_detected"])
    if detected < 0 or not_detected > 0:
        raise ValueError(f"a positive must not lower, a negative not raise: {dict(entry)}")
    among = frozenset(ExpectedClass(name) for name in entry.get("expected", ()))
    return Weight(detected, not_detected, entry["source"], among)


def _effect(entry: Mapping[str, Any]) -> Effect:
    return Effect(frozenset(entry["words"]), entry["label"], float(entry["bits"]), entry["source"])


def _share(value: float) -> float:
    if not 0 < value < 1:
        raise ValueError(f"a share lies between 0 and 1: {value}")
    return float(value)


def _record(entry: Mapping[str, Any] | None) -> RecordRule | None:
    if entry is None:
        return None
    if not entry["least"] <= 0 <= entry["most"]:
        raise ValueError("a record must be able to move nothing")
    return RecordRule(
        after=int(entry["after"]),
        most=float(entry["most"]),
        least=float(entry["least"]),
        mean=_share(entry["mean"]),
        strength=float(entry["strength"]),
        source=entry["source"],
    )


def _novelty(entry: Mapping[str, Any] | None) -> Novelty | None:
    if entry is None:
        return None
    return Novelty(
        float(entry["suspected"]), float(entry["met"]), int(entry["times"]), entry["source"]
    )


def _decision(entry: Mapping[str, Any] | None, label: str) -> Effect | None:
    return _effect({"words": (), "label": label, **entry}) if entry else None


def _exposure(entry: Mapping[str, Any]) -> Exposure:
    return Exposure(
        entry["circumstance"],
        entry["words"],
        float(entry["bits"]),
        int(entry["times"]),
        entry["source"],
    )


def _pills(entry: Mapping[str, Any]) -> Pills:
    middle, times = float(entry["middle"]), float(entry["times"])
    return Pills(
        markets=frozenset(entry["markets"]),
        forms=frozenset(entry["forms"]),
        factors={
            year: (1 + times * float(strong)) / (1 + times * middle)
            for year, strong in zip(entry["years"], entry["strong"], strict=True)
        },
        source=entry["source"],
    )


def _potency(entry: Mapping[str, Any]) -> Potency:
    if not 0 < entry["least"] <= 1 <= entry["most_fentanyl"] <= entry["most"]:
        raise ValueError("a potency factor must leave 1 within its bounds")
    return Potency(
        reference={hazard: float(entry[hazard]) for hazard in HAZARDS if hazard in entry},
        most=float(entry["most"]),
        most_fentanyl=float(entry["most_fentanyl"]),
        least=float(entry["least"]),
        source=entry["source"],
    )
