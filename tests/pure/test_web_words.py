"""
The words of the pages: all of them in French too, and people-first in both languages.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.web import language, messages, notices

FOLDER = Path(language.__file__).parent

NEVER = {
    "en": r"addicts?|addicted|junk(?:ie|y|ies)|drug (?:ab)?users?|abus(?:e|er|ers|ed|ing)|users?"
    r"|clean|dirty|druggies?|safe",
    "fr": r"toxicomanes?|toxicomanies?|toxicos?|drogu[ée]e?s?|junkies?"
    r"|abus(?:er|eurs?|ive?s?)?|camé(?:e|s|es)?|propres?",
}
"""People-first (DESIGN 1): nobody is named by what they take, and a negative result is never called safe."""

EXEMPT = (
    "Controlled Drugs and Substances Act",
    "Misuse of Drugs Act",
    "Substance Abuse and Mental Health Services Administration",
    "National Institute on Drug Abuse",
    "Direction générale des douanes et droits indirects",
)
"""Statutes and official names are quoted as they are. Agencies' own texts are data, and stand in no template."""


def offences(text: str, code: str) -> list[str]:
    """
    Return the words in a text that nobody should read in it.
    """
    for name in EXEMPT:
        text = text.replace(name, "")
    return re.findall(rf"(?i)(?<![\w@./-])(?:{NEVER[code]})(?![\w/=-])", text)


def shown() -> Iterator[tuple[str, str, str]]:
    """
    Yield every text a person may read: where it stands, its language, the text.
    """
    for file, message in messages.wanted():
        for text in [message] if isinstance(message, str) else message:
            yield file, "en", text
    for entry in language.catalogue("fr"):
        texts = entry.string if isinstance(entry.string, tuple | list) else [entry.string]
        yield from (("locale/fr", "fr", text or "") for text in texts)
    for path in sorted((FOLDER / "templates").rglob("*.html")):
        text = re.sub(r"\{[{%#].*?[}%#]\}|<[^>]*>", " ", path.read_text(), flags=re.DOTALL)
        yield from ((path.name, code, text) for code in NEVER)


class TestFrench:
    """
    Every text of the pages exists in French.
    """

    def test_nothing_is_missing(self) -> None:
        """
        Each text in a template, view or notice has a translation; `make messages` prints what lacks one.
        """
        assert messages.missing("fr") == {}

    def test_places_are_the_same(self) -> None:
        """
        A translation fills in exactly the values its original does.
        """
        place = re.compile(r"%\((\w+)\)s")
        for message in language.catalogue("fr"):
            ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
            texts = (
                message.string if isinstance(message.string, tuple | list) else (message.string,)
            )
            for text in texts:
                assert set(place.findall(text or "")) <= set(place.findall(ids[-1])), message.id

    def test_a_missing_text_is_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Negative control: without its translation a text is named, with the file it stands in.
        """
        known = dict(messages.missing("fr"))
        catalogue = language.catalogue("fr")
        text = notices.NOTICES["signed-out"].text
        monkeypatch.setattr(catalogue.get(text), "string", "")

        assert messages.missing("fr") == known | {text: "notices.py"}


class TestPeopleFirst:
    """
    No page names a person by what they take.
    """

    def test_words(self) -> None:
        """
        Templates and catalogues have none of the words, in either language.
        """
        found = [(place, words) for place, code, text in shown() if (words := offences(text, code))]

        assert found == []

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("An addict was found", "en"),
            ("Enter the user name", "en"),
            ("The sample is clean", "en"),
            ("Un toxicomane connu", "fr"),
            ("Une personne droguée", "fr"),
            ("En cas d'abus", "fr"),
        ],
    )
    def test_a_word_is_found(self, text: str, code: str) -> None:
        """
        Negative control: each kind of word is noticed.
        """
        assert offences(text, code)

    def test_official_names_are_quoted(self) -> None:
        """
        A statute's or institution's name is no offence.
        """
        assert offences("By the National Institute on Drug Abuse", "en") == []
