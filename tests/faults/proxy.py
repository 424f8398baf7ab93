"""
A small TCP proxy in front of PostgreSQL that breaks a connection at its COMMIT, on request.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import StrEnum

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
"""The simple query ``COMMIT``, as it stands on the wire."""


class Break(StrEnum):
    """
    Where the next COMMIT is broken.
    """

    NEVER = "never"
    BEFORE = "before"
    """The server never hears of it: nothing is stored."""
    AFTER = "after"
    """The server has carried it out; its word never arrives."""
    HELD = "held"
    """The server has carried it out; its word waits for ``release``."""


class Proxy:
    """
    Passes bytes on, and counts what it broke.
    """

    def __init__(self, port: int) -> None:
        """
        Stand before the server at this port.
        """
        self._target = port
        self.next = Break.NEVER
        self.broken = 0
        self.held = asyncio.Event()
        self.release = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """
        Serve one connection.
        """
        back, forth = await asyncio.open_connection("127.0.0.1", self._target)
        answering = asyncio.create_task(self._pass(back, writer))
        try:
            while piece := await reader.read(65_536):
                if self.next is not Break.NEVER and piece.endswith(COMMIT):
                    how, self.next = self.next, Break.NEVER
                    self.broken += 1
                    if how is Break.BEFORE:
                        return
                    answering.cancel()
                    with suppress(asyncio.CancelledError):
                        await answering
                    forth.write(piece)
                    await forth.drain()
                    # Its answer says that it is done: only now is the break one after the fact.
                    answer = await back.read(65_536)
                    if how is Break.AFTER:
                        return
                    self.held.set()
                    await self.release.wait()
                    writer.write(answer)
                    answering = asyncio.create_task(self._pass(back, writer))
                    continue
                forth.write(piece)
                await forth.drain()
        except ConnectionError:
            pass
        finally:
            answering.cancel()
            for one in (writer, forth):
                one.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while piece := await reader.read(65_536):
                writer.write(piece)
                await writer.drain()
            # The server has hung up: a client that waits for that must hear of it.
            writer.close()


@asynccontextmanager
async def standing_before(port: int) -> AsyncIterator[tuple[Proxy, int]]:
    """
    Run a proxy before the server at this port, and yield it with its own.
    """
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    try:
        yield proxy, server.sockets[0].getsockname()[1]
    finally:
        proxy.release.set()
        server.close()
