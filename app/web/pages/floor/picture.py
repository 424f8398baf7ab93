"""
Pictures, drawn on the server: geometry only, as numbers for a template. What they show stands beside them in words too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 360.0, 150.0
_TOP, _FOOT, _GAP = 16.0, 18.0, 0.22


@dataclass(frozen=True, slots=True)
class Part:
    """
    One rectangle of a column.
    """

    x: float
    y: float
    width: float
    height: float
    tone: str


@dataclass(frozen=True, slots=True)
class Column:
    """
    One column: its parts from the ground up, its words below and its figure above.
    """

    parts: tuple[Part, ...]
    x: float
    top: float
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Picture:
    """
    A picture with columns, and perhaps a line over them.
    """

    columns: tuple[Column, ...]
    line: str
    """The points of a polyline; empty without one."""
    ground: float
    title: str
    width: float = WIDTH
    height: float = HEIGHT


def columns(
    title: str,
    values: Sequence[tuple[str, Sequence[tuple[float, str]], str]],
    *,
    over: Sequence[float] = (),
) -> Picture:
    """
    Draw stacked columns.

    Args:
        title: what the picture shows, in words.
        values: for each column its label, its parts as height and tone, and its figure in words.
        over: the points of a line, in the columns' own measure.

    """
    ground = HEIGHT - _FOOT
    most = max([sum(height for height, _ in parts) for _, parts, _ in values] + [*over, 1.0])
    step = WIDTH / max(len(values), 1)
    scale = (ground - _TOP) / most
    found = []
    for at, (label, parts, figure) in enumerate(values):
        y = ground
        drawn = []
        for height, tone in parts:
            tall = round(height * scale, 2)
            y -= tall
            if tall > 0:
                left = round(at * step + step * _GAP / 2, 2)
                drawn.append(Part(left, round(y, 2), round(step * (1 - _GAP), 2), tall, tone))
        found.append(
            Column(tuple(drawn), round((at + 0.5) * step, 2), round(y - 4, 2), label, figure)
        )
    points = " ".join(
        f"{(at + 0.5) * step:.1f},{ground - value * scale:.1f}" for at, value in enumerate(over)
    )
    return Picture(tuple(found), points, ground, title)
