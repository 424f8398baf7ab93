"""
Secrets at rest.

One master key, one derived key per purpose, sealed boxes that name the key they need.

A box is ``version | key id | nonce | ciphertext and tag`` (AES-256-GCM). It is bound to what it
belongs to, so that it
cannot be moved to another row, and a process that holds another key refuses it instead of guessing.
"""

import hashlib
import hmac
import os
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = b"\x01"
_ID_BYTES = 4
_NONCE_BYTES = 12
_TAG_BYTES = 16
_HEAD_BYTES = len(_VERSION) + _ID_BYTES
KEY_BYTES = 32


class Purpose(StrEnum):
    """
    What a derived key is for. A key for one purpose opens nothing of another.
    """

    WEBHOOK_SECRET = "webhook-secret"  # noqa: S105 - the name of a purpose
    CURSOR_MAC = "cursor-mac"
    DEVICE_MARK = "device-mark"
    ONE_TIME_CODES = "one-time-codes"
    SIGN_IN_STATE = "sign-in-state"


class SecretsError(Exception):
    """
    A box cannot be opened.
    """


class WrongKeyError(SecretsError):
    """
    The box was sealed with another key than the one this process holds.
    """


class DamagedBoxError(SecretsError):
    """
    The box was altered, cut, or belongs to something else.
    """


@dataclass(frozen=True, slots=True)
class Key:
    """
    The key of one purpose.
    """

    id: bytes
    """Says which key sealed a box, and nothing about the key."""
    raw: bytes = field(repr=False)


def derive(master: bytes, purpose: Purpose) -> Key:
    """
    Derive the key of one purpose.

    It accepts a master key of 32 bytes only.

    Raises:
        ValueError: for a master key of another length.
    """
    if len(master) != KEY_BYTES:
        message = f"the master key must be {KEY_BYTES} bytes"
        raise ValueError(message)
    raw = _expand(master, f"assayline/{purpose}/key", KEY_BYTES)
    return Key(id=_expand(master, f"assayline/{purpose}/id", _ID_BYTES), raw=raw)


def seal(key: Key, plain: bytes, *, bound_to: bytes) -> bytes:
    """
    Encrypt.

    It binds the box to ``bound_to``, such as the id of its row.
    """
    head = _VERSION + key.id
    nonce = os.urandom(_NONCE_BYTES)
    return head + nonce + AESGCM(key.raw).encrypt(nonce, plain, head + bound_to)


def unseal(key: Key, box: bytes, *, bound_to: bytes) -> bytes:
    """
    Decrypt.

    It returns nothing at all unless key, box and binding fit.

    Raises:
        WrongKeyError: when the box names another key.
        DamagedBoxError: when it was altered, or belongs to something else.
    """
    if len(box) < _HEAD_BYTES + _NONCE_BYTES + _TAG_BYTES or box[:1] != _VERSION:
        raise DamagedBoxError("this is no sealed box")
    head, nonce, sealed = (
        box[:_HEAD_BYTES],
        box[_HEAD_BYTES:][:_NONCE_BYTES],
        box[_HEAD_BYTES + _NONCE_BYTES :],
    )
    if head[1:] != key.id:
        raise WrongKeyError(
            f"sealed with key {head[1:].hex()}; this process holds key {key.id.hex()}"
        )
    try:
        return AESGCM(key.raw).decrypt(nonce, sealed, head + bound_to)
    except InvalidTag as problem:
        raise DamagedBoxError(
            "the sealed box was altered, or belongs to something else"
        ) from problem


def mac(key: Key, data: bytes) -> bytes:
    """
    Return the HMAC-SHA256 of the data.

    It is compared with ``hmac.compare_digest`` only.
    """
    return hmac.new(key.raw, data, hashlib.sha256).digest()


def _expand(master: bytes, info: str, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info.encode()).derive(master)
