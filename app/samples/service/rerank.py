"""
Ranking samples anew because their facts changed. Exactly these samples move, in one statement per thousand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

from app.kit import rows
from app.kit.db import WORKER, Database, Session, acting, as_laboratory
from app.kit.rows import mapping
from app.ledger import service as ledger
from app.ranking.assess import Assessment, Stage
from app.ranking.facts import Facts, Record
from app.ranking.intake import facts_from
from app.ranking.linked import usual
from app.ranking.policy import Policy
from app.samples.repo import evidence as repo
from app.samples.rules import FINAL, Status
from app.samples.service import risk

AT_ONCE = 1000
"""Samples in one statement."""


@dataclass(frozen=True, slots=True)
class Reranked:
    """
    One sample before and after.
    """

    sample_id: UUID
    version: int
    before: Mapping[str, Any]
    """The assessment as it was stored."""
    after: Assessment
    told_before: Mapping[str, Any]
    """What its agency saw, and sees."""
    told_after: Assessment
    key_before: int
    key_after: int


async def rerank(
    session: Session,
    *,
    laboratory_id: UUID,
    sample_ids: Sequence[UUID],
    cause: str,
    actor_id: UUID | None,
    wait: bool = True,
    recorded: bool = True,
) -> list[Reranked]:
    """
    Assess these samples anew from all that is known of them, give them their keys, and record before and after.

    Call it after changing facts of samples, in the same transaction: after a correction of a submission or exhibit,
    after new evidence, after a finding. Samples whose work is over are left alone, and so are other laboratories'.

    Args:
        session: the open transaction; for the duration it acts for the laboratory.
        laboratory_id: whose queue they stand in.
        sample_ids: whose facts changed.
        cause: what changed, in a word or two; stored and shown.
        actor_id: who changed it; None for the service itself.
        wait: False when the caller holds locks on other samples already: those that somebody else holds are then
            ranked by the sweep, a moment later, instead of being waited for.
        recorded: False when a policy is applied to everything: who decided it is recorded once, and each sample's
            assessments before and after are kept.

    """
    done: list[Reranked] = []
    if not sample_ids:
        return done
    async with acting(session, as_laboratory(laboratory_id)):
        policy = await risk.policy_of(session)
        wanted = sorted(set(sample_ids))
        for start in range(0, len(wanted), AT_ONCE):
            chunk = wanted[start : start + AT_ONCE]
            locked = await repo.lock(session, chunk, skip=not wait)
            if not wait and len(locked) < len(chunk):
                await _owe(session, laboratory_id, set(chunk) - set(locked), cause)
            moved = await _rerank(session, laboratory_id, locked, policy, cause)
            if recorded:
                await _record(session, moved, cause, actor_id)
            done += [one for _, one, _ in moved]
    return done


def facts_of(row: Any, records: Mapping[UUID, Record]) -> Facts:
    """
    Gather what the ranking may know of one sample.

    Args:
        row: of ``repo.facts``.
        records: of agencies' suspicions, as ``records_of`` returns them.

    """
    return facts_from(row.seizure, row.body, row.learnt or (), record=records.get(row.agency_id))


def judge_row(
    row: Any, records: Mapping[UUID, Record], policy: Policy, stage: Stage
) -> risk.Judged:
    """
    Judge one sample by all that is known of it, and by what its agency knows.

    Args:
        row: of ``repo.facts``.
        records: as ``records_of`` returns them.
        policy: the laboratory's.
        stage: what is next.

    """
    return risk.judge_both(
        row.seizure,
        row.body,
        row.learnt or (),
        record=records.get(row.agency_id),
        policy=policy,
        stage=stage,
    )


async def record_of(session: Session, laboratory_id: UUID, agency_id: UUID) -> Record | None:
    """
    Return one agency's record beside all agencies'; None while it is too short to matter.
    """
    return (await records_of(session, laboratory_id)).get(agency_id)


async def records_of(session: Session, laboratory_id: UUID) -> dict[UUID, Record]:
    """
    Return every agency's record that is long enough to matter, beside the mean over agencies.
    """
    rule = (await risk.policy_of(session)).record
    if rule is None:
        return {}
    told = await repo.records(session, laboratory_id)
    long = [one for one in told if one.resolved >= rule.after]
    if not long:
        return {}
    mean, strength = usual(
        ((one.resolved, one.held) for one in told), mean=rule.mean, strength=rule.strength
    )
    return {one.agency_id: Record(one.resolved, one.held, mean, strength) for one in long}


async def rerank_due(database: Database) -> int:
    """
    Rank anew what could not be ranked when its facts changed, and count it. Called by the sweep.
    """
    async with database.reading(WORKER) as session:
        laboratories = await repo.laboratories_due(session)
    moved = 0
    for laboratory_id in laboratories:
        async with database.transaction(as_laboratory(laboratory_id)) as session:
            due = await repo.take_due(session, laboratory_id=laboratory_id, most=AT_ONCE)
            by_cause = sorted(due, key=lambda row: (row.cause, row.sample_id))
            for cause, some in groupby(by_cause, key=lambda row: row.cause):
                moved += len(
                    await rerank(
                        session,
                        laboratory_id=laboratory_id,
                        sample_ids=[row.sample_id for row in some],
                        cause=cause,
                        actor_id=None,
                    )
                )
    return moved


async def _owe(session: Session, laboratory_id: UUID, missed: set[UUID], cause: str) -> None:
    await repo.owe(
        session,
        [
            {
                "sample_id": sample_id,
                "laboratory_id": laboratory_id,
                "cause": cause,
                "since": session.now,
            }
            for sample_id in sorted(missed)
        ],
    )


async def _rerank(
    session: Session,
    laboratory_id: UUID,
    sample_ids: Sequence[UUID],
    policy: Policy,
    cause: str,
) -> list[tuple[Any, Reranked, rows.Row]]:
    found = [
        row
        for row in await repo.facts(session, sample_ids)
        if row.laboratory_id == laboratory_id
        and row.status not in FINAL
        and (row.queued or row.status in {Status.SUBMITTED, Status.ON_HOLD})
    ]
    if not found:
        return []
    records = await records_of(session, laboratory_id)
    judged, fresh, ranking, assessments = [], [], [], []
    for row in found:
        verdict = judge_row(row, records, policy, Stage(row.stage))
        stored = risk.as_rows(
            verdict, sample=mapping(row), cause=cause, at=session.now, told_before=row.told
        )
        assessment = stored[0]
        fresh.append(
            {
                "sample_id": row.id,
                "assessment_id": assessment["id"],
                "rank_key": risk.key_of(verdict.ranked, row.aged_from),
                "stage": row.stage,
            }
        )
        judged.append(verdict)
        ranking.append(assessment)
        assessments += stored
    versions = await repo.rekey(session, fresh=fresh, assessments=assessments)
    done = [
        Reranked(
            sample_id=row.id,
            version=versions[row.id],
            before=row.detail,
            after=verdict.ranked,
            told_before=row.told or row.detail,
            told_after=verdict.told,
            key_before=row.rank_key,
            key_after=one["rank_key"],
        )
        for row, verdict, one in zip(found, judged, fresh, strict=True)
    ]
    return list(zip(found, done, ranking, strict=True))


async def _record(
    session: Session,
    moved: Sequence[tuple[Any, Reranked, rows.Row]],
    cause: str,
    actor_id: UUID | None,
) -> None:
    await ledger.record(
        session,
        [
            ledger.Fact(
                kind="sample.rerank",
                agency_id=row.agency_id,
                laboratory_id=row.laboratory_id,
                submission_id=row.submission_id,
                sample_id=row.id,
                version=one.version,
                actor_id=actor_id,
                details={
                    "cause": cause,
                    "policy": one.after.policy,
                    "assessment_before": str(row.assessment_id),
                    "assessment_after": str(assessment["id"]),
                    "rank_key_before": one.key_before,
                    "rank_key_after": one.key_after,
                    "band_before": row.band,
                    "band_after": one.after.band,
                },
            )
            for row, one, assessment in moved
        ],
    )
