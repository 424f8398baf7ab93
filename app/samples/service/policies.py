"""
Ranking policies: proposed, compared, approved by somebody else, applied to every open sample. Old assessments stay.
"""

import hashlib
import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Any
from uuid import UUID

from app.access.service import Caller
from app.kit import ids
from app.kit.db import WORKER, Database, Session, as_laboratory
from app.kit.errors import Conflict, FieldError, Invalid, NotFound
from app.kit.rows import mapping
from app.ranking.assess import Stage, assess
from app.ranking.build import build
from app.ranking.policy import CURRENT, Policy, PolicyError, current
from app.samples.ranking_models import ranking_policy
from app.samples.ranking_rules import PolicyState
from app.samples.repo import evidence as evidence_repo
from app.samples.repo import ranking as repo
from app.samples.schemas import (
    PolicyDecisionIn,
    PolicyIn,
    PolicyLine,
    PolicyList,
    PolicyOut,
)
from app.samples.service import quality, risk
from app.samples.service.rerank import AT_ONCE, facts_of, records_of, rerank

COMPARED = 2000
"""Open samples a comparison looks at: the head of each stage, and others spread over the whole queue."""
_SHOWN = 10
_DAYS = 90
_FIRST = UUID(int=0)
_LAST = UUID(int=(1 << 128) - 1)


async def propose(session: Session, *, caller: Caller, body: PolicyIn) -> PolicyOut:
    """
    Read, validate and store a policy, and compare it with the one in force.

    Raises:
        Invalid: when it cannot be read, or a number in it has no source.
        Conflict: when its id is taken: weights never change under a name that assessments carry.

    """
    try:
        policy = build(tomllib.loads(body.document))
    except (PolicyError, tomllib.TOMLDecodeError) as problem:
        raise Invalid(
            errors=[FieldError("document", str(problem), "correct the policy and propose it again")]
        ) from problem
    known = {row.name for row in await repo.policies(session)}
    if policy.id in known | _shipped():
        raise Conflict(f"There is a policy {policy.id!r} already: give this one an id of its own.")
    policy_id = ids.new()
    row = {
        "id": policy_id,
        "laboratory_id": session.tenant,
        "name": policy.id,
        "document": body.document,
        "sha256": hashlib.sha256(body.document.encode()).hexdigest(),
        "state": PolicyState.PROPOSED,
        "reason": body.reason,
        "proposed_by": caller.client_id,
        "proposed_at": session.now,
        "comparison": await _compare(session, policy),
        "applied": 0,
    }
    await repo.add(session, ranking_policy, row)
    return await look_up(session, policy_id)


async def everything(session: Session) -> PolicyList:
    """
    Return every policy of this laboratory, the one in force first.
    """
    own = [_line(row) for row in await repo.policies(session)]
    active = any(one.state is PolicyState.ACTIVE for one in own)
    shipped = _built_in(PolicyState.RETIRED if active else PolicyState.ACTIVE)
    items = [*own, shipped]
    return PolicyList(items=sorted(items, key=lambda one: one.state is not PolicyState.ACTIVE))


async def in_force(session: Session) -> PolicyOut:
    """
    Return the policy in force with its text.
    """
    row = await repo.active_name(session, session.tenant)
    if row is not None:
        return await look_up(session, row.id)
    text = _text()
    return PolicyOut(**_built_in(PolicyState.ACTIVE).model_dump(), document=text, comparison=None)


async def look_up(session: Session, policy_id: UUID | None) -> PolicyOut:
    """
    Return one policy with its text and its comparison.

    Raises:
        NotFound: when it is not this laboratory's.

    """
    row = await repo.policy(session, policy_id) if policy_id else None
    if row is None:
        raise NotFound
    title = risk.built(row.sha256, row.document).title
    return PolicyOut.model_validate({**mapping(row), "title": title})


async def compare(session: Session, policy_id: UUID | None) -> dict[str, Any]:
    """
    Compare a proposed policy anew with the one in force, on the queue as it stands.

    Raises:
        NotFound: when it is not this laboratory's.

    """
    row = await repo.policy(session, policy_id) if policy_id else None
    if row is None:
        raise NotFound
    found = await _compare(session, risk.built(row.sha256, row.document))
    await repo.write_policy(session, row.id, comparison=found)
    return found


async def decide(
    session: Session, *, caller: Caller, policy_id: UUID | None, body: PolicyDecisionIn
) -> PolicyOut:
    """
    Approve or reject a proposed policy. Approved, it ranks what comes in from now on, and soon all that is open.

    Raises:
        NotFound: when it is not this laboratory's.
        Conflict: when it is decided already, or the caller proposed it.

    """
    row = await repo.policy(session, policy_id, lock=True) if policy_id else None
    if row is None:
        raise NotFound
    if row.state != PolicyState.PROPOSED:
        raise Conflict(f"This policy is {row.state}.")
    if row.proposed_by == caller.client_id:
        raise Conflict("Whoever proposed a policy does not decide on it: ask another supervisor.")
    approved = body.decision == "approve"
    if approved:
        await repo.retire_active(session)
    await repo.write_policy(
        session,
        row.id,
        state=PolicyState.ACTIVE if approved else PolicyState.REJECTED,
        decided_by=caller.client_id,
        decided_at=session.now,
        remarks=body.remarks,
    )
    return await look_up(session, row.id)


