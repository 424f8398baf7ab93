"""
Techniques and what each can contribute: versioned data, to which a laboratory adds its own.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

CATEGORIES = ("A", "B", "C")
"""SWGDRUG categories, the most discriminating first."""

OWN = "x_"
"""Begins the code of a laboratory's own technique, so that a later catalogue cannot take it."""


@dataclass(frozen=True, slots=True)
class Part:
    """
    One chemical or physical property that a technique exploits, and its category.
    """

    property: str
    category: str


@dataclass(frozen=True, slots=True)
class Technique:
    """
    What a technique can contribute.

    Attributes:
        code: how it is written in analyses.
        name: how people call it.
        parts: the properties it exploits, best first; a hyphenated technique has two.
        only_for: the substances it may count for; empty for all (R7).
        validated: whether it counts before a laboratory has registered methods of its own for it.
        minutes: typical bench minutes for one sample.
        destructive: whether the portion is used up.
        field_code: the code under which the ranking knows a result of this kind.

    """

    code: str
    name: str
    parts: tuple[Part, ...]
    only_for: frozenset[str]
    validated: bool
    minutes: int
    destructive: bool
    field_code: str

    @property
    def category(self) -> str:
        """
        The category of its best part.
        """
        return self.parts[0].category

    @property
    def properties(self) -> frozenset[str]:
        """
        Everything it can measure.
        """
        return frozenset(part.property for part in self.parts)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """
    One version of the technique table.
    """

    version: str
    techniques: Mapping[str, Technique]


@cache
def catalogue() -> Catalogue:
    """
    This function will read the technique table that ships with this package.
    """
    text = files("app.results.rules").joinpath("techniques.toml").read_text(encoding="utf-8")
    return build(tomllib.loads(text))


def build(document: Mapping[str, Any]) -> Catalogue:
    """
    This function will turn a document into a technique table.

    Raises:
        ValueError: when a code is there twice, or a technique cannot be.

    """
    techniques: dict[str, Technique] = {}
    for entry in document["technique"]:
        if entry["code"] in techniques:
            raise ValueError(f"{entry['code']} is there twice")
        techniques[entry["code"]] = read(entry)
    return Catalogue(document["version"], techniques)


def read(entry: Mapping[str, Any]) -> Technique:
    """
    This function will turn one entry, shipped or a laboratory's own, into a technique.

    Raises:
        ValueError: when it exploits no property, or a category is none.

    """
    parts = [Part(part["property"], part["category"]) for part in entry["parts"]]
    if not parts or any(part.category not in CATEGORIES for part in parts):
        raise ValueError(f"{entry['code']} needs parts of category A, B or C")
    return Technique(
        code=entry["code"],
        name=entry["name"],
        # The best first; equals stay in their order.
        parts=tuple(sorted(parts, key=lambda part: part.category)),
        only_for=frozenset(entry.get("only_for", ())),
        validated=entry.get("validated", True),
        minutes=entry["minutes"],
        destructive=entry["destructive"],
        field_code=entry.get("field_code", "other"),
    )


@dataclass(frozen=True, slots=True)
class Suggestion:
    """
    A technique, or a laboratory's method of it, that may be tried next.
    """

    technique: str
    method: str | None
    destructive: bool
    minutes: int
    category: str


def by_gentleness(suggestions: Iterable[Suggestion], *, small: bool) -> list[Suggestion]:
    """
    This function will order what may be tried: the least destructive first where there is little, else the quickest.

    Args:
        suggestions: what the laboratory can do.
        small: whether there is so little that what is used up is missed.

    """

    def key(one: Suggestion) -> tuple[bool, int, str, str, str]:
        return (
            small and one.destructive,
            one.minutes,
            one.category,
            one.technique,
            one.method or "",
        )

    return sorted(suggestions, key=key)
