"""
The worker as it must not be: it records a delivery before it has made it.
"""

import asyncio

from app.settings import Settings
from app.webhooks.rules import Reply
from app.webhooks.service import Claimed, Told
from workers import main
from workers.courier import Courier, Letters

SENDS_AFTER_S = 300.0
"""Longer than any test: whoever kills this worker after a recorded delivery kills it before the send."""


class HastyCourier(Courier):
    """
    Settles first, sends afterwards.
    """

    async def _carry(self, claimed: Claimed, letters: Letters) -> None:
        # Read before settling, so that only the order of sending and recording is wrong.
        envelope = (await letters)[claimed.delivery_id]
        await self._settling.record(Told(claimed, Reply(status=204), 0))
        await asyncio.sleep(SENDS_AFTER_S)
        await self._send(envelope)


async def _no_doorbell(settings: Settings, stop: asyncio.Event) -> None:
    """
    Start no second process: its courier is whole, and would deliver what this one only records.
    """
    del settings
    await stop.wait()


if __name__ == "__main__":
    setattr(main, "keep_doorbell", _no_doorbell)  # noqa: B010 - only the broken one may work
    setattr(Courier, "_carry", HastyCourier._carry)  # noqa: B010 - breaking it is the point
    main.run()
