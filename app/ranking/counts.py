"""
From counts to priors: how often samples said to be something held what, by market and year.

A source counts as a limited number of observations, because its population is not the laboratory's; each cell is drawn
towards the mean of the markets, so that three samples decide nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log2
from typing import Any

from app.ranking.model import ANY, CLASSES, HAZARDS, Prior
from app.substances.classes import ExpectedClass, HazardClass

FENTANYL = CLASSES.index(HazardClass.FENTANYL_CLASS)


@dataclass(frozen=True, slots=True)
class Count:
    """
    One row: ``of`` samples, of which so many held each class that the source could see.
    """

    source: str
    market: str
    expected: frozenset[ExpectedClass]
    substances: frozenset[str]
    """Set where only these names were counted, and not the class."""
    year: int | None
    of: float
    found: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Shrink:
    """
    How far counts are trusted.
    """

    strength: float
    most: float
    reach_years: int


@dataclass(frozen=True, slots=True)
class _Cell:
    rates: dict[int, float]
    """Pooled, of the classes that were counted."""
    weights: dict[int, float]
    sources: tuple[str, ...]


def logit(p: float) -> float:
    """
    This function will return log2 odds.
    """
    return log2(p / (1 - p))


def read(document: Mapping[str, Any]) -> list[Count]:
    """
    This function will read the count tables of a policy document.
    """
    counts: list[Count] = []
    for table in document["count"]:
        counted = document["source"][table["source"]]["counted"]
        for row in table["rows"]:
            years = row.get("years", [table.get("year")])
            for at, year in enumerate(years):
                found = {
                    CLASSES.index(HazardClass(name)): float(_at(row.get(name, 0), at))
                    for name in counted
                }
                counts.append(
                    Count(
                        source=table["source"],
                        market=table["market"],
                        expected=frozenset(ExpectedClass(name) for name in row.get("expected", ())),
                        substances=frozenset(row.get("substances", ())),
                        year=year,
                        of=float(_at(row["of"], at)),
                        found=found,
                    )
                )
    return counts


def priors(
    counts: list[Count],
    document: Mapping[str, Any],
    shrink: Shrink,
    years: Iterable[int],
) -> dict[tuple[str, ExpectedClass, int], Prior]:
    """
    This function will make one prior for each market, expected class and year.
    """
    table = _Table(document, shrink)
    return {
        (market, expected, year): prior
        for year in years
        for expected in ExpectedClass
        for market, prior in table.made_from(
            [count for count in counts if expected in count.expected], year
        ).items()
    }


def substances(
    counts: list[Count],
    document: Mapping[str, Any],
    shrink: Shrink,
    years: Iterable[int],
) -> dict[tuple[str, str, int], Prior]:
    """
    This function will make one prior for each market, year and substance that was counted apart from its class.
    """
    table = _Table(document, shrink)
    names = sorted({name for count in counts for name in count.substances})
    made = {}
    for name in names:
        apart = [count for count in counts if name in count.substances]
        # Where a name was not counted apart, its class speaks for it.
        markets = {ANY, *(count.market for count in apart)}
        for year in years:
            for market, prior in table.made_from(apart, year).items():
                if market in markets:
                    made[market, name, year] = prior
    return made


class _Table:
    """
    What every prior is made with.
    """

    def __init__(self, document: Mapping[str, Any], shrink: Shrink) -> None:
        self._shrink = shrink
        self._floors = [float(document["class"][hazard]["floor"]) for hazard in HAZARDS]
        self._ratios = {
            (entry["market"], CLASSES.index(HazardClass(entry["hazard"]))): float(entry["ratio"])
            for entry in document["companion"]
        }
        self._markets = [market for market in document["market"] if market != ANY]
        self._words = {name: str(source["words"]) for name, source in document["source"].items()}

    def made_from(self, counts: list[Count], year: int) -> dict[str, Prior]:
        """
        Make the priors of one year from the counts of one class or substance: one for each market.
        """
        shrink = self._shrink
        cells = {
            market: _cell(_nearest(counts, market, year, shrink.reach_years), shrink)
            for market in self._markets
        }
        means = _means(cells.values())
        rates = {
            market: _rates(market, cell, means, shrink, self._ratios, self._floors)
            for market, cell in cells.items()
        }
        counted = [rates[market] for market, cell in cells.items() if cell.sources]
        # Where nothing was counted anywhere, every market has the floors.
        columns = zip(*(counted or rates.values()), strict=True)
        rates[ANY] = [sum(column) / len(column) for column in columns]
        sources = {market: cell.sources for market, cell in cells.items()}
        sources[ANY] = tuple(sorted({name for cell in cells.values() for name in cell.sources}))
        made = {}
        for market, row in rates.items():
            told = "; ".join(self._words[name] for name in sources[market])
            made[market] = Prior(
                logits=tuple(logit(p) for p in row),
                source=told or "mean of the counted markets, or the class's floor: assumption",
            )
        return made


def _at(value: Any, at: int) -> Any:
    return value[at] if isinstance(value, list) else value


def _nearest(counts: list[Count], market: str, year: int, reach: int) -> list[Count]:
    # Of each source its undated rows, or its nearest year within reach.
    chosen: dict[str, Count] = {}
    undated: list[Count] = []
    for count in counts:
        if count.market != market:
            continue
        if count.year is None:
            undated.append(count)
        elif abs(count.year - year) <= reach:
            rival = chosen.get(count.source)
            if rival is None or abs(count.year - year) < abs((rival.year or 0) - year):
                chosen[count.source] = count
    return [*undated, *chosen.values()]


def _cell(counts: list[Count], shrink: Shrink) -> _Cell:
    found: dict[int, float] = {}
    of: dict[int, float] = {}
    for count in counts:
        scale = min(1.0, shrink.most / count.of)
        for hazard, number in count.found.items():
            found[hazard] = found.get(hazard, 0.0) + number * scale
            of[hazard] = of.get(hazard, 0.0) + count.of * scale
    return _Cell(
        rates={hazard: found[hazard] / of[hazard] for hazard in found},
        weights=of,
        sources=tuple(sorted({count.source for count in counts})),
    )


def _means(cells: Iterable[_Cell]) -> dict[int, float]:
    seen: dict[int, list[float]] = {}
    for cell in cells:
        for hazard, rate in cell.rates.items():
            seen.setdefault(hazard, []).append(rate)
    return {hazard: sum(rates) / len(rates) for hazard, rates in seen.items()}


def _rates(
    market: str,
    cell: _Cell,
    means: Mapping[int, float],
    shrink: Shrink,
    ratios: Mapping[tuple[str, int], float],
    floors: list[float],
) -> list[float]:
    def counted(hazard: int) -> float | None:
        if hazard not in cell.rates:
            return None
        weight = cell.weights[hazard]
        drawn = cell.rates[hazard] * weight + means[hazard] * shrink.strength
        return drawn / (weight + shrink.strength)

    fentanyl = counted(FENTANYL)
    fentanyl = means.get(FENTANYL, 0.0) if fentanyl is None else fentanyl
    rates = []
    for hazard, floor in enumerate(floors):
        rate = counted(hazard)
        if rate is None and (market, hazard) in ratios:
            rate = ratios[market, hazard] * fentanyl
        if rate is None:
            rate = means.get(hazard, 0.0)
        # A class nobody could count is still possible, and none is certain.
        rates.append(min(max(rate, floor), 0.98))
    return rates
