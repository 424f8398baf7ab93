"""
``assayline watch`` and ``assayline queue``: what becomes of a sample, and what is next.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Protocol
from urllib.parse import quote

import typer

from app.cli import connect, output
from app.cli.output import DONE, NO, AsJson, clean, instant, rows, say
from app.ranking.assessment import Stage

_UNCHANGED = 304


def watch(
    sample: Annotated[str, typer.Argument(metavar="SAMPLE", help="Its id: smp_…")],
    every: Annotated[
        float, typer.Option(min=0.1, max=3600, help="Seconds between two looks.")
    ] = 2.0,
    url: connect.Url = None,
    key: connect.Key = None,
    as_json: AsJson = False,
) -> None:
    """
    Follow a sample until its report is released: a live view on a terminal, else a line for each change.

    Ends with 0 when it is reported, 1 when it ended otherwise or is not to be seen, 2 when the
    service cannot be asked. Once begun, it outlasts a service that is away for a while.
    """
    from app.samples.rules import FINAL, Status  # noqa: PLC0415 - heavy, and not for every command

    ends = {str(status) for status in FINAL}
    with connect.open_service(url, key) as api:
        seen = _look(api, sample, None)
        with _view(as_json=as_json) as view:
            etag: str | None = None
            while True:
                if seen is not None:
                    etag, found = seen
                    view.show(found)
                    if found["status"] in ends:
                        raise typer.Exit(DONE if found["status"] == str(Status.REPORTED) else NO)
                time.sleep(every)
                seen = _look_again(api, sample, etag, every, view)


class _View(Protocol):
    def show(self, found: dict[str, Any]) -> None: ...

    def trouble(self, said: str | None) -> None: ...


class _Lines:
    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def show(self, found: dict[str, Any]) -> None:
        _show(found, as_json=self._as_json)

    def trouble(self, said: str | None) -> None:
        if said is not None:
            say(said)


@contextmanager
def _view(*, as_json: bool) -> Iterator[_View]:
    if not as_json and sys.stdout.isatty():
        from app.cli import live  # noqa: PLC0415 - only a terminal needs it

        if live.usable():
            with live.View() as view:
                yield view
            return
    yield _Lines(as_json=as_json)


def _look(api: connect.Api, sample: str, etag: str | None) -> tuple[str, dict[str, Any]] | None:
    path = f"/v1/samples/{quote(sample, safe='')}"
    answer = api.get(path, headers={"If-None-Match": etag} if etag else {})
    return None if answer.status_code == _UNCHANGED else (answer.headers["ETag"], answer.json())


def _look_again(
    api: connect.Api, sample: str, etag: str | None, every: float, view: _View
) -> tuple[str, dict[str, Any]] | None:
    told = False
    while True:
        try:
            found = _look(api, sample, etag)
        except output.CliError as problem:
            if problem.code == NO:
                raise
            if not told:
                view.trouble(f"{clean(problem)}; still trying")
                told = True
            time.sleep(max(every, 1))
        else:
            view.trouble(None)
            return found


def _show(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.as_json(found)
    elif sys.stdout.isatty():
        what = f"{found['agency_file_number']} / {found['exhibit_number']}"
        typer.echo(f"{instant(found['updated_at'])}  ", nl=False)
        typer.secho(f"{found['status']:<12}", bold=True, nl=False)
        typer.echo(f"  {clean(what)}")
    else:
        cells = (found["updated_at"], found["status"], found["version"], found["id"])
        typer.echo("\t".join(clean(cell) for cell in cells))
    sys.stdout.flush()  # whoever reads this through a pipe waits for this very line


def queue(
    stage: Annotated[Stage, typer.Option(help="What is to be done next.")] = Stage.SCREEN,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20,
    reasons: Annotated[
        bool, typer.Option("--reasons", help="On a terminal: every reason, on a line of its own.")
    ] = False,
    url: connect.Url = None,
    key: connect.Key = None,
    as_json: AsJson = False,
) -> None:
    """
    Show the head of the laboratory's queue, in order, with the strongest reasons.

    Needs the key of somebody at a laboratory.
    """
    with connect.open_service(url, key) as api:
        query = {"stage": str(stage), "limit": limit}
        found = api.get("/v1/lab/queue", params=query).json()
    if as_json:
        output.as_json(found)
        return
    if sys.stdout.isatty():
        _draw(found["items"], every=reasons, empty=f"Nothing waits to {stage}.")
        return
    rows(
        ("place", "sample", "file", "exhibit", "risk", "since", "small", "at bench", "why"),
        [
            (
                line["place"],
                line["sample_id"],
                line["agency_file_number"],
                line["exhibit_number"],
                line["band"],
                line["aged_from"],
                _small(line),
                "yes" if line["held"] else "",
                "; ".join(reason["text"] for reason in line["reasons"]),
            )
            for line in found["items"]
        ],
        empty="",
    )


def _draw(items: list[dict[str, Any]], *, every: bool, empty: str) -> None:
    rows(
        ("place>", "sample", "file / exhibit", "risk", "since", "note", "why"),
        [
            (
                line["place"],
                line["sample_id"],
                f"{line['agency_file_number']} / {line['exhibit_number']}",
                line["band"],
                instant(line["aged_from"])[:10],
                "at bench" if line["held"] else {"yes": "small"}.get(_small(line), _small(line)),
                "\n".join(
                    clean(reason["text"]) for reason in line["reasons"][: None if every else 1]
                ),
            )
            for line in items
        ],
        empty=empty,
        whole=every,
    )


def _small(line: dict[str, Any]) -> str:
    if line["small_parcel"]:
        return "parcel"
    return "yes" if line["small_quantity"] else ""
