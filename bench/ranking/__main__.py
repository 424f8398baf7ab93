"""
``make bench-ranking``: compare orders in made-up laboratories, print the tables beside the targets, draw the pictures.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing import Pool
from pathlib import Path
from statistics import mean

from app.ranking.assess import assess
from app.ranking.assessment import Stage
from app.ranking.harm import DAY_US
from app.ranking.policy import current, load
from bench.ranking import calibrate, pictures, speed
from bench.ranking.laboratory import (
    OLDEST_EVERY,
    SCREEN_DAYS,
    Outcome,
    Screen,
    one_stage,
    two_stages,
)
from bench.ranking.measure import Waits, predicted_longest, waits
from bench.ranking.world import Load, Sample, intake

RESULTS = Path(__file__).parent / "RESULTS.md"
LATE = 1e6

FIFO, COURT, MANUAL = "first come, first served", "court date", "three levels by hand"
ONE, TWO, ORACLE = "this policy, no screen", "this policy", "oracle (knows the truth)"


@dataclass(frozen=True, slots=True)
class Run:
    """
    One world under one policy.
    """

    name: str
    rho: float
    seed: int
    waits: Waits
    predicted: float | None = None
    fifo_same: bool | None = None


def orders() -> dict[str, Callable[[Sample], float]]:
    """
    Return the orders that need no screen.
    """
    return {
        FIFO: lambda one: one.arrived,
        COURT: lambda one: one.court if one.court is not None else one.arrived + LATE,
        MANUAL: lambda one: one.manual * LATE + one.arrived,
        ORACLE: lambda one: -one.harm / one.work,
    }


def world(job: tuple[float, int, float]) -> list[Run]:
    """
    Run every order through one world.
    """
    rho, seed, days = job
    policy = current()
    busy = Load(rho, days=days)
    samples = intake(busy, policy, seed)
    runs = []
    starts: dict[str, list[int]] = {}
    for name, key in orders().items():
        out = one_stage(samples, busy, key)
        starts[name] = out.starts
        runs.append(Run(name, rho, seed, waits(samples, busy, out)))
    fifo = runs[0].waits.longest
    heads: dict[int, float] = {}

    def head(one: Sample) -> float:
        heads[one.number] = assess(one.facts, policy, Stage.CONFIRM).head_start_us / DAY_US
        return one.arrived - heads[one.number]

    alone = one_stage(samples, busy, head, every=OLDEST_EVERY)
    runs.append(
        Run(
            ONE,
            rho,
            seed,
            waits(samples, busy, alone),
            predicted_longest(
                fifo, busy, list(heads.values()), mean(one.work for one in samples), screens=False
            ),
        )
    )
    both = two_stages(samples, busy, policy, Screen(), seed)
    runs.append(
        Run(TWO, rho, seed, waits(samples, busy, both), _predict(fifo, busy, samples, both))
    )
    # A scorer that crashed gives everybody the same head start.
    constant = one_stage(samples, busy, lambda one: one.arrived - 60.0)
    runs.append(
        Run(
            "constant scorer",
            rho,
            seed,
            waits(samples, busy, constant),
            fifo_same=constant.starts == starts[FIFO],
        )
    )
    return runs


def _predict(fifo: float, busy: Load, samples: Sequence[Sample], out: Outcome) -> float:
    confirm = mean(max(one.work - SCREEN_DAYS, 0.005) for one in samples)
    return predicted_longest(fifo, busy, list(out.head_starts.values()), confirm, screens=True)


VARIANTS: dict[str, tuple[Load, Screen]] = {
    "as it is": (Load(0.95), Screen()),
    "60 % of fields missing": (Load(0.95, missing=0.6), Screen()),
    "75 % of agencies mark everything": (Load(0.95, over_marking=0.75), Screen()),
    "no linked samples": (Load(0.95), Screen(siblings=False)),
    "screen 92/92": (Load(0.95), Screen(0.92, 0.92)),
    "screen 85/95": (Load(0.95), Screen(0.85, 0.95)),
    "no oldest-first share": (Load(0.95), Screen(every=0)),
    "no backlog": (Load(0.95, backlog=0), Screen()),
}


def variant(job: tuple[str, int, float]) -> tuple[str, Waits]:
    """
    Run this policy through one variant of the world.
    """
    name, seed, days = job
    busy, screen = VARIANTS[name]
    busy = replace(busy, days=days)
    samples = intake(busy, current(), seed)
    return name, waits(samples, busy, two_stages(samples, busy, current(), screen, seed))


def frontier(job: tuple[float, int, float]) -> tuple[float, Waits]:
    """
    Run this policy with another line: what less harm costs in the longest wait.
    """
    line, seed, days = job
    policy = current()
    policy = replace(policy, curve=replace(policy.curve, line=line))
    busy = Load(0.95, days=days)
    samples = intake(busy, current(), seed)
    return line, waits(samples, busy, two_stages(samples, busy, policy, Screen(), seed))


def main() -> None:
    """
    Measure, print, write and draw.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.ranking")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--days", type=float, default=720.0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="write RESULTS.md and the pictures")
    asked = parser.parse_args()
    begun = time.monotonic()
    seeds, days = range(asked.seeds), asked.days
    with Pool(asked.processes) as pool:
        runs = [
            run
            for some in pool.map(
                world, [(rho, s, days) for rho in (0.8, 0.95, 1.05) for s in seeds], chunksize=1
            )
            for run in some
        ]
        few = range(min(2, asked.seeds))
        varied = pool.map(variant, [(n, s, days) for n in VARIANTS for s in few], chunksize=1)
        edge = pool.map(
            frontier,
            [(x, s, days) for x in (0.05, 0.1, 0.25, 0.5, 1.0, 4.0) for s in few[:1]],
            chunksize=1,
        )
    text = "\n".join(
        [
            *_tables(runs),
            *_targets(runs, varied),
            *_variants(varied),
            *calibrate.report(current(), load("2026-11-first")),
            *speed.report(current()),
        ]
    )
    print(text)
    if asked.keep:
        took = time.monotonic() - begun
        RESULTS.write_text(
            f"# Ranking: what was measured\n\nWritten by `make bench-ranking ARGS=--keep` (policy `{current().id}`,"
            f" {asked.seeds} seeds, {asked.days:.0f} days, {took:.0f} s). How it is made: `docs/ranking.md`.\n\n{text}\n",
            encoding="utf-8",
        )
        pictures.draw(runs, edge)


