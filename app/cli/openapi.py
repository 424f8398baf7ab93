"""
``assayline openapi``: the snapshot of the API, written or compared.
"""

import difflib
import json
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from app.cli.output import NO, CliError, say

_SHOWN = 40


def text() -> str:
    """
    Write the description of the API as the snapshot holds it.
    """
    from app import settings  # noqa: PLC0415 - heavy, and not for every command
    from app.main import create_app  # noqa: PLC0415 - heavy, and not for every command

    # The description is the same for every installation, hence also where nothing is set.
    application = create_app(settings.load("client", profile="development"))
    return json.dumps(application.openapi(), indent=1, ensure_ascii=False) + "\n"


def openapi(
    write: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the snapshot.", dir_okay=False)
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Compare with the snapshot.", dir_okay=False),
    ] = None,
) -> None:
    """
    Write the description of the API, or check that its snapshot is current.

    Needs no database. Without an option it goes to standard output. Ends with 1 when the snapshot
    is stale.
    """
    if write is not None and check is not None:
        raise CliError("choose one: --write or --check")
    now = text()
    if write is not None:
        write.parent.mkdir(parents=True, exist_ok=True)
        write.write_text(now, encoding="utf-8")
        say(f"{write} is written; read its diff.")
    elif check is not None:
        before = check.read_text(encoding="utf-8") if check.exists() else ""
        if before != now:
            _show(before, now, check)
            raise CliError(
                f"{check} is not what the code says: run `make openapi` and read the diff", code=NO
            )
        say(f"{check} is current.")
    else:
        typer.echo(now, nl=False)


def _show(before: str, now: str, file: Path) -> None:
    lines = difflib.unified_diff(
        before.splitlines(), now.splitlines(), str(file), "the code", lineterm="", n=2
    )
    for line in islice(lines, _SHOWN):
        say(line)
    if next(lines, None) is not None:
        say("…")
