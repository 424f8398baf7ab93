"""
`assayline listen`: what the feed holds arrives at a local address, signed, in order, at least once.
"""

import asyncio
import base64
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from app.cli import listen
from app.cli.cursor import Cursor
from app.webhooks.signing import write_secret
from tests.builders import World
from tests.cli.conftest import Assayline, Done

SECRET = write_secret(b"local secret of thirty-two bytes")


@dataclass
class Near:
    """
    A local receiver: what it was sent, and the statuses it answers before 204.
    """

    url: str = ""
    script: list[int] = field(default_factory=list)
    hits: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """
        The events' ids, in the order they came.
        """
        return [headers["webhook-id"] for headers, _ in self.hits]


@contextmanager
def near(*script: int) -> Iterator[Near]:
    """
    Run a local receiver.
    """
    made = Near(script=list(script))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.hits.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(made.script.pop(0) if made.script else 204)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def feed(world: World, *, least: int) -> list[str]:
    """
    Return the ids in the agency's feed, once at least so many are numbered.
    """
    async with asyncio.timeout(30):
        while True:
            page = (await world.as_("agent").get("/v1/events", params={"limit": 200})).json()
            found = [one["data"]["event_id"] for one in page["items"]]
            if len(found) >= least:
                return found
            await asyncio.sleep(0.05)


def agent(assayline: Assayline, people: World) -> Assayline:
    """
    The command line of an agency's program.
    """
    return assayline.with_(ASSAYLINE_API_KEY=people.keys["agent"], ASSAYLINE_LISTEN_SECRET=SECRET)


async def forwarded(assayline: Assayline, to: Near, cursor: Path, *more: str) -> Done:
    """
    Forward what there is.
    """
    arguments = ("listen", "--once", "--forward", to.url, "--cursor", str(cursor), *more)
    return await asyncio.to_thread(assayline, *arguments)


class TestForwarding:
    """
    What arrives.
    """

    async def test_everything_in_order_and_signed(
        self, assayline: Assayline, people: World, tmp_path: Path
    ) -> None:
        """
        The feed's events once each, as they stand there, verified by the reference library; then only what is new.
        """
        ours, cursor = agent(assayline, people), tmp_path / "cursor"
        await people.received()
        before = await feed(people, least=2)
        with near() as receiver:
            first = await forwarded(ours, receiver, cursor)
            again = await forwarded(ours, receiver, cursor)
            assert receiver.ids == before
            await people.received()
            every = await feed(people, least=4)
            await forwarded(ours, receiver, cursor)
        raw = await people.as_("agent").get(
            "/v1/events", headers={"Accept": "application/x-ndjson"}, params={"limit": 200}
        )
        await people.close()

        assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
        assert [line.split("\t")[0] for line in first.stdout.splitlines()] == before
        assert again.stdout == ""
        assert receiver.ids == every
        assert [body for _, body in receiver.hits] == raw.content.splitlines()
        for headers, body in receiver.hits:
            assert Webhook(SECRET).verify(body, headers) == json.loads(body)
        with pytest.raises(Exception, match="No matching signature"):
            Webhook(base64.b64encode(bytes(32)).decode()).verify(body, headers)

    async def test_nothing_overtakes_what_is_not_taken(
        self, assayline: Assayline, people: World, tmp_path: Path
    ) -> None:
        """
        Refused, redirected, failed: the same event again, until it is taken; a redirect is not followed.
        """
        await people.received()
        every = await feed(people, least=2)
        with near(500, 302, 429) as receiver:
            done = await forwarded(agent(assayline, people), receiver, tmp_path / "cursor")
        await people.close()

        assert done.returncode == 0
        assert receiver.ids == [every[0]] * 3 + every

    async def test_goes_on_where_it_gave_up(
        self, assayline: Assayline, people: World, tmp_path: Path
    ) -> None:
        """
        It ends with 1 at an event nobody takes, and begins with that very event the next time.
        """
        ours, cursor = agent(assayline, people), tmp_path / "cursor"
        await people.received()
        every = await feed(people, least=2)
        with near(204, 503) as receiver:
            gave_up = await forwarded(ours, receiver, cursor, "--give-up-after", "0")
            rest = await forwarded(ours, receiver, cursor)
        await people.close()

        assert gave_up.returncode == 1
        assert f"does not take {every[1]}: it answers 503" in gave_up.stderr
        assert rest.returncode == 0
        assert receiver.ids == [every[0], every[1], *every[1:]]

    @pytest.mark.parametrize("broken", [False, True], ids=["as it is", "remembered first: control"])
    async def test_loses_nothing_when_it_is_killed(
        self,
        assayline: Assayline,
        people: World,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        *,
        broken: bool,
    ) -> None:
        """
        Killed after a send and before its record: the event comes twice. A listener that records first loses it.
        """
        ours, cursor = agent(assayline, people), tmp_path / "cursor"
        await people.received()
        every = await feed(people, least=2)
        with near() as receiver:
            with monkeypatch.context() as patched:
                if broken:
                    left = Cursor.left

                    def first(self: Cursor, page: list[listen._Event]) -> list[listen._Event]:
                        found = list(left(self, page))
                        self.done(found[-1].id)
                        return found

                    patched.setattr(Cursor, "left", first)
                    patched.setattr(listen, "_forward", _killed)
                else:
                    patched.setattr(Cursor, "done", _killed)
                with pytest.raises(MemoryError):
                    await forwarded(ours, receiver, cursor)
            await forwarded(ours, receiver, cursor)
        await people.close()

        assert (set(receiver.ids) == set(every)) is not broken
        if not broken:
            assert receiver.ids == [every[0], *every]

    async def test_follows_until_told_to_stop(
        self, assayline: Assayline, people: World, tmp_path: Path
    ) -> None:
        """
        It hears of what happens while it listens, and SIGTERM ends it with 0; no second one shares its cursor.
        """
        ours, cursor = agent(assayline, people), tmp_path / "cursor"
        with near() as receiver:
            process = ours.start(
                "listen", "--forward", receiver.url, "--cursor", str(cursor), "--json"
            )
            assert process.stdout is not None
            await people.received()
            line = await asyncio.to_thread(process.stdout.readline)
            second = await forwarded(ours, receiver, cursor)
            process.send_signal(signal.SIGTERM)
            _, said = await asyncio.to_thread(process.communicate, timeout=30)
        await people.close()

        assert json.loads(line)["type"] == "submission.accepted"
        assert process.returncode == 0, said
        assert second.returncode == 2
        assert "another listener" in second.stderr


