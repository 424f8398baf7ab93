"""
``make messages``: which texts of the pages have no French yet, in the form of a catalogue to fill in.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.extract import extract_from_dir

from app.web import language

ROOT = Path(__file__).parent
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2.ext.babel_extract")]
OPTIONS = {
    "templates/**.html": {"encoding": "utf-8", "trimmed": "true", "newstyle_gettext": "true"}
}
KEYWORDS: dict[str, Any] = {
    "_": None,
    "N_": None,
    "say": None,
    "gettext": None,
    "ngettext": (1, 2),
    "count": (1, 2),
}

Message = str | tuple[str, ...]


def wanted() -> Iterator[tuple[str, Message]]:
    """
    Yield every text of the pages, with the file it stands in.
    """
    for file, _, message, _, _ in extract_from_dir(ROOT, METHODS, OPTIONS, KEYWORDS):
        # The first argument of say(), where it is no literal, is extracted as nothing.
        if message and (isinstance(message, str) or all(message)):
            yield file, message if isinstance(message, str) else tuple(message)


def missing(code: str) -> dict[Message, str]:
    """
    Return the texts a language lacks, each with a file that has it.
    """
    known = language.catalogue(code)
    found: dict[Message, str] = {}
    for file, message in wanted():
        entry = known.get(message if isinstance(message, str) else message[0])
        texts = () if entry is None else entry.string
        whole = texts if isinstance(texts, tuple | list) else (texts,)
        if entry is None or entry.fuzzy or not all(whole) or not whole:
            found.setdefault(message, file)
    return found


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def main() -> None:
    """
    Print what is missing.
    """
    for code in language.CODES[1:]:
        for message, file in missing(code).items():
            one = message if isinstance(message, str) else message[0]
            lines = [f"#. {file}", f"msgid {_quoted(one)}"]
            if isinstance(message, str):
                lines.append('msgstr ""')
            else:
                lines += [f"msgid_plural {_quoted(message[1])}", 'msgstr[0] ""', 'msgstr[1] ""']
            sys.stdout.write("\n".join(lines) + "\n\n")


if __name__ == "__main__":
    main()
