"""
What was promised, what was sent, and what waits for somebody to acknowledge it, as the desk shows it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from app.access.rules import Scope
from app.access.service import Caller
from app.kit import ids
from app.kit.db import Session
from app.samples.schemas.clocks import ClockOut
from app.web.language import N_, Language
from app.webhooks import service as webhooks
from app.webhooks.escalation import Action
from app.webhooks.rules import DeliveryState, EventType

_OWED_MOST = 20


@dataclass(frozen=True, slots=True)
class Promise:
    """
    What is to be done by when.
    """

    what: str
    by: datetime
    late: bool
    done: datetime | None
    paused: bool
    breach: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """
    One message to a system of the agency.
    """

    what: str
    when: datetime
    to: str
    state: str
    tone: str
    settled_at: datetime | None
    tries: int


@dataclass(frozen=True, slots=True)
class Owed:
    """
    A correction nobody has acknowledged yet.
    """

    event_id: str
    path: str | None
    what: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Undelivered:
    """
    What did not reach the agency's systems.
    """

    count: int
    oldest_at: datetime | None


CLOCKS = {
    "screen": N_("Presumptive finding"),
    "confirm": N_("Confirmation"),
    "review": N_("Review and report"),
    "whole": N_("Final report"),
}
_ORDER = {name: at for at, name in enumerate(CLOCKS)}
EVENTS: Mapping[EventType, str] = {
    EventType.SUBMISSION_ACCEPTED: N_("Submission accepted"),
    EventType.SUBMISSION_SHARED: N_("File shared"),
    EventType.SUBMISSION_CORRECTED: N_("File corrected"),
    EventType.SAMPLE_RECEIVED: N_("Received by the laboratory"),
    EventType.SAMPLE_WITHDRAWN: N_("Withdrawn by the agency"),
    EventType.SAMPLE_REJECTED: N_("Refused at the door"),
    EventType.SAMPLE_ON_HOLD: N_("On hold"),
    EventType.SAMPLE_RESUMED: N_("Goes on"),
    EventType.SAMPLE_STOPPED: N_("Work stopped"),
    EventType.SAMPLE_CLOSED: N_("Closed after the screen, as asked"),
    EventType.SAMPLE_OVERDUE: N_("Overdue"),
    EventType.FINDING_PRESUMPTIVE: N_("Presumptive finding"),
    EventType.REPORT_RELEASED: N_("Report released"),
    EventType.REPORT_AMENDED: N_("A report was replaced"),
    EventType.FINDING_CONTRADICTED: N_("A finding is contradicted"),
    EventType.FINDING_WITHDRAWN: N_("A finding is taken back"),
    EventType.EVENT_UNACKNOWLEDGED: N_("Reminder to acknowledge a correction"),
}
STATES = {
    DeliveryState.PENDING: ("soft", N_("Waiting to be sent")),
    DeliveryState.SENDING: ("soft", N_("Being sent")),
    DeliveryState.DELIVERED: ("good", N_("Delivered")),
    DeliveryState.EXHAUSTED: ("bad", N_("Given up")),
}
ACTIONS = (
    (Action.NOTED, N_("Read and understood")),
    (Action.PASSED_ON, N_("Passed on to prosecution, counsel or court")),
    (Action.FILE_REOPENED, N_("The closed file is open again")),
)


def promises(clocks: Sequence[ClockOut], language: Language) -> tuple[Promise, ...]:
    """
    Return what was promised for each step; of two clocks on one step, the one that ends first.
    """
    first: dict[str, ClockOut] = {}
    for clock in clocks:
        known = first.get(clock.clock)
        if known is None or clock.promised_by < known.promised_by:
            first[clock.clock] = clock
    return tuple(
        Promise(
            what=language.say(CLOCKS.get(one.clock, one.clock)),
            by=one.promised_by,
            late=one.late,
            done=one.ended_at,
            paused=one.paused_at is not None and one.ended_at is None,
            breach=bool(one.predicted_breach) and one.ended_at is None and not one.late,
        )
        for one in sorted(first.values(), key=lambda clock: _ORDER.get(clock.clock, len(_ORDER)))
    )


def sent(views: Sequence[webhooks.SentView], language: Language) -> tuple[Sent, ...]:
    """
    Return what was sent to the agency's own systems.
    """
    return tuple(
        Sent(
            what=language.say(EVENTS.get(one.type, str(one.type))),
            when=one.occurred_at,
            to=urlsplit(one.url).hostname or "",
            state=language.say(STATES[one.state][1]),
            tone=STATES[one.state][0],
            settled_at=one.settled_at,
            tries=one.tries,
        )
        for one in views
    )


async def owed(session: Session, caller: Caller, language: Language) -> tuple[Owed, ...]:
    """
    Return the corrections this person may acknowledge for the agency, the oldest first.
    """
    if Scope.ACKNOWLEDGE not in caller.scopes:
        return ()
    return tuple(
        Owed(
            event_id=ids.write("evt", one.event_id),
            path=f"/desk/{ids.write('smp', one.sample_id)}" if one.sample_id else None,
            what=language.say(EVENTS[one.type]),
            since=one.opened_at,
        )
        for one in await webhooks.list_unacknowledged(session, limit=_OWED_MOST)
    )


async def undelivered(session: Session, caller: Caller) -> Undelivered | None:
    """
    Return what the agency's systems have not got, when there is any; a laboratory's people have their own page.
    """
    if caller.is_laboratory:
        return None
    found = await webhooks.undelivered(session)
    return Undelivered(found.count, found.oldest_at) if found.count else None


def actions(language: Language) -> tuple[tuple[str, str], ...]:
    """
    Return what can have been done about a correction.
    """
    return tuple((str(code), language.say(words)) for code, words in ACTIONS)
