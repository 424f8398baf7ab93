"""
From what was said and found to a stored assessment.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.kit import ids, rows
from app.kit.clock import to_us
from app.kit.db import Session
from app.ranking.assess import Assessment, Stage, assess, rank_key
from app.ranking.build import build
from app.ranking.facts import Facts, Record
from app.ranking.intake import facts_from
from app.ranking.policy import Policy, current
from app.samples.evidence_rules import laboratory_knows, told_by_agency
from app.samples.repo import ranking as repo


async def policy_of(session: Session) -> Policy:
    """
    Return the policy of the laboratory this transaction acts for.
    """
    row = await repo.active_name(session, session.tenant)
    if row is None:
        return current()
    known = _BUILT.get(row.sha256)
    return known or built(row.sha256, await repo.document(session, row.id))


_BUILT: dict[str, Policy] = {}
"""Policies by the hash of their text. Few, and equal only to themselves."""


def built(sha256: str, document: str) -> Policy:
    """
    Return the policy that a stored document gives; it was validated when it was proposed.
    """
    if sha256 not in _BUILT:
        _BUILT[sha256] = build(tomllib.loads(document))
    return _BUILT[sha256]


def judge(facts: Facts, policy: Policy, stage: Stage) -> Assessment:
    """
    Assess one sample.
    """
    return assess(facts, policy, stage)


@dataclass(frozen=True, slots=True)
class Judged:
    """
    One sample judged by all that is known, and by what its agency knows. Only the first ranks it.
    """

    ranked: Assessment
    told: Assessment

    @property
    def laboratory_only(self) -> bool:
        """
        Whether the ranking rests on something that the agency has not been told.
        """
        return self.told is not self.ranked

    def is_news(self, before: Mapping[str, Any] | None) -> bool:
        """
        Say whether the agency's view is another than the one it has, stage apart.
        """
        now = self.told.as_json()
        return before is None or any(now[name] != before[name] for name in ("policy", "reasons"))


def judge_both(
    seizure: Mapping[str, Any],
    exhibit: Mapping[str, Any],
    learnt: Sequence[Mapping[str, Any]],
    *,
    record: Record | None,
    policy: Policy,
    stage: Stage,
) -> Judged:
    """
    Assess one sample by everything that is known of it, and once more by what its agency may see.

    Args:
        seizure: the submission's body.
        exhibit: the sample's body.
        learnt: what became known later, each with ``told_by``, ``kind`` and ``body``.
        record: of the agency's earlier suspicions.
        policy: the laboratory's.
        stage: what is next.

    """
    ranked = judge(facts_from(seizure, exhibit, learnt, record=record), policy, stage)
    if not laboratory_knows(learnt):
        return Judged(ranked, ranked)
    theirs = facts_from(seizure, exhibit, told_by_agency(learnt), record=record)
    return Judged(ranked, judge(theirs, policy, stage))


def as_rows(
    judged: Judged,
    *,
    sample: Mapping[str, Any],
    cause: str,
    at: datetime,
    told_before: Mapping[str, Any] | None = None,
) -> list[rows.Row]:
    """
    Write what was judged as it is stored: first what ranks, then, where it is another and new, what the agency sees.

    Args:
        judged: both.
        sample: as for ``as_row``.
        cause: as for ``as_row``.
        at: as for ``as_row``.
        told_before: the assessment the agency has, as it is stored.

    """
    both = [
        as_row(
            judged.ranked,
            sample=sample,
            cause=cause,
            at=at,
            laboratory_only=judged.laboratory_only,
        )
    ]
    if judged.laboratory_only and judged.is_news(told_before):
        both.append(as_row(judged.told, sample=sample, cause=cause, at=at, laboratory_only=False))
    return both


def key_of(judged: Assessment, aged_from: datetime) -> int:
    """
    Return the stored order: when the sample began to wait, less its head start, in microseconds since 1970.
    """
    return rank_key(to_us(aged_from), judged.head_start_us)


def as_row(
    judged: Assessment,
    *,
    sample: Mapping[str, Any],
    cause: str,
    at: datetime,
    laboratory_only: bool,
) -> rows.Row:
    """
    Write an assessment as it is stored, under a new id.

    Args:
        judged: the assessment.
        sample: the sample's row: id, agency_id, laboratory_id, submission_id.
        cause: what made it necessary.
        at: when.
        laboratory_only: whether it rests on what the laboratory found, so that no agency reads it.

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
        "laboratory_only": laboratory_only,
    }


def id_of(row: rows.Row) -> UUID:
    """
    Return the id of an assessment row.
    """
    found: UUID = row["id"]
    return found
