"""
Three pictures for ``docs/ranking.md``, as SVG written by hand: waiting by order, reliability, and the frontier.
"""

from collections.abc import Sequence
from math import log10
from pathlib import Path
from typing import Any

from app.ranking.policy import current
from bench.ranking.calibrate import by_margin, score
from bench.ranking.measure import Waits

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
WIDE, HIGH = 720, 380
LEFT, RIGHT, TOP, BOTTOM = 190, 30, 44, 46
INK, SOFT, LINE, ACCENT, GRAY = "#1c2733", "#5b6875", "#d5dbe1", "#0b6e69", "#9aa7b3"


def draw(runs: Sequence[Any], edge: Sequence[tuple[float, Waits]]) -> None:
    """
    Draw all three.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    _write("ranking-waiting.svg", _waiting(runs))
    _write("ranking-reliability.svg", _reliability())
    _write("ranking-frontier.svg", _frontier(edge))


def _write(name: str, parts: Sequence[str]) -> None:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" width="{WIDE}" height="{HIGH}"'
        ' font-family="system-ui, sans-serif" font-size="13">'
        f'<rect width="{WIDE}" height="{HIGH}" fill="#ffffff"/>'
    )
    (FOLDER / name).write_text("\n".join([head, *parts, "</svg>", ""]), encoding="utf-8")


def _text(
    x: float, y: float, words: str, *, color: str = INK, anchor: str = "start", bold: bool = False
) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{color}" text-anchor="{anchor}"{weight}>{words}</text>'


def _waiting(runs: Sequence[Any]) -> list[str]:
    names = list(dict.fromkeys(run.name for run in runs if run.name != "constant scorer"))
    told = {
        name: Waits.over([run.waits for run in runs if run.name == name and run.rho == 0.95])
        for name in names
    }
    low, high = 0.02, 500.0

    def across(days: float) -> float:
        share = (log10(max(days, low)) - log10(low)) / (log10(high) - log10(low))
        return LEFT + share * (WIDE - LEFT - RIGHT)

    parts = [
        _text(
            16,
            26,
            "Days to the first finding of high-risk samples, utilisation 0.95 (log scale)",
            bold=True,
        )
    ]
    step = (HIGH - TOP - BOTTOM) / len(names)
    for days, words in (
        (0.04, "1 h"),
        (0.1, "0.1"),
        (1, "1 day"),
        (7, "7"),
        (30, "30"),
        (100, "100"),
        (365, "a year"),
    ):
        x = across(days)
        parts.append(
            f'<line x1="{x:.0f}" y1="{TOP}" x2="{x:.0f}" y2="{HIGH - BOTTOM}" stroke="{LINE}"/>'
        )
        parts.append(_text(x, HIGH - BOTTOM + 18, words, color=SOFT, anchor="middle"))
    for at, name in enumerate(names):
        w, y = told[name], TOP + step * (at + 0.5)
        ours = name.startswith("this policy")
        color = ACCENT if ours else GRAY
        parts.append(_text(LEFT - 10, y + 4, name, anchor="end", bold=ours))
        first, last = sorted((across(w.lethal_median), across(w.lethal_p95)))
        parts.append(
            f'<line x1="{first:.1f}" y1="{y:.0f}" x2="{last:.1f}" y2="{y:.0f}" stroke="{color}" stroke-width="8" stroke-linecap="round"/>'
        )
        parts.append(
            f'<circle cx="{across(w.lethal_mean):.1f}" cy="{y:.0f}" r="6" fill="#fff" stroke="{color}" stroke-width="3"/>'
        )
        x = across(w.longest)
        parts.append(f'<path d="M{x:.1f} {y - 7:.0f} v14" stroke="{INK}" stroke-width="2"/>')
    parts.append(
        _text(
            16,
            HIGH - 8,
            "bar: median to 95 %; ring: mean; tick: longest wait of anyone",
            color=SOFT,
        )
    )
    return parts


def _reliability() -> list[str]:
    parts = [
        _text(
            16,
            26,
            "Lethal opioid: predicted against found, each cell of the counts (log scale)",
            bold=True,
        )
    ]
    low = 0.0008
    side = HIGH - TOP - BOTTOM

    def at(p: float) -> float:
        return (log10(min(max(p, low), 1)) - log10(low)) / -log10(low)

    x0 = 70
    wide = WIDE - x0 - RIGHT
    for p, words in ((0.001, "0.1 %"), (0.01, "1 %"), (0.1, "10 %"), (1.0, "100 %")):
        x, y = x0 + at(p) * wide, HIGH - BOTTOM - at(p) * side
        parts.append(
            f'<line x1="{x:.0f}" y1="{TOP}" x2="{x:.0f}" y2="{HIGH - BOTTOM}" stroke="{LINE}"/>'
        )
        parts.append(
            f'<line x1="{x0}" y1="{y:.0f}" x2="{WIDE - RIGHT}" y2="{y:.0f}" stroke="{LINE}"/>'
        )
        parts.append(_text(x, HIGH - BOTTOM + 18, words, color=SOFT, anchor="middle"))
        parts.append(_text(x0 - 8, y + 4, words, color=SOFT, anchor="end"))
    parts.append(
        f'<line x1="{x0}" y1="{HIGH - BOTTOM}" x2="{WIDE - RIGHT}" y2="{TOP}" stroke="{INK}" stroke-dasharray="4 4"/>'
    )
    for name, some in by_margin().items():
        if not name.endswith(("expected class", "field test", "expected text")):
            continue
        for one in score(current(), some):
            if one.of < 100 or not one.lethal:
                continue
            x = x0 + at(one.p) * wide
            y = HIGH - BOTTOM - at(one.lethal / one.of) * side
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{2 + log10(one.of):.1f}" fill="{ACCENT}" fill-opacity="0.6"/>'
            )
    parts.append(
        _text(
            16,
            HIGH - 8,
            "across: predicted; up: found; size: how many samples; cells of 100 or more with at least one",
            color=SOFT,
        )
    )
    return parts


def _frontier(edge: Sequence[tuple[float, Waits]]) -> list[str]:
    parts = [
        _text(
            16, 26, "Less harm or a shorter longest wait: this policy with another line", bold=True
        )
    ]
    x0, wide, side = 70, WIDE - 70 - RIGHT, HIGH - TOP - BOTTOM
    most_wait = max(w.longest for _, w in edge) * 1.1
    most_harm = max(w.harm for _, w in edge) * 1.15
    for part in range(5):
        x, y = x0 + part / 4 * wide, HIGH - BOTTOM - part / 4 * side
        parts.append(
            f'<line x1="{x:.0f}" y1="{TOP}" x2="{x:.0f}" y2="{HIGH - BOTTOM}" stroke="{LINE}"/>'
        )
        parts.append(
            f'<line x1="{x0}" y1="{y:.0f}" x2="{WIDE - RIGHT}" y2="{y:.0f}" stroke="{LINE}"/>'
        )
        parts.append(
            _text(
                x, HIGH - BOTTOM + 18, f"{part / 4 * most_wait:.0f} d", color=SOFT, anchor="middle"
            )
        )
        parts.append(
            _text(x0 - 8, y + 4, f"{part / 4 * most_harm:.1f} d", color=SOFT, anchor="end")
        )
    dots = sorted((w.longest, w.harm, line) for line, w in edge)
    path = " L".join(
        f"{x0 + a / most_wait * wide:.1f} {HIGH - BOTTOM - b / most_harm * side:.1f}"
        for a, b, _ in dots
    )
    parts.append(f'<path d="M{path}" fill="none" stroke="{ACCENT}" stroke-width="2"/>')
    for a, b, line in dots:
        x, y = x0 + a / most_wait * wide, HIGH - BOTTOM - b / most_harm * side
        ours = line == current().curve.line
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{7 if ours else 5}" fill="{ACCENT if ours else "#fff"}" stroke="{ACCENT}" stroke-width="2"/>'
        )
        parts.append(_text(x + 10, y - 8, f"line {line:g}", bold=ours))
    parts.append(
        _text(
            16,
            HIGH - 8,
            "across: longest wait of anyone; up: harm-weighted wait; filled: as set",
            color=SOFT,
        )
    )
    return parts
