"""
Writes what happened into the record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.kit import ids, rows
from app.kit.db import Session
from app.ledger import rules
from app.ledger.models import entry, pending

BELL = "number"
"""Rung after the commit: something waits for its number."""


@dataclass(frozen=True, slots=True)
class Fact:
    """
    One thing that happened, as the record keeps it.

    ``version`` is the sample's, or the submission's where ``sample_id`` is None, after the fact.
    ``details`` are hashed for ever: no float (a measured quantity is a text with its unit), and
    nothing that a person may one day ask to have erased. ``notices`` are the (agency, event) pairs
    that the agencies' feeds owe because of it.
    """

    kind: str
    agency_id: UUID
    laboratory_id: UUID
    submission_id: UUID
    sample_id: UUID | None
    version: int
    actor_id: UUID | None
    details: Mapping[str, Any]
    notices: Sequence[tuple[UUID, UUID]] = ()


async def record(session: Session, facts: Sequence[Fact]) -> None:
    """
    Write facts into the record, in one statement and in the caller's transaction.

    They get their number later, from the sequencer: nothing here waits for anybody else.

    Raises:
        NotCanonical: when details hold what has no canonical form; nothing is written then.

    """
    if not facts:
        return
    entries = [_entry(session, fact) for fact in facts]
    waiting = [
        {
            "entry_id": one["id"],
            "recipient_ids": [recipient for recipient, _ in fact.notices],
            "event_ids": [event_id for _, event_id in fact.notices],
            # The server's own clock, which reads this word as the transaction's start: a practice
            # clock may date the fact, but how long it has been waiting is real.
            "waiting_since": "now",
        }
        for one, fact in zip(entries, facts, strict=True)
    ]
    await rows.insert(session, {entry: entries, pending: waiting})
    for fact in facts:
        session.tell(
            "state_changed",
            fact=fact.kind,
            submission=ids.write("sub", fact.submission_id),
            sample=ids.write("smp", fact.sample_id) if fact.sample_id else None,
            version=fact.version,
        )
    session.ring(BELL)


def _entry(session: Session, fact: Fact) -> dict[str, Any]:
    entry_id = ids.new()
    hashed = {
        "form": rules.FORM,
        "entry_id": entry_id,
        "agency_id": fact.agency_id,
        "laboratory_id": fact.laboratory_id,
        "submission_id": fact.submission_id,
        "sample_id": fact.sample_id,
        "version": fact.version,
        "kind": fact.kind,
        "actor_id": fact.actor_id,
        "occurred_at": session.now,
        "details": fact.details,
    }
    return {
        "id": entry_id,
        "agency_id": fact.agency_id,
        "laboratory_id": fact.laboratory_id,
        "submission_id": fact.submission_id,
        "sample_id": fact.sample_id,
        "sample_version": fact.version,
        "kind": fact.kind,
        "actor_id": fact.actor_id,
        "occurred_at": session.now,
        "body": rules.canonical(hashed).decode(),
    }
