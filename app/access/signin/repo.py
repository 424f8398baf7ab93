"""
Statements on accounts, sessions, invitations and counts.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, case, delete, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from app.access.signin.models import (
    sign_in_count,
    staff_account,
    staff_invite,
    staff_proof,
    staff_session,
)
from app.kit.db import Session

_FIND_SESSION = text("SELECT * FROM find_staff_session(:token)")
_USE_PROOF = text("SELECT use_staff_proof(:token)")
_LISTED = [
    staff_session.c[name]
    for name in (
        "id",
        "client_id",
        "how",
        "agent",
        "created_at",
        "seen_at",
        "expires_at",
    )
]


async def find_session(session: Session, token_sha256: bytes) -> Row[Any] | None:
    """
    Look an open session up before any tenant is known, through the one function that may.
    """
    return (await session.execute(_FIND_SESSION, {"token": token_sha256})).one_or_none()


async def account_named(session: Session, login: str) -> Row[Any] | None:
    """
    Return the account with this sign-in name.
    """
    statement = select(staff_account).where(staff_account.c.login == login)
    return (await session.execute(statement)).one_or_none()


async def account_of(session: Session, client_id: UUID) -> Row[Any] | None:
    """
    Return a person's account.
    """
    statement = select(staff_account).where(staff_account.c.client_id == client_id)
    return (await session.execute(statement)).one_or_none()


async def account_at(session: Session, issuer: str, subject: str) -> Row[Any] | None:
    """
    Return the account that a provider knows by this subject.
    """
    statement = select(staff_account).where(
        staff_account.c.oidc_issuer == issuer, staff_account.c.oidc_subject == subject
    )
    return (await session.execute(statement)).one_or_none()


async def put_account(session: Session, values: dict[str, Any]) -> None:
    """
    Insert an account, or change the one this person has.
    """
    changed = {name: value for name, value in values.items() if name != "created_at"}
    statement = (
        upsert(staff_account)
        .values(**values)
        .on_conflict_do_update(index_elements=["client_id"], set_=changed)
    )
    await session.execute(statement)


async def change_account(session: Session, client_id: UUID, values: dict[str, Any]) -> None:
    """
    Change an account.
    """
    await session.execute(
        update(staff_account).where(staff_account.c.client_id == client_id).values(**values)
    )


async def use_step(session: Session, client_id: UUID, step: int) -> bool:
    """
    Mark a one-time code's time step as used; False when it, or a later one, was used before.
    """
    known = staff_account.c.totp_step
    statement = (
        update(staff_account)
        .where(staff_account.c.client_id == client_id, known.is_(None) | (known < step))
        .values(totp_step=step)
        .returning(staff_account.c.client_id)
    )
    return (await session.execute(statement)).one_or_none() is not None


async def add_session(session: Session, values: dict[str, Any]) -> None:
    """
    Insert a session.
    """
    await session.execute(insert(staff_session).values(**values))


async def see_session(session: Session, session_id: UUID, before: datetime) -> None:
    """
    Note that a session is in use, unless another request noted it after ``before``.
    """
    await session.execute(
        update(staff_session)
        .where(staff_session.c.id == session_id, staff_session.c.seen_at <= before)
        .values(seen_at=session.now)
    )


async def end_sessions(
    session: Session,
    client_id: UUID,
    *,
    only: UUID | None = None,
    but: UUID | None = None,
) -> int:
    """
    End a person's open sessions: one, all, or all but one. Return how many.
    """
    statement = update(staff_session).where(
        staff_session.c.client_id == client_id, staff_session.c.ended_at.is_(None)
    )
    if only is not None:
        statement = statement.where(staff_session.c.id == only)
    if but is not None:
        statement = statement.where(staff_session.c.id != but)
    return (await session.execute(statement.values(ended_at=session.now))).rowcount


async def open_sessions(session: Session, client_id: UUID) -> Sequence[Row[Any]]:
    """
    Return a person's open sessions, the last used first.
    """
    statement = (
        select(*_LISTED)
        .where(
            staff_session.c.client_id == client_id,
            staff_session.c.ended_at.is_(None),
            staff_session.c.expires_at > session.now,
        )
        .order_by(staff_session.c.seen_at.desc())
    )
    return (await session.execute(statement)).all()


async def add_invite(session: Session, values: dict[str, Any]) -> None:
    """
    Insert an invitation; those that the person had before are void.
    """
    await session.execute(
        update(staff_invite)
        .where(staff_invite.c.client_id == values["client_id"], staff_invite.c.used_at.is_(None))
        .values(used_at=session.now)
    )
    await session.execute(insert(staff_invite).values(**values))


async def invite(session: Session, token_sha256: bytes) -> Row[Any] | None:
    """
    Return an invitation that can still be used.
    """
    statement = select(staff_invite).where(
        staff_invite.c.token_sha256 == token_sha256,
        staff_invite.c.used_at.is_(None),
        staff_invite.c.expires_at > session.now,
    )
    return (await session.execute(statement)).one_or_none()


async def use_invite(session: Session, token_sha256: bytes) -> Row[Any] | None:
    """
    Use an invitation up, and return it; None when it cannot be used (any more).
    """
    statement = (
        update(staff_invite)
        .where(
            staff_invite.c.token_sha256 == token_sha256,
            staff_invite.c.used_at.is_(None),
            staff_invite.c.expires_at > session.now,
        )
        .values(used_at=session.now)
        .returning(*staff_invite.c)
    )
    return (await session.execute(statement)).one_or_none()


async def add_proof(session: Session, values: dict[str, Any]) -> None:
    """
    Insert a proof; those that are over go.
    """
    await session.execute(delete(staff_proof).where(staff_proof.c.expires_at <= session.now))
    await session.execute(insert(staff_proof).values(**values))


async def use_proof(session: Session, token_sha256: bytes) -> UUID | None:
    """
    Use a proof up, from within a tenant's transaction; return whose it was, or None.
    """
    return (await session.execute(_USE_PROOF, {"token": token_sha256})).scalar_one_or_none()


async def count(session: Session, bucket: bytes, *, since: datetime) -> int:
    """
    Count one more try in a bucket and return how many there are; a window that is over starts anew.
    """
    over = sign_in_count.c.since <= since
    statement = (
        upsert(sign_in_count)
        .values(bucket=bucket, since=session.now, failures=1)
        .on_conflict_do_update(
            index_elements=["bucket"],
            set_={
                "failures": case((over, 1), else_=sign_in_count.c.failures + 1),
                "since": case((over, session.now), else_=sign_in_count.c.since),
            },
        )
        .returning(sign_in_count.c.failures)
    )
    found: int = (await session.execute(statement)).scalar_one()
    return found


async def forget(session: Session, buckets: Sequence[bytes]) -> None:
    """
    Empty buckets.
    """
    await session.execute(delete(sign_in_count).where(sign_in_count.c.bucket.in_(buckets)))


async def forget_old(session: Session, *, before: datetime) -> None:
    """
    Drop counters whose window is over.
    """
    await session.execute(delete(sign_in_count).where(sign_in_count.c.since <= before))
