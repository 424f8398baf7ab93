"""
How good the probabilities are: on counts held out from those the policy is built from, and on every margin.

The counts hold margins only. So what is held out is a part of every cell (three tenths, drawn without replacement), not
later samples and not other places: it shows that the policy does not learn noise, not that markets stay as they are.
"""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from math import sqrt
from random import Random
from typing import Any

from app.ranking.assess import assess
from app.ranking.build import build
from app.ranking.intake import facts_from
from app.ranking.policy import Policy
from app.samples.schemas import SubmissionIn
from bench.ranking.cells import Cell, cells

HELD_OUT = 0.3
ENOUGH = 30
"""Positives from which on a tenth is judged."""
SOURCES = {"wedinos": "wedinos", "bc": "drugcheckingbc", "drugsdata": "drugsdata"}
NEEDLESS = ("expected_class+route", "expected_class+region", "expected_class+form")


@dataclass(frozen=True, slots=True)
class Scored:
    """
    Samples with one prediction.
    """

    p: float
    of: int
    lethal: int


@dataclass(frozen=True, slots=True)
class Tenth:
    """
    A tenth of all samples, by what was predicted.
    """

    predicted: float
    found: float
    of: float

    @property
    def good(self) -> bool:
        """
        Within a fifth, or inside the 95 % interval (Wilson) of what was found.
        """
        if abs(self.predicted / self.found - 1) <= 0.2:
            return True
        rate, z = self.found / self.of, 1.96
        middle = (rate + z * z / (2 * self.of)) / (1 + z * z / self.of)
        half = (
            z / (1 + z * z / self.of) * sqrt(rate * (1 - rate) / self.of + (z / (2 * self.of)) ** 2)
        )
        return middle - half <= self.predicted / self.of <= middle + half


def area(scored: Iterable[Scored]) -> float:
    """
    Return the chance that one that holds a lethal opioid is scored above one that does not; ties count half.
    """
    total = below = positives = 0.0
    for _, group in groupby(sorted(scored, key=lambda one: one.p), key=lambda one: one.p):
        rows = list(group)
        held = sum(one.lethal for one in rows)
        rest = sum(one.of - one.lethal for one in rows)
        total += held * (below + rest / 2)
        below += rest
        positives += held
    return total / (positives * below)


def tenths(scored: Iterable[Scored]) -> list[Tenth]:
    """
    Cut the samples into ten equal parts by what was predicted; a cell may lie across a cut.
    """
    rows = sorted(scored, key=lambda one: one.p)
    size = sum(one.of for one in rows) / 10
    found: list[list[float]] = [[0.0, 0.0, 0.0]]
    for one in rows:
        left = float(one.of)
        while left > 1e-9:
            part = found[-1]
            taken = min(left, size - part[2])
            part[0] += one.p * taken
            part[1] += one.lethal * taken / one.of
            part[2] += taken
            left -= taken
            if part[2] >= size - 1e-6 and len(found) < 10:
                found.append([0.0, 0.0, 0.0])
    return [Tenth(*part) for part in found if part[2]]


def score(policy: Policy, some: Sequence[Cell]) -> list[Scored]:
    """
    Put cells through, as ``assayline rank`` would.
    """
    scored = []
    for cell in some:
        body = SubmissionIn.model_validate(cell.body).model_dump(mode="json")
        judged = assess(facts_from(body, body["samples"][0]), policy)
        scored.append(Scored(judged.p_lethal_opioid, cell.of, cell.lethal))
    return scored


def split(policy_id: str, seed: int) -> tuple[Policy, list[Cell]]:
    """
    Take three tenths of every cell away, build the policy from the rest, and return it with what was taken.
    """
    random = Random(seed)
    path = files("app.ranking").joinpath(f"policies/{policy_id}.toml")
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    held: list[Cell] = []
    by_key = {
        (c.source, c.key): c for c in cells() if c.margin in {"expected_class", "expected_text"}
    }
    for table in document["count"]:
        if table["source"] not in SOURCES:
            continue
        for row in table["rows"]:
            taken = _take(random, row)
            key = _key_of(SOURCES[table["source"]], row)
            cell = by_key.get((SOURCES[table["source"]], key)) if key else None
            if cell is not None:
                held.append(
                    Cell(cell.source, "held out", cell.key, taken["of"], taken["lethal"], cell.body)
                )
    return build(document), held


