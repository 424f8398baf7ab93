"""
How good the order was, by the laboratory's own results: counted and stored once a day.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from app.kit import ids
from app.kit.clock import utc_now
from app.kit.db import WORKER, Database, Session, as_laboratory
from app.ranking.assess import assess
from app.ranking.intake import facts_from
from app.ranking.policy import Policy
from app.ranking.quality import figures
from app.samples.evidence_rules import hazards_found, is_lethal, suspects_lethal
from app.samples.repo import ranking as repo
from app.samples.schemas import QualityDay, QualityOut

DAYS = 365
"""Results that count."""


async def daily(database: Database, *, today: date | None = None) -> int:
    """
    Count and store the figures of every laboratory that has none for today. Called by the sweep.
    """
    day = today or utc_now().date()
    async with database.reading(WORKER) as session:
        laboratories = await repo.laboratories_without_figures(session, day=day)
    for laboratory_id in laboratories:
        async with database.transaction(as_laboratory(laboratory_id)) as session:
            await count(session, day=day)
    return len(laboratories)


async def count(session: Session, *, day: date) -> dict[str, Any]:
    """
    Set first predictions beside results, overall and by agency, and bring agencies' records up to date.

    Every sample is screened, so its result does not depend on where the ranking put it: no cohort is half resolved.
    """
    rows = await repo.results(session, days=DAYS)
    told = [(row, _lethal(row)) for row in rows]
    by_agency: dict[UUID, list[tuple[Any, bool]]] = {}
    for row, lethal in told:
        by_agency.setdefault(row.agency_id, []).append((row, lethal))
    found = {
        "overall": figures((row.p_lethal_opioid, lethal) for row, lethal in told),
        "by_agency": {
            ids.write("agn", agency_id): figures(
                (row.p_lethal_opioid, lethal) for row, lethal in some
            )
            for agency_id, some in by_agency.items()
        },
        "by_policy": _by(told, lambda row: row.policy),
        "field_tests": _field_tests(told),
    }
    await repo.count_records(
        session,
        [_record(session, agency_id, some, day) for agency_id, some in by_agency.items()],
    )
    await repo.keep_quality(session, day=day, figures=found)
    return found


async def shown(session: Session, *, days: int) -> QualityOut:
    """
    Return the stored figures, newest first.
    """
    rows = await repo.quality(session, days=days)
    return QualityOut(items=[QualityDay(day=row.day, figures=row.figures) for row in rows])


async def looking_back(
    session: Session, policies: Sequence[Policy], *, days: int
) -> dict[str, dict[str, Any]]:
    """
    Say what the last days would have looked like under each of these policies, from what was said at submission.
    """
    rows = await repo.results(session, days=days)
    return {
        policy.id: figures(
            (assess(facts_from(row.seizure, row.exhibit), policy).p_lethal_opioid, _lethal(row))
            for row in rows
        )
        for policy in policies
    }


def _lethal(row: Any) -> bool:
    return is_lethal(hazards_found(row.body["tests"]))


def _by(told: Iterable[tuple[Any, bool]], key: Any) -> dict[str, Any]:
    groups: dict[str, list[tuple[float, bool]]] = {}
    for row, lethal in told:
        groups.setdefault(str(key(row)), []).append((row.p_lethal_opioid, lethal))
    return {name: figures(some) for name, some in sorted(groups.items())}


def _field_tests(told: Iterable[tuple[Any, bool]]) -> dict[str, dict[str, int]]:
    # Presumptive accuracy by technique and device, for what an agency's test for a lethal opioid can be held against.
    counted: dict[str, dict[str, int]] = {}
    for row, lethal in told:
        for test in row.exhibit.get("field_tests") or ():
            if test["technique"] not in {"fentanyl_strip", "nitazene_strip"}:
                continue
            name = test["technique"] + (f" ({test['device']})" if test.get("device") else "")
            cell = f"{test['result']}, {'lethal' if lethal else 'not lethal'}"
            into = counted.setdefault(name, {})
            into[cell] = into.get(cell, 0) + 1
    return counted


def _record(
    session: Session, agency_id: UUID, some: Sequence[tuple[Any, bool]], day: date
) -> dict[str, Any]:
    marked = [lethal for row, lethal in some if suspects_lethal(row.exhibit)]
    return {
        "laboratory_id": session.tenant,
        "agency_id": agency_id,
        "resolved": len(marked),
        "held": sum(marked),
        "counted_on": day,
    }
