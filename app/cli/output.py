"""
What commands say, and how they end.

A person at a terminal gets tables and colors, a program gets tab-separated lines or JSON, and both
get the same exit codes:

```
0   done
1   the answer is no: refused, not found, stale
2   it could not be asked: nothing answers, a setting or an argument is wrong
```
"""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import typer

DONE: Final = 0
NO: Final = 1
CANNOT: Final = 2

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]


class CliError(Exception):
    """
    A failure to be told in one sentence with its remedy.
    """

    def __init__(self, message: str, *, code: int = CANNOT) -> None:
        """
        Keep the sentence and the exit code.
        """
        super().__init__(message)
        self.code = code


_EXPECTED: Final[Mapping[str, int]] = {
    "app.cli.output.CliError": CANNOT,
    "app.settings.SettingsError": CANNOT,
    "app.embedded.places.EmbeddedError": CANNOT,
    "app.supervise.children.SuperviseError": CANNOT,
    "app.migrations.SchemaError": CANNOT,
    "app.kit.errors.AppError": NO,
    "httpx.HTTPError": CANNOT,
    "sqlalchemy.exc.SQLAlchemyError": CANNOT,
    "asyncpg.exceptions._base.PostgresError": CANNOT,
    "builtins.OSError": CANNOT,
}
"""By name: to import them all would make every command wait for what only one of them needs."""


def explain(problem: Exception) -> tuple[str, int] | None:
    """
    Return the sentence and the exit code for a failure that can be expected, or None.
    """
    for kind in type(problem).__mro__:
        code = _EXPECTED.get(f"{kind.__module__}.{kind.__qualname__}")
        if code is not None:
            return _sentence(problem), getattr(problem, "code", None) or code if isinstance(
                problem, CliError
            ) else code
    return None


def _sentence(problem: Exception) -> str:
    # The driver's own words; SQLAlchemy's would add the statement and its parameters.
    said = " ".join(str(getattr(problem, "orig", None) or problem).split())
    errors = getattr(problem, "errors", None)
    if isinstance(errors, tuple) and errors:
        said += " " + " ".join(f"{one.field}: {one.message}; {one.remedy}." for one in errors)
    return said or type(problem).__name__


def say(message: str) -> None:
    """
    Tell a person something that is no part of the answer.
    """
    typer.echo(message, err=True)


def fail(message: str) -> None:
    """
    Say on standard error what went wrong.
    """
    if not sys.stderr.isatty():
        typer.echo(f"error: {clean(message)}", err=True)
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.text import Text  # noqa: PLC0415 - only a terminal needs it

    told = Text.assemble(("error: ", "bold red"), clean(message))
    Console(stderr=True, highlight=False).print(told)


def as_json(value: object) -> None:
    """
    Write one JSON value on one line.
    """
    typer.echo(json.dumps(value, ensure_ascii=False, default=_plain))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def clean(value: object) -> str:
    """
    Write a value for one cell: what agencies send must not steer anybody's terminal.
    """
    return "".join(letter if letter.isprintable() else " " for letter in _text(value))


def _text(value: object) -> str:
    return "" if value is None else str(value)


_GAP: Final = 2
_LAST: Final = "why"
_ONE_LINE: Final = frozenset(
    {"id", "sample", "key id", "since", "created", "expires", "revoked", _LAST}
)
"""Ids are copied, hence never broken; of the reasons as much is shown as there is room for."""


def rows(
    columns: Sequence[str], lines: Sequence[Sequence[Any]], *, empty: str, whole: bool = False
) -> None:
    """
    Write a table: drawn on a terminal, tab-separated with a line of names otherwise.

    Args:
        columns: Their names. One that ends in ">" is aligned to the right.
        lines: The cells.
        empty: What to tell a person when there are none.
        whole: Whether a person gets long reasons whole, on several lines.
    """
    names = [name.rstrip(">") for name in columns]
    if not sys.stdout.isatty():
        typer.echo("\t".join(name.replace(" ", "_") for name in names))
        for line in lines:
            typer.echo("\t".join(clean(cell) for cell in line))
        return
    if not lines:
        typer.echo(empty)
        return
    from rich import box  # noqa: PLC0415 - only a terminal needs it
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.table import Table  # noqa: PLC0415 - only a terminal needs it
    from rich.text import Text  # noqa: PLC0415 - only a terminal needs it

    console = Console(highlight=False)
    texts = [["\n".join(map(clean, _text(cell).split("\n"))) for cell in line] for line in lines]
    widths = [
        max(len(part) for text in (name, *cells) for part in text.split("\n"))
        for name, cells in zip(names, zip(*texts, strict=True), strict=True)
    ]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name, column, width in zip(names, columns, widths, strict=True):
        # Left to itself the table would take its room from the ids as well.
        room = console.width - sum(widths) + width - _GAP * len(names)
        table.add_column(
            name,
            justify="right" if column.endswith(">") else "left",
            no_wrap=name in _ONE_LINE and not (whole and name == _LAST),
            overflow="ellipsis" if name == _LAST and not whole else "fold",
            max_width=max(room, 20) if name == _LAST else None,
        )
    for line in texts:
        table.add_row(*map(Text, line))
    console.print(table)


def instant(text: object) -> str:
    """
    Shorten an instant to the second, for people.
    """
    return str(text or "").replace("T", " ")[:19]
