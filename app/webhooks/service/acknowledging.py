"""
Corrections stay open until a named person at each recipient acknowledges them.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import structlog

from app import nudge
from app.access import service as access
from app.access.rules import ClientKind
from app.access.service import Caller
from app.kit import clock, ids
from app.kit.db import WORKER, Database, Session, as_laboratory
from app.kit.errors import Conflict, Forbidden, NotFound
from app.ledger import service as ledger
from app.webhooks import escalation
from app.webhooks.escalation import Action
from app.webhooks.repo import acknowledgements as repo
from app.webhooks.repo import events as events_repo
from app.webhooks.rules import CORRECTIONS, EventType
from app.webhooks.service.announcing import make_event
from app.webhooks.views import AcknowledgementView, EventView

_log = structlog.get_logger(__name__)


class NothingToAcknowledge(Conflict):
    """
    Only corrections are acknowledged: report.amended, finding.contradicted, finding.withdrawn.
    """

    code = "nothing-to-acknowledge"
    title = "Nothing to acknowledge"


async def read_event(session: Session, *, event_id: UUID | None) -> EventView:
    """
    Return one of the agency's events, with its acknowledgement where it needs one.

    Raises:
        NotFound: when the agency has no such event.

    """
    row = await events_repo.find_event(session, event_id) if event_id else None
    if row is None or event_id is None:
        raise NotFound
    given = await repo.find(session, event_id) if row.type in CORRECTIONS else None
    return EventView(json.loads(row.body), _view_of(given) if given else None)


async def acknowledge(
    session: Session, *, caller: Caller, event_id: UUID | None, action: Action
) -> tuple[AcknowledgementView, bool]:
    """
    Acknowledge a correction, and return it with whether this was the first time.

    Whoever was first stands: a second person changes nothing and is told who it was.

    Raises:
        NotFound: when the agency has no such event.
        Forbidden: when a program asks: only a person can have read it.
        NothingToAcknowledge: when the event is no correction.

    """
    row = await events_repo.find_event(session, event_id) if event_id else None
    if row is None or event_id is None:
        raise NotFound
    if caller.kind is not ClientKind.PERSON:
        raise Forbidden("A person acknowledges a correction, with a key of their own.")
    if row.type not in CORRECTIONS:
        raise NothingToAcknowledge
    first = await repo.give(
        session, event_id, by=caller.client_id, name=caller.name, action=action.value
    )
    if first:
        await ledger.record(
            session,
            [
                ledger.Fact(
                    kind="event.acknowledged",
                    agency_id=session.tenant,
                    laboratory_id=row.laboratory_id,
                    submission_id=row.submission_id,
                    sample_id=row.sample_id,
                    version=row.sequence,
                    actor_id=caller.client_id,
                    details={
                        "event_id": ids.write("evt", event_id),
                        "type": row.type,
                        "action": action.value,
                        # What was acknowledged, to the byte.
                        "body_sha256": hashlib.sha256(row.body).hexdigest(),
                    },
                )
            ],
        )
        _log.info("event_acknowledged", event_id=ids.write("evt", event_id), type=row.type)
    found = await repo.find(session, event_id)
    if found is None:
        raise NotFound
    return _view_of(found), first


async def list_unacknowledged(
    session: Session, *, after: UUID | None = None, limit: int = 50
) -> list[AcknowledgementView]:
    """
    Return open corrections, the oldest first: the agency's own, or all that a laboratory sent.
    """
    return [_view_of(row) for row in await repo.list_open(session, after=after, limit=limit)]


async def named(session: Session, views: Sequence[AcknowledgementView]) -> dict[UUID, str]:
    """
    Return the names of the agencies these were sent to, for the laboratory that telephones them.
    """
    return await access.agency_names(session, sorted({view.agency_id for view in views}))


async def remind_due(database: Database, *, limit: int = 200) -> int:
    """
    Repeat every correction that has been open too long, and return how many were.

    The worker sees which are due, and acts in the name of the laboratory that sent them.
    """
    async with database.transaction(WORKER) as session:
        found = await repo.due(session, limit=limit)
    by_laboratory: dict[UUID, list[UUID]] = defaultdict(list)
    for row in found:
        by_laboratory[row.laboratory_id].append(row.event_id)
    reminded = 0
    for laboratory_id, event_ids in by_laboratory.items():
        async with database.transaction(as_laboratory(laboratory_id)) as session:
            reminded += await _remind(session, event_ids)
    return reminded


async def _remind(session: Session, event_ids: Sequence[UUID]) -> int:
    # Another worker may have been here in between: only what is still due comes back (C5).
    rows = await repo.remind(session, event_ids, escalation.STEPS)
    if not rows:
        return 0
    made = [
        make_event(
            type_=EventType.EVENT_UNACKNOWLEDGED,
            agency_id=row.agency_id,
            laboratory_id=row.laboratory_id,
            submission_id=row.submission_id,
            sample_id=row.sample_id,
            sequence=row.sequence,
            now=session.now,
            summary={
                "type": row.type,
                "reminder": row.reminders,
                "level": escalation.level(row.reminders).value,
                "open_since": clock.iso(row.opened_at),
            },
            more={
                "about": ids.write("evt", row.event_id),
                "acknowledge": f"/v1/events/{ids.write('evt', row.event_id)}/acknowledgement",
            },
        )
        for row in rows
    ]
    if await events_repo.add_events(session, made):
        session.ring(nudge.DELIVER)
    await ledger.record(
        session,
        [
            ledger.Fact(
                kind="event.reminded",
                agency_id=row.agency_id,
                laboratory_id=row.laboratory_id,
                submission_id=row.submission_id,
                sample_id=row.sample_id,
                version=row.sequence,
                actor_id=None,
                details={"event_id": ids.write("evt", row.event_id), "reminder": row.reminders},
                notices=[(event["agency_id"], event["id"])],
            )
            for row, event in zip(rows, made, strict=True)
        ],
    )
    for row in rows:
        _log.warning(
            "event_unacknowledged",
            event_id=ids.write("evt", row.event_id),
            reminder=row.reminders,
            level=escalation.level(row.reminders).value,
        )
    return len(rows)


def _view_of(row: repo.Found) -> AcknowledgementView:
    return AcknowledgementView(
        event_id=row.event_id,
        type=EventType(row.type),
        agency_id=row.agency_id,
        submission_id=row.submission_id,
        sample_id=row.sample_id,
        opened_at=row.opened_at,
        reminders=row.reminders,
        level=escalation.level(row.reminders),
        remind_at=row.remind_at,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_name,
        action=Action(row.action) if row.action else None,
    )
