"""
What endpoints with full content are told of a result: what has been released, and nothing else.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.kit.rows import mapping
from app.results.schemas import FindingOut, ReportOut


def content(findings: Sequence[Any] = (), *, issued: ReportOut | None = None) -> Mapping[str, Any]:
    """
    Return released findings as their reader would fetch them, and a report with the text its hash covers.

    A finding that nobody has released is left out, whatever rests on it.
    """
    told: dict[str, Any] = {}
    shown = [
        FindingOut.model_validate(mapping(row)).model_dump(mode="json")
        for row in findings
        if row.released_at is not None
    ]
    if shown:
        told["findings"] = shown
    if issued is not None:
        # The body says the same again, without being what was hashed.
        told["report"] = issued.model_dump(mode="json", exclude={"body"})
    return told
