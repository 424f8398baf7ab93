"""
The only reader of the wall clock.

Business instants come from the database (``Session.now``); this module serves what has no transaction at hand.
"""

from datetime import UTC, datetime

MICROSECONDS = 1_000_000
DAY_US = 86_400 * MICROSECONDS


def utc_now() -> datetime:
    """
    Return the present instant, in UTC.
    """
    return datetime.now(UTC)


def to_us(instant: datetime) -> int:
    """
    Turn an aware instant into whole microseconds since 1970, without passing through a float.
    """
    delta = instant - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * MICROSECONDS + delta.microseconds


def iso(instant: datetime) -> str:
    """
    Write an instant as RFC 3339 in UTC with a ``Z``.
    """
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
