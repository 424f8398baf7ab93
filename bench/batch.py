"""
``make batch``: 100,000 lines in one batch, broken off three times and continued, with the server's memory watched.

The client writes and reads at the same time over a plain socket, as a client that wants to continue must: it knows
which lines are answered, and goes on behind the last of them.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil

from tests.api.fuzz import served

RESULTS = Path(__file__).with_name("BATCH.md")
PIECE = 200
"""Lines written at once."""


@dataclass
class Progress:
    """
    What the client knows: how far it is answered, how it was answered, and what the server's memory did.
    """

    answered: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    breaks: int = 0
    rss_mb: list[float] = field(default_factory=list)


def line(number: int, laboratory: str) -> bytes:
    """
    Return one submission.
    """
    body = {
        "agency_file_number": f"batch-{number}",
        "laboratory_id": laboratory,
        "seized_at": "2026-03-01T10:00:00Z",
        "route": "mail",
        "samples": [{"exhibit_number": "1", "suspected": ["heroin"], "form": "powder"}],
    }
    return json.dumps(body).encode() + b"\n"


async def send(
    url: str, key: str, laboratory: str, until: int, progress: Progress, *, stop_at: int | None
) -> None:
    """
    Send the lines behind the last answered one; break the connection when ``stop_at`` is answered.
    """
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    first = progress.answered
    writer.write(
        b"POST /v1/submissions:batch HTTP/1.1\r\nHost: bench\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: application/x-ndjson\r\nAuthorization: Bearer " + key.encode() + b"\r\n\r\n"
    )

    async def write() -> None:
        for start in range(first, until, PIECE):
            piece = b"".join(line(n, laboratory) for n in range(start, min(start + PIECE, until)))
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    writing = asyncio.create_task(write())
    try:
        await reader.readuntil(b"\r\n\r\n")
        while size := int(await reader.readuntil(b"\r\n"), 16):
            chunk = await reader.readexactly(size + 2)
            for told in chunk.splitlines():
                if told:
                    status = json.loads(told)["status"]
                    progress.statuses[status] = progress.statuses.get(status, 0) + 1
                    progress.answered += 1
            if stop_at is not None and progress.answered >= stop_at:
                progress.breaks += 1
                return
    finally:
        writing.cancel()
        writer.transport.abort()


async def watch(pid: int, progress: Progress) -> None:
    """
    Note the server's resident memory every second.
    """
    process = psutil.Process(pid)
    while True:
        progress.rss_mb.append(process.memory_info().rss / 1e6)
        await asyncio.sleep(1)


async def stored(url: str, key: str) -> int:
    """
    Count the samples that have arrived, page by page.
    """
    count, after = 0, None
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(
        base_url=url, headers=headers, timeout=30, trust_env=False
    ) as client:
        while True:
            params = {"limit": 200} | ({"after": after} if after else {})
            page = (await client.get("/v1/submissions", params=params)).json()
            count += len(page["items"])
            after = page["next"]
            if after is None:
                return count


async def laboratory_of(url: str, key: str) -> str:
    """
    Return the laboratory of a sample that is there.
    """
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
        page = (await client.get("/v1/samples")).json()
        found: str = page["items"][0]["laboratory_id"]
        return found


async def run(url: str, key: str, pid: int, lines: int, seed: int) -> tuple[Progress, float, int]:
    """
    Send everything, breaking off at three lines of the seed's; return what happened, how fast, and what is there.
    """
    progress = Progress()
    before = await stored(url, key)
    laboratory = await laboratory_of(url, key)
    watching = asyncio.create_task(watch(pid, progress))
    begun = time.monotonic()
    for cut in [*sorted(random.Random(seed).sample(range(1, lines), 3)), None]:
        await send(url, key, laboratory, lines, progress, stop_at=cut)
    took = time.monotonic() - begun
    watching.cancel()
    return progress, took, await stored(url, key) - before


def main() -> int:
    """
    Run, and with ``--keep`` write the results beside this file.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--keep", action="store_true")
    chosen = parser.parse_args()
    with served() as (url, keys):
        pid = next(
            one.pid for one in psutil.Process().children() if "uvicorn" in " ".join(one.cmdline())
        )
        progress, took, there = asyncio.run(run(url, keys["agent"], pid, chosen.lines, chosen.seed))
    quarter = max(1, len(progress.rss_mb) // 4)
    early, late = (max(part) for part in (progress.rss_mb[:quarter], progress.rss_mb[-quarter:]))
    outcomes = ", ".join(f"{many:,} of {one}" for one, many in sorted(progress.statuses.items()))
    told = (
        f"# {chosen.lines:,} lines in one batch\n\n"
        f"`make batch` (seed {chosen.seed}), private PostgreSQL 18 with durable settings, one API process.\n\n"
        f"| what | measured |\n|---|---|\n"
        f"| lines sent, stored | {chosen.lines:,}, {there:,} |\n"
        f"| outcomes | {outcomes} |\n"
        f"| connection broken off and continued | {progress.breaks} times |\n"
        f"| time, rate | {took:,.0f} s, {chosen.lines / took:,.0f} lines/s |\n"
        f"| highest resident memory of the API, first and last quarter | {early:.0f} MB, {late:.0f} MB |\n"
    )
    sys.stdout.write(told)
    if chosen.keep:
        RESULTS.write_text(told, encoding="utf-8")
    # 409: a line was stored, and its answer was lost with the connection.
    fine = set(progress.statuses) <= {201, 409} and there == chosen.lines
    return 0 if fine and late < early * 1.25 + 20 else 1


if __name__ == "__main__":
    sys.exit(main())
