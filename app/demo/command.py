"""
``assayline demo``: start a service of its own, replay the seizures through it, count what came back.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from app import embedded, settings, supervise
from app.demo import cast, outcome, replay, seizures, tally, tell
from app.demo.bench import Day, plan
from app.demo.calls import Api, calling
from app.demo.cast import Cast
from app.demo.receivers import Town
from app.demo.show import Screen
from app.embedded import lock, places
from app.kit import db
from app.ledger import service as ledger
from app.settings import Settings

GOOD, BAD, CANNOT_RUN = 0, 1, 2

SEED = 2023
_MARK = "made-by-assayline-demo"
_LOOK_EVERY_S = 0.25
_NUMBERING_S = 60
"""How long the sequencer may take to number the last entries, in seconds."""
_FEW = 20
"""Rows below which no bench can be made scarce."""


class DemoError(Exception):
    """
    The demo cannot run; the message names the remedy.
    """


def demo(
    *,
    seed: Annotated[
        int, typer.Option(help="Draws what the file lacks; the same seed, the same run.")
    ] = SEED,
    rows: Annotated[
        int | None,
        typer.Option(min=_FEW, help="Only the first rows of the file, for a quick look."),
    ] = None,
    stay: Annotated[
        bool, typer.Option("--stay", help="Leave the service up afterwards, with keys to try it.")
    ] = False,
) -> None:
    """
    Replay 2,497 real border seizures through a running service and show what came back.

    Ends with 0 when nothing was lost or doubled and the ledger is verified, 1 when not, 2 when it could not run.
    """
    screen = Screen()
    try:
        found = run(screen, seed=seed, rows=rows, stay=stay)
    except (
        DemoError,
        embedded.EmbeddedError,
        supervise.SuperviseError,
        settings.SettingsError,
    ) as problem:
        screen.say(f"cannot run: {problem}", style="bold red")
        raise typer.Exit(CANNOT_RUN) from None
    except (KeyboardInterrupt, supervise.Stopped):
        screen.say("stopped")
        raise typer.Exit(CANNOT_RUN) from None
    raise typer.Exit(GOOD if found.good else BAD)


def run(
    screen: Screen,
    *,
    seed: int,
    rows: int | None = None,
    stay: bool = False,
    data_dir: Path | None = None,
    drops: int = 0,
) -> outcome.Outcome:
    """
    Run the demo and return what it came to.

    Args:
        screen: where to write.
        seed: draws what the file lacks.
        rows: only the first rows of the file.
        stay: leave the service up until somebody stops it.
        data_dir: where its databases go; everything there that an earlier run left is replaced.
        drops: pushes that one receiver confirms and forgets, to prove that the count finds them.

    """
    begun = time.monotonic()
    chosen = _settings(data_dir)
    found = seizures.read(rows)
    tell.opening(screen, seizures=len(found), seed=seed)
    days = plan(seizures.draw(found, seed=seed), seed=seed)
    agencies = list(dict.fromkeys(one.agency for one in found))
    _clear(chosen.data_dir)
    finished: list[outcome.Outcome] = []
    try:
        with (
            supervise.stopping_on_signals(),
            Town(replay.receivers(agencies, drops=drops)).living() as town,
            ExitStack() as stack,
        ):
            with screen.step(
                "starting PostgreSQL, Valkey, the API and a worker", lambda: "service started"
            ):
                service = stack.enter_context(supervise.running(chosen))
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(_play(screen, service, town, days, finished, begun=begun, stay=stay))
    except (KeyboardInterrupt, supervise.Stopped):
        # Who was asked to stay is told to go: the run itself was over.
        if not finished:
            raise
    return finished[0]


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    # The callers must not be what the service waits for.
    try:
        import uvloop  # noqa: PLC0415 - there is none for Windows
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _settings(data_dir: Path | None) -> Settings:
    named = settings.load()
    if named.database_url is not None or named.worker_database_url is not None:
        raise DemoError(
            "the demo brings a database of its own and must not fill yours: unset ASSAYLINE_DATABASE_URL"
            " and ASSAYLINE_WORKER_DATABASE_URL"
        )
    return settings.load(
        data_dir=data_dir or named.data_dir / "demo",
        practice_clock=True,
        allow_loopback_webhooks=True,
    )


def _clear(folder: Path) -> None:
    """
    Make the data folder anew, removing what an earlier demo left there and nothing else.
    """
    mark = folder / _MARK
    if folder.exists() and not mark.exists() and any(folder.iterdir()):
        raise DemoError(
            f"{folder} was not made by the demo: move it away, or set ASSAYLINE_DATA_DIR"
        )
    if folder.exists():
        with lock.held(folder):
            places.remove(folder)
    places.data_folder(folder)
    mark.touch()


async def _play(
    screen: Screen,
    service: supervise.Service,
    town: Town,
    days: tuple[Day, ...],
    finished: list[outcome.Outcome],
    *,
    begun: float,
    stay: bool,
) -> None:
    if service.database_url is None:
        raise DemoError("the service has no database")
    database = db.connect(service.database_url, application="assayline demo")
    try:
        people = await cast.assemble(database, list(town.receivers))
        async with calling(service.url) as api:
            found = await _replay(screen, api, people, town, days, database=database, begun=begun)
            finished.append(found)
            tell.ending(screen, found, list(town.receivers.values()))
            if stay:
                await _stay(screen, service, people, found)
    finally:
        await database.dispose()


async def _replay(
    screen: Screen,
    api: Api,
    people: Cast,
    town: Town,
    days: tuple[Day, ...],
    *,
    database: db.Database,
    begun: float,
) -> outcome.Outcome:
    endpoints = await replay.subscribe(api, people, town)
    player = replay.Replay(api, people, town, days)

    def state() -> tuple[int, str]:
        now = player.run
        return now.day + 1, (
            f"{now.now:%d %b %Y}  received {now.received:,}  screened {now.screened:,}"
            f"  reported {now.reported:,}  pushed {town.verified:,}"
        )

    with screen.progress(len(days), state=state) as look:
        ran = await _watched(player.play(), look)
    screen.say(f"{len(days):,} sessions replayed in {time.monotonic() - begun:.0f} s")
    with screen.step("waiting for the last pushes", lambda: f"{town.verified:,} pushes received"):
        # Each receipt, each finding and each report is one event.
        owed = ran.received + ran.screened + ran.reported
        await tally.settled(town, owed)
    counted: dict[str, Any] = {}
    with screen.step("comparing what was owed with what arrived", lambda: "compared"):
        counted["pushes"] = await tally.count(api, people, town, endpoints)
        counted["samples"] = await tally.list_samples(api, people, town)
    with screen.step("recomputing the ledger from its first link", lambda: "ledger recomputed"):
        counted["ledger"] = await _numbered(database)
    with screen.step("replaying the other orders of work", lambda: "orders compared"):
        counted["compared"] = await asyncio.to_thread(outcome.compare, ran)
        counted["examples"] = await asyncio.to_thread(outcome.examples, ran)
    took = sorted(api.seconds)
    return outcome.Outcome(
        run=ran,
        calls=len(took),
        call_ms=(1000 * took[len(took) // 2], 1000 * took[math.ceil(0.95 * len(took)) - 1]),
        took_s=time.monotonic() - begun,
        **counted,
    )


async def _numbered(database: db.Database) -> ledger.Verdict:
    """
    Verify the ledger when the sequencer is through: reports are printed, and recorded so, after their pushes have left.
    """
    for _ in range(_NUMBERING_S):
        verdict = await ledger.verify(database)
        if not (verdict.good and verdict.pending):
            return verdict
        await asyncio.sleep(1)
    return await ledger.verify(database)


async def _watched(work: Awaitable[replay.Run], look: Any) -> replay.Run:
    task = asyncio.ensure_future(work)
    while not task.done():
        await asyncio.wait({task}, timeout=_LOOK_EVERY_S)
        look()
    try:
        return task.result()
    except ExceptionGroup as group:
        # One call that fails ends the others; the first says why.
        said = str(group.exceptions[0]) or type(group.exceptions[0]).__name__
        raise DemoError(
            f"the replay stopped: {said} (what the service said is in api.log and worker.log in its data folder)"
        ) from group


async def _stay(
    screen: Screen, service: supervise.Service, people: Cast, found: outcome.Outcome
) -> None:
    tell.invitation(screen, service.url, people, found.run)
    await asyncio.Event().wait()
