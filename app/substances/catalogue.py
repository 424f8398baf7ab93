"""
What a name said by somebody means: exactly, by a synonym, misspelt, by the rule of its class, or unknown.

Unknown is an answer of its own. It never means harmless: its prior is not the lowest (see the ranking policy).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rapidfuzz import process
from rapidfuzz.distance import OSA

from app.substances.classes import LETHAL_OPIOIDS, ExpectedClass, HazardClass
from app.substances.data import SHORTEST_SPELLING, Substance, catalogue, normal

__all__ = [
    "ExpectedClass",
    "HazardClass",
    "Resolution",
    "find",
    "isomer_group",
    "resolve",
    "says_nothing",
]

How = Literal["exact", "synonym", "spelling", "class_rule", "unknown"]

LONGEST_PHRASE = 4
"""Words; no synonym is longer."""
LONG_WORD = 8
"""Letters; from here on two slips are forgiven, below one."""
LONGEST_TEXT = 400
"""Characters read of one text."""

_SEVERITY = {hazard: place for place, hazard in enumerate(HazardClass)}


@dataclass(frozen=True, slots=True)
class Resolution:
    """
    What a text was understood as, and how.
    """

    name: str | None
    """The canonical name; None when only the class is known, or nothing."""
    expected: ExpectedClass
    hazard: HazardClass | None
    """Set when the name itself is a warning."""
    matched: str | None
    """The words that were recognised."""
    how: How


UNKNOWN = Resolution(None, ExpectedClass.UNKNOWN, None, None, "unknown")


def find(name: str) -> Substance | None:
    """
    This function will return the catalogue's entry of a canonical name.
    """
    return catalogue().names.get(normal(name))


def isomer_group(name: str) -> tuple[str, str] | None:
    """
    This function will return the group of isomers a name belongs to, and how that group is reported; None without one.
    """
    known = catalogue()
    key = normal(name)
    found = known.names.get(key) or known.synonyms.get(key)
    if found is None or found.isomers is None:
        return None
    return found.isomers, known.isomer_groups[found.isomers]


def says_nothing(text: str) -> bool:
    """
    This function will say whether a text admits that nothing is known, as against naming something not known here.
    """
    return normal(text) in catalogue().nothing_said


@lru_cache(maxsize=65_536)
def resolve(text: str) -> Resolution:
    """
    This function will say what a text means. Of several names in it, the most dangerous one counts.
    """
    known = catalogue()
    key = normal(text[:LONGEST_TEXT])
    if not key or key in known.nothing_said:
        return UNKNOWN
    if key in known.names:
        return _known(known.names[key], key, "exact")
    whole = known.synonyms.get(key) or known.alone.get(key)
    if whole:
        return _known(whole, key, "synonym")
    words = key.split()
    found = [*_phrases(words), *_single(words)]
    return min(found, key=_danger, default=UNKNOWN)


def _phrases(words: list[str]) -> Iterator[Resolution]:
    # The longest phrase at each place: "crack cocaine" is not also cocaine.
    known = catalogue()
    at = 0
    while at < len(words):
        for length in range(min(LONGEST_PHRASE, len(words) - at), 0, -1):
            phrase = " ".join(words[at : at + length])
            substance = known.synonyms.get(phrase)
            if substance and not (at and words[at - 1] in known.negations):
                yield _known(substance, phrase, "synonym")
            if substance:
                at += length
                break
        else:
            at += 1


def _single(words: list[str]) -> Iterator[Resolution]:
    known = catalogue()
    for at, word in enumerate(words):
        if len(word) < SHORTEST_SPELLING or word in known.synonyms:
            continue
        if at and words[at - 1] in known.negations:
            continue
        ruled = _by_rule(word)
        # A new opioid must never be taken for the known substance its name resembles.
        spelt = None if ruled and ruled.hazard in LETHAL_OPIOIDS else _by_spelling(word)
        if found := spelt or ruled:
            yield found


def _by_rule(word: str) -> Resolution | None:
    for rule in catalogue().rules:
        if word.endswith(rule.suffixes) and not word.endswith(rule.exceptions):
            return Resolution(None, rule.expected, rule.hazard, word, "class_rule")
    return None


def _by_spelling(word: str) -> Resolution | None:
    slips = 2 if len(word) >= LONG_WORD else 1
    known = catalogue()
    near = process.extract(word, known.spellings, scorer=OSA.distance, score_cutoff=slips, limit=4)
    # People get the first letter right; words that differ in it are other words.
    near = [(text, slipped, at) for text, slipped, at in near if text[0] == word[0]]
    if not near:
        return None
    nearest = [known.synonyms[text] for text, slipped, _ in near if slipped == near[0][1]]
    if len({(substance.expected, substance.hazard) for substance in nearest}) > 1:
        return None  # It could be either: saying neither is the honest answer.
    return _known(nearest[0], word, "spelling")


def _known(substance: Substance, matched: str, how: How) -> Resolution:
    return Resolution(substance.name, substance.expected, substance.hazard, matched, how)


def _danger(found: Resolution) -> tuple[int, int]:
    worst = _SEVERITY[found.hazard] if found.hazard else len(_SEVERITY)
    return worst, _ORDER[found.expected]


_ORDER = {expected: place for place, expected in enumerate(ExpectedClass)}