async def apply_due(database: Database) -> int:
    """
    Rank every open sample by its laboratory's newly approved policy, and count them. Called by the sweep.
    """
    async with database.reading(WORKER) as session:
        laboratories = await repo.unapplied(session)
    return sum([await apply_due_of(database, laboratory_id) for laboratory_id in laboratories])


async def apply_due_of(database: Database, laboratory_id: UUID) -> int:
    """
    Rank every open sample of one laboratory by the policy in force, and count those that stood in the queue.
    """
    done = await apply_part(database, laboratory_id, after=_FIRST, upto=_LAST)
    await _finish(database, laboratory_id)
    return done


async def apply_part(
    database: Database, laboratory_id: UUID, *, after: UUID, upto: UUID, at_once: int = AT_ONCE
) -> int:
    """
    Rank the open samples between two ids anew, a thousand in a transaction, so that the queue stays usable.

    Every transaction takes up where the last one committed: whatever is stopped can be begun again.
    """
    done = 0
    while True:
        async with database.transaction(as_laboratory(laboratory_id)) as session:
            row = await repo.active_name(session, laboratory_id)
            if row is None:
                return done
            wanted = await repo.to_apply(
                session,
                laboratory_id=laboratory_id,
                name=row.name,
                after=after,
                upto=upto,
                most=at_once,
            )
            if not wanted:
                return done
            moved = await rerank(
                session,
                laboratory_id=laboratory_id,
                sample_ids=wanted,
                cause=f"policy {row.name}",
                actor_id=None,
                wait=False,
                recorded=False,
            )
            await repo.count_applied(session, row.id, len(moved))
            after, done = wanted[-1], done + len(moved)


async def _finish(database: Database, laboratory_id: UUID) -> None:
    async with database.transaction(as_laboratory(laboratory_id)) as session:
        row = await repo.active_name(session, laboratory_id)
        if row is None:
            return
        asked = {"laboratory_id": laboratory_id, "name": row.name}
        waiting = await repo.on_the_way(session, **asked, most=AT_ONCE)
        moved = await rerank(
            session,
            laboratory_id=laboratory_id,
            sample_ids=waiting,
            cause=f"policy {row.name}",
            actor_id=None,
            wait=False,
            recorded=False,
        )
        await repo.count_applied(session, row.id, len(moved))
        left = await repo.to_apply(session, **asked, after=_FIRST, upto=_LAST, most=1)
        if not left and len(waiting) < AT_ONCE:
            await repo.write_policy(session, row.id, applied_at=session.now)


async def _compare(session: Session, new: Policy) -> dict[str, Any]:
    old = await risk.policy_of(session)
    sample_ids = await repo.some_open(session, laboratory_id=session.tenant, most=COMPARED)
    records = await records_of(session, session.tenant)
    standing = []
    for row in await evidence_repo.facts(session, sample_ids):
        if not row.queued:
            continue
        facts, stage = facts_of(row, records), Stage(row.stage)
        keys = [risk.key_of(assess(facts, one, stage), row.aged_from) for one in (old, new)]
        standing.append((row, keys))
    places = {
        which: {
            row.id: place
            for place, (row, _) in enumerate(
                sorted(standing, key=lambda one: (one[0].stage, one[1][which], one[0].id)), start=1
            )
        }
        for which in (0, 1)
    }
    moves = sorted(
        ((places[0][row.id] - places[1][row.id], row) for row, _ in standing),
        key=lambda one: (-abs(one[0]), one[1].id),
    )
    return {
        "against": old.id,
        "compared": len(standing),
        "unmoved": sum(not up for up, _ in moves),
        "up": [_move(up, row, places) for up, row in moves if up > 0][:_SHOWN],
        "down": [_move(up, row, places) for up, row in moves if up < 0][:_SHOWN],
        "last_90_days": await quality.looking_back(session, (old, new), days=_DAYS),
        "as_of": session.now.isoformat(),
    }


def _move(up: int, row: Any, places: dict[int, dict[UUID, int]]) -> dict[str, Any]:
    return {
        "sample_id": ids.write("smp", row.id),
        "stage": row.stage,
        "from_place": places[0][row.id],
        "to_place": places[1][row.id],
        "moved": up,
    }


def _line(row: Any) -> PolicyLine:
    title = risk.built(row.sha256, row.document).title
    return PolicyLine.model_validate({**mapping(row), "title": title})


@lru_cache(maxsize=1)
def _text() -> str:
    return files("app.ranking").joinpath(f"policies/{CURRENT}.toml").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _shipped() -> frozenset[str]:
    shelf = files("app.ranking").joinpath("policies")
    return frozenset(entry.name.removesuffix(".toml") for entry in shelf.iterdir())


def _built_in(state: PolicyState) -> PolicyLine:
    return PolicyLine(
        id=None,
        name=CURRENT,
        title=current().title,
        sha256=hashlib.sha256(_text().encode()).hexdigest(),
        state=state,
        reason=None,
        proposed_by=None,
        proposed_at=None,
        decided_by=None,
        decided_at=None,
        remarks=None,
        applied=0,
        applied_at=None,
    )
