"""
Hashing of passwords with Argon2id, a few at a time: each takes 64 MiB and a core for a moment.
"""

import asyncio
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

_hasher = PasswordHasher()  # the library's defaults follow RFC 9106
_AT_ONCE = asyncio.Semaphore(2)


async def hash_of(password: str) -> str:
    """
    Hash a password for storing.
    """
    async with _AT_ONCE:
        return await asyncio.to_thread(_hasher.hash, password)


async def matches(stored: str | None, password: str) -> bool:
    """
    Say whether a password is the stored one; without one it takes as long, and is not.
    """
    async with _AT_ONCE:
        return await asyncio.to_thread(_matches, stored, password)


def outdated(stored: str) -> bool:
    """
    Say whether a hash was made with weaker settings than today's.
    """
    return _hasher.check_needs_rehash(stored)


@lru_cache(maxsize=1)
def _nobodys() -> str:
    return _hasher.hash("nobody has this password")


def _matches(stored: str | None, password: str) -> bool:
    try:
        _hasher.verify(stored or _nobodys(), password)
    except (VerifyMismatchError, InvalidHashError):
        return False
    return stored is not None
