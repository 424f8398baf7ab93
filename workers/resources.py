"""
What one worker process holds for its lifetime.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from app.kit import db, secrets
from app.kit.db import Database
from app.nudge import Doorbell, NoDoorbell, doorbell
from app.settings import Settings
from workers.courier import Courier, Pace, courier_at_work
from workers.outbound import Outbound


class NoDatabaseError(Exception):
    """
    No database is named for the worker: set ASSAYLINE_WORKER_DATABASE_URL.
    """


@dataclass(frozen=True, slots=True)
class Resources:
    """
    Handed to every job.
    """

    settings: Settings
    database: Database
    courier: Courier
    doorbell: Doorbell = field(default_factory=NoDoorbell)
    """Tells whoever waits on an API process that there is something new in a feed."""


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Resources]:
    """
    Open everything a worker needs.

    It lets sends finish before it closes.

    Raises:
        NoDatabaseError: when the settings name none.
    """
    if settings.worker_database_url is None:
        raise NoDatabaseError(" ".join((NoDatabaseError.__doc__ or "").split()))
    database = db.connect(
        settings.worker_database_url,
        pool_size=settings.pool_size,
        overflow=settings.pool_overflow,
        # A send that cannot be recorded is sent twice: here waiting is better than giving up.
        pool_timeout_s=30,
        pooler=settings.database_pooler,
        application="assayline-worker",
    )
    outbound = Outbound(
        deadline_s=settings.delivery_deadline_s, allow_loopback=settings.allow_loopback_webhooks
    )
    courier = Courier(
        database,
        outbound,
        secrets.derive(settings.secret_key_bytes(), secrets.Purpose.WEBHOOK_SECRET),
        pace=Pace(lease_s=settings.delivery_lease_s, look_again_s=settings.sweep_interval_s),
    )
    bell = doorbell(settings.redis_url, timeout_s=settings.doorbell_timeout_s)
    try:
        async with outbound, courier_at_work(courier, patience_s=settings.delivery_deadline_s):
            yield Resources(settings, database, courier, bell)
    finally:
        await bell.close()
        await database.dispose()
