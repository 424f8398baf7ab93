"""
What a password must be, how long a session lives, how many guesses anybody has. Pure.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv6Address, IPv6Network, ip_address
from uuid import UUID

ABSOLUTE = timedelta(hours=12)
"""After a shift everybody signs in anew, whatever they did meanwhile (E16)."""
SEEN_EVERY = timedelta(seconds=60)
"""A session in use is written to no more often than this."""
INVITE_LIVES = timedelta(days=7)
PROOF_LIVES = timedelta(minutes=2)
WINDOW = timedelta(minutes=15)

SHORTEST = 12
LONGEST = 128
_LOGIN_LONGEST = 80
_COMMON = ("password", "passwort", "motdepasse", "assayline", "123456", "qwerty", "azerty")
_FEW = 5


class How(StrEnum):
    """
    What a person proved themselves with.
    """

    PASSWORD = "password"  # noqa: S105 - the name of a way to sign in
    PASSWORD_AND_CODE = "password_and_code"  # noqa: S105 - the name of a way to sign in
    PROVIDER = "provider"


class Complaint(StrEnum):
    """
    Why a password is not accepted.
    """

    SHORT = "short"
    LONG = "long"
    COMMON = "common"
    LIKE_LOGIN = "like_login"


@dataclass(frozen=True, slots=True)
class Bucket:
    """
    A counter of failures, and how many it allows within ``WINDOW``.
    """

    key: bytes
    limit: int
    forgiving: bool
    """Whether a success empties it."""


def login(text: str) -> str:
    """
    Return a sign-in name as it is stored: names that look alike to people are one name.
    """
    return " ".join(text.split()).casefold()[:_LOGIN_LONGEST]


def complaints(password: str, *, login_name: str) -> list[Complaint]:
    """
    Say what is wrong with a new password: its length, or that everybody would guess it (ASVS 6.2).
    """
    found = []
    if len(password) < SHORTEST:
        found.append(Complaint.SHORT)
    if len(password) > LONGEST:
        found.append(Complaint.LONG)
    folded = "".join(password.casefold().split())
    if len(set(folded)) < _FEW or any(word in folded for word in _COMMON):
        found.append(Complaint.COMMON)
    name = login_name.split("@", maxsplit=1)[0]
    if len(name) > 3 and name in folded:  # noqa: PLR2004 - two or three letters occur by chance
        found.append(Complaint.LIKE_LOGIN)
    return found


def live(*, now: datetime, seen_at: datetime, expires_at: datetime, idle: timedelta) -> bool:
    """
    Say whether a session may still be used.
    """
    return now < expires_at and now - seen_at < idle


def source(address: str) -> str:
    """
    Return where a request comes from, for counting: an address, or the network of an IPv6 one.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(IPv6Network((found, 64), strict=False))
    return str(getattr(found, "ipv4_mapped", None) or found)


def buckets(*, login_name: str, address: str, device: str | None) -> Sequence[Bucket]:
    """
    Return the counters a guess falls into.

    None of them is the account's alone, so that nobody can lock another person out. A browser in which this account
    has signed in before has a counter of its own: whatever strangers do, also behind the same address, it may try. A
    stranger is counted by address and account, and by address over all accounts.
    """
    if device is not None:
        return (Bucket(_key("device", login_name, device), 10, forgiving=True),)
    place = source(address)
    return (
        Bucket(_key("source and account", login_name, place), 5, forgiving=True),
        Bucket(_key("source", place), 50, forgiving=False),
    )


def proof_bucket(client_id: UUID) -> Bucket:
    """
    Return the counter of a signed-in person who is asked for the password once more.
    """
    return Bucket(_key("proof", str(client_id)), 10, forgiving=True)


def _key(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()
