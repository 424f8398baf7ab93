"""
Keyset cursors: opaque, and sealed with a MAC that binds them to one tenant and one question.
"""

import base64
import hashlib
import hmac
import json
from typing import Any

from app.kit.errors import FieldError, Invalid

_MAC_BYTES = 16


class BadCursor(Invalid):
    """
    This cursor was not given to you for this question. Start again without one.
    """

    code = "bad-cursor"
    title = "Cursor not accepted"


def write(key: bytes, *, scope: str, values: list[Any]) -> str:
    """
    Make a cursor.

    Args:
        key: the MAC key.
        scope: the tenant and the question; another scope refuses this cursor.
        values: where the next page starts, as JSON values.

    """
    body = json.dumps(values, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_mac(key, scope, body) + body).decode().rstrip("=")


def read(key: bytes, *, scope: str, cursor: str) -> list[Any]:
    """
    Read a cursor back.

    Raises:
        BadCursor: when it is malformed, altered, or was made for another scope.

    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError as problem:
        raise _refusal() from problem
    seal, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(seal, _mac(key, scope, body)):
        raise _refusal()
    values = json.loads(body)
    return values if isinstance(values, list) else [values]


def _mac(key: bytes, scope: str, body: bytes) -> bytes:
    return hmac.new(key, scope.encode() + b"\0" + body, hashlib.sha256).digest()[:_MAC_BYTES]


def _refusal() -> BadCursor:
    return BadCursor(
        errors=[
            FieldError("after", "not a cursor for this question", "leave it out to start again")
        ]
    )
