"""
The doorbell: job names, and a best-effort "go and look" sent to Redis after a commit.

A ring carries no data and no retry state. It may be lost, doubled or late: the sweep of PostgreSQL
finds the same work
by itself a moment later. So nothing here may fail towards a client, and nothing may take longer
than a tenth of a
second. Only this module and ``workers`` know that arq exists.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Any, Protocol

import structlog
from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import RedisError

from app.kit import metrics

DELIVER = "deliver"
"""Somebody is owed a push."""
NUMBER = "number"
"""Ledger entries wait for their number."""
OVERDUE = "overdue"
"""A clock was started or resumed that may have run out already."""
PRINT = "print"
"""A report waits for the printer."""
BELLS = frozenset({DELIVER, NUMBER, OVERDUE, PRINT})

QUEUE = "assayline:doorbell"
CHANNEL = "assayline:moved"
"""Says "something was committed" to whoever waits, and nothing else."""
HEARD_WITHIN_S = 30
"""
A ring nobody heard is worth nothing later.

The sweep was there first. So no queue builds up while nobody listens.
"""

_FAILURES_TO_OPEN = 2
_OPEN_S = 5.0

_log = structlog.get_logger(__name__)


class NotAJobError(ValueError):
    """
    What lies in the queue is no ring of ours.
    """


def pack(job: dict[str, Any]) -> bytes:
    """
    Write an arq job as JSON.

    It never writes a pickle: whoever can write to Redis could run code.
    """
    return json.dumps(job, default=repr).encode()


def unpack(raw: bytes) -> dict[str, Any]:
    """
    Read an arq job.

    It accepts JSON without arguments and nothing else (D1, D4).

    Raises:
        NotAJobError: for anything else; arq then drops the job.
    """
    try:
        job = json.loads(raw)
    except ValueError as problem:
        raise NotAJobError("not JSON") from problem
    if not isinstance(job, dict) or job.get("f") not in BELLS or job.get("a") or job.get("k"):
        raise NotAJobError("not a ring without arguments")
    return job


class Bell(StrEnum):
    """
    Whether somebody hears the doorbell.
    """

    HEARD = "heard"
    SILENT = "silent"
    NONE = "none"
    """There is none on purpose: the sweep works alone."""


class Doorbell(Protocol):
    """
    Something that can be rung.
    """

    async def ring(self, bells: frozenset[str]) -> None:
        """
        Ring.

        It neither raises nor takes long.
        """

    async def call(self) -> None:
        """
        Tell whoever waits that something was committed. It neither raises nor takes long.
        """

    async def answers(self) -> Bell:
        """
        Say whether Redis is there; it takes no longer than a ring.
        """

    async def close(self) -> None:
        """
        Let go of connections.
        """


class NoDoorbell:
    """
    Silence: the sweep does the work alone.
    """

    async def ring(self, bells: frozenset[str]) -> None:
        """
        Do nothing.
        """

    async def call(self) -> None:
        """
        Do nothing: whoever waits looks for itself.
        """

    async def answers(self) -> Bell:
        """
        Say that there is none.
        """
        return Bell.NONE

    async def close(self) -> None:
        """
        Do nothing.
        """


class ArqDoorbell:
    """
    Rings by enqueuing an arq job: a tenth of a second at most, and not at all while Redis is mute.
    """

    def __init__(
        self, redis_url: str, *, timeout_s: float = 0.1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """
        Connect later: a Redis that is down must not keep the service from starting.
        """
        pool = ConnectionPool.from_url(
            redis_url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            max_connections=20,
        )
        self._redis = ArqRedis(
            pool, job_serializer=pack, job_deserializer=unpack, default_queue_name=QUEUE
        )
        self._pool = pool
        self._timeout_s = timeout_s
        self._clock = clock
        self._failures = 0
        self._quiet_until = 0.0
        self._left_behind: set[asyncio.Task[None]] = set()
        self.rung = 0
        self.failed = 0
        """How often a ring failed or was spared; for the metrics."""

    @property
    def is_open(self) -> bool:
        """
        Whether the breaker is open: Redis failed a moment ago, and is left alone.
        """
        return self._clock() < self._quiet_until

    async def ring(self, bells: frozenset[str]) -> None:
        """
        Ring each bell once.

        It neither raises nor takes longer than its time-out.
        """
        known = bells & BELLS
        if not known:
            return
        if self.is_open:
            self._count_failure()
            return
        metrics.BREAKER.set(0)
        problem = await self._within_time(self._enqueue(known))
        if problem is None:
            self._failures = 0
            self.rung += 1
            metrics.RINGS.labels("rung").inc()
            return
        self._note_failure(problem)

    async def answers(self) -> Bell:
        """
        Ask Redis for a sign of life, as patiently as a ring.
        """
        return Bell.HEARD if await self._within_time(self._ping()) is None else Bell.SILENT

    async def _ping(self) -> None:
        await self._redis.ping()

    async def call(self) -> None:
        """
        Tell whoever waits that something was committed, as briefly as a ring.
        """
        if not self.is_open and (problem := await self._within_time(self._call())) is not None:
            self._note_failure(problem)

    async def _call(self) -> None:
        await self._redis.publish(CHANNEL, b"")

    async def _within_time(self, call: Coroutine[None, None, None]) -> str | None:
        task = asyncio.create_task(call)
        # Not wait_for: a canceled Redis call may itself wait for the dead socket; it is left behind
        # instead.
        self._left_behind.add(task)
        task.add_done_callback(self._forget)
        done, _ = await asyncio.wait({task}, timeout=self._timeout_s)
        if not done:
            task.cancel()
            return "timeout"
        problem = None if task.cancelled() else task.exception()
        return type(problem).__name__ if problem or task.cancelled() else None

    async def close(self) -> None:
        """
        Close every connection.
        """
        await self._pool.disconnect()

    async def _enqueue(self, bells: frozenset[str]) -> None:
        for bell in sorted(bells):
            # No job id: arq refuses one whose result or half-lost key is still there, and says so
            # by silence.
            await self._redis.enqueue_job(bell, _expires=HEARD_WITHIN_S)
        await self._redis.publish(CHANNEL, b"")

    def _note_failure(self, error: str) -> None:
        self._count_failure()
        self._failures += 1
        if self._failures >= _FAILURES_TO_OPEN:
            self._quiet_until = self._clock() + _OPEN_S
            metrics.BREAKER.set(1)
            _log.warning("doorbell_silent", error=error, for_s=_OPEN_S)

    def _count_failure(self) -> None:
        self.failed += 1
        metrics.RINGS.labels("failed").inc()

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._left_behind.discard(task)
        if not task.cancelled():
            task.exception()


def doorbell(redis_url: str | None, *, timeout_s: float = 0.1) -> Doorbell:
    """
    Make the doorbell of this process.

    It returns a silent one when there is no Redis.
    """
    return ArqDoorbell(redis_url, timeout_s=timeout_s) if redis_url else NoDoorbell()


_HEARKEN_AGAIN_S = 2.0


async def hearken(redis_url: str | None, wake: Callable[[], None]) -> None:
    """
    Hear what is committed anywhere, until canceled; without Redis, or while it is away, hear nothing.

    Whoever waits looks once a second in any case: a word that is lost costs that second.
    """
    while redis_url is not None:
        client = Redis.from_url(redis_url, socket_connect_timeout=1, health_check_interval=5)
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as heard:
                await heard.subscribe(CHANNEL)
                while True:
                    if await heard.get_message(timeout=5) is not None:
                        wake()
        except (RedisError, OSError, TimeoutError) as problem:
            _log.info("not_hearing", error=type(problem).__name__)
            await asyncio.sleep(_HEARKEN_AGAIN_S)
        finally:
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                await client.aclose()
