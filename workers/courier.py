"""
``drain()``: claim what is due, send it with no transaction open, settle it.

One courier per process. It keeps looking while anything is under way, so that a receiver that hangs
holds up its own
deliveries and nobody else's; whoever rings while it is at work only makes it look again at once.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from app.kit import ids, secrets
from app.kit.db import WORKER, Database, as_agency
from app.webhooks import service as webhooks
from app.webhooks.rules import Reply
from workers.outbound import Outbound

_log = structlog.get_logger(__name__)

_GATHER_S = 0.02
"""After one send has ended others are about to: one claim for all of them is cheaper."""
_SETTLE_WAITS_S = (0.2, 1.0, 3.0)
"""How long to wait before recording again what the database did not take; the lease outlives it."""
_CLOSING_S = 5.0


@dataclass(frozen=True, slots=True)
class Pace:
    """
    How much a courier does at once, and for how long its claims hold.
    """

    lease_s: float = 60
    look_again_s: float = 2
    """While something hangs, others' deliveries become due: look for them this often."""
    at_once: int = 16
    per_endpoint: int = 4


class Courier:
    """
    Drains what is due, for as long as there is something.
    """

    def __init__(
        self,
        database: Database,
        outbound: Outbound,
        key: secrets.Key,
        *,
        pace: Pace | None = None,
        chance: random.Random | None = None,
    ) -> None:
        """
        Stand ready; nothing is looked for before the first ``poke`` or ``drain``.
        """
        self._database = database
        self._outbound = outbound
        self._key = key
        self._pace = pace or Pace()
        # Spreads retries, guards nothing.
        self._chance = chance or random.Random()  # noqa: S311 - jitter, no secret
        self._under_way: set[asyncio.Task[None]] = set()
        self._round: asyncio.Task[None] | None = None
        self._again = asyncio.Event()
        self._closing = False

    def poke(self) -> None:
        """
        Go and look.

        It returns at once, whether or not a round is under way.
        """
        self._again.set()
        if not self._closing and (self._round is None or self._round.done()):
            self._round = asyncio.create_task(self._run())

    async def drain(self) -> None:
        """
        Go and look, and come back when nothing is due or under way.

        It is never cut short halfway: whoever stops waiting for it leaves the round running.
        """
        self.poke()
        if self._round is not None:
            await asyncio.shield(self._round)

    async def close(self, *, patience_s: float) -> None:
        """
        Claim nothing more and let what is under way finish.

        It abandons the rest to its lease.
        """
        self._closing = True
        self._again.set()
        if self._round is None:
            return
        await asyncio.wait({self._round}, timeout=patience_s + _CLOSING_S)
        left = {task for task in (self._round, *self._under_way) if not task.done()}
        for task in left:
            task.cancel()
        if left:
            _log.warning("sends_abandoned", count=len(left))
            await asyncio.wait(left)

    async def _run(self) -> None:
        while True:
            try:
                self._again.clear()
                claimed = 0 if self._closing else await self._claim()
            except Exception:  # noqa: BLE001 - a database that is down for a moment
                # What is under way goes on; the next look finds the rest.
                _log.exception("claim_failed")
                claimed = 0
            if not self._under_way and not claimed and not self._again.is_set():
                return
            if self._closing and not self._under_way:
                return
            await self._wait()

    async def _claim(self) -> int:
        room = self._pace.at_once - len(self._under_way)
        if room <= 0:
            return 0
        async with self._database.transaction(WORKER) as session:
            claims = await webhooks.claim_due(
                session,
                limit=room,
                lease_s=self._pace.lease_s,
                per_endpoint_cap=self._pace.per_endpoint,
            )
        for claimed in claims:
            task = asyncio.create_task(self._carry(claimed))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return len(claims)

    async def _wait(self) -> None:
        if not self._under_way:
            return
        rung = asyncio.create_task(self._again.wait())
        try:
            await asyncio.wait(
                {rung, *self._under_way},
                timeout=self._pace.look_again_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            rung.cancel()
        if self._under_way:
            await asyncio.wait(set(self._under_way), timeout=_GATHER_S)

    async def _carry(self, claimed: webhooks.Claimed) -> None:
        try:
            reply = await self._send(claimed)
            if reply.status == webhooks.GONE:
                # Before settling: if this process dies in between, the next look finds the endpoint
                # disabled.
                async with self._database.transaction(as_agency(claimed.agency_id)) as session:
                    await webhooks.disable_gone(session, endpoint_id=claimed.endpoint_id)
            await self._settle(claimed, reply)
        except Exception:  # noqa: BLE001 - one delivery must not end the others
            # The claim runs out by itself, and the attempt stays visible as unknown.
            _log.exception(
                "delivery_left_to_its_lease", delivery_id=ids.write("dlv", claimed.delivery_id)
            )

    async def _send(self, claimed: webhooks.Claimed) -> Reply:
        async with self._database.reading(as_agency(claimed.agency_id)) as session:
            found = await webhooks.envelopes(session, [claimed.delivery_id], key=self._key)
        envelope = found.get(claimed.delivery_id)
        if envelope is None:
            return Reply(error="secret")
        headers = webhooks.sign(
            envelope.secrets,
            message_id=envelope.message_id,
            timestamp=envelope.timestamp,
            body=envelope.body,
        )
        return await self._outbound.post(envelope.url, headers=headers, body=envelope.body)

    async def _settle(self, claimed: webhooks.Claimed, reply: Reply) -> None:
        jitter = self._chance.random()
        for wait_s in (*_SETTLE_WAITS_S, None):
            try:
                async with self._database.transaction(WORKER) as session:
                    await webhooks.settle(session, claimed, reply, jitter=jitter)
            except Exception as problem:
                if wait_s is None:
                    raise
                _log.warning("settle_failed", error=type(problem).__name__, again_in_s=wait_s)
                await asyncio.sleep(wait_s)
            else:
                return


@asynccontextmanager
async def courier_at_work(courier: Courier, *, patience_s: float) -> AsyncIterator[Courier]:
    """
    Close the courier when the block ends.

    It waits for its sends as long as ``patience_s``.
    """
    try:
        yield courier
    finally:
        await courier.close(patience_s=patience_s)
