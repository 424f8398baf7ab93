"""
Reading an instrument's results sheet against a worksheet: every line fits, or nothing is stored.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.results.rules.kinds import AnalysisResult

_WORDS = {
    "detected": AnalysisResult.DETECTED,
    "positive": AnalysisResult.DETECTED,
    "not detected": AnalysisResult.NOT_DETECTED,
    "not_detected": AnalysisResult.NOT_DETECTED,
    "nd": AnalysisResult.NOT_DETECTED,
    "negative": AnalysisResult.NOT_DETECTED,
    "inconclusive": AnalysisResult.INCONCLUSIVE,
}


@dataclass(frozen=True, slots=True)
class Columns:
    """
    Which column says what, and the sheet's own words for a result.
    """

    label: str
    result: str
    substances: str
    separator: str
    words: Mapping[str, AnalysisResult]


@dataclass(frozen=True, slots=True)
class Read:
    """
    One line of the sheet: what it says, or why it cannot be used.
    """

    line: int
    label: str
    result: AnalysisResult | None
    substances: tuple[str, ...]
    problem: str | None = None


def read_sheet(text: str, columns: Columns, labels: Sequence[str]) -> list[Read]:
    """
    This function will read a sheet, line by line, and say of each line whether it fits the worksheet.

    A line of the worksheet that the sheet has not is reported as a line of its own, numbered 0.
    """
    plain = text.removeprefix("\ufeff")
    first = plain.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        header, *rows = [*csv.reader(plain.splitlines(), delimiter=delimiter)] or [[]]
    except csv.Error as problem:
        return [Read(1, "", None, (), f"this is no sheet of lines and cells: {problem}")]
    header = [name.strip() for name in header]
    missing = [
        name for name in (columns.label, columns.result, columns.substances) if name not in header
    ]
    if missing:
        return [Read(1, "", None, (), f"there is no column {', '.join(missing)}")]
    found: list[Read] = []
    seen: set[str] = set()
    for number, cells in enumerate(rows, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        one = _line(number, dict(zip(header, cells, strict=False)), columns, labels, seen)
        seen.add(one.label)
        found.append(one)
    found += [
        Read(0, label, None, (), "the sheet has no line for it")
        for label in labels
        if label not in seen
    ]
    return found


def controls_pass(kind: str, read: Read, expected: Sequence[str]) -> bool:
    """
    This function will say whether a blank or a control is as it must be: nothing in a blank, all in a control.
    """
    if kind == "blank":
        return read.result is AnalysisResult.NOT_DETECTED
    if kind == "control":
        return read.result is AnalysisResult.DETECTED and set(expected) <= set(read.substances)
    return True


def _line(
    number: int,
    cells: Mapping[str, str],
    columns: Columns,
    labels: Sequence[str],
    seen: set[str],
) -> Read:
    label = cells.get(columns.label, "").strip()
    said = cells.get(columns.result, "").strip()
    own = {word.casefold(): result for word, result in columns.words.items()}
    result = (_WORDS | own).get(said.casefold())
    parts = cells.get(columns.substances, "").split(columns.separator)
    substances = tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))
    problem = None
    if label not in labels:
        problem = f"{label or 'an empty label'} is not on the worksheet"
    elif label in seen:
        problem = f"{label} is there twice"
    elif result is None:
        problem = f"{said or 'an empty cell'} is no result; add it to words"
    elif (result is AnalysisResult.DETECTED) != bool(substances):
        problem = "substances belong to the result detected, and only to it"
    return Read(number, label, result, substances, problem)
