"""
Keeps the arq worker's process alive: whatever ends it, it is started again.

It waits for an absent Redis by itself, so that coming back takes no new process.
"""

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import PIPE, Process

import structlog
from pydantic import SecretStr

from app.settings import Settings

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 4.0
"""Between two starts of a child that dies at once, such as by a wrong password."""
STEADY_S = 30.0
"""A child that lived this long begins anew with short waits."""
_PATIENCE_S = 8.0

_log = structlog.get_logger(__name__)


def written(settings: Settings) -> bytes:
    """
    Write the settings for a child's standard input.

    In its arguments others could read the secrets.
    """
    plain = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in settings
        if name in settings.model_fields_set
    }
    return json.dumps(plain, default=str).encode() + b"\n"


async def keep_doorbell(settings: Settings, stop: asyncio.Event) -> None:
    """
    Run the arq worker as a child process until told to stop, and start it again however it ends.
    """
    if settings.redis_url is None:
        _log.info("no_doorbell", works_by="sweep alone", interval_s=settings.sweep_interval_s)
        return
    wait_s = FIRST_WAIT_S
    loop = asyncio.get_running_loop()
    while not stop.is_set():
        begun = loop.time()
        try:
            code = await _until_either(
                await _start(settings), stop, patience_s=settings.delivery_deadline_s + _PATIENCE_S
            )
        except OSError as problem:
            # No process to be had at this moment: that must not end the sweep beside us.
            _log.warning("doorbell_not_started", error=type(problem).__name__)
            code = None
        if stop.is_set():
            return
        wait_s = FIRST_WAIT_S if loop.time() - begun > STEADY_S else wait_s
        _log.warning("doorbell_down", exit_code=code, works_by="sweep alone")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), wait_s)
        wait_s = min(wait_s * 2, LONGEST_WAIT_S)


async def _start(settings: Settings) -> Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "workers.doorbell", stdin=PIPE
    )
    if process.stdin is not None:
        # Stays open: its end tells the child that this process is gone, however it went.
        with contextlib.suppress(ConnectionError):
            process.stdin.write(written(settings))
            await process.stdin.drain()
    return process


async def _until_either(process: Process, stop: asyncio.Event, *, patience_s: float) -> int | None:
    ended = asyncio.create_task(process.wait())
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        if not ended.done():
            await _end(process, ended, patience_s=patience_s)
    return process.returncode


async def _end(process: Process, ended: asyncio.Task[int], *, patience_s: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    # It lets its own sends finish, and they have a deadline.
    await asyncio.wait({ended}, timeout=patience_s)
    if not ended.done():
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    await asyncio.wait({ended})
