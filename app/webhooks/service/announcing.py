"""
Announcing a fact to every agency that has a part in its file, in the fact's own transaction.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app import nudge
from app.kit import clock, ids
from app.kit.db import Session
from app.webhooks import repo
from app.webhooks.rules import EventType

Receipts = list[tuple[UUID, UUID]]
"""Pairs of recipient and event id, for the recipient's feed."""


@dataclass(frozen=True, slots=True)
class Notice:
    """
    A fact to announce.
    """

    type: EventType
    owner_agency_id: UUID
    laboratory_id: UUID
    submission_id: UUID
    sample_id: UUID | None
    sequence: int
    """
    The sample's version (the submission's, without a sample).

    A receiver ignores what is older than it has.
    """
    summary: Mapping[str, Any] = field(default_factory=dict)
    """
    Safe to log anywhere.

    Status, stage, counts. No name, no substance, no file number; the reader fetches those.
    """


async def announce(
    session: Session,
    notices: Sequence[Notice],
    *,
    recipients: Mapping[UUID, Sequence[UUID]] | None = None,
) -> list[Receipts]:
    """
    Owe each notice to its recipients.

    It writes one event per recipient and ring after the commit.

    Args:
        session: the fact's own transaction, as the submitting agency or as the laboratory.
        notices: what happened.
        recipients: for each submission the agencies with a part in it; its owner is always among
        them.

    Returns:
        For each notice its recipients with their events, to be handed on to the ledger.
    """
    events: list[dict[str, Any]] = []
    receipts: list[Receipts] = []
    for notice in notices:
        parties = (recipients or {}).get(notice.submission_id, ())
        made = [
            _event(notice, agency_id, session.now)
            for agency_id in dict.fromkeys((notice.owner_agency_id, *parties))
        ]
        events += made
        receipts.append([(row["agency_id"], row["id"]) for row in made])
    if events and await repo.add_events(session, events):
        session.ring(nudge.DELIVER)
    return receipts


async def read_bodies(session: Session, event_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """
    Return what was, or will be, pushed for these events, in this order.
    """
    bodies = await repo.read_events(session, event_ids)
    return [json.loads(bodies[event_id]) for event_id in event_ids if event_id in bodies]


def write_body(type_: EventType, occurred_at: datetime, data: Mapping[str, Any]) -> bytes:
    """
    Serialize an event.

    It is called once per event: every attempt sends the same bytes.
    """
    body = {"type": type_.value, "timestamp": clock.iso(occurred_at), "data": data}
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _event(notice: Notice, agency_id: UUID, now: datetime) -> dict[str, Any]:
    event_id = ids.new()
    submission = ids.write("sub", notice.submission_id)
    sample = ids.write("smp", notice.sample_id) if notice.sample_id else None
    data = {
        "event_id": ids.write("evt", event_id),
        "submission_id": submission,
        "sample_id": sample,
        "sequence": notice.sequence,
        "occurred_at": clock.iso(now),
        "summary": dict(notice.summary),
        "link": f"/v1/samples/{sample}" if sample else f"/v1/submissions/{submission}",
    }
    return {
        "id": event_id,
        "agency_id": agency_id,
        "laboratory_id": notice.laboratory_id,
        "submission_id": notice.submission_id,
        "sample_id": notice.sample_id,
        "type": notice.type.value,
        "sequence": notice.sequence,
        "occurred_at": now,
        "body": write_body(notice.type, now, data),
    }
