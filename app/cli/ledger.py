"""
``assayline ledger``: prove the record unchanged, and hand it out for others to prove.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from app.cli.connect import open_database
from app.cli.output import explain
from app.ledger import service as ledger

GOOD, BAD, CANNOT_TELL = 0, 1, 2

app = typer.Typer(
    name="ledger",
    help="The append-only record of every change, chained by hashes.",
    no_args_is_help=True,
)

DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        help="The database, as postgresql+asyncpg://…; by default the one that the"
        " settings name, or that of the service that runs here.",
        show_default=False,
    ),
]


@app.command()
def verify(
    expect: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NUMBER:HASH",
            help="A link's number and hash kept from an earlier day. Without one, a record"
            " rewritten as a whole cannot be told from an honest one.",
        ),
    ] = None,
    database_url: DatabaseUrl = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as one line of JSON.")] = False,
) -> None:
    """
    Recompute the whole chain and say what is wrong first.

    Ends with 0 when all is well, 1 when something is wrong, 2 when it cannot tell.
    """
    remembered = dict(_expectation(one) for one in expect or ())
    try:
        verdict = asyncio.run(_verify(database_url, remembered))
    except Exception as problem:  # noqa: BLE001 - what was not to be expected is raised again
        _cannot_tell(problem, as_json=as_json)
    if as_json:
        typer.echo(json.dumps(verdict.as_json()))
    else:
        _show(verdict)
    raise typer.Exit(GOOD if verdict.good else BAD)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write; - is standard output.")],
    database_url: DatabaseUrl = None,
) -> None:
    """
    Write the chain for offline.py, which verifies it with nothing but Python.

    Ends with 0 when all is written, 2 when it could not be.
    """
    try:
        written = asyncio.run(_export(database_url, file))
    except Exception as problem:  # noqa: BLE001 - what was not to be expected is raised again
        _cannot_tell(problem, as_json=False)
    Console(stderr=True).print(f"{written} links written to {file}", highlight=False, markup=False)


async def _verify(url: str | None, remembered: dict[int, bytes]) -> ledger.Verdict:
    async with open_database(url) as database:
        return await ledger.verify(database, remembered=remembered)


async def _export(url: str | None, file: Path) -> int:
    async with open_database(url) as database:
        if str(file) == "-":
            return await ledger.export(database, sys.stdout)
        # Beside its place and moved in whole: half an export never bears the name asked for.
        draft = file.with_name(f"{file.name}.part")
        with draft.open("w", encoding="utf-8", newline="\n") as out:
            written = await ledger.export(database, out)
        draft.replace(file)
        return written


def _expectation(text: str) -> tuple[int, bytes]:
    number, _, digest = text.partition(":")
    try:
        return int(number), bytes.fromhex(digest)
    except ValueError as problem:
        raise typer.BadParameter(f"{text} is not NUMBER:HASH") from problem


def _show(verdict: ledger.Verdict) -> None:
    console = Console(highlight=False)
    rows = {
        "verdict": "good" if verdict.good else "BAD",
        "links verified": str(verdict.links),
        "entries": str(verdict.entries),
        "waiting for a number": str(verdict.pending),
        "to be kept elsewhere": f"{verdict.seq}:{verdict.hash.hex()}",
    }
    if verdict.flaw is not None:
        rows["first flaw"] = f"{verdict.flaw.wrong} at {verdict.flaw.seq}"
        rows["what"] = verdict.flaw.message
    if not console.is_terminal:
        for name, value in rows.items():
            typer.echo(f"{name}: {value}")
        return
    table = Table(show_header=False, box=None)
    table.add_column(style="dim")
    table.add_column(style="green" if verdict.good else "bold red", overflow="fold")
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table)


def _cannot_tell(problem: Exception, *, as_json: bool) -> NoReturn:
    told = explain(problem)
    if told is None:
        raise problem
    said, _ = told
    if as_json:
        typer.echo(json.dumps({"good": None, "message": said}))
    else:
        Console(stderr=True).print(f"cannot tell: {said}", highlight=False, markup=False)
    raise typer.Exit(CANNOT_TELL)
