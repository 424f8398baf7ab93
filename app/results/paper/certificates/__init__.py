"""
Certificates of analyst: wording per statute, as data that counsel approves.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

_OUTCOMES = ("detected", "nothing_controlled")


@dataclass(frozen=True, slots=True)
class Template:
    """
    The wording of one certificate, in each language.
    """

    name: str
    statute: str
    jurisdiction: str
    effective_from: date
    approved_by: str
    approved_on: str
    words: Mapping[str, Mapping[str, Any]]

    @property
    def is_approved(self) -> bool:
        """
        Whether counsel's approval is named.
        """
        return bool(self.approved_by and self.approved_on)

    def says(self, outcome: str) -> bool:
        """
        Whether it has words for this outcome. An inconclusive analysis certifies nothing.
        """
        return outcome in _OUTCOMES and all(outcome in words for words in self.words.values())

    def filled(self, outcome: str, values: Mapping[str, str]) -> dict[str, Any]:
        """
        Return the text in each language, and what marks it as a draft until counsel has approved it.
        """
        found: dict[str, Any] = {
            "template": self.name,
            "statute": self.statute,
            "jurisdiction": self.jurisdiction,
            "approved_by": self.approved_by,
            "approved_on": self.approved_on,
        }
        for language, words in self.words.items():
            result = words[outcome].format(**values)
            found[f"text_{language}"] = [
                one.format(**values, result=result) for one in words["paragraphs"]
            ]
            found[f"draft_{language}"] = [] if self.is_approved else [words["draft"]]
        return found


def templates(folder: Path | None) -> dict[str, Template]:
    """
    Return every template by its name: those shipped, and over them those of the installation's own folder.
    """
    shipped = resources.files("app.results.paper.certificates")
    texts = {
        one.name: one.read_text(encoding="utf-8")
        for one in shipped.iterdir()
        if one.name.endswith(".toml")
    }
    if folder is not None:
        texts |= {one.name: one.read_text(encoding="utf-8") for one in folder.glob("*.toml")}
    return {name.removesuffix(".toml"): _read(name, text) for name, text in texts.items()}


def _read(name: str, text: str) -> Template:
    data = tomllib.loads(text)
    return Template(
        name=name.removesuffix(".toml"),
        statute=data["statute"],
        jurisdiction=data["jurisdiction"],
        effective_from=date.fromisoformat(data["effective_from"]),
        approved_by=data["approved_by"],
        approved_on=data["approved_on"],
        words={language: data[language] for language in ("en", "fr")},
    )
