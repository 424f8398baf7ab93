"""
The agencies' side of the pushes: real HTTP servers on this machine that check, drop doubles, and can be down.

They run in a thread with an event loop of their own, so that nothing the replay does can answer for them.
"""

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from app.kit.clock import utc_now
from app.webhooks import signing

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_WITHIN_S = 10
_CHALLENGE = "webhook.challenge"


@dataclass
class Receiver:
    """
    What one agency's receiver has seen, and what it did about it.
    """

    agency: str
    port: int = 0
    secret: str = field(default="", repr=False)
    """Told once, when the endpoint is created."""
    effects: list[str] = field(default_factory=list)
    """Event ids in the order they took effect. Nothing but this receiver's own care keeps doubles out of it."""
    facts: list[tuple[str, str | None, int]] = field(default_factory=list)
    """What each of them said: type, sample, sequence. One fact told under two ids is a double too."""
    verified: int = 0
    """Pushes with a genuine signature, doubles included."""
    refused: int = 0
    """Pushes without one: answered 401, and without effect."""
    doubles: int = 0
    """Pushes of an event that had taken effect before: answered 200, and without another effect."""
    late: int = 0
    """Events that came after a newer one of the same sample: they do not turn the sample back."""
    latest: dict[str, tuple[int, str]] = field(default_factory=dict)
    """By sample: the highest sequence seen and the status it told."""
    down: bool = False
    """While it is, every push is answered 503, unread."""
    turned_away: int = 0
    """Pushes that came while it was down."""
    drops: int = 0
    """For the test that the count can find a loss: so many pushes are answered 200 and forgotten."""
    _seen: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        """
        Where pushes for this agency go.
        """
        return f"http://127.0.0.1:{self.port}/assayline"

    def take(self, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """
        Take one push and return the status and the body to answer with.
        """
        if self.down:
            self.turned_away += 1
            return 503, b""
        if not self.secret:
            # The challenge may be here before the answer that tells the secret: it comes again.
            return 503, b""
        try:
            signing.verify(self.secret, headers, body, now=int(utc_now().timestamp()))
        except (signing.BadSignatureError, ValueError):
            self.refused += 1
            return 401, b""
        event = json.loads(body)
        if event["type"] == _CHALLENGE:
            # Said back, it proves that whoever registered this address also receives here.
            return 200, event["data"]["challenge"].encode()
        return self._take(headers, event), b""

    def _take(self, headers: Mapping[str, str], event: Mapping[str, Any]) -> int:
        self.verified += 1
        if self.drops > 0:
            self.drops -= 1
            return 200
        event_id = headers[signing.ID]
        if event_id in self._seen:
            self.doubles += 1
            return 200
        self._seen.add(event_id)
        self._apply(event_id, event["type"], event["data"])
        return 200

    def _apply(self, event_id: str, kind: str, data: Mapping[str, Any]) -> None:
        sample, sequence = data["sample_id"], data["sequence"]
        self.effects.append(event_id)
        self.facts.append((kind, sample, sequence))
        if sample is None:
            return
        if sequence < self.latest.get(sample, (0, ""))[0]:
            self.late += 1
            return
        self.latest[sample] = sequence, data["summary"]["status"]

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """
        Answer one HTTP request.
        """
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        status, answer = self.take(headers, body) if scope["method"] == "POST" else (405, b"")
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": answer})


class Town:
    """
    All receivers, in one thread.
    """

    def __init__(self, receivers: Mapping[str, Receiver]) -> None:
        """
        Give each agency its receiver; ``living`` starts them.
        """
        self.receivers = receivers
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="receivers", daemon=True
        )
        self._running: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []

    @property
    def verified(self) -> int:
        """
        Genuine pushes received so far, by all of them.
        """
        return sum(one.verified for one in self.receivers.values())

    @contextmanager
    def living(self) -> Iterator["Town"]:
        """
        Listen on free ports of this machine until the block ends.
        """
        self._thread.start()
        try:
            for receiver in self.receivers.values():
                self._run(self._listen(receiver))
            yield self
        finally:
            self._run(self._leave())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_WITHIN_S)
            self._loop.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_WITHIN_S)

    async def _listen(self, receiver: Receiver) -> None:
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        receiver.port = listening.getsockname()[1]
        server = uvicorn.Server(
            uvicorn.Config(
                receiver,
                log_config=None,
                log_level="critical",
                access_log=False,
                lifespan="off",
                ws="none",
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has a flag, no event
            await asyncio.sleep(0.01)
        self._running.append((server, serving))

    async def _leave(self) -> None:
        for server, serving in self._running:
            server.should_exit = True
            await serving
