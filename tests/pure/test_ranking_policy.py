"""
Policies: every weight has a source, and the numbers give what was counted.
"""

import tomllib
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from importlib.resources import files
from itertools import groupby
from typing import Any, ClassVar

import pytest

from app.ranking.assess import assess
from app.ranking.build import build
from app.ranking.facts import Facts
from app.ranking.model import PolicyError
from app.ranking.policy import CURRENT, current, load

TEXT = files("app.ranking").joinpath(f"policies/{CURRENT}.toml").read_text(encoding="utf-8")


class TestLoad:
    """
    A policy is validated before it may rank anything.
    """

    def test_it_is_read_once(self) -> None:
        """
        The same policy comes back.
        """
        assert current() is load(CURRENT)
        assert CURRENT == current().id

    def test_an_unknown_policy_is_refused(self) -> None:
        """
        The message names those there are.
        """
        with pytest.raises(PolicyError, match=CURRENT):
            load("../../secret")

    def test_a_policy_under_a_false_name_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        A stored assessment must lead back to its weights.
        """
        load.cache_clear()
        monkeypatch.setattr(
            "app.ranking.policy.build", lambda document: replace(build(document), id="another")
        )

        with pytest.raises(PolicyError, match="another"):
            load(CURRENT)

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda text: text["test"][0]["fentanyl_class"].pop("source"),
            lambda text: text["exposure"][0].pop("source"),
            lambda text: text["head_start"].pop("source"),
            lambda text: text["test"][0]["fentanyl_class"].update(not_detected=1.0),
            lambda text: text["class"]["nitazene"].update(harm=100.0),
            lambda text: text["controlled"]["harm"].pop("khat"),
            lambda text: text.pop("market"),
            lambda text: text["potency"].update(least=3.0),
        ],
        ids=[
            "test without source",
            "exposure without source",
            "curve without source",
            "negative that raises",
            "classes out of order",
            "class forgotten",
            "no markets",
            "potency that cannot be 1",
        ],
    )
    def test_a_spoilt_policy_is_refused(self, spoil: Callable[[dict[str, Any]], object]) -> None:
        """
        No source, a positive that lowers, classes out of order, a class forgotten.
        """
        text = deepcopy(tomllib.loads(TEXT))
        spoil(text)

        with pytest.raises(PolicyError):
            build(text)


class TestPriors:
    """
    The priors against the counts they were made from (in sample: a check of the arithmetic, not of foresight).
    """

    NAMES: ClassVar[dict[str, str]] = {
        "benzodiazepine": "diazepam",
        "opioid_rx": "oxycodone",
        "psychedelic": "lsd",
        "zdrug": "zopiclone",
        "gabapentinoid": "pregabalin",
        "synthetic_cannabinoid": "spice",
        "cathinone": "mephedrone",
        "steroid": "steroids",
        "other": "other drugs",
    }
    LETHAL = ("super_potent", "nitazene", "other_novel_opioid", "fentanyl_class")

    def test_they_tell_lethal_from_not(self) -> None:
        """
        Area under the curve at least 0.9, and as many expected as were found.
        """
        scored = []
        for table in tomllib.loads(TEXT)["count"]:
            if table["source"] not in {"wedinos", "bc"}:
                continue
            country, year = {"gb": ("GB", 2023), "ca": ("CA", 2019)}[table["market"]]
            for row in table["rows"]:
                name = (row.get("substances") or row["expected"])[0]
                told = Facts(suspected=(self.NAMES.get(name, name),), country=country, year=year)
                found = sum(row.get(hazard, 0) for hazard in self.LETHAL)
                scored.append((assess(told, current()).p_lethal_opioid, found, row["of"]))

        observed = sum(found for _, found, _ in scored)
        predicted = sum(p * of for p, _, of in scored)

        assert area([(p, found, of - found) for p, found, of in scored]) > 0.9
        assert 0.9 < predicted / observed < 1.1


def area(scored: list[tuple[float, int, int]]) -> float:
    """
    Return the chance that a positive is scored above a negative; ties count half.
    """
    total = below = 0.0
    for _, group in groupby(sorted(scored), key=lambda row: row[0]):
        rows = list(group)
        positives = sum(row[1] for row in rows)
        negatives = sum(row[2] for row in rows)
        total += positives * (below + negatives / 2)
        below += negatives
    return total / (sum(row[1] for row in scored) * below)
