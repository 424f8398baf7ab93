"""
``assayline submit``: send a file of seizures, any number of times, nothing doubled.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from app.cli import connect, output
from app.cli.output import CANNOT, DONE, NO, AsJson, CliError, say
from app.cli.pieces import Piece, cut

if TYPE_CHECKING:
    from collections.abc import Callable

_TRIES: Final = 4
_SHOWN: Final = 20
_DOUBLE: Final = "urn:assayline:problem:already-submitted"
_CREATED: Final = 201
_CONFLICT: Final = 409

Answer = dict[str, Any]
Outcome = Literal["stored", "already there", "refused"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("stored", "already there", "refused")


def submit(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="NDJSON (one submission per line) or CSV; - is standard input.",
        ),
    ],
    form: Annotated[
        Literal["ndjson", "csv"] | None,
        typer.Option("--format", help="What it holds.", show_default="by its name or first line"),
    ] = None,
    url: connect.Url = None,
    key: connect.Key = None,
    as_json: AsJson = False,
) -> None:
    """
    Submit a file of seizures.

    What is stored already is left as it is: run it again after a broken connection, or whenever in
    doubt. With --json each line's answer is one line, and the counts are the last.

    Ends with 0 when everything is stored, 1 when lines were refused, 2 when the service could not
    be asked.
    """
    counts: Counter[Outcome] = Counter()
    refused: list[Answer] = []
    with connect.open_service(url, key) as api, _opened(file) as (stream, total):
        is_csv = (form or _form(file, stream)) == "csv"
        with _progress(total, counts) as advance:
            for piece in cut(stream, is_csv=is_csv):
                for answer in _send(api, piece, is_csv=is_csv, counts=counts):
                    outcome = _outcome(answer)
                    counts[outcome] += 1
                    if as_json:
                        output.as_json(answer)
                    elif outcome == "refused":
                        refused.append(answer)
                advance(piece.size)
    if as_json:
        output.as_json({name.replace(" ", "_"): counts[name] for name in OUTCOMES})
    else:
        _show(counts, refused)
    raise typer.Exit(NO if counts["refused"] else DONE)


def _outcome(answer: Answer) -> Outcome:
    if answer["status"] == _CREATED:
        return "stored"
    if answer["status"] == _CONFLICT and _all_there(answer["problem"]):
        return "already there"
    return "refused"


def _all_there(problem: Answer) -> bool:
    """
    Say whether every exhibit of the line is stored already, just as the line says it.

    A line that is refused for one known exhibit may hold another one that is stored nowhere.
    """
    return (
        problem.get("type") == _DOUBLE
        and not problem["not_stored"]
        and all(one["same"] for one in problem["existing"])
    )


def _send(
    api: connect.Api, piece: Piece, *, is_csv: bool, counts: Counter[Outcome]
) -> list[Answer]:
    """
    Send one piece until each of its lines is answered; sent twice, nothing is stored twice.
    """
    if not piece.lines:
        return []
    kind = "text/csv" if is_csv else "application/x-ndjson"
    first: dict[int, Answer] = {}
    last: CliError | None = None
    for attempt in range(_TRIES):
        try:
            answered = api.ask(
                "POST",
                "/v1/submissions:batch",
                content=piece.body,
                headers={"Content-Type": kind},
                timeout=120,
            )
        except CliError as problem:
            # What was never reached need not be waited for; what was there a moment ago, yes.
            if problem.code != CANNOT or not (counts or first or attempt):
                raise
            last = problem
        else:
            # One answer for each line, in order; numbered there within the piece, here in the file.
            for number, answer in zip(piece.numbers, _lines(answered.content), strict=False):
                # What the first try stored, the second calls a double.
                first.setdefault(number, {**answer, "line": number})
            if len(first) == len(piece.lines):
                return [first[number] for number in piece.numbers]
            last = CliError(f"{api.url} broke off in the middle of an answer")
        time.sleep(0.5 * 2**attempt)
    done = sum(counts.values())
    raise CliError(f"{last}; {done} lines were answered before: run it again, nothing is doubled")


def _lines(content: bytes) -> Iterator[Answer]:
    for line in content.splitlines():
        try:
            answer: Answer = json.loads(line)
        except ValueError:
            return  # cut off in the middle: this line has no answer yet
        yield answer


@contextmanager
def _opened(file: Path) -> Iterator[tuple[IO[bytes], int | None]]:
    if str(file) == "-":
        yield sys.stdin.buffer, None
        return
    if not file.is_file():
        raise CliError(f"there is no file {file}")
    with file.open("rb") as stream:
        yield stream, file.stat().st_size


def _form(file: Path, stream: IO[bytes]) -> str:
    suffixes = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson"}
    known = suffixes.get(file.suffix.lower())
    if known is not None:
        return known
    peek: Callable[[int], bytes] | None = getattr(stream, "peek", None)
    begin = peek(64) if peek else b""
    return "ndjson" if begin.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{" else "csv"


@contextmanager
def _progress(total: int | None, counts: Counter[Outcome]) -> Iterator["Callable[[int], None]"]:
    if not sys.stderr.isatty():
        yield lambda _size: None
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.progress import (  # noqa: PLC0415 - only a terminal needs it
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn("submitting"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar if total is None or total else nullcontext():
        task = bar.add_task("", total=total)
        yield lambda size: bar.update(task, advance=size, description=_counted(counts))


def _counted(counts: Counter[Outcome]) -> str:
    return " · ".join(f"{counts[name]:,} {name}" for name in OUTCOMES)


def _show(counts: Counter[Outcome], refused: list[Answer]) -> None:
    found = [
        (answer["line"], error["field"], error["message"], error["remedy"])
        for answer in refused
        for error in answer["problem"].get("errors")
        or [{"field": "", "message": answer["problem"].get("detail", ""), "remedy": ""}]
    ]
    if found:
        shown = found[:_SHOWN] if sys.stdout.isatty() else found
        output.rows(("line>", "field", "what is wrong", "remedy"), shown, empty="")
        if len(shown) < len(found):
            say(f"… and {len(found) - len(shown):,} more: --json shows all")
    say(_counted(counts))
