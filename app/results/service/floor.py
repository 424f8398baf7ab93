"""
The bench as a whole, and how well its ranking judges, for whoever oversees it.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from app.kit.db import Session
from app.results.repo import floor as repo
from app.samples import service as samples
from app.samples.schemas.overview import CalibrationCell, FloorOut
from app.substances.catalogue import find, resolve
from app.substances.classes import LETHAL_OPIOIDS

EDGES = (0.0, 0.01, 0.05, 0.2, 0.5, 1.0)
"""Probabilities, between which samples are counted."""

_MOST = 2000


async def floor(session: Session) -> FloorOut:
    """
    Return the bench as a whole, with the ranking's calibration over the last final reports.
    """
    overview = await samples.overview(session)
    return FloorOut(**overview.model_dump(), calibration=await calibration(session))


async def calibration(session: Session) -> list[CalibrationCell]:
    """
    Return, by what was thought when a sample was first assessed, how often a lethal opioid was found.

    Inconclusive results say nothing and are left out.
    """
    reported = await repo.concluded(session, most=_MOST)
    first = await samples.first_risks(session, [row.sample_id for row in reported])
    pairs = [
        (first[row.sample_id], _lethal(row.substances))
        for row in reported
        if row.sample_id in first
    ]
    return [_cell(pairs, low, high) for low, high in pairwise(EDGES)]


def _cell(pairs: Sequence[tuple[float, bool]], low: float, high: float) -> CalibrationCell:
    inside = [
        (share, found)
        for share, found in pairs
        if low <= share and (share < high or high == EDGES[-1])
    ]
    return CalibrationCell(
        from_share=low,
        below_share=high,
        samples=len(inside),
        expected=sum(share for share, _ in inside) / len(inside) if inside else 0.0,
        found=sum(found for _, found in inside),
    )


def _lethal(substances: Sequence[Any]) -> bool:
    for name in substances:
        known = find(str(name))
        hazard = known.hazard if known else resolve(str(name)).hazard
        if hazard in LETHAL_OPIOIDS:
            return True
    return False
