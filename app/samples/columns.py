"""
How one row of a spreadsheet becomes one submission with one sample.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

_SUBMISSION = ("agency_file_number", "seized_at", "country", "region", "route", "laboratory_id")
_SAMPLE = ("exhibit_number", "description", "form", "colour", "markings", "packaging")
_LISTS = ("suspected", "reported_effects", "hazards", "circumstances")
_PLACE = ("place_name", "office", "locality")
_PARCEL = ("declared_contents", "origin_country", "parcel_weight_g", "sender_digest")
_QUANTITY = ("quantity_value", "quantity_unit", "quantity_kind")

KNOWN = (*_SUBMISSION, *_SAMPLE, *_LISTS, *_PLACE, *_PARCEL, *_QUANTITY, "field_tests")

HELP = (
    "The first line names the columns, any of: "
    + ", ".join(KNOWN)
    + ". Several values in one cell are separated by ';'; field_tests as technique=result or technique:target=result."
)


PASSED_OVER = ""
"""What a column is mapped to whose cells are not read."""

_MAP = 'send a JSON object from your column names to ours, such as {"Case No": "agency_file_number", "Officer": ""}'


class OddRow(ValueError):
    """
    A row that cannot be read under its header.
    """

    def __init__(self, message: str, remedy: str) -> None:
        """
        Say what is wrong and what to do.
        """
        super().__init__(message)
        self.remedy = remedy


def read_map(text: str | None) -> dict[str, str]:
    """
    Read a map from a file's own column names to ours; a column mapped to nothing is passed over.

    Raises:
        OddRow: when it is no such map, or leads to a column that is not known.

    """
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except ValueError as problem:
        raise OddRow("is no JSON", _MAP) from problem
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise OddRow("is no object of texts", _MAP)
    strange = [name for name in found.values() if name and name not in KNOWN]
    if strange:
        raise OddRow(f"leads to the unknown column {strange[0]}", HELP)
    return found


def renamed(header: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """
    Return a header in our words; what is passed over is empty.

    Raises:
        OddRow: when the map names a column the file does not have.

    """
    absent = [name for name in names if name not in header]
    if absent:
        message = f"stands under a header without the mapped column {absent[0]}"
        raise OddRow(message, "correct the map, or the header")
    return [names.get(name, name) for name in header]


def to_body(header: Sequence[str], cells: Sequence[str]) -> dict[str, Any]:
    """
    Build a submission body from one row. An empty cell says nothing; it is not "unknown".

    Raises:
        OddRow: for a column that is not known or named twice, or a row of another length than the header, so that
            a misspelt column or the end of a truncated file is never silently lost.

    """
    named = [name for name in header if name != PASSED_OVER]
    strange = [name for name in named if name not in KNOWN]
    if strange:
        raise OddRow(f"does not know the column {strange[0]}", HELP)
    if len(set(named)) < len(named):
        raise OddRow("stands under a header that names a column twice", "name every column once")
    if len(cells) != len(header):
        message = f"has {len(cells)} cells under {len(header)} columns"
        raise OddRow(message, "give every row as many cells as there are columns")
    row = {
        name: cell.strip()
        for name, cell in zip(header, cells, strict=True)
        if name and cell.strip()
    }
    sample: dict[str, Any] = {name: row[name] for name in _SAMPLE if name in row}
    sample |= {name: _several(row[name]) for name in _LISTS if name in row}
    if "field_tests" in row:
        sample["field_tests"] = [_test(cell) for cell in _several(row["field_tests"])]
    if "quantity_value" in row or "quantity_unit" in row:
        sample["quantity_seized"] = _renamed(row, _QUANTITY, "quantity_")
    body: dict[str, Any] = {name: row[name] for name in _SUBMISSION if name in row}
    place = _renamed(row, _PLACE, "place_")
    parcel = _renamed(row, _PARCEL, "parcel_")
    return body | _present(place=place, parcel=parcel) | {"samples": [sample]}


def _several(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";") if part.strip()]


def _renamed(row: dict[str, str], names: Sequence[str], prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): row[name] for name in names if name in row}


def _present(**parts: dict[str, str]) -> dict[str, dict[str, str]]:
    return {name: part for name, part in parts.items() if part}


def _test(cell: str) -> dict[str, str]:
    what, _, result = cell.partition("=")
    technique, _, target = what.partition(":")
    found = {"technique": technique.strip(), "result": result.strip() or "inconclusive"}
    return found | ({"target": target.strip()} if target.strip() else {})
