"""
Standard Webhooks 1.0.0, versions ``v1`` and ``v1a``: what is signed, and how a receiver checks it.

``v1`` is an HMAC with a secret (``whsec_…``) both sides hold; ``v1a`` is an ed25519 signature with a
private key (``whsk_…``) nobody but this service holds, checked with the public one (``whpk_…``).

Pure: time and random bytes arrive as arguments.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PREFIX = "whsec_"
PRIVATE_PREFIX = "whsk_"
PUBLIC_PREFIX = "whpk_"
SECRET_BYTES = 32
SEED_BYTES = 32
TOLERANCE_S = 300

ID = "webhook-id"
TIMESTAMP = "webhook-timestamp"
SIGNATURE = "webhook-signature"

_SHARED = "v1"
_ASYMMETRIC = "v1a"


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
    key = _decoded(secret, PREFIX)
    if not key:
        raise ValueError("an empty secret signs nothing")
    return key


def write_keys(seed: bytes) -> tuple[str, str]:
    """
    Write the private and the public key that this seed makes.

    Raises:
        ValueError: for another length than 32 bytes.
    """
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return (
        PRIVATE_PREFIX + base64.b64encode(seed + public).decode(),
        PUBLIC_PREFIX + base64.b64encode(public).decode(),
    )


def sign(secrets: Sequence[str], *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """
    Return the three headers of one attempt.

    It signs once with each secret or private key, in their order: the newest first.

    Raises:
        ValueError: when the id has a full stop in it, which would make the signed bytes ambiguous.
    """
    if "." in message_id or not message_id:
        raise ValueError("a message id has no full stop in it")
    signed = _signed(message_id, timestamp, body)
    signatures = (
        ",".join((version, base64.b64encode(made).decode()))
        for version, made in (_sign(secret, signed) for secret in secrets)
    )
    return {ID: message_id, TIMESTAMP: str(timestamp), SIGNATURE: " ".join(signatures)}


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: int) -> None:
    """
    Check a message as its receiver does, with its secret or with the sender's public key.

    It returns only when the message is genuine and fresh.

    Raises:
        BadSignatureError: in every other case.
        ValueError: when the secret or key is none.
    """
    try:
        message_id, stamp, given = headers[ID], headers[TIMESTAMP], headers[SIGNATURE]
    except KeyError as problem:
        raise BadSignatureError(f"the header {problem} is missing") from problem
    if not (stamp.isascii() and stamp.isdigit()) or abs(now - int(stamp)) > TOLERANCE_S:
        raise BadSignatureError("the timestamp is not within five minutes of now")
    wanted, fits = _checker(secret, _signed(message_id, int(stamp), body))
    for part in given.split(" "):
        version, _, signature = part.partition(",")
        if version == wanted and fits(_bytes(signature)):
            return
    raise BadSignatureError("no signature fits")


def _signed(message_id: str, timestamp: int, body: bytes) -> bytes:
    return f"{message_id}.{timestamp}.".encode() + body


def _sign(secret: str, signed: bytes) -> tuple[str, bytes]:
    if secret.startswith(PRIVATE_PREFIX):
        return _ASYMMETRIC, _private(secret).sign(signed)
    return _SHARED, _digest(secret, signed)


def _checker(secret: str, signed: bytes) -> tuple[str, Callable[[bytes], bool]]:
    if not secret.startswith(PUBLIC_PREFIX):
        wanted = _digest(secret, signed)
        return _SHARED, lambda given: hmac.compare_digest(wanted, given)
    public = Ed25519PublicKey.from_public_bytes(_decoded(secret, PUBLIC_PREFIX))

    def fits(given: bytes) -> bool:
        try:
            public.verify(given, signed)
        except InvalidSignature:
            return False
        return True

    return _ASYMMETRIC, fits


@lru_cache(maxsize=256)
def _private(secret: str) -> Ed25519PrivateKey:
    # The seed, and behind it the public key, which is not needed here.
    return Ed25519PrivateKey.from_private_bytes(_decoded(secret, PRIVATE_PREFIX)[:SEED_BYTES])


def _digest(secret: str, signed: bytes) -> bytes:
    return hmac.new(read_secret(secret), signed, hashlib.sha256).digest()


def _decoded(text: str, prefix: str) -> bytes:
    bare = text.removeprefix(prefix).rstrip("=")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)


def _bytes(signature: str) -> bytes:
    try:
        return base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return b""
