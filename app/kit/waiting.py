"""
Waiting for something to change, without holding a database connection.

Whoever waits looks for itself, in a short transaction of its own: when somebody says that something
was committed, and once a second in any case. A word that is lost costs a second.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 1.0
"""How long a change may go unnoticed when nobody says a word."""
_CALM_S = 0.1
"""Everybody looks at once, so not more often than this."""


class Waker:
    """
    Wakes everybody in this process who waits for a change.
    """

    def __init__(self) -> None:
        """
        Nobody waits yet.
        """
        self.generation = 0
        """Rises with every word; whoever looked before it rose looks again."""
        self._moved = asyncio.Event()
        self._last = 0.0
        self._later: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        """
        Say that something may have changed.
        """
        left = self._last + _CALM_S - time.monotonic()
        if left <= 0:
            self._wake()
        elif self._later is None:
            self._later = asyncio.get_running_loop().call_later(left, self._wake)

    def _wake(self) -> None:
        self._later = None
        self._last = time.monotonic()
        self.generation += 1
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def wait(self, since: int, *, at_most_s: float) -> None:
        """
        Wait for a word after this generation, or until the time is up.
        """
        if self.generation != since or at_most_s <= 0:
            return
        moved = self._moved
        try:
            async with asyncio.timeout(at_most_s):
                await moved.wait()
        except TimeoutError:
            return


async def until(
    waker: Waker, look: Callable[[], Awaitable[T | None]], *, within_s: float
) -> T | None:
    """
    Look until there is something to return, for as long as this; return None when there is nothing.
    """
    deadline = time.monotonic() + within_s
    while True:
        since = waker.generation
        found = await look()
        left = deadline - time.monotonic()
        if found is not None or left <= 0:
            return found
        await waker.wait(since, at_most_s=min(POLL_S, left))
