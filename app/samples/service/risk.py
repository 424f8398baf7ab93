"""
From what was said and found to a stored assessment.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from app.kit import ids, rows
from app.kit.clock import to_us
from app.kit.db import Session
from app.ranking.assess import Assessment, Stage, assess, rank_key
from app.ranking.facts import Facts
from app.ranking.policy import Policy, current


async def policy_of(session: Session) -> Policy:
    """
    Return the policy of the laboratory this transaction acts for.
    """
    del session
    return current()


def judge(facts: Facts, policy: Policy, stage: Stage) -> Assessment:
    """
    Assess one sample.
    """
    return assess(facts, policy, stage)


def key_of(judged: Assessment, aged_from: datetime) -> int:
    """
    Return the stored order: when the sample began to wait, less its head start, in microseconds since 1970.
    """
    return rank_key(to_us(aged_from), judged.head_start_us)


def as_row(judged: Assessment, *, sample: Mapping[str, Any], cause: str, at: datetime) -> rows.Row:
    """
    Write an assessment as it is stored, under a new id.

    Args:
        judged: the assessment.
        sample: the sample's row: id, agency_id, laboratory_id, submission_id.
        cause: what made it necessary.
        at: when.

    """
    return {
        "id": ids.new(),
        "agency_id": sample["agency_id"],
        "laboratory_id": sample["laboratory_id"],
        "submission_id": sample["submission_id"],
        "sample_id": sample["id"],
        "policy": judged.policy,
        "stage": judged.stage,
        "cause": cause,
        "assessed_at": at,
        "band": judged.band,
        "p_lethal_opioid": judged.p_lethal_opioid,
        "harm_per_day": judged.harm_per_day,
        "harm_per_bench_day": judged.harm_per_bench_day,
        "head_start_us": judged.head_start_us,
        "detail": judged.as_json(),
    }


def id_of(row: rows.Row) -> UUID:
    """
    Return the id of an assessment row.
    """
    found: UUID = row["id"]
    return found
