"""
The worker as it must not be: it records a delivery before it has made it.
"""

import asyncio

from app.webhooks.rules import Reply
from app.webhooks.service import Claimed
from workers import main
from workers.courier import Courier


class HastyCourier(Courier):
    """
    Settles first, sends afterwards.
    """

    async def _carry(self, claimed: Claimed) -> None:
        # Read before settling, so that only the order of sending and recording is wrong.
        await self._settle(claimed, Reply(status=204))
        # Wide enough for a kill to fall into.
        await asyncio.sleep(1.0)
        await self._send(claimed)


if __name__ == "__main__":
    setattr(Courier, "_carry", HastyCourier._carry)  # noqa: B010 - breaking it is the point
    main.run()
