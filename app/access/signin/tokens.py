"""
Random tokens of sessions and invitations, stored as hashes; and the mark of a browser known to an account.
"""

import base64
import hashlib
import hmac
import secrets

_MAC_BYTES = 32


def make() -> str:
    """
    Make a token of 256 random bits.
    """
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """
    Return what is stored of a token.
    """
    # A fast hash is right here: the token is random, not a person's password.
    return hashlib.sha256(token.encode()).digest()


def mark(key: bytes, *, login: str) -> str:
    """
    Make the mark of a browser in which this account has signed in.
    """
    device = secrets.token_urlsafe(16)
    return f"{device}.{_seal(key, device, login)}"


def read_mark(key: bytes, text: str | None, *, login: str) -> str | None:
    """
    Return which browser this is, when its mark was made for this very account.
    """
    device, _, seal = (text or "").partition(".")
    if not device or not hmac.compare_digest(seal.encode(), _seal(key, device, login).encode()):
        return None
    return device


def _seal(key: bytes, device: str, login: str) -> str:
    made = hmac.new(key, f"{device}\0{login}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")
