"""
What is told of an outcome: waits until the first finding, and the longest wait of anyone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median

from bench.ranking.laboratory import SCREEN_DAYS, Outcome
from bench.ranking.world import Load, Sample


@dataclass(frozen=True, slots=True)
class Waits:
    """
    One policy in one world. Days.
    """

    lethal_mean: float
    lethal_median: float
    lethal_p95: float
    lethal_over_week: float
    """Share of the lethal ones that waited more than seven days."""
    harm: float
    """Mean wait of new arrivals, weighted with their true harm."""
    mean_all: float
    longest: float
    """Of anyone, whatever is in it; those never served count up to the end."""
    unfinished: int

    @classmethod
    def over(cls, worlds: Sequence["Waits"]) -> "Waits":
        """
        Return the mean over worlds.
        """
        names = cls.__dataclass_fields__
        return cls(**{name: mean(getattr(one, name) for one in worlds) for name in names})


def waits(samples: Sequence[Sample], load: Load, out: Outcome) -> Waits:
    """
    Measure everybody; harm and the lethal ones among those that arrived after the beginning, as a new order meets them.
    """
    # What arrives in the last month may well be under way at the end: it is no evidence of anything.
    counted = [one for one in samples if 0 <= one.arrived < load.days - 30]
    took = {one.number: out.found.get(one.number, load.days) - one.arrived for one in samples}
    lethal = sorted(took[one.number] for one in counted if one.lethal)
    everybody = [out.done.get(one.number, load.days) - one.arrived for one in samples]
    total = sum(one.harm for one in counted)
    return Waits(
        lethal_mean=mean(lethal),
        lethal_median=median(lethal),
        lethal_p95=lethal[int(0.95 * len(lethal))],
        lethal_over_week=sum(one > 7 for one in lethal) / len(lethal),
        harm=sum(one.harm * took[one.number] for one in counted) / total,
        mean_all=mean(took[one.number] for one in counted),
        longest=max(everybody),
        unfinished=sum(one.number not in out.done for one in samples),
    )


def predicted_longest(
    fifo_longest: float,
    load: Load,
    head_starts: Sequence[float],
    mean_confirm: float,
    *,
    screens: bool,
) -> float:
    """
    Solve the theorem's equation: W = W_FIFO + screens during W + confirmations that overtake within their head start.
    """
    screened = load.rho * SCREEN_DAYS / load.mean_work if screens else 0.0
    confirmed = load.rho * mean_confirm / load.mean_work
    wait = fifo_longest
    for _ in range(500):
        overtaking = sum(min(days, wait) for days in head_starts) / len(head_starts)
        wait += 0.5 * (fifo_longest + screened * wait + confirmed * overtaking - wait)
        if wait > 10_000:
            break
    return wait
