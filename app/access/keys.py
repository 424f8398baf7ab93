"""
The form of an API key: ``asl_live_<key id>_<secret><checksum>`` (E10).

The prefix lets scanners find a leaked key; the checksum refuses a mistyped one without asking the database; only a
hash of the secret is stored.
"""

import hashlib
import hmac
import secrets
import string
import zlib
from dataclasses import dataclass

PREFIX = "asl_live"
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SECRET_CHARS = 32
"""32 characters of 62: 190 bits (ASVS 11.5.1 asks for 128)."""
_ID_CHARS = 12
_CHECK_CHARS = 6


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """
    A well-formed key as a caller sent it: which one it claims to be, and the hash of its secret.
    """

    key_id: str
    secret_sha256: bytes

    def matches(self, stored: bytes) -> bool:
        """
        Compare with the stored hash in constant time.
        """
        return hmac.compare_digest(self.secret_sha256, stored)


def make() -> tuple[str, PresentedKey]:
    """
    Make a new key: the text to show once, and what to store.
    """
    key_id = "".join(secrets.choice(_ALPHABET) for _ in range(_ID_CHARS))
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_CHARS))
    body = f"{PREFIX}_{key_id}_{secret}"
    return body + _checksum(body), PresentedKey(key_id, _digest(secret))


def read(text: str) -> PresentedKey | None:
    """
    Read a presented key, or None when it cannot be one of ours.
    """
    body, check = text[:-_CHECK_CHARS], text[-_CHECK_CHARS:]
    parts = body.split("_")
    if not text.isascii() or f"{'_'.join(parts[:2])}" != PREFIX or len(parts) != 4:  # noqa: PLR2004 - asl, live, id, secret
        return None
    key_id, secret = parts[2], parts[3]
    if not (key_id + secret).isalnum():
        return None
    if len(key_id) != _ID_CHARS or len(secret) != _SECRET_CHARS or check != _checksum(body):
        return None
    return PresentedKey(key_id, _digest(secret))


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    out = ""
    for _ in range(_CHECK_CHARS):
        number, digit = divmod(number, len(_ALPHABET))
        out = _ALPHABET[digit] + out
    return out


def _digest(secret: str) -> bytes:
    # A fast hash is right here: the secret is random, not a person's password.
    return hashlib.sha256(secret.encode()).digest()
