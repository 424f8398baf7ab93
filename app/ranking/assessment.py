"""
What the ranking answers: a harm rate, the place it gives, and why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.substances.classes import HazardClass


class Stage(StrEnum):
    """
    What is to be done next.
    """

    SCREEN = "screen"
    CONFIRM = "confirm"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Reason:
    """
    One part of the total: a sentence, and by how much it multiplies the harm per bench-day.
    """

    code: str
    text: str
    factor: float
    bits: float
    source: str | None

    def as_json(self) -> dict[str, Any]:
        """
        Return the parts by name.
        """
        return {
            "code": self.code,
            "text": self.text,
            "factor": self.factor,
            "bits": self.bits,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class Assessment:
    """
    The expected harm of one more day of not knowing, under one policy, at one stage.
    """

    policy: str
    stage: Stage
    probabilities: Mapping[HazardClass, float]
    """Of each class to be the worst one present; they sum to 1."""
    p_lethal_opioid: float
    harm_per_day: float
    """1 is one dose of ordinary street fentanyl, in circulation."""
    harm_per_bench_day: float
    bench_days: float
    points: float
    """log2 of the harm per bench-day over the policy's line; the reasons' bits sum to it."""
    head_start_us: int
    band: str
    reasons: tuple[Reason, ...]
    """Strongest first."""
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """
        Return what is stored and shown.
        """
        return {
            "policy": self.policy,
            "stage": str(self.stage),
            "probabilities": {str(hazard): p for hazard, p in self.probabilities.items()},
            "p_lethal_opioid": self.p_lethal_opioid,
            "harm_per_day": self.harm_per_day,
            "harm_per_bench_day": self.harm_per_bench_day,
            "bench_days": self.bench_days,
            "points": self.points,
            "head_start_us": self.head_start_us,
            "band": self.band,
            "reasons": [reason.as_json() for reason in self.reasons],
            "notes": list(self.notes),
        }
