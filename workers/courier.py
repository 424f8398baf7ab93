"""
``drain()``: claim what is due, send it with no transaction open, settle it.

One courier per process. It keeps looking while anything is under way, so that a receiver that hangs
holds up its own
deliveries and nobody else's; whoever rings while it is at work only makes it look again at once.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import structlog

from app.kit import ids, secrets
from app.kit.db import WORKER, Database, as_agency
from app.webhooks import service as webhooks
from app.webhooks.rules import Reply
from workers.outbound import Outbound
from workers.settling import Settling

_log = structlog.get_logger(__name__)

_GATHER_S = 0.02
"""After one send has ended others are about to: one claim for all of them is cheaper."""
_CLOSING_S = 5.0


Letters = asyncio.Task[Mapping[UUID, webhooks.Envelope]]
"""What an agency's claimed deliveries say, read once for all of them."""


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
        self._settling = Settling(database)
        self._under_way: set[asyncio.Task[None]] = set()
        self._suspects = 0
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
                # One at a time: it may be what killed the process before this one.
                suspects=0 if self._suspects else 1,
            )
        self._suspects += sum(one.suspect for one in claims)
        of: dict[UUID, list[webhooks.Claimed]] = defaultdict(list)
        for claimed in claims:
            of[claimed.agency_id].append(claimed)
        for agency_id, group in of.items():
            letters = asyncio.create_task(self._read(agency_id, group))
            for claimed in group:
                task = asyncio.create_task(self._carry(claimed, letters))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
        return len(claims)

    async def _read(
        self, agency_id: UUID, group: Sequence[webhooks.Claimed]
    ) -> Mapping[UUID, webhooks.Envelope]:
        # In its recipient's name: it sees that agency's events and no other's (E9).
        async with self._database.reading(as_agency(agency_id)) as session:
            return await webhooks.envelopes(
                session, [one.delivery_id for one in group], key=self._key
            )

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

    async def _carry(self, claimed: webhooks.Claimed, letters: Letters) -> None:
        try:
            # Shielded: whoever is canceled leaves the letters of its neighbors alone.
            envelope = (await asyncio.shield(letters)).get(claimed.delivery_id)
            reply = await self._send(envelope) if envelope else Reply(error="secret")
            await self._note(claimed, envelope, reply)
            await self._settling.record(webhooks.Told(claimed, reply, self._chance.random()))
        except Exception:  # noqa: BLE001 - one delivery must not end the others
            # The claim runs out by itself, and the attempt stays visible as unknown.
            _log.exception(
                "delivery_left_to_its_lease", delivery_id=ids.write("dlv", claimed.delivery_id)
            )
        finally:
            self._suspects -= claimed.suspect

    async def _send(self, envelope: webhooks.Envelope) -> Reply:
        headers = webhooks.sign(
            envelope.secrets,
            message_id=envelope.message_id,
            timestamp=envelope.timestamp,
            body=envelope.body,
        )
        return await self._outbound.post(envelope.url, headers=headers, body=envelope.body)

    async def _note(
        self, claimed: webhooks.Claimed, envelope: webhooks.Envelope | None, reply: Reply
    ) -> None:
        # Before settling: if this process dies in between, the next look finds it noted, and an
        # endpoint that said 410 disabled.
        if reply.status == webhooks.GONE:
            async with self._database.transaction(as_agency(claimed.agency_id)) as session:
                await webhooks.disable_gone(session, endpoint_id=claimed.endpoint_id)
        proof = reply.response_sha256
        if (
            envelope is not None
            and envelope.challenge_sha256 is not None
            and proof == envelope.challenge_sha256
            and reply.status is not None
            and reply.status // 100 == 2  # noqa: PLR2004 - the class of success
        ):
            async with self._database.transaction(as_agency(claimed.agency_id)) as session:
                await webhooks.note_proof(
                    session, endpoint_id=claimed.endpoint_id, proof=envelope.challenge_sha256
                )


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
