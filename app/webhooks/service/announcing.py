"""
Announcing a fact to every agency that has a part in its file, in the fact's own transaction.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app import nudge
from app.kit import clock, ids
from app.kit.db import Session
from app.webhooks import escalation
from app.webhooks.repo import acknowledgements
from app.webhooks.repo import events as repo
from app.webhooks.rules import CORRECTIONS, MOST_BODY_BYTES, RESULTS, EventType

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
    content: Mapping[str, Any] | None = None
    """
    What endpoints that asked for full content get besides, as JSON values: what the reader would fetch.
    """


async def announce(
    session: Session,
    notices: Sequence[Notice],
    *,
    recipients: Mapping[UUID, Sequence[UUID]] | None = None,
) -> list[Receipts]:
    """
    Owe each notice to its recipients.

    It writes one event per recipient and rings after the commit. A correction also goes to everyone
    who was told a result of that sample before, whatever has become of the file or of their part in
    it, and stays open at each of them until a named person there acknowledges it.

    Args:
        session: the fact's own transaction, as the submitting agency or as the laboratory.
        notices: what happened.
        recipients: for each submission the agencies with a part in it; its owner is always among
        them.

    Returns:
        For each notice its recipients with their events, to be handed on to the ledger.
    """
    informed = await _informed(session, notices)
    events: list[dict[str, Any]] = []
    receipts: list[Receipts] = []
    for notice in notices:
        readers = (notice.owner_agency_id, *(recipients or {}).get(notice.submission_id, ()))
        told = informed.get((notice.submission_id, notice.sample_id), ())
        made = [
            # Whoever was told before and has no part any more learns that it changed, not what is in the file.
            _event(notice, agency_id, session.now, whole=agency_id in readers)
            for agency_id in dict.fromkeys((*readers, *told))
        ]
        events += made
        receipts.append([(row["agency_id"], row["id"]) for row in made])
    if events and await repo.add_events(session, events):
        session.ring(nudge.DELIVER)
    await _open(session, events)
    return receipts


async def _informed(
    session: Session, notices: Sequence[Notice]
) -> Mapping[tuple[UUID, UUID | None], set[UUID]]:
    files = {notice.submission_id for notice in notices if notice.type in CORRECTIONS}
    found: dict[tuple[UUID, UUID | None], set[UUID]] = defaultdict(set)
    if files:
        types = [one.value for one in RESULTS]
        for row in await repo.informed(session, list(files), types):
            found[row.submission_id, row.sample_id].add(row.agency_id)
            # A correction of the whole file concerns whoever was told anything about it.
            found[row.submission_id, None].add(row.agency_id)
    return found


async def _open(session: Session, events: Sequence[Mapping[str, Any]]) -> None:
    opened = [
        {
            "event_id": row["id"],
            "agency_id": row["agency_id"],
            "laboratory_id": row["laboratory_id"],
            "opened_at": session.now,
            "remind_at": session.now + escalation.wait_before(1),
            "reminders": 0,
        }
        for row in events
        if row["type"] in CORRECTIONS
    ]
    if opened:
        await acknowledgements.open_all(session, opened)


async def read_bodies(session: Session, event_ids: Sequence[UUID]) -> list[bytes]:
    """
    Return what was, or will be, pushed for these events, in this order.
    """
    stored = await repo.read_events(session, event_ids)
    return [stored[event_id].body for event_id in event_ids if event_id in stored]


def write_body(type_: EventType, occurred_at: datetime, data: Mapping[str, Any]) -> bytes:
    """
    Serialize an event.

    It is called once per event: every attempt sends the same bytes.
    """
    body = {"type": type_.value, "timestamp": clock.iso(occurred_at), "data": data}
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def make_event(
    *,
    type_: EventType,
    agency_id: UUID,
    laboratory_id: UUID,
    submission_id: UUID,
    sample_id: UUID | None,
    sequence: int,
    now: datetime,
    summary: Mapping[str, Any],
    more: Mapping[str, Any] | None = None,
    content: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """
    Make an event of one recipient, as it is stored.

    Content that makes it larger than a push should be is left out: the link leads to it.
    """
    event_id = ids.new()
    public_id = ids.write("evt", event_id)
    submission = ids.write("sub", submission_id)
    sample = ids.write("smp", sample_id) if sample_id else None
    data = {
        "event_id": public_id,
        "submission_id": submission,
        "sample_id": sample,
        "sequence": sequence,
        "occurred_at": clock.iso(now),
        "summary": dict(summary),
        "link": f"/v1/samples/{sample}" if sample else f"/v1/submissions/{submission}",
        **(more or {}),
    }
    if type_ in CORRECTIONS:
        data["acknowledge"] = f"/v1/events/{public_id}/acknowledgement"
    full = write_body(type_, now, {**data, "content": dict(content)}) if content else None
    return {
        "id": event_id,
        "agency_id": agency_id,
        "laboratory_id": laboratory_id,
        "submission_id": submission_id,
        "sample_id": sample_id,
        "type": type_.value,
        "sequence": sequence,
        "occurred_at": now,
        "body": write_body(type_, now, data),
        "full_body": full if full is not None and len(full) <= MOST_BODY_BYTES else None,
    }


def _event(notice: Notice, agency_id: UUID, now: datetime, *, whole: bool) -> dict[str, Any]:
    return make_event(
        type_=notice.type,
        agency_id=agency_id,
        laboratory_id=notice.laboratory_id,
        submission_id=notice.submission_id,
        sample_id=notice.sample_id,
        sequence=notice.sequence,
        now=now,
        summary=notice.summary,
        content=notice.content if whole else None,
    )
