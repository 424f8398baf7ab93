"""
Runs typst on a laid-out document. It takes tens of milliseconds and holds no lock: call it in a thread.
"""

import io
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

import segno
import typst

_MOST_TRIES = 50
_SHOWABLE = re.compile(
    r"[\n\x20-\x7e\u00a0-\u024f\u0300-\u036f\u0370-\u03ff\u0400-\u04ff\u2010-\u2027]"
)
"""Scripts that the embedded typeface has; what else it can show is found out by trying."""
_MISSING = re.compile(r'the text `"(.+?)"` could not be displayed')


class PrintingError(Exception):
    """
    A document could not be printed.
    """


def render(view: Mapping[str, Any], *, at: datetime) -> bytes:
    """
    Print one laid-out document as PDF/A-2b.

    A character that the embedded typeface lacks is printed by its number, such as ⟨U+4E2D⟩: PDF/A forbids a blank, and
    another machine's fonts would print another document.

    Raises:
        PrintingError: when typst refuses.

    """
    document = {**view, "code": _code(view["verify"]["url"])}
    missing: frozenset[str] = frozenset()
    for _ in range(_MOST_TRIES):
        try:
            return _compile(_replaced(document, missing), at)
        except typst.TypstError as problem:
            found = _missing(problem)
            if not found or found in missing:
                raise PrintingError(problem.message) from problem
            strange = {one for one in _characters(document) if not _SHOWABLE.match(one)}
            # First the one that was named; when there are more, everything outside the known scripts at once.
            missing |= {found} if not missing else {found, *strange}
    raise PrintingError("too many characters that cannot be shown")


def _compile(document: Mapping[str, Any], at: datetime) -> bytes:
    compiler = typst.Compiler(_template(), font_paths=_fonts(), ignore_system_fonts=True)
    # The time stamp is the report's own: the same report printed twice is the same bytes.
    made = compiler.compile(
        format="pdf",
        sys_inputs={"document": json.dumps(document, ensure_ascii=False)},
        pdf_standards=["a-2b"],
        timestamp=int(at.astimezone(UTC).timestamp()),
    )
    if not isinstance(made, bytes):
        raise PrintingError("no document came back")
    return made


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)


@cache
def _template() -> bytes:
    return resources.files("app.results.paper").joinpath("report.typ").read_bytes()


def _code(url: str) -> str:
    out = io.BytesIO()
    segno.make(url, error="m", micro=False).save(out, kind="svg", border=2)
    return out.getvalue().decode()


def _missing(problem: typst.TypstError) -> str | None:
    found = _MISSING.search(problem.message)
    if found is None:
        return None
    text = re.sub(r"\\u\{([0-9a-f]+)\}", lambda match: chr(int(match.group(1), 16)), found.group(1))
    return text[0]


def _replaced(value: Any, missing: frozenset[str]) -> Any:
    match value:
        case str():
            return "".join(f"⟨U+{ord(one):04X}⟩" if one in missing else one for one in value)
        case Mapping():
            return {name: _replaced(one, missing) for name, one in value.items()}
        case list() | tuple():
            return [_replaced(one, missing) for one in value]
    return value


def _characters(value: Any) -> set[str]:
    return set(json.dumps(value, ensure_ascii=False))
