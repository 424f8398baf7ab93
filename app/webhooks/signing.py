"""
Standard Webhooks 1.0.0, version ``v1``: what is signed, how, and how a receiver checks it.

Pure: time and random bytes arrive as arguments.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence

PREFIX = "whsec_"
SECRET_BYTES = 32
_VERSION = "v1"
TOLERANCE_S = 300

ID = "webhook-id"
TIMESTAMP = "webhook-timestamp"
SIGNATURE = "webhook-signature"


class BadSignatureError(Exception):
    """
    A message was not signed with this secret, or not at this time.
    """


def write_secret(random: bytes) -> str:
    """
    Write a secret as receivers are given it.

    It refuses other lengths than 24 to 64 bytes.

    Raises:
        ValueError: for too few or too many bytes.
    """
    if not 24 <= len(random) <= 64:  # noqa: PLR2004 - the standard's own bounds
        raise ValueError("a secret has 24 to 64 random bytes")
    return PREFIX + base64.b64encode(random).decode()


def read_secret(secret: str) -> bytes:
    """
    Return the key a secret stands for: its decoded bytes.

    It accepts it without prefix or padding.

    Raises:
        ValueError: when it is empty or no base64.
    """
    text = secret.removeprefix(PREFIX).rstrip("=")
    key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    if not key:
        raise ValueError("an empty secret signs nothing")
    return key


def sign(secrets: Sequence[str], *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """
    Return the three headers of one attempt.

    It signs once with each secret, the newest first.

    Raises:
        ValueError: when the id has a full stop in it, which would make the signed bytes ambiguous.
    """
    if "." in message_id or not message_id:
        raise ValueError("a message id has no full stop in it")
    signatures = (
        f"{_VERSION},{_digest(secret, message_id, timestamp, body)}" for secret in secrets
    )
    return {ID: message_id, TIMESTAMP: str(timestamp), SIGNATURE: " ".join(signatures)}


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: int) -> None:
    """
    Check a message as its receiver does.

    It returns only when it is genuine and fresh.

    Raises:
        BadSignatureError: in every other case.
    """
    try:
        message_id, stamp, given = headers[ID], headers[TIMESTAMP], headers[SIGNATURE]
    except KeyError as problem:
        raise BadSignatureError(f"the header {problem} is missing") from problem
    if not (stamp.isascii() and stamp.isdigit()) or abs(now - int(stamp)) > TOLERANCE_S:
        raise BadSignatureError("the timestamp is not within five minutes of now")
    wanted = base64.b64decode(_digest(secret, message_id, int(stamp), body))
    for part in given.split(" "):
        version, _, signature = part.partition(",")
        if version == _VERSION and hmac.compare_digest(wanted, _bytes(signature)):
            return
    raise BadSignatureError("no signature fits")


def _digest(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.new(read_secret(secret), signed, hashlib.sha256).digest()).decode()


def _bytes(signature: str) -> bytes:
    try:
        return base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return b""