class TestRefusals:
    """
    What cannot be is said, with the way out.
    """

    @pytest.mark.parametrize(
        ("arguments", "environment", "said"),
        [
            (("--forward", "ftp://127.0.0.1/"), {}, "must be like http"),
            (("--forward", "http://me:pass@127.0.0.1/"), {}, "must be like http"),
            (("--forward", "http://127.0.0.1:1/"), {"ASSAYLINE_LISTEN_SECRET": "x"}, "no usable"),
            (
                ("--forward", "http://127.0.0.1:1/", "--url", "http://127.0.0.1:1"),
                {},
                "no service answers",
            ),
        ],
    )
    def test_ends_with_two(
        self,
        assayline: Assayline,
        tmp_path: Path,
        arguments: tuple[str, ...],
        environment: dict[str, str],
        said: str,
    ) -> None:
        """
        An argument is wrong, or nothing answers.
        """
        ours = assayline.with_(
            **{"ASSAYLINE_API_KEY": "asl_x", "ASSAYLINE_LISTEN_SECRET": SECRET} | environment
        )
        done = ours("listen", "--once", "--cursor", str(tmp_path / "cursor"), *arguments)

        assert done.returncode == 2
        assert said in done.stderr

    async def test_a_refused_key_and_another_s_cursor(
        self, assayline: Assayline, people: World, tmp_path: Path
    ) -> None:
        """
        An unknown key ends it with 1; a cursor kept for another service, or none at all, with 2.
        """
        await people.close()
        ours, cursor = agent(assayline, people), tmp_path / "cursor"
        with near() as receiver:
            refused = await forwarded(ours.with_(ASSAYLINE_API_KEY="asl_unknown"), receiver, cursor)
            cursor.write_text(
                '{"service": "https://other.example.org", "after": null, "last": null}'
            )
            strange = await forwarded(ours, receiver, cursor)
            cursor.write_text("[]")
            garbage = await forwarded(ours, receiver, cursor)

        assert [one.returncode for one in (refused, strange, garbage)] == [1, 2, 2]
        assert "belongs to https://other.example.org" in strange.stderr
        assert "was not written by" in garbage.stderr
        assert receiver.hits == []


def _killed(*_: object) -> None:
    # Passes every handler the command has, as the end of its process would.
    raise MemoryError
