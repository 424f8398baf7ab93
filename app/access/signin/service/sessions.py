"""
Sessions: who is signed in, where, and how it ends. A signed-in person is a ``Caller`` like the holder of a key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.access.rules import AgencyKind, ClientKind, Role, scopes
from app.access.service import Caller
from app.access.signin import repo, rules, tokens
from app.access.signin.rules import How
from app.kit import ids
from app.kit.db import KEY_LOOKUP, SIGN_IN, Database, Session
from app.kit.errors import NotFound
from app.kit.rows import mapping

_AGENT_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Staff:
    """
    A person who is signed in: the session, and who they are to every service.
    """

    session_id: UUID
    login: str
    agency_name: str
    caller: Caller


async def identify(database: Database, token: str, *, idle: timedelta) -> Staff | None:
    """
    Return who holds this session's token, or None when it is unknown, ended, idle or over.
    """
    async with database.reading(KEY_LOOKUP) as session:
        row = await repo.find_session(session, tokens.digest(token))
        now = session.now
    if row is None or not rules.live(
        now=now, seen_at=row.seen_at, expires_at=row.expires_at, idle=idle
    ):
        return None
    if now - row.seen_at > rules.SEEN_EVERY:
        async with database.transaction(SIGN_IN) as session:
            await repo.see_session(session, row.session_id, now - rules.SEEN_EVERY)
    roles = frozenset(Role(role) for role in row.roles)
    return Staff(
        session_id=row.session_id,
        login=row.login,
        agency_name=row.agency_name,
        caller=Caller(
            client_id=row.client_id,
            name=row.client_name,
            kind=ClientKind(row.client_kind),
            agency_id=row.agency_id,
            agency_kind=AgencyKind(row.agency_kind),
            roles=roles,
            scopes=scopes(roles),
        ),
    )


async def begin(session: Session, account: Any, *, how: How, agent: str) -> str:
    """
    Begin a session and return its token, which is new at every sign-in.
    """
    token = tokens.make()
    await repo.add_session(
        session,
        {
            "id": ids.new(),
            "token_sha256": tokens.digest(token),
            "client_id": account.client_id,
            "agency_id": account.agency_id,
            "how": how,
            "agent": agent[:_AGENT_LONGEST],
            "created_at": session.now,
            "seen_at": session.now,
            "expires_at": session.now + rules.ABSOLUTE,
        },
    )
    return token


async def sessions_of(session: Session, *, client_id: UUID) -> Sequence[Mapping[str, Any]]:
    """
    Return a person's open sessions, the last used first.
    """
    return [mapping(row) for row in await repo.open_sessions(session, client_id)]


async def end_session(session: Session, *, client_id: UUID, session_id: UUID) -> None:
    """
    End one of a person's sessions, here and at once.

    Raises:
        NotFound: when the person has no such open session.

    """
    if not await repo.end_sessions(session, client_id, only=session_id):
        raise NotFound("There is no such open session.")


async def end_other_sessions(session: Session, *, client_id: UUID, but: UUID) -> int:
    """
    End all of a person's sessions but this one; return how many.
    """
    return await repo.end_sessions(session, client_id, but=but)
