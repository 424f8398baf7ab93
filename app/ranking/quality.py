"""
How good probabilities were, once the truth is known: error, calibration, order, hits at the top. Plain arithmetic.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

ENOUGH = 20
"""Resolved samples below which figures say nothing."""


def figures(resolved: Iterable[tuple[float, bool]]) -> dict[str, Any]:
    """
    This function will set what was predicted beside what was found.

    Returns:
        counts; and, from enough samples on, the Brier score beside that of the mean alone, calibration in the large,
        AUC, the share of the lethal ones that lay in the top tenth, and the reliability curve in ten bins.

    """
    rows = sorted(resolved)
    lethal = sum(found for _, found in rows)
    told: dict[str, Any] = {"resolved": len(rows), "lethal": lethal}
    if len(rows) < ENOUGH:
        return told
    rate = lethal / len(rows)
    top = rows[-max(len(rows) // 10, 1) :]
    told |= {
        "predicted": sum(p for p, _ in rows),
        "brier": sum((p - found) ** 2 for p, found in rows) / len(rows),
        "brier_of_the_mean": rate * (1 - rate),
        "auc": _area(rows, lethal),
        "lethal_in_top_tenth": sum(found for _, found in top) / lethal if lethal else None,
        "hits_in_top_tenth": sum(found for _, found in top) / len(top),
        "reliability": _curve(rows),
    }
    return told


def _area(rows: Sequence[tuple[float, bool]], lethal: int) -> float | None:
    if not 0 < lethal < len(rows):
        return None
    total = below = 0.0
    for _, group in groupby(rows, key=lambda row: row[0]):
        found = [one for _, one in group]
        held = sum(found)
        total += held * (below + (len(found) - held) / 2)
        below += len(found) - held
    return total / (lethal * below)


def _curve(rows: Sequence[tuple[float, bool]]) -> list[dict[str, float]]:
    curve = []
    for at in range(10):
        part = rows[at * len(rows) // 10 : (at + 1) * len(rows) // 10]
        if part:
            curve.append(
                {
                    "of": len(part),
                    "predicted": sum(p for p, _ in part) / len(part),
                    "found": sum(found for _, found in part) / len(part),
                }
            )
    return curve