_LETHAL = ("super_potent", "nitazene", "other_novel_opioid", "fentanyl_class")
_KEYS = {
    "opioid_rx": None,
    "benzodiazepine": None,
    "synthetic_cannabinoid": "scra",
    "oxycodone": "oxy",
    "diazepam": "diaz|val",
    "alprazolam": "alpraz|xan",
    "opioid tablets": "opioid_rx",
    "down (opioid not named)": "unknown_opioid",
}


def _key_of(source: str, row: dict[str, Any]) -> str | None:
    name = (row.get("substances") or row["expected"])[0]
    if "substances" in row and name in {"benzodiazepine", "opioid tablets"} and source == "wedinos":
        return None  # the same samples as their names
    if "substances" in row and name == "benzodiazepine":
        return "benzo"
    return _KEYS.get(name, name)


def _take(random: Random, row: dict[str, Any]) -> dict[str, int]:
    of = int(row["of"])
    taken = round(of * HELD_OUT)
    lethal = 0
    for hazard, number in list(row.items()):
        if hazard in {"of", "expected", "substances"}:
            continue
        held = sum(random.random() < taken / of for _ in range(int(number))) if of else 0
        row[hazard] -= held
        lethal += held if hazard in _LETHAL else 0
    row["of"] = max(of - taken, 1)
    return {"of": taken, "lethal": min(lethal, taken)}


def report(policy: Policy, before: Policy) -> list[str]:
    """
    Write what was found.
    """
    lines = ["## Probabilities", ""]
    aucs, good, judged = [], 0, 0
    for seed in range(10):
        trained, held = split(policy.id, seed)
        scored = score(trained, [cell for cell in held if cell.of])
        aucs.append(area(scored))
        parts = [one for one in tenths(scored) if one.found >= ENOUGH]
        good += sum(one.good for one in parts)
        judged += len(parts)
    lines += [
        f"Held out, ten splits: AUC {min(aucs):.3f} to {max(aucs):.3f} (target 0.90);"
        f" {good} of {judged} tenths with 30 or more positives within a fifth or the 95 % interval.",
        "",
        "| margin (all of it; the policy has seen these counts) | samples | lethal | expected | AUC | AUC, first policy |",
        "|---|---|---|---|---|---|",
    ]
    for name, some in by_margin().items():
        scored, old = score(policy, some), score(before, some)
        of, lethal = sum(one.of for one in scored), sum(one.lethal for one in scored)
        lines.append(
            f"| {name} | {of:,} | {lethal:,} | {sum(one.p * one.of for one in scored):,.0f}"
            f" | {area(scored):.3f} | {area(old):.3f} |"
        )
    lines += [
        "",
        "| tenth of all samples (best margins) | found | expected | |",
        "|---|---|---|---|",
    ]
    for number, one in enumerate(tenths(score(policy, best())), start=1):
        verdict = ("good" if one.good else "**off**") if one.found >= ENOUGH else "too few to judge"
        lines.append(f"| {number} | {one.found:.0f} | {one.predicted:.0f} | {verdict} |")
    return [*lines, ""]


def by_margin() -> dict[str, list[Cell]]:
    """
    Return the cells by source and margin, and all expected classes together.
    """
    found: dict[str, list[Cell]] = {"all sources, what was expected": []}
    for cell in cells():
        if cell.margin == "expected_class":
            found["all sources, what was expected"].append(cell)
        if cell.margin not in NEEDLESS:
            found.setdefault(f"{cell.source}: {cell.margin.replace('_', ' ')}", []).append(cell)
    return found


def best() -> list[Cell]:
    """
    Return the most telling margin of each source: no sample twice.
    """
    wanted = {
        ("wedinos", "expected_class+colour"),
        ("drugcheckingbc", "expected_class+field_test"),
        ("drugsdata", "expected_class"),
    }
    return [cell for cell in cells() if (cell.source, cell.margin) in wanted]
