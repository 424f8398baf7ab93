"""
What the laboratory finds, and whom it concerns: the sample, those linked to it, those that may hold something new.

One hop only. A linked sample is told what was found, never where.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.kit import ids, rows
from app.kit.db import Session, acting, as_laboratory
from app.ranking.facts import Record
from app.ranking.policy import Policy
from app.samples.evidence_rules import (
    MARK_DAYS,
    EvidenceKind,
    LinkKind,
    ToldBy,
    hazards_found,
    link_keys,
    names_suspected,
    news,
)
from app.samples.repo import evidence as repo
from app.samples.service import risk
from app.samples.service.rerank import Reranked, record_of, rerank

_STRENGTH = {kind: place for place, kind in enumerate(LinkKind)}
_MOST = 10_000
"""Linked results looked at for one submission."""

_MARKS_FOR = timedelta(days=MARK_DAYS)


async def learn(
    session: Session,
    *,
    sample: Mapping[str, Any],
    tests: Sequence[Mapping[str, Any]],
    actor_id: UUID | None,
) -> list[Reranked]:
    """
    Keep the laboratory's results as evidence, pass them on to whom they concern, and rank those anew.

    The sample itself is not ranked here: whoever finishes its stage does that.

    Args:
        session: the open transaction, the laboratory's.
        sample: the row: id, agency_id, laboratory_id, submission_id.
        tests: results, in the form of field tests.
        actor_id: who found it.

    """
    own = {
        **_owner(sample),
        "id": ids.new(),
        "told_by": ToldBy.LABORATORY,
        "kind": EvidenceKind.SCREEN,
        "body": {"tests": list(tests)},
        "given_by": actor_id,
        "given_at": session.now,
    }
    await repo.add(session, [own])
    if not any(test["result"] in {"detected", "not_detected"} for test in tests):
        return []
    concerned = await _tell_linked(session, sample, hazards_found(tests))
    concerned |= await _tell_of_news(session, sample, news(tests))
    return await rerank(
        session,
        laboratory_id=sample["laboratory_id"],
        sample_ids=sorted(concerned - {sample["id"]}),
        cause="linked finding",
        actor_id=actor_id,
        # This caller holds its own sample's row: waiting for another's could never end.
        wait=False,
    )


async def unlearn(
    session: Session, *, sample: Mapping[str, Any], actor_id: UUID | None
) -> list[Reranked]:
    """
    Take back everything that was concluded from a sample's results, for it and for others, and rank them anew.
    """
    laboratory_id: UUID = sample["laboratory_id"]
    async with acting(session, as_laboratory(laboratory_id)):
        await repo.withdraw_screens(session, sample["id"])
        concerned = set(await repo.withdraw_from(session, sample["id"]))
        forgotten = await repo.forget(session, sample["id"])
        concerned |= await _renew(session, laboratory_id, forgotten)
    return await rerank(
        session,
        laboratory_id=laboratory_id,
        sample_ids=sorted(concerned | {sample["id"]}),
        cause="finding withdrawn",
        actor_id=actor_id,
        wait=False,
    )


@dataclass(frozen=True, slots=True)
class Known:
    """
    What a laboratory knows that bears on samples it is only now told of.
    """

    policy: Policy
    record: Record | None
    """Of the agency that submits."""
    results: Mapping[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    """By link key: the sample it was found in, and what."""
    met: Mapping[str, int] = field(default_factory=dict)


async def known(
    session: Session,
    *,
    agency_id: UUID,
    laboratory_id: UUID,
    bodies: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]],
) -> Known:
    """
    Gather what the laboratory knows, before samples are ranked for the first time.

    Args:
        session: the open transaction; for the duration it acts for the laboratory.
        agency_id: who submits.
        laboratory_id: who will rank.
        bodies: of each sample its seizure's body and its own.

    """
    pairs = list(bodies)
    keys = sorted({key for seizure, exhibit in pairs for key in link_keys(seizure, exhibit)})
    names = sorted({name for _, exhibit in pairs for name in names_suspected(exhibit)})
    async with acting(session, as_laboratory(laboratory_id)):
        policy = await risk.policy_of(session)
        record = await record_of(session, laboratory_id, agency_id)
        results: dict[str, list[Mapping[str, Any]]] = {}
        if keys:
            for row in await repo.results_by_key(
                session,
                laboratory_id=laboratory_id,
                keys=keys,
                marks_from=session.now - _MARKS_FOR,
                most=_MOST,
            ):
                results.setdefault(row.key, []).append(
                    {"from": row.from_sample_id, "found": hazards_found(row.body["tests"])}
                )
        met: dict[str, int] = {}
        if names and policy.novelty:
            met = await repo.met(session, laboratory_id=laboratory_id, names=names)
    return Known(policy, record, results, met)


def concerning(
    session: Session, known: Known, seizure: Mapping[str, Any], sample: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """
    Return, as evidence, what of it concerns one sample.
    """
    told = []
    seen: set[UUID] = set()
    keys = sorted(link_keys(seizure, sample["body"]), key=lambda key: _STRENGTH[_kind(key)])
    for key in keys:
        for one in known.results.get(key, ()):
            if one["from"] not in seen:
                seen.add(one["from"])
                told.append(_link(session, sample, one["from"], _kind(key), one["found"]))
    times = known.policy.novelty.times if known.policy.novelty else 0
    told += [
        _news(session, sample, name, known.met[name])
        for name in names_suspected(sample["body"])
        if known.met.get(name, times) < times
    ]
    return told


def links_of(
    session: Session, seizure: Mapping[str, Any], sample: Mapping[str, Any]
) -> list[rows.Row]:
    """
    Return what a sample shares with others, as it is stored.
    """
    return [
        {
            "laboratory_id": sample["laboratory_id"],
            "key": key,
            "sample_id": sample["id"],
            "agency_id": sample["agency_id"],
            "linked_at": session.now,
        }
        for key in link_keys(seizure, sample["body"])
    ]


async def keep(session: Session, *, laboratory_id: UUID, told: Sequence[rows.Row]) -> None:
    """
    Store what the service itself concluded, in the laboratory's name.
    """
    if told:
        async with acting(session, as_laboratory(laboratory_id)):
            await repo.add(session, told)


async def _tell_linked(session: Session, sample: Mapping[str, Any], found: list[str]) -> set[UUID]:
    concerned = set(await repo.withdraw_from(session, sample["id"]))
    strongest: dict[UUID, tuple[LinkKind, Any]] = {}
    for row in await repo.linked(session, sample["id"], mark_s=MARK_DAYS * 86_400):
        kind = LinkKind(row.link)
        if (
            row.sample_id not in strongest
            or _STRENGTH[kind] < _STRENGTH[strongest[row.sample_id][0]]
        ):
            strongest[row.sample_id] = kind, row
    told = [
        _link(
            session,
            {
                "id": row.sample_id,
                "agency_id": row.agency_id,
                "laboratory_id": sample["laboratory_id"],
                "submission_id": row.submission_id,
            },
            sample["id"],
            kind,
            found,
        )
        for kind, row in strongest.values()
    ]
    await repo.add(session, told)
    return concerned | set(strongest)


async def _tell_of_news(session: Session, sample: Mapping[str, Any], names: list[str]) -> set[UUID]:
    if not names:
        return set()
    laboratory_id: UUID = sample["laboratory_id"]
    new = await repo.meet(
        session,
        [
            {
                "laboratory_id": laboratory_id,
                "name": name,
                "sample_id": sample["id"],
                "detected_at": session.now,
            }
            for name in names
        ],
    )
    return await _renew(session, laboratory_id, new)


async def _renew(session: Session, laboratory_id: UUID, names: Sequence[str]) -> set[UUID]:
    # Whoever may hold one of these is told how often it has been met by now, or that it is no news any more.
    rule = (await risk.policy_of(session)).novelty
    if not names or rule is None:
        return set()
    met = await repo.met(session, laboratory_id=laboratory_id, names=names)
    before = await repo.withdraw_about(session, laboratory_id=laboratory_id, names=names)
    await repo.add(
        session,
        [
            _news(
                session,
                {
                    "id": row.sample_id,
                    "agency_id": row.agency_id,
                    "laboratory_id": laboratory_id,
                    "submission_id": row.submission_id,
                },
                row.about,
                met[row.about],
            )
            for row in before
            if met[row.about] < rule.times
        ],
    )
    return {row.sample_id for row in before}


def _kind(key: str) -> LinkKind:
    return LinkKind(key.split(":", 1)[0])


def _link(
    session: Session, sample: Mapping[str, Any], source: UUID, kind: LinkKind, found: list[str]
) -> dict[str, Any]:
    return {
        **_owner(sample),
        "id": ids.new(),
        "told_by": ToldBy.SERVICE,
        "kind": EvidenceKind.LINK,
        "body": {"link": kind, "found": found},
        "given_at": session.now,
        "from_sample_id": source,
    }


def _news(session: Session, sample: Mapping[str, Any], name: str, met: int) -> dict[str, Any]:
    return {
        **_owner(sample),
        "id": ids.new(),
        "told_by": ToldBy.SERVICE,
        "kind": EvidenceKind.FIRST_DETECTION,
        "body": {"name": name, "seen": met},
        "about": name,
        "given_at": session.now,
    }


def _owner(sample: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "agency_id": sample["agency_id"],
        "laboratory_id": sample["laboratory_id"],
        "submission_id": sample["submission_id"],
        "sample_id": sample["id"],
    }
