"""
What agencies are told, when a delivery is tried again, and where one may go.

Pure: time and chance arrive as arguments.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

from app.webhooks.addresses import acceptable


class EventType(StrEnum):
    """
    What happened. The names are part of the API: they are added to, never renamed.
    """

    SUBMISSION_ACCEPTED = "submission.accepted"
    """A submission and its samples are stored and have a place in line."""
    SUBMISSION_SHARED = "submission.shared"
    """An agency has a part in the file from now on."""
    SUBMISSION_CORRECTED = "submission.corrected"
    """The agency has corrected what it had said; the submission says what, before and after."""
    SAMPLE_RECEIVED = "sample.received"
    """The laboratory has the item in its hands."""
    SAMPLE_WITHDRAWN = "sample.withdrawn"
    """The agency has taken a sample back before work began."""
    SAMPLE_REJECTED = "sample.rejected"
    """The laboratory has refused the item at intake; the reason is in the sample."""
    SAMPLE_ON_HOLD = "sample.on_hold"
    """Work is paused until what it waits for has come."""
    SAMPLE_RESUMED = "sample.resumed"
    """A paused or ended sample goes on where it was."""
    SAMPLE_STOPPED = "sample.stopped"
    """Work has ended before a report."""
    SAMPLE_CLOSED = "sample.closed"
    """Only a screen was asked for; no final report follows."""
    SAMPLE_OVERDUE = "sample.overdue"
    """A step was not done by when it was promised. Told once per step, to everybody with a part in the file."""
    FINDING_PRESUMPTIVE = "finding.presumptive"
    """A presumptive finding was released: early, and with its measured reliability."""
    REPORT_RELEASED = "report.released"
    """A numbered, immutable report was released."""
    REPORT_AMENDED = "report.amended"
    """A new report replaces one that was released; the old one stays readable."""
    FINDING_CONTRADICTED = "finding.contradicted"
    """What was released before does not hold: later work says otherwise."""
    FINDING_WITHDRAWN = "finding.withdrawn"
    """What was released before is taken back: nothing may rest on it."""
    EVENT_UNACKNOWLEDGED = "event.unacknowledged"
    """A reminder: no named person has acknowledged a correction yet."""
    WEBHOOK_CHALLENGE = "webhook.challenge"
    """The first thing an endpoint gets: it proves that who registered it also receives there."""
    WEBHOOK_SECRET_ROTATED = "webhook.secret_rotated"  # noqa: S105 - the name of an event
    """An endpoint's secret was replaced; every endpoint of the agency is told."""
    WEBHOOK_TEST = "webhook.test"
    """Asked for by the endpoint's owner; concerns no file, and stands in no feed."""


CORRECTIONS = frozenset(
    {EventType.REPORT_AMENDED, EventType.FINDING_CONTRADICTED, EventType.FINDING_WITHDRAWN}
)
"""What takes back or changes a result: stays open until a named person acknowledges it."""

RESULTS = CORRECTIONS | {EventType.FINDING_PRESUMPTIVE, EventType.REPORT_RELEASED}
"""What somebody may have acted upon: whoever got one of these gets every correction too."""

OWN = frozenset(
    {EventType.WEBHOOK_CHALLENGE, EventType.WEBHOOK_SECRET_ROTATED, EventType.WEBHOOK_TEST}
)
"""About endpoints themselves: concerns no file, and stands in no feed."""

UNFILTERED = CORRECTIONS | OWN | {EventType.EVENT_UNACKNOWLEDGED}
"""What an endpoint gets whichever types it asked for."""


class Content(StrEnum):
    """
    How much an endpoint is told.
    """

    THIN = "thin"
    """Ids, type, sequence, instant, a summary safe to log, a link: the reader fetches the rest."""
    FULL = "full"
    """The same and the content itself, where it is small enough to be pushed."""


MOST_BODY_BYTES = 20_000
"""A larger body is not pushed (Standard Webhooks advises this size): the thin one goes instead."""


class DeliveryState(StrEnum):
    """
    Where one event owed to one endpoint stands.
    """

    PENDING = "pending"
    """Waits for ``due_at``: never tried, or failed and to be tried again."""
    SENDING = "sending"
    """Claimed by a dispatcher under a lease; when the lease ends, anybody may claim it again."""
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"
    """The schedule is used up. Not an end: it is listed, counted and can be replayed."""


class Outcome(StrEnum):
    """
    How one attempt went.
    """

    UNKNOWN = "unknown"
    """Begun, and nobody recorded its end: it runs at this moment, or its process was killed."""
    DELIVERED = "delivered"
    FAILED = "failed"


class DisabledReason(StrEnum):
    """
    Why an endpoint gets nothing any more.
    """

    DELETED = "deleted"
    """Its owner removed it."""
    GONE = "gone"
    """Its receiver answered 410: what it is still owed stays pending."""


MINUTE_S = 60
HOUR_S = 60 * MINUTE_S

WAITS_S = (
    0,
    5,
    5 * MINUTE_S,
    30 * MINUTE_S,
    2 * HOUR_S,
    5 * HOUR_S,
    10 * HOUR_S,
    14 * HOUR_S,
    20 * HOUR_S,
    24 * HOUR_S,
)
"""The wait before each attempt (Standard Webhooks): ten attempts over 75 hours and 35 minutes."""

MOST_ATTEMPTS = len(WAITS_S)
LONGEST_WAIT_S = 24 * HOUR_S
SPREAD = 0.1
"""How much longer than the schedule a wait may be."""

