"""
Worker processes that are forked from one that has everything imported, so that a crash costs a tenth of a second.

Each may carry one deliberate flaw: a point at which it is killed, or a promise it breaks.
"""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn

from sqlalchemy import text

from app.kit import ids
from app.kit.db import WORKER
from app.settings import Settings
from app.webhooks import service as webhooks
from app.webhooks.repo import dispatch
from app.webhooks.rules import DeliveryState, Outcome, Reply
from app.webhooks.service import DeliveryView
from tests.workers.push import Agency, Receiver
from workers import jobs, main, resources
from workers.courier import Courier, Letters, Pace
from workers.jobs.deliver import deliver
from workers.outbound import Outbound
from workers.settling import Settling

_fork = multiprocessing.get_context("forkserver")
_fork.set_forkserver_preload(["tests.faults.crew"])


def _die(*_: object) -> NoReturn:
    # kill -9: nothing is closed, rolled back or said good-bye to.
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def _dies_before_the_claim_commits() -> None:
    claim = webhooks.claim_due

    async def claim_due(*args: Any, **more: Any) -> list[webhooks.Claimed]:
        return _die() if await claim(*args, **more) else []

    setattr(webhooks, "claim_due", claim_due)  # noqa: B010 - breaking it is the point


def _dies_after_the_claim() -> None:
    setattr(Courier, "_carry", _die)  # noqa: B010 - breaking it is the point


def _dies_after_the_answer() -> None:
    post = Outbound.post

    async def dying(self: Outbound, url: str, **more: Any) -> Reply:
        reply = await post(self, url, **more)
        return reply if reply.status is None else _die()

    setattr(Outbound, "post", dying)  # noqa: B010 - breaking it is the point


def _dies_after_the_record() -> None:
    write = Settling._write

    async def dying(self: Settling, told: list[webhooks.Told]) -> None:
        await write(self, told)
        _die()

    setattr(Settling, "_write", dying)  # noqa: B010 - breaking it is the point


def _records_before_it_sends() -> None:
    async def hasty(self: Courier, claimed: webhooks.Claimed, letters: Letters) -> None:
        await letters
        await self._settling.record(webhooks.Told(claimed, Reply(status=204), 0))
        _die()

    setattr(Courier, "_carry", hasty)  # noqa: B010 - breaking it is the point


def _names_each_attempt_anew() -> None:
    sign = webhooks.sign

    def signed(*args: Any, message_id: str, timestamp: int, **more: Any) -> dict[str, str]:
        del message_id
        anew = f"evt_{os.urandom(8).hex()}"
        return dict(sign(*args, message_id=anew, timestamp=timestamp, **more))

    setattr(webhooks, "sign", signed)  # noqa: B010 - breaking it is the point


def _has_no_fence() -> None:
    guarded = "AND d.token = s.token AND d.state = 'sending'"
    assert guarded in str(dispatch.SETTLE)
    broken = text(str(dispatch.SETTLE).replace(guarded, ""))
    setattr(dispatch, "SETTLE", broken)  # noqa: B010 - breaking it is the point


def _counts_when_it_is_done() -> None:
    counted = "SELECT id, attempts, agency_id, now(), 'unknown' FROM claimed"
    claim = str(dispatch.CLAIM)
    assert counted in claim
    assert "attempts = d.attempts + 1" in claim
    broken = claim.replace("attempts = d.attempts + 1", "attempts = d.attempts").replace(
        counted, f"{counted} ON CONFLICT DO NOTHING"
    )
    setattr(dispatch, "CLAIM", text(broken))  # noqa: B010 - breaking it is the point


def _is_killed_by_poison() -> None:
    send = Courier._send

    async def poisoned(self: Courier, envelope: webhooks.Envelope) -> Reply:
        return _die() if POISON in envelope.body else await send(self, envelope)

    setattr(Courier, "_send", poisoned)  # noqa: B010 - breaking it is the point


def _sweeps_nothing() -> None:
    setattr(main, "ON_SWEEP", ())  # noqa: B010 - breaking it is the point


POISON = b'"poison":true'
"""In a summary: whoever sends it dies."""

FLAWS: dict[str, Callable[[], None]] = {
    "dies before the claim commits": _dies_before_the_claim_commits,
    "dies after the claim": _dies_after_the_claim,
    "dies after the answer": _dies_after_the_answer,
    "dies after the record": _dies_after_the_record,
    "sweeps nothing": _sweeps_nothing,
    "is killed by poison": _is_killed_by_poison,
    "records before it sends": _records_before_it_sends,
    "names each attempt anew": _names_each_attempt_anew,
    "has no fence": _has_no_fence,
    "counts when it is done": _counts_when_it_is_done,
}