def _of(runs: Sequence[Run], rho: float, name: str) -> Waits:
    return Waits.over([run.waits for run in runs if run.rho == rho and run.name == name])


def _tables(runs: Sequence[Run]) -> list[str]:
    lines = []
    for rho in sorted({run.rho for run in runs}):
        lines += [
            f"## Utilisation {rho}, a backlog of 60 days of arrivals",
            "",
            "| order | harm-weighted days | high risk: mean | median | p95 | over 7 days | mean of all | longest of anyone |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for name in (FIFO, COURT, MANUAL, ONE, TWO, ORACLE):
            w = _of(runs, rho, name)
            lines.append(
                f"| {name} | {w.harm:.2f} | {w.lethal_mean:.2f} | {w.lethal_median:.2f} | {w.lethal_p95:.2f}"
                f" | {w.lethal_over_week:.1%} | {w.mean_all:.0f} | {w.longest:.0f} |"
            )
        lines.append("")
    lines += [
        "High risk: a potent opioid in a strong dose, in circulation; days until the first finding leaves. The oracle"
        " knows every sample's true harm and work, has no screen, and no bound on anyone's wait.",
        "",
    ]
    return lines


def _targets(runs: Sequence[Run], varied: Sequence[tuple[str, Waits]]) -> list[str]:
    two, court, fifo, one, oracle = (
        _of(runs, 0.95, name) for name in (TWO, COURT, FIFO, ONE, ORACLE)
    )
    over = _of(runs, 1.05, TWO), _of(runs, 1.05, FIFO), _of(runs, 1.05, ONE)
    kinds = {name: Waits.over([w for n, w in varied if n == name]) for name in VARIANTS}
    as_is = kinds["as it is"]
    errors = [
        abs(run.predicted / run.waits.longest - 1) for run in runs if run.predicted is not None
    ]
    same = all(run.fifo_same for run in runs if run.fifo_same is not None)
    rows = [
        ("with the screen: high-risk mean, days", two.lethal_mean, "<=", 0.40),
        ("with the screen: high-risk p95, days", two.lethal_p95, "<=", 0.15),
        ("with the screen: high-risk over 7 days", two.lethal_over_week, "<=", 0.006),
        (
            "with the screen: high-risk mean against court-date order",
            two.lethal_mean / court.lethal_mean,
            "<=",
            0.01,
        ),
        (
            "with the screen: longest of anyone against first come",
            two.longest / fifo.longest,
            "<=",
            1.7,
        ),
        ("stretch: longest of anyone against first come", two.longest / fifo.longest, "<=", 1.3),
        (
            "one stage: high-risk median against the oracle's",
            one.lethal_median / oracle.lethal_median,
            "<=",
            1.1,
        ),
        ("one stage: high-risk p95, days", one.lethal_p95, "<=", 1.7),
        ("one stage: high-risk over 7 days", one.lethal_over_week, "<=", 0.03),
        ("one stage: harm against first come", one.harm / fifo.harm, "<=", 1 / 14),
        ("one stage: longest of anyone against first come", one.longest / fifo.longest, "<=", 2.5),
        ("overload: harm with the screen, days", over[0].harm, "<=", 3.5),
        (
            "overload: longest with the screen against first come",
            over[0].longest / over[1].longest,
            "<=",
            1.7,
        ),
        (
            "overload: one stage, longest against first come",
            over[2].longest / over[1].longest,
            "<=",
            2.55,
        ),
        ("predicted longest wait, worst error", max(errors), "<=", 0.05),
        (
            "60 % of fields missing: harm",
            kinds["60 % of fields missing"].harm / as_is.harm,
            "<=",
            1.4,
        ),
        (
            "75 % mark everything: harm",
            kinds["75 % of agencies mark everything"].harm / as_is.harm,
            "<=",
            1.13,
        ),
    ]
    lines = [
        "## Against the targets",
        "",
        "| what | measured | target | met |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {value:.3f} | {sign} {target:.3g} | {'yes' if value <= target else '**no**'} |"
        for name, value, sign, target in rows
    ]
    lines.append(
        f"| a constant scorer starts samples exactly as first come, first served | {same} | True |"
        f" {'yes' if same else '**no**'} |"
    )
    return [*lines, ""]


def _variants(varied: Sequence[tuple[str, Waits]]) -> list[str]:
    lines = [
        "## What matters (utilisation 0.95, this policy)",
        "",
        "| world | harm-weighted days | high risk: mean | p95 | over 7 days | longest of anyone |",
        "|---|---|---|---|---|---|",
    ]
    for name in VARIANTS:
        w = Waits.over([found for one, found in varied if one == name])
        lines.append(
            f"| {name} | {w.harm:.2f} | {w.lethal_mean:.2f} | {w.lethal_p95:.2f} | {w.lethal_over_week:.1%} | {w.longest:.0f} |"
        )
    return [*lines, ""]


if __name__ == "__main__":
    main()