GONE = 410
THROTTLED = frozenset({429, 502, 503, 504})
"""The receiver, or what stands before it, asks for patience: ``Retry-After`` counts."""

OPEN_AFTER = 5
"""So many failures in a row, over all its deliveries, open an endpoint's circuit."""
HOLDS_S = (5, 10, 30, 60, 120, 300, 600)
"""For how long nothing is sent then; after that one delivery tries, and success closes the circuit."""

LONGEST_URL = 2048
HTTPS_PORTS = frozenset({443, 8443})


@dataclass(frozen=True, slots=True)
class Reply:
    """
    What became of one HTTP request.
    """

    status: int | None = None
    """None when no answer came."""
    error: str | None = None
    """The kind of failure in one word, such as ``timeout``; never what the receiver wrote."""
    retry_after: str | None = None
    date: str | None = None
    """The receiver's own clock, which its ``Retry-After`` date was read from."""
    address: str | None = None
    response_sha256: bytes | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """
    What follows from a reply: the service merely carries it out.
    """

    state: DeliveryState
    outcome: Outcome
    wait_s: float = 0
    """Until the next attempt, counted from the database's present."""
    disables: bool = False
    """The endpoint is to get nothing more, by its own word."""
    hold_s: float = 0
    """For how long the whole endpoint is to be left alone, by its own word."""


def next_step(attempts: int, reply: Reply, *, jitter: float, now: datetime) -> Step:
    """
    Decide what a reply means.

    It never lets a delivery pass in silence.

    Args:
        attempts: how many there have been, this one included; after a replay, since then.
        reply: what became of it.
        jitter: a random number from 0 to 1.
        now: the database's present, to read a ``Retry-After`` date without the receiver's own
        clock.
    """
    status = reply.status
    if status is not None and 200 <= status < 300:  # noqa: PLR2004 - the class of success
        return Step(DeliveryState.DELIVERED, Outcome.DELIVERED)
    if status == GONE:
        return Step(DeliveryState.PENDING, Outcome.FAILED, disables=True)
    if attempts >= MOST_ATTEMPTS:
        return Step(DeliveryState.EXHAUSTED, Outcome.FAILED)
    wait_s = _scheduled(attempts, jitter)
    hold_s = 0.0
    if status in THROTTLED:
        asked_s = retry_after_s(reply.retry_after, date=reply.date, now=now) or 0
        # Never sooner than our own schedule: a receiver may ask for patience, not for haste.
        wait_s = max(wait_s, min(asked_s, LONGEST_WAIT_S))
        hold_s = min(asked_s, HOLDS_S[-1])
    return Step(DeliveryState.PENDING, Outcome.FAILED, wait_s=wait_s, hold_s=hold_s)


def _scheduled(attempts: int, jitter: float) -> float:
    base = WAITS_S[max(attempts, 1)]
    chance = min(max(jitter, 0.0), 1.0)
    if attempts <= 1:
        # The first retry comes within five seconds (B6), so chance can only make it sooner.
        return base * (1 - chance / 2)
    return base * (1 + SPREAD * chance)


def retry_after_s(value: str | None, *, date: str | None, now: datetime) -> float | None:
    """
    Read a ``Retry-After`` header.

    It accepts seconds and HTTP dates, and return None for all else.

    A date is measured against the receiver's own ``Date``, if it sent one: its clock may be wrong
    by hours.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        # Longer numbers are beyond any cap, and may be beyond a float.
        return float(text[:10])
    until = _http_date(text)
    if until is None:
        return None
    seconds = (until - (_http_date(date) or now)).total_seconds()
    return max(seconds, 0.0)


def _http_date(text: str | None) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError):
        return None
    if parsed is None:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def fault_of_url(url: str, *, allow_loopback: bool) -> str | None:  # noqa: PLR0911 - a line per fault
    """
    Say what is wrong with an endpoint's address.

    It returns None when nothing is.

    What its name resolves to is vetted again at every connection; this is for the eyes of whoever
    types it.
    """
    if len(url) > LONGEST_URL:
        return f"is longer than {LONGEST_URL} characters"
    if not url.isascii() or any(
        not ("!" <= character <= "~") or character in '\\"<>^`{|}' for character in url
    ):
        return "has characters that a URL cannot have; write international names as xn--…"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if not host:
        return "names no host"
    if "@" in parts.netloc:
        return "carries a user name or password; every push is signed instead"
    if parts.fragment or url.endswith("#"):
        return "has a fragment, which is never sent"
    return _fault_of_place(parts.scheme, host, port, allow_loopback=allow_loopback)


def _fault_of_place(
    scheme: str, host: str, port: int | None, *, allow_loopback: bool
) -> str | None:
    try:
        literal = ip_address(host)
    except ValueError:
        literal = None
    # Old notations of an address (2130706433, 0x7f.1, 127.1) would be read by the resolver, not by
    # people.
    last = host.rstrip(".").rpartition(".")[2]
    if literal is None and (last.isdigit() or last.startswith("0x")):
        return "names its host by a number that is not a plain IP address"
    local = host.rstrip(".") == "localhost" or (literal is not None and literal.is_loopback)
    if local and allow_loopback:
        return None if scheme in {"http", "https"} else "must begin with http:// or https://"
    if scheme != "https":
        return "must begin with https://"
    if local or (literal is not None and not acceptable(literal, allow_loopback=allow_loopback)):
        return "names an address that is not on the public internet"
    if (port or 443) not in HTTPS_PORTS:
        return f"must use port {' or '.join(str(number) for number in sorted(HTTPS_PORTS))}"
    return None
