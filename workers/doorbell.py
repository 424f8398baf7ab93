"""
The arq worker: a child process that hears the doorbell and has this process look.

It is started by ``workers.supervisor``, gets its settings on standard input, and ends when that
input ends: no child outlives its parent. arq itself gives up when Redis dies; here another worker
is made when Redis answers again.
"""

import asyncio
import contextlib
import json
import logging
import signal
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import structlog
from arq.connections import RedisSettings
from arq.worker import Function, Worker, func
from redis.exceptions import RedisError

from app import nudge
from app.kit import logs
from app.settings import Settings
from workers.jobs import ON_RING, Job
from workers.resources import Resources, opened
from workers.telling import telling

JOB_TIMEOUT_S = 30
KNOCK_S = 1.0
"""How often to look whether Redis is back."""
_CLOSING_S = 3.0
_REDIS_PORT = 6379

_log = structlog.get_logger(__name__)


def make_worker(redis_url: str, resources: Resources) -> Worker:
    """
    Make the arq worker.

    It lets it unpack JSON without arguments and nothing else.
    """
    where = RedisSettings.from_dsn(redis_url)
    where.conn_retries = 1
    where.conn_timeout = 2
    return Worker(
        [_function(name, job) for name, job in ON_RING.items()],
        queue_name=nudge.QUEUE,
        redis_settings=where,
        ctx={"resources": resources},
        job_serializer=nudge.pack,
        job_deserializer=nudge.unpack,
        job_timeout=JOB_TIMEOUT_S,
        keep_result=0,
        max_tries=1,
        retry_jobs=False,
        poll_delay=0.1,
        health_check_interval=10,
        log_results=False,
        # Signals are this module's: arq would cancel what is under way.
        handle_signals=False,
    )


def _function(name: str, job: Job) -> Function:
    async def look(ctx: Mapping[str, Any]) -> None:
        await job(ctx["resources"])

    return func(look, name=name)


async def listen(settings: Settings, stop: asyncio.Event) -> None:
    """
    Hear the doorbell until told to stop, and wait for Redis whenever it is away.
    """
    if settings.redis_url is None:
        return
    async with opened(settings) as resources:
        while not stop.is_set():
            if await _answers(settings.redis_url):
                await _hear(settings.redis_url, resources, stop)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), KNOCK_S)


async def _hear(redis_url: str, resources: Resources, stop: asyncio.Event) -> None:
    worker = make_worker(redis_url, resources)
    hearing = asyncio.create_task(worker.async_run())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({hearing, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    hearing.cancel()
    (ended,) = await asyncio.gather(hearing, return_exceptions=True)
    # The sends are not arq's: they go on in the courier while this worker is taken apart.
    with contextlib.suppress(RedisError, OSError, TimeoutError, asyncio.CancelledError):
        async with asyncio.timeout(_CLOSING_S):
            await worker.close()
    if stop.is_set():
        return
    if not isinstance(ended, RedisError | OSError | TimeoutError):
        # Not Redis: a new process is the better cure.
        raise RuntimeError("the arq worker ended") from ended  # noqa: TRY004 - no argument's type
    _log.warning("redis_lost", error=type(ended).__name__, works_by="sweep alone")


async def _answers(redis_url: str) -> bool:
    # A Redis that only accepts is asked no more than this: what hangs is arq's to find out.
    parts = urlsplit(redis_url)
    if parts.hostname is None:
        return True
    try:
        async with asyncio.timeout(KNOCK_S):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or _REDIS_PORT)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def _parent_gone(reader: asyncio.StreamReader, stop: asyncio.Event) -> None:
    await reader.read()
    stop.set()


async def main() -> None:
    """
    Run until the parent ends or a signal comes.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    settings = Settings(**json.loads(await reader.readline()))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    watching = asyncio.create_task(_parent_gone(reader, stop))
    try:
        with telling(settings, beside=1):
            await listen(settings, stop)
    finally:
        watching.cancel()


def run() -> None:
    """
    Run as a process.
    """
    logs.configure()
    logging.getLogger("arq").setLevel(logging.ERROR)
    asyncio.run(main())


if __name__ == "__main__":
    run()
