"""
From what was said and found to a stored assessment.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from app.kit import ids, rows
from app.kit.clock import to_us
from app.ranking.assess import Assessment, Stage, assess, rank_key
from app.ranking.intake import facts_from
from app.ranking.policy import current


def judge(
    seizure: Mapping[str, Any],
    exhibit: Mapping[str, Any],
    *,
    stage: Stage,
    found: Sequence[Mapping[str, Any]] = (),
) -> Assessment:
    """
    Assess one exhibit under the current policy.

    Args:
        seizure: the submission's body, as stored.
        exhibit: the sample's body, as stored.
        stage: what would be done next; its expected bench time divides the harm.
        found: the laboratory's own screen results, in the form of field tests.

    """
    body = (
        {**exhibit, "field_tests": [*exhibit.get("field_tests", []), *found]} if found else exhibit
    )
    return assess(facts_from(seizure, body), current(), stage)


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
