"""
One worker process: the sweep, on PostgreSQL alone, and beside it the supervised arq worker.

The sweep is what makes everything happen; the doorbell only makes it happen sooner. Redis may be
absent, die, hang or
come back, and nothing here but the supervisor notices.
"""

import asyncio
import contextlib
import signal

import structlog

from app import settings as settings_module
from app.kit import logs
from app.settings import Settings
from workers.jobs import ON_SWEEP, Job
from workers.resources import Resources, opened
from workers.supervisor import keep_doorbell
from workers.telling import telling

_log = structlog.get_logger(__name__)


async def sweep(resources: Resources, job: Job, stop: asyncio.Event) -> None:
    """
    Do one job again and again.

    It outlives every failure of the job: the next sweep tries again.
    """
    interval_s = resources.settings.sweep_interval_s
    while not stop.is_set():
        try:
            await job(resources)
        except Exception:  # noqa: BLE001 - whatever fails, the next sweep tries again
            _log.exception("sweep_failed", job=getattr(job, "__name__", "job"))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), interval_s)


async def main(settings: Settings | None = None, *, stop: asyncio.Event | None = None) -> None:
    """
    Work until told to stop.

    It lets sends finish, up to their deadline, before it returns.

    Args:
        settings: read from the environment when left out.
        stop: set it to end; a process is ended by SIGTERM or SIGINT instead.
    """
    settings = settings or settings_module.load("worker")
    if stop is None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
    with telling(settings):
        await _work(settings, stop)
    _log.info("worker_stopped")


async def _work(settings: Settings, stop: asyncio.Event) -> None:
    async with opened(settings) as resources, asyncio.TaskGroup() as tasks:
        _log.info("worker_started", interval_s=settings.sweep_interval_s)
        for job in ON_SWEEP:
            tasks.create_task(sweep(resources, job, stop))
        tasks.create_task(keep_doorbell(settings, stop))
        await stop.wait()
        # While the child finishes its sends this process finishes its own.
        await resources.courier.close(patience_s=settings.delivery_deadline_s)


def run() -> None:
    """
    Run as a process.
    """
    logs.configure()
    asyncio.run(main())


if __name__ == "__main__":
    run()
