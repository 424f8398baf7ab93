"""
Following an agency's feed for as long as somebody listens, without holding a database connection.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from app.kit.db import Database, as_agency
from app.kit.errors import Conflict
from app.ledger import service as ledger
from app.webhooks.repo import events as repo

MOST_STREAMS = 5
"""Of one client, in one process."""
MOST_AT_ONCE = 100


class TooManyStreams(Conflict):
    """
    This client has as many streams open as it may. Close one first.
    """

    code = "too-many-streams"
    title = "Too many streams"


@dataclass(frozen=True, slots=True)
class Told:
    """
    One event of a feed and the position behind it.
    """

    position: int
    type: str
    body: bytes


@dataclass(slots=True)
class _Top:
    generation: int = -1
    position: int = 0
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Following:
    """
    What the streams of one process share: one look per agency, however many listen.
    """

    def __init__(self, database: Database) -> None:
        """
        Nobody listens yet.
        """
        self._database = database
        self._tops: dict[UUID, _Top] = {}
        self.streams: Counter[UUID] = Counter()

    def check(self, client_id: UUID) -> None:
        """
        Refuse another stream to a client that has enough of them.

        Raises:
            TooManyStreams: then.

        """
        if self.streams[client_id] >= MOST_STREAMS:
            raise TooManyStreams

    @contextmanager
    def streaming(self, client_id: UUID) -> Iterator[None]:
        """
        Count a stream for as long as it lasts.
        """
        self.streams[client_id] += 1
        try:
            yield
        finally:
            self.streams[client_id] -= 1
            if self.streams[client_id] <= 0:
                del self.streams[client_id]

    async def behind(self, agency_id: UUID, position: int, *, generation: int) -> Sequence[Told]:
        """
        Return what stands in an agency's feed behind a position; ask the database once per generation.
        """
        top = self._tops.setdefault(agency_id, _Top())
        async with top.asking:
            if top.generation != generation:
                async with self._database.reading(as_agency(agency_id)) as session:
                    top.position = await ledger.feed_top(session, agency_id=agency_id)
                top.generation = generation
        if top.position <= position:
            return ()
        async with self._database.reading(as_agency(agency_id)) as session:
            page = await ledger.feed_page(
                session, agency_id=agency_id, after=position, limit=MOST_AT_ONCE
            )
            stored = await repo.read_events(session, [event_id for _, event_id in page])
        return [
            Told(at, stored[event_id].type, stored[event_id].body)
            for at, event_id in page
            if event_id in stored
        ]
