"""
Signing in. A guess is counted before it is looked at, so that many at once are many.
"""

from dataclasses import dataclass
from enum import StrEnum

import structlog

from app.access.signin import passwords, repo, rules, tokens
from app.access.signin.rules import How
from app.access.signin.service import factor, sessions
from app.kit.db import SIGN_IN, Database

_log = structlog.get_logger(__name__)


class Refusal(StrEnum):
    """
    Why somebody was not let in. ``WRONG`` says nothing about what was wrong.
    """

    WRONG = "wrong"
    CODE_NEEDED = "code_needed"
    TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True)
class Entered:
    """
    A person is in: the session's token, and the mark that makes this browser known to the account.
    """

    token: str
    mark: str


@dataclass(frozen=True, slots=True)
class Refused:
    """
    A person is not in.
    """

    why: Refusal


async def enter(
    database: Database,
    *,
    login: str,
    password: str,
    code: str,
    address: str,
    agent: str,
    mark: str | None,
    mark_key: bytes,
    code_key: factor.Key,
) -> Entered | Refused:
    """
    Sign in by password, and by one-time code where the account has them.

    ``CODE_NEEDED`` is answered only to who knows the password.
    """
    name = rules.login(login)
    device = tokens.read_mark(mark_key, mark, login=name)
    buckets = rules.buckets(login_name=name, address=address, device=device)
    async with database.transaction(SIGN_IN) as session:
        since = session.now - rules.WINDOW
        counts = [await repo.count(session, one.key, since=since) for one in buckets]
        account = await repo.account_named(session, name)
    if any(count > bucket.limit for count, bucket in zip(counts, buckets, strict=True)):
        _log.warning("sign_in_refused", why=Refusal.TOO_MANY, source=rules.source(address))
        return Refused(Refusal.TOO_MANY)
    stored = account.password_hash if account is not None else None
    if not await passwords.matches(stored, password) or account is None or stored is None:
        _log.info("sign_in_refused", why=Refusal.WRONG, source=rules.source(address))
        return Refused(Refusal.WRONG)
    if account.totp_box is not None and not code.strip():
        return Refused(Refusal.CODE_NEEDED)
    fresh = await passwords.hash_of(password) if passwords.outdated(stored) else None
    async with database.transaction(SIGN_IN) as session:
        how = How.PASSWORD
        if account.totp_box is not None:
            if not await factor.accept(session, account, code, key=code_key):
                return Refused(Refusal.WRONG)
            how = How.PASSWORD_AND_CODE
        if fresh is not None:
            await repo.change_account(session, account.client_id, {"password_hash": fresh})
        await repo.forget(session, [one.key for one in buckets if one.forgiving])
        await repo.forget_old(session, before=since)
        token = await sessions.begin(session, account, how=how, agent=agent)
    _log.info("signed_in", client=str(account.client_id), how=how)
    return Entered(token, tokens.mark(mark_key, login=name))


async def enter_by_provider(
    database: Database, *, issuer: str, subject: str, agent: str, mark_key: bytes
) -> Entered | Refused:
    """
    Sign in who the configured provider vouches for, when an operator has linked that subject to a person.
    """
    async with database.transaction(SIGN_IN) as session:
        account = await repo.account_at(session, issuer, subject)
        if account is None:
            _log.info("sign_in_refused", why=Refusal.WRONG, issuer=issuer)
            return Refused(Refusal.WRONG)
        token = await sessions.begin(session, account, how=How.PROVIDER, agent=agent)
    _log.info("signed_in", client=str(account.client_id), how=How.PROVIDER)
    return Entered(token, tokens.mark(mark_key, login=account.login))
