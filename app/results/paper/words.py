"""
The words of a printed report, in one language.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from babel.numbers import format_decimal


@dataclass(frozen=True, slots=True)
class Words:
    """
    Every word that is printed around a report's content.
    """

    language: str
    said: Mapping[str, str]
    techniques: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """
        Return one word or sentence by its code.
        """
        return self.said[name]

    def say(self, name: str, **values: str) -> str:
        """
        Return a sentence with its values filled in.
        """
        return self.said[name].format(**values)

    def technique(self, code: str) -> str:
        """
        Name a technique; one that a laboratory added itself keeps its own name.
        """
        return self.techniques.get(code, code)

    def count(self, number: int) -> str:
        """
        Write a count as this language does.
        """
        return format_decimal(number, locale=self.language)

    def share(self, part: int, whole: int) -> str:
        """
        Write a share in percent, with one decimal, as this language does.
        """
        return format_decimal(100 * part / whole, format="0.0", locale=self.language)


@cache
def words_of(language: str) -> Words:
    """
    Return the words of a language: ``en`` or ``fr``.
    """
    text = resources.files("app.results.paper").joinpath("words.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)[language]
    said = {name: value for name, value in table.items() if isinstance(value, str)}
    return Words(language, said, table["techniques"])
