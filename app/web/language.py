"""
English and French: words from the catalogues, dates and decimals by locale.

English is written where it is shown; French stands in ``locale/fr/*.po``, read at start, so that nothing is compiled.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path

from babel import Locale, dates, numbers
from babel.core import negotiate_locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

FOLDER = Path(__file__).parent / "locale"
CODES = ("en", "fr")
_ONE_PERCENT = 0.01
NAMES = {"en": "English", "fr": "Français"}


def N_(text: str) -> str:  # noqa: N802 - the name that extractors of messages know
    """
    Mark a text to be translated where it is shown.
    """
    return text


@dataclass(frozen=True, slots=True)
class Language:
    """
    One language: ``say`` translates, the others write values as its readers do.
    """

    code: str
    locale: Locale
    translations: NullTranslations
    zone: tzinfo

    def say(self, text: str, **values: object) -> str:
        """
        Translate a text and fill its named places.
        """
        found = self.translations.gettext(text)
        return found % values if values else found

    def count(self, one: str, many: str, number: int) -> str:
        """
        Translate a text that depends on a number.
        """
        return self.translations.ngettext(one, many, number) % {"num": self.number(number)}

    def day(self, value: date | datetime) -> str:
        """
        Write a day.
        """
        local = value.astimezone(self.zone) if isinstance(value, datetime) else value
        return dates.format_skeleton("yMMMd", _midnight(local), locale=self.locale)

    def instant(self, value: datetime) -> str:
        """
        Write a day and a time of day.
        """
        local = value.astimezone(self.zone)
        clock = dates.format_skeleton("Hm", local, tzinfo=self.zone, locale=self.locale)
        return f"{self.day(value)}, {clock}"

    def span(self, value: timedelta) -> str:
        """
        Write how long something takes or lasted, in its largest unit.
        """
        return dates.format_timedelta(value, threshold=1.2, locale=self.locale)

    def ago(self, value: datetime, now: datetime) -> str:
        """
        Write how long ago, or how far ahead, an instant is.
        """
        return dates.format_timedelta(
            value - now, add_direction=True, threshold=1.2, locale=self.locale
        )

    def number(self, value: float, digits: int = 3) -> str:
        """
        Write a number, with no more decimals than asked for.
        """
        pattern = "#,##0." + "#" * digits if digits else "#,##0"
        return numbers.format_decimal(value, format=pattern, locale=self.locale)

    def percent(self, value: float) -> str:
        """
        Write a share of one as a percentage.
        """
        return numbers.format_percent(
            value, format=None if value >= _ONE_PERCENT else "0.0 %", locale=self.locale
        )


def language(code: str, zone: tzinfo) -> Language:
    """
    Return a language, as it is written in this time zone.
    """
    return Language(code, Locale.parse(code), _translations(code), zone)


def choose(chosen: str | None, accepted: str) -> str:
    """
    Return the language's code: the one chosen, or the one the browser asks for first among ours.
    """
    if chosen in CODES:
        return chosen
    wanted = sorted(_wanted(accepted), key=lambda pair: -pair[1])
    return negotiate_locale([tag for tag, _ in wanted], CODES, sep="-") or CODES[0]


@cache
def catalogue(code: str) -> Catalog:
    """
    Return all of a language's catalogues as one.
    """
    whole = Catalog(locale=code)
    for path in sorted((FOLDER / code).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=code, abort_invalid=True):
                if message.id:
                    whole[message.id] = message
    return whole


@cache
def _translations(code: str) -> NullTranslations:
    if code == CODES[0]:
        return NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(code))
    compiled.seek(0)
    return Translations(compiled)


def _wanted(accepted: str) -> Iterable[tuple[str, float]]:
    for part in accepted[:200].split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            yield tag.strip(), float(weight or 1)
        except ValueError:
            continue


def _midnight(value: date) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, datetime.min.time())
