"""
Measures how long the server takes for the pages of the bench: ``python -m bench.pages``, or ``make bench-pages``.

    python -m bench.pages                     1,000,000 open samples; writes bench/PAGES.md
    python -m bench.pages --open 10000        fewer; writes nothing
"""

import argparse
import asyncio
import re
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import httpx
import psutil
from fastapi import FastAPI

from app import embedded, settings
from app.access import service as access
from app.access.rules import ClientKind, Role
from app.access.signin import service as signin
from app.kit.db import OPERATOR
from app.main import create_app
from app.migrations import upgrade
from bench.world import World, built

OPEN = 1_000_000
LOOKS = 60
LIMIT_MS = 100.0
PASSWORD = "four plain words together"  # noqa: S105 - of a person made for this run
_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Figure:
    """
    One page: milliseconds of the server's time, and bytes over the wire.
    """

    what: str
    p50: float
    p95: float
    packed: int


async def person(app: FastAPI, world: World, role: Role) -> httpx.AsyncClient:
    """
    Return a browser in which a new person of this role is signed in.
    """
    async with app.state.resources.database.transaction(OPERATOR) as session:
        client_id = await access.create_client(
            session,
            agency_id=world.laboratory_id,
            name=f"Measured {role}",
            kind=ClientKind.PERSON,
            roles=[role],
        )
        login = f"measured-{role}"
        await signin.set_password(session, client_id=client_id, login=login, password=PASSWORD)
    browser = httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="https://bench",
        timeout=120,
        headers={"Accept-Encoding": "gzip"},
    )
    form = await browser.get("/sign-in")
    found = _TOKEN.search(form.text)
    if found is None:
        message = "the page to sign in has no form"
        raise RuntimeError(message)
    fields = {"form_token": found[1], "login": login, "password": PASSWORD, "next": "/"}
    answer = await browser.post("/sign-in", data=fields)
    if answer.status_code != httpx.codes.SEE_OTHER:
        message = f"signing in answered {answer.status_code}"
        raise RuntimeError(message)
    return browser


async def look(browser: httpx.AsyncClient, what: str, path: str, *, times: int = LOOKS) -> Figure:
    """
    Look at a page many times.
    """
    took, packed = [], 0
    for _ in range(times):
        begun = perf_counter()
        async with browser.stream("GET", path) as answer:
            packed = sum([len(part) async for part in answer.aiter_raw()])
        took.append((perf_counter() - begun) * 1000)
        if answer.status_code != httpx.codes.OK:
            message = f"{path} answered {answer.status_code}"
            raise RuntimeError(message)
    took.sort()
    return Figure(what, statistics.median(took), took[int(len(took) * 0.95)], packed)


async def measure(app: FastAPI, servers: embedded.Servers, open_samples: int) -> list[Figure]:
    """
    Measure every page at this many open samples.
    """
    async with app.router.lifespan_context(app), built(app, servers, open_samples) as world:
        await world.admin.execute("VACUUM ANALYZE")
        technician = await person(app, world, Role.TECHNICIAN)
        supervisor = await person(app, world, Role.SUPERVISOR)
        try:
            first = await look(supervisor, "/floor, counted anew", "/floor", times=1)
            found = [await look(technician, "/bench", "/bench")]
            page = (await technician.get("/bench")).text
            sample = re.findall(r'href="(/bench/smp_\w+)"', page)[0]
            found.append(await look(technician, "/bench/{sample}", sample))
            again = await look(supervisor, "/floor, within 20 s", "/floor", times=20)
            return [*found, first, again]
        finally:
            await technician.aclose()
            await supervisor.aclose()


def report(figures: list[Figure], open_samples: int, load: float) -> str:
    """
    Write the figures down.
    """
    rows = "\n".join(
        f"| `{one.what}` | {one.p50:.1f} | {one.p95:.1f} | {one.packed / 1000:.1f} |"
        for one in figures
    )
    return (
        f"# How long the pages take at {open_samples:,} open samples\n\n"
        f"Written by `make bench-pages` on {datetime.now(UTC):%Y-%m-%d}. Milliseconds from the request to the last"
        " byte, inside the server's process,\nwithout a network; one request after the other; kilobytes of the page"
        f" as it is sent, compressed. `/bench` may take {LIMIT_MS:.0f} ms.\n\n"
        "| page | p50 ms | p95 ms | kB |\n|---|--:|--:|--:|\n"
        f"{rows}\n\n"
        f"Machine: {psutil.cpu_count()} cores, {psutil.virtual_memory().total >> 30} GiB. Load when it began:"
        f" {load:.1f}; above 1 something else was at work too.\n"
        "`/floor` counts the whole queue, and keeps the counts for 20 seconds: it says as of when.\n"
    )


def main() -> int:
    """
    Measure, print, and write the report down.
    """
    parser = argparse.ArgumentParser(description="Measure the pages of the bench.")
    parser.add_argument("--open", type=int, default=OPEN, help="open samples")
    wanted = parser.parse_args()
    load = psutil.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="assayline-pages-"))
    folder.chmod(0o711)
    try:
        with embedded.running(folder / "data") as servers:
            upgrade(servers.owner_database_url)
            app = create_app(settings.load(**servers.as_settings()))
            figures = asyncio.run(measure(app, servers, wanted.open))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = report(figures, wanted.open, load)
    sys.stdout.write(text)
    if wanted.open == OPEN:
        Path(__file__).with_name("PAGES.md").write_text(text)
    slow = [one for one in figures if one.what == "/bench" and one.p95 > LIMIT_MS]
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
