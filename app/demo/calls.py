"""
Calls to the API, over HTTP like anybody's, counted and timed.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any

import httpx

CLOCK = "Assayline-Practice-Clock"
_TRIES = 4
_AT_ONCE = 12


class UnexpectedAnswerError(Exception):
    """
    The service answered otherwise than a replay can go on from.
    """


class Api:
    """
    The service, as everybody in the replay sees it: a few connections, a key with each call.
    """

    def __init__(self, clients: Sequence[httpx.AsyncClient]) -> None:
        """
        Use these clients, each for one call at a time.
        """
        self._free: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        for client in clients:
            self._free.put_nowait(client)
        self.seconds: list[float] = []
        """How long each call took."""
        self.statuses: Counter[int] = Counter()

    async def call(
        self,
        method: str,
        path: str,
        *,
        key: str,
        at: datetime | None = None,
        wanted: Sequence[int] = (200, 201, 202),
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """
        Make one call.

        Args:
            method: of HTTP.
            path: after the service's address.
            key: the caller's.
            at: the virtual instant of the call; the real one when left out.
            wanted: the statuses that are expected.
            headers: besides the usual ones.
            more: what httpx takes.

        Raises:
            UnexpectedAnswerError: for every other status.

        """
        sent = {"Authorization": f"Bearer {key}", **(headers or {})}
        if at is not None:
            sent[CLOCK] = at.isoformat()
        answer = await self._once(method, path, sent, more)
        for _ in range(_TRIES - 1):
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            # It says that nothing was lost and when to come back.
            await asyncio.sleep(float(answer.headers.get("retry-after", "1")))
            answer = await self._once(method, path, sent, more)
        if answer.status_code not in wanted:
            said = f"{method} {path} answered {answer.status_code}: {answer.text[:400]}"
            raise UnexpectedAnswerError(said)
        return answer

    async def _once(
        self, method: str, path: str, headers: Mapping[str, str], more: Mapping[str, Any]
    ) -> httpx.Response:
        client = await self._free.get()
        begun = time.perf_counter()
        try:
            answer = await client.request(method, path, headers=headers, **more)
        finally:
            self._free.put_nowait(client)
        self.seconds.append(time.perf_counter() - begun)
        self.statuses[answer.status_code] += 1
        return answer

    async def post(self, path: str, body: Any = None, **more: Any) -> Any:
        """
        Post JSON and return the answer's.
        """
        return (await self.call("POST", path, json=body, **more)).json()

    async def batch(self, bodies: Sequence[Any], *, key: str, at: datetime) -> list[dict[str, Any]]:
        """
        Submit seizures as NDJSON and return what became of each.

        Raises:
            UnexpectedAnswerError: when one of them is refused.

        """
        answer = await self.call(
            "POST",
            "/v1/submissions:batch",
            key=key,
            at=at,
            content=b"\n".join(json.dumps(body).encode() for body in bodies),
            headers={"Content-Type": "application/x-ndjson"},
        )
        lines: list[dict[str, Any]] = [json.loads(line) for line in answer.text.splitlines()]
        refused = [line for line in lines if line["status"] != httpx.codes.CREATED]
        if refused or len(lines) != len(bodies):
            raise UnexpectedAnswerError(f"a submission was refused: {(refused or lines)[:1]}")
        return lines

    async def pages(
        self, path: str, *, key: str, **query: str | int
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """
        Read a list to its end, page by page.
        """
        after: dict[str, str] = {}
        while True:
            answer = await self.call("GET", path, key=key, params={"limit": 200, **query, **after})
            page = answer.json()
            if page["items"]:
                yield page["items"]
            if not page["items"] or page["next"] is None:
                return
            after = {"after": page["next"]}


@asynccontextmanager
async def calling(url: str) -> AsyncIterator[Api]:
    """
    Open the connections, and close them in the end.
    """
    # One connection each: a shared pool looks at all its connections before every call.
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
    tls = httpx.create_ssl_context(trust_env=False)
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    base_url=url, limits=limits, timeout=30, trust_env=False, verify=tls
                )
            )
            for _ in range(_AT_ONCE)
        ]
        yield Api(clients)
