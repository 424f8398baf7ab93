"""
Who is calling, and an open transaction in their name.
"""

import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated

import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.access import keys, service
from app.access.rules import Scope
from app.access.service import Caller
from app.kit import ids
from app.kit.db import KEY_LOOKUP, Session
from app.kit.errors import Unauthenticated
from app.kit.http import practice_now, resources_of

bearer = HTTPBearer(auto_error=False, description="An API key: asl_live_…")
"""Reads the key a request presents, if any."""

TRUSTED_S = 0.5
"""How long a key once found good is trusted without asking again: a revoked key dies within a second (E10)."""
_TRUSTED_MOST = 10_000


class KeyCache:
    """
    Keys found good a moment ago. Refusals are never kept: a new key works at once.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """
        Start empty.
        """
        self._clock = clock
        self._known: OrderedDict[tuple[str, bytes], tuple[float, Caller]] = OrderedDict()

    def get(self, key: keys.PresentedKey) -> Caller | None:
        """
        Return the caller, when this very key was good within the last half second.
        """
        found = self._known.get((key.key_id, key.secret_sha256))
        return found[1] if found and self._clock() - found[0] < TRUSTED_S else None

    def put(self, key: keys.PresentedKey, caller: Caller) -> None:
        """
        Remember a good key.
        """
        self._known[key.key_id, key.secret_sha256] = (self._clock(), caller)
        self._known.move_to_end((key.key_id, key.secret_sha256))
        while len(self._known) > _TRUSTED_MOST:
            self._known.popitem(last=False)


async def caller(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Caller:
    """
    Find out who is calling.

    Raises:
        Unauthenticated: without a key that is known, unexpired and not revoked.

    """
    presented = keys.read(credentials.credentials) if credentials else None
    if presented is None:
        raise Unauthenticated
    cache: KeyCache = request.app.state.key_cache
    found = cache.get(presented)
    if found is None:
        async with resources_of(request).database.reading(KEY_LOOKUP) as session:
            found = await service.identify(session, presented)
        if found is None:
            raise Unauthenticated
        cache.put(presented, found)
    structlog.contextvars.bind_contextvars(client=ids.write("cli", found.client_id))
    return found


async def still(request: Request) -> Caller:
    """
    Find out again who is calling, for a request that lasts: its key may have been revoked meanwhile.

    Raises:
        Unauthenticated: when the key is good no more.

    """
    return await caller(request, await bearer(request))


AnyCaller = Annotated[Caller, Depends(caller)]


def require(scope: Scope) -> Callable[[Caller], Awaitable[Caller]]:
    """
    Make a dependency that admits only callers who may do this.
    """

    # Not a plain function: FastAPI would send it to a thread and back, for every request.
    async def check(who: AnyCaller) -> Caller:
        who.needs(scope)
        return who

    return check


SubmitCaller = Annotated[Caller, Depends(require(Scope.SUBMIT))]
EvidenceCaller = Annotated[Caller, Depends(require(Scope.EVIDENCE))]
ShareCaller = Annotated[Caller, Depends(require(Scope.SHARE))]
RushCaller = Annotated[Caller, Depends(require(Scope.RUSH))]
OrderCaller = Annotated[Caller, Depends(require(Scope.ORDER))]
FollowCaller = Annotated[Caller, Depends(require(Scope.FOLLOW))]
AcknowledgeCaller = Annotated[Caller, Depends(require(Scope.ACKNOWLEDGE))]
WebhookCaller = Annotated[Caller, Depends(require(Scope.WEBHOOKS))]
QueueCaller = Annotated[Caller, Depends(require(Scope.QUEUE))]
BenchCaller = Annotated[Caller, Depends(require(Scope.BENCH))]
ReleaseCaller = Annotated[Caller, Depends(require(Scope.RELEASE))]
EquipCaller = Annotated[Caller, Depends(require(Scope.EQUIP))]
OverseeCaller = Annotated[Caller, Depends(require(Scope.OVERSEE))]
StoreCaller = Annotated[Caller, Depends(require(Scope.STORE))]
CustodyCaller = Annotated[Caller, Depends(require(Scope.CUSTODY))]
HoldCaller = Annotated[Caller, Depends(require(Scope.HOLD))]
AttachCaller = Annotated[Caller, Depends(require(Scope.ATTACH))]
ReviewCaller = Annotated[Caller, Depends(require(Scope.REVIEW))]
HaltCaller = Annotated[Caller, Depends(require(Scope.HALT))]


def reading(request: Request, who: Caller) -> AbstractAsyncContextManager[Session]:
    """
    Open a read-only transaction in a caller's name by hand: for a request that waits between two.
    """
    database = resources_of(request).database
    return database.reading(who.context, now=practice_now(request))


async def write_session(request: Request, who: AnyCaller) -> AsyncIterator[Session]:
    """
    Open a transaction in the caller's name, committed before the answer leaves.
    """
    here = resources_of(request)
    async with here.database.transaction(who.context, now=practice_now(request)) as session:
        session.practice = here.settings.practice_clock
        session.clocks = here.settings.clocks
        yield session


async def read_session(request: Request, who: AnyCaller) -> AsyncIterator[Session]:
    """
    Open a read-only transaction in the caller's name.
    """
    here = resources_of(request)
    async with here.database.reading(who.context, now=practice_now(request)) as session:
        session.clocks = here.settings.clocks
        yield session


# Without scope="function" FastAPI runs the code after "yield" when the answer has already gone.
WriteSession = Annotated[Session, Depends(write_session, scope="function")]
ReadSession = Annotated[Session, Depends(read_session, scope="function")]
