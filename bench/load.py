"""
The load: a few connections, each sending its next request when it has the answer to the one before.

It runs in a process of its own and speaks HTTP/1.1 by hand: a client library would need more time than
the server. It reads a `Job` as JSON from its standard input and writes a `Result` as JSON.
"""

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import uvloop

NUMBER = b"@@@@@@@@@@@@"
"""Stands in a request's body for a number of twelve digits that no request has twice."""


@dataclass(frozen=True, slots=True)
class Job:
    """
    What to send, where to, and for how long.
    """

    port: int
    expect: int
    """The status every answer must have."""
    lines: list[list[str]]
    """For each connection the requests' heads, sent in turn; without Content-Length."""
    body: str = ""
    first: int = 0
    """Where the numbers begin that replace `NUMBER`."""
    warm_up_s: float = 1.0
    seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Result:
    """
    What came back within the time measured.
    """

    per_second: float
    p50_ms: float
    p99_ms: float
    answers: int
    """All of them, those of the warm-up included."""


class Caller(asyncio.Protocol):
    """
    One keep-alive connection in a closed loop.
    """

    def __init__(self, requests: Iterator[bytes], expect: int) -> None:
        """
        Send nothing yet.
        """
        self._requests = requests
        self._expect = b" %d " % expect
        self._buffer = b""
        self._sent = 0.0
        self.times: list[tuple[float, float]] = []
        """When each answer was complete, and how long it had taken."""
        self.ended = asyncio.get_running_loop().create_future()
        self.stop = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Send the first request.
        """
        self._transport: Any = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """
        Take the answer, and send the next request once it is whole.
        """
        self._buffer = self._buffer + data if self._buffer else data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        _, said, length = head.lower().partition(b"content-length: ")
        size = int(length.split(b"\r", 1)[0]) if said and self._expect != b" 304 " else 0
        if len(body) < size:
            return
        now = time.perf_counter()
        if self._expect not in head[:16]:
            self._fail(RuntimeError(self._buffer[:2000].decode(errors="replace")))
            return
        self.times.append((now, now - self._sent))
        self._buffer = b""
        if self.stop:
            self._transport.close()
        else:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        """
        Finish; a connection that ends by itself is an error.
        """
        self._fail(exc or (None if self.stop else ConnectionError("the server hung up")))

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))

    def _fail(self, problem: Exception | None) -> None:
        if not self.ended.done():
            if problem is None:
                self.ended.set_result(None)
            else:
                self.ended.set_exception(problem)


def requests(heads: list[str], body: str, numbers: Iterator[int]) -> Iterator[bytes]:
    """
    Return the endless requests of one connection.
    """
    text = body.encode()
    length = f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n" if text else ""
    ready = [f"{head}\r\n{length}\r\n".encode() for head in heads]
    if NUMBER in text:
        for head in itertools.cycle(ready):
            yield head + text.replace(NUMBER, b"%012d" % next(numbers))
    yield from itertools.cycle(head + text for head in ready)


async def measure(job: Job) -> Result:
    """
    Warm up, measure, and stop.
    """
    numbers = itertools.count(job.first)
    loop = asyncio.get_running_loop()
    callers = []
    for heads in job.lines:
        sent = requests(heads, job.body, numbers)
        _, caller = await loop.create_connection(
            lambda sent=sent: Caller(sent, job.expect),  # type: ignore[misc]  # mypy: no defaults
            "127.0.0.1",
            job.port,
        )
        callers.append(caller)
    ended = asyncio.gather(*(caller.ended for caller in callers))
    await asyncio.wait({ended}, timeout=job.warm_up_s)
    begin = time.perf_counter()
    await asyncio.wait({ended}, timeout=job.seconds)
    end = time.perf_counter()
    for caller in callers:
        caller.stop = True
    await ended
    took = sorted(took for caller in callers for at, took in caller.times if begin <= at < end)
    return Result(
        per_second=len(took) / (end - begin),
        p50_ms=took[len(took) // 2] * 1e3,
        p99_ms=took[len(took) * 99 // 100] * 1e3,
        answers=sum(len(caller.times) for caller in callers),
    )


def run(job: Job) -> Result:
    """
    Run a job in a process of its own.

    Raises:
        RuntimeError: when an answer was not what it must be.

    """
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=json.dumps(asdict(job)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the load ended badly:\n{done.stderr[-3000:]}")
    return Result(**json.loads(done.stdout))


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(measure(Job(**json.load(sys.stdin)))))))
