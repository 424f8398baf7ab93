"""
Pick up what was left.

Entries without a number, claims that ran out, deliveries that died in their last attempt.
"""

from app.kit.db import WORKER
from app.ledger import service as ledger
from app.samples import service as samples
from app.webhooks import service as webhooks
from workers.resources import Resources


async def number(resources: Resources) -> None:
    """
    Number the ledger's pending entries.

    It returns at once when another process is at it.
    """
    if await ledger.number_pending(resources.database):
        await resources.doorbell.call()


async def lapse(resources: Resources) -> None:
    """
    Give back the samples whose claim ran out.
    """
    await samples.lapse_expired(resources.database)


async def rerank(resources: Resources) -> None:
    """
    Rank anew what somebody held when its facts changed.
    """
    await samples.rerank_due(resources.database)


async def overdue(resources: Resources) -> None:
    """
    Tell once of every step that was not done by when it was promised.
    """
    await samples.raise_overdue(resources.database)


async def apply_policies(resources: Resources) -> None:
    """
    Rank every open sample by a policy that was approved.
    """
    await samples.policies.apply_due(resources.database)


async def judge(resources: Resources) -> None:
    """
    Count once a day how good the order was.
    """
    await samples.quality.daily(resources.database)


async def retire(resources: Resources) -> None:
    """
    Exhaust the deliveries whose last attempt never came back.
    """
    async with resources.database.transaction(WORKER) as session:
        await webhooks.retire_spent(session)


async def remind(resources: Resources) -> None:
    """
    Repeat the corrections nobody has acknowledged in time.
    """
    await webhooks.remind_due(resources.database)
