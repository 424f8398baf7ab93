"""
Measures submitting, claiming, polling and pushing, each beside what limits it, in one run.

    python -m bench            five rounds of five seconds each; writes bench/RESULTS.md
    python -m bench --quick    one round of two seconds each; writes nothing
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
from fastapi import FastAPI

from app import embedded, settings
from app.embedded import places
from app.kit import ids
from app.main import create_app
from app.migrations import upgrade
from bench import limit, load, push, report
from bench.load import Job, Result
from bench.report import Operation
from bench.world import CLIENTS, SUBMISSION, Serving, World, built, client, keep_finishing, process

_APART = 1_000_000_000
"""Between the numbers of two rounds: no round makes as many transactions."""


@dataclass(frozen=True, slots=True)
class Size:
    """
    How long and how much.
    """

    rounds: int
    seconds: float
    warm_up_s: float
    open_samples: int


class Bench:
    """
    One run: the world, the two servers, and the rounds.
    """

    def __init__(
        self, app: FastAPI, servers: embedded.Servers, world: World, size: Size, ours: Serving
    ) -> None:
        """
        Take what is there.
        """
        self._app = app
        self._world = world
        self._size = size
        self._ours = ours
        self._database = app.state.resources.database
        self._pgbench = limit.find_pgbench(servers.database_url, CLIENTS)
        self._next = 100_000_000_000

    def numbers(self) -> int:
        """
        Return where unused numbers of twelve digits begin.
        """
        self._next += _APART
        return self._next

    async def submit(self) -> Operation:
        """
        Submit one seizure with one sample, a new file number each time.
        """
        recorded = []
        async with client(self._app, self._world.agents[0]) as agent:
            for _ in range(3):  # the first also looks the key up
                body = SUBMISSION | {"agency_file_number": f"BENCH-{self.numbers()}"}
                with limit.recording(self._database) as sent:
                    (await agent.post("/v1/submissions", json=body)).raise_for_status()
                recorded.append(sent)
        work = limit.script(recorded[2], recorded[1])
        lines = [[head("POST", "/v1/submissions", key)] for key in self._world.agents]
        operation = Operation("submit", "pgbench, same SQL")
        operation.note = (
            "one seizure with one sample, stored, ranked, announced and owed;"
            f" {len(recorded[2])} statements."
        )
        return await self._rounds(
            operation,
            lambda: self._load(lines, 201, body=json.dumps(SUBMISSION)),
            lambda: self._limit(work),
        )

    async def claim(self) -> Operation:
        """
        Take the next sample to screen; a helper finishes twice a second what was taken, on both sides.
        """
        recorded, taken = [], {}
        async with client(self._app, self._world.technicians[0]) as technician:
            for _ in range(3):
                with limit.recording(self._database) as sent:
                    answer = await technician.post("/v1/lab/claims", json={})
                taken = answer.raise_for_status().json()["claims"][0]["sample"]
                recorded.append(sent)
        work = limit.script(
            recorded[2],
            recorded[1],
            keep={"INTO bench_turn": "c_", "taken AS": "t_", "before AS": "m_"},
            ids={
                uuid_of("smp", taken["id"]): "t_sample_id",
                uuid_of("sub", taken["submission_id"]): "m_submission_id",
            },
            settings={
                "INTO bench_turn": "\\set oldest :c_starts / 20 - (:c_starts - 1) / 20\n"
                "\\set ranked 1 - :oldest"
            },
            named={"oldest": "oldest", "ranked": "ranked"},
        )
        lines = [[head("POST", "/v1/lab/claims", key)] for key in self._world.technicians]
        operation = Operation(f"claim at {self._size.open_samples:,} open", "pgbench, same SQL")
        operation.note = (
            "the next sample at the stage screen, by eight technicians;"
            f" {len(recorded[2])} statements. On both sides a helper ends all claims twice a second and queues"
            " their samples again at the end, so that as many stay open and few are held. Claims of one"
            " laboratory follow one another (one row counts its starts), commit included: this is what limits"
            " both sides."
        )
        async with helped(keep_finishing(self._world)):
            return await self._rounds(
                operation,
                lambda: self._load(lines, 201, body='{"stage":"screen","count":1}'),
                lambda: self._limit(work),
            )

    async def poll(self, *, known: bool) -> Operation:
        """
        Read one of many samples; ``known`` sends its ETag and is answered 304.
        """
        path, key = f"/v1/samples/{self._world.watched[0]}", self._world.agents[0]
        async with client(self._app, key) as agent:
            answer = (await agent.get(path)).raise_for_status()
        share = len(self._world.watched) // CLIENTS
        etag = answer.headers["etag"]
        held = (f"If-None-Match: {etag}",) if known else ()
        lines = [
            [
                head("GET", f"/v1/samples/{sample}", key, *held)
                for sample in self._world.watched[number * share : (number + 1) * share]
            ]
            for number, key in enumerate(self._world.agents)
        ]
        status = 304 if known else 200
        operation = Operation(f"poll, {status}", "bare FastAPI endpoint, ready bytes")
        operation.note = (
            "the same with its ETag in If-None-Match: nothing has changed."
            if known
            else f"one of {len(self._world.watched):,} samples with its risk and reasons,"
            f" {len(answer.content):,} bytes of JSON."
        )
        with process("bare", body=answer.content) as bare:
            return await self._rounds(
                operation,
                lambda: self._load(lines, status),
                lambda: self._load(lines, status, bare=bare),
            )

    async def _load(
        self, lines: list[list[str]], expect: int, *, body: str = "", bare: Serving | None = None
    ) -> tuple[Result, float]:
        server = bare or self._ours
        before = server.cpu_s()
        job = Job(
            port=server.port,
            expect=expect,
            lines=lines,
            body=body,
            first=self.numbers(),
            warm_up_s=self._size.warm_up_s,
            seconds=self._size.seconds,
        )
        result = await asyncio.to_thread(load.run, job)
        return result, (server.cpu_s() - before) / result.answers * 1e3

    async def _limit(self, work: limit.Script) -> float:
        seconds = self._size.seconds
        found = await asyncio.to_thread(
            self._pgbench.run, work, seconds=seconds, first=self.numbers()
        )
        return found[0]

    async def _rounds(
        self,
        operation: Operation,
        ours: Callable[[], Awaitable[tuple[Result, float]]],
        limited: Callable[[], Awaitable[tuple[Result, float] | float]],
    ) -> Operation:
        for number in range(self._size.rounds):
            result, cpu_ms = await ours()
            most = await limited()
            operation.ours.append(result.per_second)
            operation.p50_ms.append(result.p50_ms)
            operation.p99_ms.append(result.p99_ms)
            operation.cpu_ms.append(cpu_ms)
            operation.limit.append(most if isinstance(most, float) else most[0].per_second)
            print(
                f"{operation.name}, round {number + 1} of {self._size.rounds}:"
                f" {operation.ours[-1]:,.0f} of {operation.limit[-1]:,.0f} per second,"
                f" {cpu_ms:.2f} ms of a core each",
                file=sys.stderr,
            )
        return operation


def head(method: str, path: str, key: str, *more: str) -> str:
    """
    Write the head of a request, without its end.
    """
    return "\r\n".join(
        (f"{method} {path} HTTP/1.1", "Host: bench", f"Authorization: Bearer {key}", *more)
    )


def uuid_of(prefix: str, text: str) -> str:
    """
    Return an id as PostgreSQL writes it.
    """
    return str(ids.read(prefix, text))


@contextlib.asynccontextmanager
async def helped(work: Awaitable[None]) -> AsyncIterator[None]:
    """
    Keep this going meanwhile.
    """
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def measure(
    servers: embedded.Servers, size: Size, only: str
) -> tuple[list[Operation], list[push.Figure], str]:
    """
    Run every operation and return them, with the figures of the push and the database's version.
    """
    app = create_app(settings.load(**servers.as_settings()))
    async with app.router.lifespan_context(app):
        async with built(app, servers, 1 if only == "push" else size.open_samples) as world:
            found = [] if only == "push" else await _operations(app, servers, world, size, only)
            version = await world.admin.fetchval("SELECT version()")
        pushed = []
        if only in "push":
            pushed = await push.measure(app, servers, rounds=size.rounds, seconds=size.seconds)
    return found, pushed, " ".join(str(version).split()[:2])


async def _operations(
    app: FastAPI, servers: embedded.Servers, world: World, size: Size, only: str
) -> list[Operation]:
    env = {
        f"{settings.PREFIX}{name.upper()}": value for name, value in servers.as_settings().items()
    }
    print(f"{size.open_samples:,} samples wait", file=sys.stderr)
    with process("ours", env=env) as ours:
        bench = Bench(app, servers, world, size, ours)
        operations: dict[str, Callable[[], Awaitable[Operation]]] = {
            "submit": bench.submit,
            "claim": bench.claim,
            "poll-200": lambda: bench.poll(known=False),
            "poll-304": lambda: bench.poll(known=True),
        }
        return [await run() for name, run in operations.items() if only in name]


def main() -> None:
    """
    Read the command line, measure, and write the results down.
    """
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=(__doc__ or "").strip().splitlines()[0]
    )
    parser.add_argument("--quick", action="store_true", help="one short round; writes nothing")
    parser.add_argument("--only", default="", help="part of an operation's name; writes nothing")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each side of each round")
    parser.add_argument("--open", type=int, default=100_000, help="samples in the queue")
    chosen = parser.parse_args()
    size = Size(chosen.rounds, chosen.seconds, 1.0, chosen.open)
    if chosen.quick:
        size = Size(1, 2.0, 0.5, chosen.open)
    busy = psutil.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="assayline-bench-"))
    folder.chmod(0o711)  # the server may run as another user
    try:
        with embedded.running(folder / "data") as servers:
            upgrade(servers.owner_database_url)
            operations, pushed, server = asyncio.run(measure(servers, size, chosen.only))
    finally:
        places.remove(folder / "data")
        shutil.rmtree(folder, ignore_errors=True)
    if operations:
        print(report.table(operations))
    if pushed:
        print(push.table(pushed))
    if not (chosen.quick or chosen.only):
        how = (
            f"{size.rounds} rounds of {size.seconds:g} s on each side, in turn, after {size.warm_up_s:g} s of warm-up;"
            f" {CLIENTS} clients; {size.open_samples:,} samples in the queue."
        )
        report.write(
            operations, pushed, command="python -m bench", server=server, how=how, load=busy
        )


if __name__ == "__main__":
    main()
