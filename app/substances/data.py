"""
The catalogue as data: read once, turned into look-up tables.
"""

import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from app.substances.classes import ExpectedClass, HazardClass


@dataclass(frozen=True, slots=True)
class Substance:
    """
    One entry of the catalogue.
    """

    name: str
    expected: ExpectedClass
    hazard: HazardClass | None
    times_fentanyl: float | None
    """Potency relative to fentanyl, where a source gives one: a scale, never a human dose."""
    source: str | None
    isomers: str | None
    """The group of isomers that a screen cannot tell apart."""


@dataclass(frozen=True, slots=True)
class Rule:
    """
    What the ending of a name never seen before gives away.
    """

    suffixes: tuple[str, ...]
    exceptions: tuple[str, ...]
    expected: ExpectedClass
    hazard: HazardClass | None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """
    Everything ``resolve`` looks up. Keys are normal forms.
    """

    version: str
    names: dict[str, Substance]
    synonyms: dict[str, Substance]
    """Names included: found anywhere in a text."""
    alone: dict[str, Substance]
    """Everyday words: only when they are the whole text."""
    nothing_said: frozenset[str]
    negations: frozenset[str]
    rules: tuple[Rule, ...]
    spellings: tuple[str, ...]
    """Single words long enough to be recognised when misspelt."""
    isomer_groups: dict[str, str]
    """How each group of isomers is reported when nobody can say which one it is."""


SHORTEST_SPELLING = 5
"""Letters; below that, too many words are one slip apart."""


@lru_cache(maxsize=16_384)
def normal(text: str) -> str:
    """
    This function will fold accents, case and punctuation, so that "Héroïne " and "heroine" are one.
    """
    # Decomposed twice: lower case may be what brings an accent to light.
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(mark for mark in plain if not unicodedata.combining(mark))
    return " ".join("".join(mark if mark.isalnum() else " " for mark in bare).split())


@cache
def catalogue() -> Catalogue:
    """
    This function will read the catalogue that ships with this package.

    Raises:
        ValueError: when a text means two things, or a potency has no source.

    """
    text = files("app.substances").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return build(tomllib.loads(text))


def build(document: dict[str, Any]) -> Catalogue:
    """
    This function will turn a catalogue document into look-up tables.

    Raises:
        ValueError: when a text means two things, or a potency has no source.

    """
    names: dict[str, Substance] = {}
    synonyms: dict[str, Substance] = {}
    alone: dict[str, Substance] = {}
    for group in document["group"]:
        for entry in group["substances"]:
            substance = _substance(group, entry)
            _put(names, substance.name, substance)
            for text in (substance.name, *entry.get("synonyms", ())):
                _put(synonyms, text, substance)
            for text in entry.get("alone", ()):
                _put(alone, text, substance)
    if twice := synonyms.keys() & alone.keys():
        raise ValueError(f"both a synonym and a word that must stand alone: {sorted(twice)}")
    return Catalogue(
        version=document["version"],
        names=names,
        synonyms=synonyms,
        alone=alone,
        nothing_said=frozenset(document["nothing_said"]),
        negations=frozenset(document["negations"]),
        rules=tuple(_rule(entry) for entry in document["rule"]),
        spellings=tuple(
            text for text in synonyms if text.isalpha() and len(text) >= SHORTEST_SPELLING
        ),
        isomer_groups=_groups(document, names),
    )


def _groups(document: dict[str, Any], names: dict[str, Substance]) -> dict[str, str]:
    named: dict[str, str] = document.get("isomer_groups", {})
    known = {substance.isomers for substance in names.values() if substance.isomers}
    if unnamed := known - named.keys():
        raise ValueError(f"groups of isomers without a name to report: {sorted(unnamed)}")
    return named


def _substance(group: dict[str, Any], entry: dict[str, Any]) -> Substance:
    if ("times_fentanyl" in entry) != ("source" in entry):
        raise ValueError(f"{entry['name']}: a potency needs its source, and a source its potency")
    hazard = group.get("hazard")
    return Substance(
        name=entry["name"],
        expected=ExpectedClass(group["expected"]),
        hazard=HazardClass(hazard) if hazard else None,
        times_fentanyl=float(entry["times_fentanyl"]) if "times_fentanyl" in entry else None,
        source=entry.get("source"),
        isomers=entry.get("isomers"),
    )


def _rule(entry: dict[str, Any]) -> Rule:
    hazard = entry.get("hazard")
    return Rule(
        suffixes=tuple(entry["suffixes"]),
        exceptions=tuple(entry.get("except", ())),
        expected=ExpectedClass(entry["expected"]),
        hazard=HazardClass(hazard) if hazard else None,
    )


def _put(table: dict[str, Substance], text: str, substance: Substance) -> None:
    key = normal(text)
    if table.get(key, substance) is not substance:
        raise ValueError(f"{text!r} means both {table[key].name} and {substance.name}")
    table[key] = substance
