"""
``assayline listen``: for agencies that let nothing in. It follows the feed from inside and forwards what it reads.
"""

import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import httpx
import typer

from app.cli import connect, output
from app.cli.cursor import Cursor
from app.cli.output import DONE, NO, AsJson, CliError, clean, instant, say
from app.webhooks import signing

_PAGE = 50
_HELD_S = 20
"""The service holds an empty page back for so long; below the client's own time-out."""
_PATIENCE_S = 20
_LONGEST_PAUSE_S = 30.0


@dataclass(frozen=True, slots=True)
class _Event:
    id: str
    type: str
    sample_id: str | None
    body: bytes

    @classmethod
    def of(cls, line: bytes) -> "_Event":
        told = json.loads(line)
        data = told["data"]
        return cls(data["event_id"], told["type"], data["sample_id"], line)


def listen(
    forward: Annotated[
        str, typer.Option(metavar="URL", help="Where to: an address on this machine or near it.")
    ],
    secret: Annotated[
        str | None,
        typer.Option(
            help="Signs what is forwarded; better as ASSAYLINE_LISTEN_SECRET, since arguments show.",
            show_default=False,
        ),
    ] = None,
    cursor: Annotated[
        Path, typer.Option(metavar="FILE", help="Keeps how far it got.", dir_okay=False)
    ] = Path("assayline-cursor.json"),
    once: Annotated[bool, typer.Option("--once", help="Forward what there is, and end.")] = False,
    give_up_after: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="Of one event not being taken; else never."),
    ] = None,
    url: connect.Url = None,
    key: connect.Key = None,
    as_json: AsJson = False,
) -> None:
    """
    Follow the feed and forward each event to a local address, in order and at least once.

    The same bytes as a push, signed with your own secret (Standard Webhooks). An event is done when
    the address answers 2xx; until then it is repeated and nothing overtakes it. Ends with 0 when told
    to stop, or with --once when all is forwarded; 1 when the key is refused, or the address takes
    an event no more; 2 when nothing can be asked, or an argument is wrong.
    """
    target = _target(forward)
    signer = _secret(secret)
    with (
        Cursor.opened(cursor) as kept,
        connect.open_service(url, key) as api,
        # What is forwarded stays here: no proxy of the environment, no redirect.
        httpx.Client(trust_env=False, follow_redirects=False, timeout=_PATIENCE_S) as near,
        _stoppable(),
    ):
        kept.belongs_to(api.url)
        begun = False
        while True:
            page = _page(api, kept.after, wait=0 if once else _HELD_S, patient=begun)
            begun = True
            events = [_Event.of(line) for line in page.content.splitlines() if line]
            for event in kept.left(events):
                answer = _forward(near, target, signer, event, give_up_after)
                kept.done(event.id)
                _show(event, answer, as_json=as_json)
            kept.turn(page.headers["Assayline-Next"])
            if once and not events:
                raise typer.Exit(DONE)


def _target(forward: str) -> str:
    try:
        parts = httpx.URL(forward)
    except httpx.InvalidURL as problem:
        raise CliError(f"--forward {forward} is no address: {problem}") from problem
    if parts.scheme not in {"http", "https"} or not parts.host or parts.userinfo:
        raise CliError(
            f"--forward {forward} must be like http://127.0.0.1:9000/hook, without user or password"
        )
    if parts.scheme == "http" and not connect.is_loopback(parts.host):
        say("warning: http shows events to everybody on the way; use https beyond this machine")
    return forward


def _secret(given: str | None) -> str:
    from app import settings  # noqa: PLC0415 - heavy, and not needed to say what is wrong above

    stored = settings.load("client").listen_secret
    found = (given or (stored.get_secret_value() if stored else "")).strip()
    try:
        usable = bool(found) and len(signing.read_secret(found)) >= 24  # noqa: PLR2004 - the standard's
    except ValueError:
        usable = False
    if not usable:
        raise CliError(
            "no usable secret: set ASSAYLINE_LISTEN_SECRET to whsec_ and at least 24 random bytes in"
            " base64, such as `whsec_$(openssl rand -base64 32)`, and give the receiver the same"
        )
    return found


@contextmanager
def _stoppable() -> Iterator[None]:
    # An event that is under way is repeated next time; the cursor is written whole or not at all.
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise typer.Exit(DONE)

    # Signals belong to a process's main thread: whoever calls this in another one stops it otherwise.
    main = threading.current_thread() is threading.main_thread()
    ours = (signal.SIGTERM, signal.SIGINT) if main else ()
    before = {one: signal.signal(one, stop) for one in ours}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _page(api: connect.Api, after: str | None, *, wait: int, patient: bool) -> httpx.Response:
    query: dict[str, Any] = {"limit": _PAGE, "wait": wait} | ({"after": after} if after else {})
    told = False
    pause_s = 1.0
    while True:
        try:
            return api.get("/v1/events", params=query, headers={"Accept": "application/x-ndjson"})
        except CliError as problem:
            if problem.code == NO or not patient:
                raise
            if not told:
                say(f"{clean(problem)}; still trying")
                told = True
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


def _forward(
    near: httpx.Client, target: str, secret: str, event: _Event, give_up_after: float | None
) -> int:
    began = time.monotonic()
    told = None
    pause_s = 0.5
    while True:
        headers = signing.sign(
            [secret], message_id=event.id, timestamp=int(time.time()), body=event.body
        )
        status, said = _post(near, target, headers, event.body)
        if status is not None and 200 <= status < 300:  # noqa: PLR2004 - 2xx is what counts
            return status
        if give_up_after is not None and time.monotonic() - began + pause_s > give_up_after:
            raise CliError(f"{target} does not take {event.id}: {said}", code=NO)
        if said != told:
            say(f"{target} does not take {event.id}: {said}; still trying")
            told = said
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


def _post(
    near: httpx.Client, target: str, headers: dict[str, str], body: bytes
) -> tuple[int | None, str]:
    try:
        # Only the status counts: whatever else it says is not read.
        with near.stream(
            "POST", target, content=body, headers={"Content-Type": "application/json", **headers}
        ) as answer:
            return answer.status_code, f"it answers {answer.status_code}"
    except httpx.TransportError as problem:
        return None, str(problem) or type(problem).__name__


def _show(event: _Event, status: int, *, as_json: bool) -> None:
    if as_json:
        output.as_json(
            {
                "event_id": event.id,
                "type": event.type,
                "sample_id": event.sample_id,
                "status": status,
            }
        )
    elif sys.stdout.isatty():
        at = instant(json.loads(event.body)["timestamp"])
        typer.echo(f"{at}  {clean(event.type):<24}  {clean(event.sample_id or event.id)}")
    else:
        cells = (event.id, event.type, event.sample_id, status)
        typer.echo("\t".join(clean(cell) for cell in cells))
    sys.stdout.flush()  # whoever reads this through a pipe waits for this very line