def _work(settings: Settings, flaws: Sequence[str], at_once: int) -> None:
    # What it logs belongs to nobody's terminal.
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    setattr(resources, "Pace", partial(Pace, at_once=at_once))  # noqa: B010 - a quieter worker
    # The push alone: the other jobs of a worker have tests of their own.
    setattr(main, "ON_SWEEP", (deliver, jobs.sweep.retire))  # noqa: B010 - a quieter worker
    for flaw in flaws:
        FLAWS[flaw]()
    asyncio.run(main.main(settings))


@dataclass
class Hand:
    """
    One forked worker.
    """

    process: BaseProcess

    @property
    def pid(self) -> int:
        """
        Its process id.
        """
        assert self.process.pid is not None
        return self.process.pid

    def send(self, number: signal.Signals) -> None:
        """
        Send it a signal.
        """
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    async def ended(self, *, within_s: float = 60) -> int:
        """
        Wait until it has ended, and return its exit code: negative for a signal.
        """
        await asyncio.to_thread(self.process.join, within_s)
        code = self.process.exitcode
        if code is None:
            raise TimeoutError
        return code


@asynccontextmanager
async def hand(settings: Settings, *flaws: str, at_once: int = 16) -> AsyncIterator[Hand]:
    """
    Run a worker until the block ends, or until it dies.
    """
    process = _fork.Process(target=_work, args=(settings, flaws, at_once), daemon=True)
    await asyncio.to_thread(process.start)
    made = Hand(process)
    try:
        yield made
    finally:
        if process.exitcode is None:
            process.kill()
        await made.ended()


def brisk(config: Settings, **more: object) -> Settings:
    """
    Return settings of a quick worker, without a doorbell unless told otherwise.
    """
    short: dict[str, object] = {
        "redis_url": None,
        "delivery_deadline_s": 5.0,
        "delivery_lease_s": 6,
        "sweep_interval_s": 0.2,
        "pool_size": 3,
    }
    return config.model_copy(update=short | more)


@dataclass
class Account:
    """
    What an agency was owed, what its receiver saw, and what is on record: held against each other.
    """

    owed: set[str]
    bodies: dict[str, list[bytes]]
    views: list[DeliveryView]
    extra: int = 0
    """Receipts beyond the first that this story allows."""

    def broken(self) -> list[str]:
        """
        Name every promise that was not kept (B2, B3, B14).
        """
        known = sum(a.outcome is not Outcome.UNKNOWN for v in self.views for a in v.attempts)
        attempts = sum(len(view.attempts) for view in self.views)
        came = sum(map(len, self.bodies.values()))
        checks = {
            "owed and never came": self.owed - set(self.bodies),
            "came and was never owed": set(self.bodies) - self.owed,
            "one id, different bytes": {k for k, v in self.bodies.items() if len(set(v)) > 1},
            "not recorded as delivered": {
                str(view.event_id)
                for view in self.views
                if view.state is not DeliveryState.DELIVERED
            },
        }
        found = [f"{name}: {len(bad)}" for name, bad in checks.items() if bad]
        if came > len(self.owed) + self.extra:
            found.append(f"receipts: {came} of {len(self.owed)} owed and {self.extra} allowed")
        if not known <= came <= attempts:
            found.append(f"ledger: {known} known, {attempts} attempts, {came} receipts")
        return found


@dataclass
class Story:
    """
    An agency, its receiver, and the events announced to it.
    """

    agency: Agency
    receiver: Receiver
    owed: set[str] = field(default_factory=set)

    async def announce(self, count: int = 1) -> None:
        """
        Announce so many facts.
        """
        self.owed |= {ids.write("evt", one) for one in await self.agency.announce(count)}

    async def account(self, *, extra: int, within_s: float = 30) -> Account:
        """
        Wait until every promise is kept, or for so long at most, and say what is there.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while True:
            bodies: dict[str, list[bytes]] = {}
            for hit in self.receiver.hits:
                bodies.setdefault(hit.headers["webhook-id"], []).append(hit.body)
            found = Account(set(self.owed), bodies, await self.agency.deliveries(), extra)
            if not found.broken() or loop.time() > deadline:
                return found
            await asyncio.sleep(0.05)

    async def end_leases(self) -> None:
        """
        End the leases of whatever is under way, as if their time were over.
        """
        async with self.agency.worker_database.transaction(WORKER) as session:
            await session.execute(
                text(
                    "UPDATE delivery SET lease_until = now()"
                    " WHERE agency_id = :id AND state = 'sending'"
                ),
                {"id": self.agency.id},
            )
