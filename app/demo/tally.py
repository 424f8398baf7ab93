"""
The count at the end: what was owed, what arrived, what took effect. Measured by comparing sets of event ids.

Owed is what the service itself says it owes, twice: in the agency's feed and in the endpoint's delivery log. Arrived
is what the receivers recorded. Neither side is taken on trust for the other.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.demo import cast
from app.demo.calls import Api
from app.demo.cast import Cast
from app.demo.receivers import Receiver, Town
from app.demo.replay import SUBSCRIBED

PATIENCE_S = 30
"""How long nothing may happen before whatever is missing counts as lost."""
_LOOK_EVERY_S = 0.3


@dataclass
class Pushes:
    """
    What became of what was owed, all agencies together.
    """

    owed: int = 0
    delivered: int = 0
    """By the delivery log: answered 2xx."""
    retried: int = 0
    """Deliveries that needed more than one attempt."""
    lost: int = 0
    """Owed and without effect at the receiver."""
    doubled: int = 0
    """Effects beyond the first of one event, or of one fact told under two event ids."""
    unowed: int = 0
    """Effects of events that nobody owed."""
    feed_differs: int = 0
    """Events that only one of feed and delivery log knows."""
    verified: int = 0
    refused: int = 0
    wire_doubles: int = 0
    late: int = 0
    by_type: Counter[str] = field(default_factory=Counter)

    @property
    def good(self) -> bool:
        """
        Whether every event owed took effect exactly once.
        """
        return not (self.lost or self.doubled or self.unowed or self.feed_differs)

    def add(self, other: "Pushes") -> None:
        """
        Add another agency's.
        """
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True)
class Samples:
    """
    The samples as the agencies' own keys list them at the end.
    """

    by_status: Counter[str]
    small: int
    small_and_zero: int
    state_differs: int
    """Samples whose status at the receiver is not the service's."""

    @property
    def total(self) -> int:
        """
        All of them.
        """
        return self.by_status.total()


async def settled(town: Town, expected: int) -> None:
    """
    Wait until the receivers have verified as many pushes as expected, or none comes any more.
    """
    before, since = -1, time.monotonic()
    while time.monotonic() - since < PATIENCE_S:
        if town.verified >= expected:
            return
        if town.verified > before:
            before, since = town.verified, time.monotonic()
        await asyncio.sleep(_LOOK_EVERY_S)


async def count(api: Api, people: Cast, town: Town, endpoints: Mapping[str, str]) -> Pushes:
    """
    Compare, for each agency, what is owed with what took effect.
    """
    total = Pushes()
    for agency, receiver in town.receivers.items():
        total.add(await _count(api, people.key(agency, cast.AGENT), receiver, endpoints[agency]))
    return total


async def _count(api: Api, key: str, receiver: Receiver, endpoint: str) -> Pushes:
    log = await _deliveries(api, key, endpoint)
    feed = await _feed(api, key)
    until = time.monotonic() + PATIENCE_S
    # An answer is recorded, and an event numbered, moments after the fact.
    while not _quiet(log, feed) and time.monotonic() < until:
        await asyncio.sleep(_LOOK_EVERY_S)
        log, feed = await _deliveries(api, key, endpoint), await _feed(api, key)
    owed = feed | log.keys()
    effects = Counter(receiver.effects)
    return Pushes(
        owed=len(owed),
        delivered=sum(state == "delivered" for state, _, _ in log.values()),
        retried=sum(attempts > 1 for _, attempts, _ in log.values()),
        lost=len(owed - effects.keys()),
        doubled=effects.total() - min(len(effects), len(set(receiver.facts))),
        unowed=len(effects.keys() - owed),
        feed_differs=len(feed ^ log.keys()),
        verified=receiver.verified,
        refused=receiver.refused,
        wire_doubles=receiver.doubles,
        late=receiver.late,
        by_type=Counter(kind for _, _, kind in log.values()),
    )


def _quiet(log: Mapping[str, tuple[str, int, str]], feed: set[str]) -> bool:
    return feed == log.keys() and all(state == "delivered" for state, _, _ in log.values())


async def _deliveries(api: Api, key: str, endpoint: str) -> dict[str, tuple[str, int, str]]:
    path = f"/v1/webhooks/{endpoint}/deliveries"
    return {
        one["event_id"]: (one["state"], len(one["attempts"]), one["type"])
        async for page in api.pages(path, key=key)
        for one in page
        if one["type"] in SUBSCRIBED
    }


async def _feed(api: Api, key: str) -> set[str]:
    return {
        one["data"]["event_id"]
        async for page in api.pages("/v1/events", key=key)
        for one in page
        if one["type"] in SUBSCRIBED
    }


async def list_samples(api: Api, people: Cast, town: Town) -> Samples:
    """
    List all samples with their agencies' keys, and compare their status with what the receivers were told.
    """
    by_status: Counter[str] = Counter()
    small = small_and_zero = differs = 0
    for agency, receiver in town.receivers.items():
        key = people.key(agency, cast.INVESTIGATOR)
        async for page in api.pages("/v1/samples", key=key):
            for one in page:
                by_status[one["status"]] += 1
                small += one["small_quantity"]
                zero = one["exhibit"]["quantity_seized"]["value"] == 0
                small_and_zero += one["small_quantity"] and zero
                differs += receiver.latest.get(one["id"], (0, "submitted"))[1] != one["status"]
    return Samples(by_status, small, small_and_zero, differs)
