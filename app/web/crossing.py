"""
Proof that a form was shown by us to this browser (CSRF): a token made from the visit's secret, masked anew each time.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping

FIELD = "form_token"
_BYTES = 32
_OURS = frozenset({"same-origin", "none"})


def token(secret: str) -> str:
    """
    Make a token. It looks different each time, so that a compressed page gives nothing away (BREACH).
    """
    pad = secrets.token_bytes(_BYTES)
    return base64.urlsafe_b64encode(pad + _xor(pad, _mac(secret))).decode()


def genuine(secret: str, given: str) -> bool:
    """
    Say whether a token was made from this secret.
    """
    try:
        raw = base64.urlsafe_b64decode(given)
    except (binascii.Error, ValueError):
        return False
    return len(raw) == 2 * _BYTES and hmac.compare_digest(
        _xor(raw[:_BYTES], raw[_BYTES:]), _mac(secret)
    )


def ours(headers: Mapping[str, str]) -> bool:
    """
    Say whether a request was sent by one of our own pages, by what the browser says about it.
    """
    if headers.get("sec-fetch-site", "same-origin") not in _OURS:
        return False
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host")


def _mac(secret: str) -> bytes:
    return hmac.new(secret.encode(), b"form", hashlib.sha256).digest()


def _xor(one: bytes, two: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, two, strict=True))
