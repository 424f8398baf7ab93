"""
One-time codes (TOTP, RFC 6238) as a second factor. Each code is good once; the secret is sealed at rest.
"""

import hmac
from typing import Any
from uuid import UUID

import pyotp

from app.access.signin import repo
from app.access.signin.service import accounts
from app.kit.db import SIGN_IN, Database, Session
from app.kit.errors import Conflict, FieldError, Invalid, NotFound
from app.kit.secrets import Key, seal, unseal

__all__ = ["Key"]

_DRIFT = (0, -1, 1)
"""Steps of thirty seconds by which a telephone's clock may differ."""
ISSUER = "Assayline"


async def has_codes(database: Database, *, client_id: UUID) -> bool:
    """
    Say whether this person signs in with codes.
    """
    async with database.reading(SIGN_IN) as session:
        account = await repo.account_of(session, client_id)
    return account is not None and account.totp_box is not None


async def begin_codes(
    database: Database, *, client_id: UUID, key: Key, renew: bool = True
) -> tuple[str, str]:
    """
    Make a new secret, not yet in force; return it, and the address to show as a QR code.

    Args:
        database: where the account is.
        client_id: the person.
        key: seals the secret.
        renew: False shows the secret that was begun once more.

    Raises:
        NotFound: when the person has no account.
        Conflict: when codes are on already.

    """
    async with database.transaction(SIGN_IN) as session:
        account = await _account(session, client_id)
        if account.totp_box is not None:
            raise Conflict("One-time codes are on already; turn them off first.")
        if renew or account.totp_pending_box is None:
            secret = pyotp.random_base32()
            box = seal(key, secret.encode(), bound_to=client_id.bytes)
            await repo.change_account(session, client_id, {"totp_pending_box": box})
        else:
            secret = unseal(key, account.totp_pending_box, bound_to=client_id.bytes).decode()
    return secret, pyotp.TOTP(secret).provisioning_uri(name=account.login, issuer_name=ISSUER)


async def confirm_codes(database: Database, *, client_id: UUID, code: str, key: Key) -> None:
    """
    Put the new secret in force once a code shows that the telephone has it.

    Raises:
        NotFound: when the person has no account.
        Conflict: when none was begun.
        Invalid: when the code is not right.

    """
    async with database.transaction(SIGN_IN) as session:
        account = await _account(session, client_id)
        box = account.totp_pending_box
        if box is None:
            raise Conflict("Begin again: there is no new secret to confirm.")
        step = _step(session, unseal(key, box, bound_to=client_id.bytes), code)
        if step is None:
            remedy = "enter the code the telephone shows now"
            raise Invalid(errors=[FieldError("code", "is not the present code", remedy)])
        await repo.change_account(
            session, client_id, {"totp_box": box, "totp_pending_box": None, "totp_step": step}
        )


async def stop_codes(database: Database, *, client_id: UUID, password: str) -> None:
    """
    Sign in without codes from now on; the password is asked for once more.

    Raises:
        NotFound: when the person has no account.
        Invalid: when the password is wrong.

    """
    await accounts.prove(database, client_id=client_id, password=password)
    async with database.transaction(SIGN_IN) as session:
        values = {"totp_box": None, "totp_pending_box": None, "totp_step": None}
        await repo.change_account(session, client_id, values)


async def accept(session: Session, account: Any, code: str, *, key: Key) -> bool:
    """
    Say whether this is the present code and was not used before; it is used now.
    """
    secret = unseal(key, account.totp_box, bound_to=account.client_id.bytes)
    step = _step(session, secret, code)
    return step is not None and await repo.use_step(session, account.client_id, step)


def _step(session: Session, secret: bytes, code: str) -> int | None:
    given = "".join(code.split()).encode()
    otp = pyotp.TOTP(secret.decode())
    now = otp.timecode(session.now)
    for drift in _DRIFT:
        if hmac.compare_digest(otp.generate_otp(now + drift).encode(), given):
            return now + drift
    return None


async def _account(session: Session, client_id: UUID) -> Any:
    account = await repo.account_of(session, client_id)
    if account is None:
        raise NotFound("This person has no account.")
    return account
