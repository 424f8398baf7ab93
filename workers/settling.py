"""
Records how attempts went, several in one transaction when several end at once.
"""

import asyncio

import structlog

from app.kit.db import WORKER, Database
from app.webhooks import service as webhooks

_log = structlog.get_logger(__name__)

_MOST = 64
"""In one transaction: large enough to save round trips, small enough to hold no lock for long."""
_WAITS_S = (0.2, 1.0, 3.0)
"""How long to wait before recording again what the database did not take; the lease outlives it."""


class Settling:
    """
    A queue of results and the one task that records them.
    """

    def __init__(self, database: Database) -> None:
        """
        Start empty.
        """
        self._database = database
        self._waiting: list[tuple[webhooks.Told, asyncio.Future[None]]] = []
        self._at_work: asyncio.Task[None] | None = None

    async def record(self, told: webhooks.Told) -> None:
        """
        Record one result, with whichever others are ready.

        Raises:
            Exception: when the database takes it at none of several tries.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((told, done))
        if self._at_work is None or self._at_work.done():
            self._at_work = asyncio.create_task(self._work())
        await done

    async def _work(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            try:
                await self._write([told for told, _ in batch])
            except Exception as problem:  # noqa: BLE001 - one that cannot be written must not keep the others
                _log.warning("settle_failed", error=type(problem).__name__, count=len(batch))
                await asyncio.gather(*(self._alone(told, done) for told, done in batch))
            else:
                for _, done in batch:
                    _resolve(done, None)

    async def _alone(self, told: webhooks.Told, done: asyncio.Future[None]) -> None:
        for wait_s in (*_WAITS_S, None):
            try:
                await self._write([told])
            except Exception as problem:  # noqa: BLE001 - whoever waits for it is told
                if wait_s is None:
                    _resolve(done, problem)
                    return
                _log.warning("settle_failed", error=type(problem).__name__, again_in_s=wait_s)
                await asyncio.sleep(wait_s)
            else:
                _resolve(done, None)
                return

    async def _write(self, told: list[webhooks.Told]) -> None:
        async with self._database.transaction(WORKER) as session:
            await webhooks.settle(session, told)


def _resolve(done: asyncio.Future[None], problem: Exception | None) -> None:
    if done.done():
        return
    if problem is None:
        done.set_result(None)
    else:
        done.set_exception(problem)
