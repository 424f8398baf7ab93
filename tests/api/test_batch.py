"""
Many submissions in one stream: every line is stored or refused by itself, and says which (A11).
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.asking import SUBMIT, rows
from tests.api.batches import BATCH, fields, ndjson, scope_of, send, statuses
from tests.builders import World


class TestNdjson:
    """
    One submission body per line.
    """

    async def test_each_line_has_its_outcome(self, world: World) -> None:
        """
        Sixty lines, over several transactions: each is answered in order, with its number and its ids.
        """
        outcomes = await send(world, ndjson(*(world.body() for _ in range(60))))

        assert [one["line"] for one in outcomes] == list(range(1, 61))
        assert set(statuses(outcomes)) == {201}
        assert (await rows(world))["sample"] == 60
        one = outcomes[37]
        found = await world.as_("agent").get(f"{SUBMIT}/{one['submission']}")
        assert found.json()["samples"][0]["id"] == one["samples"][0]["id"]

    async def test_a_bad_line_between_good_ones(self, world: World) -> None:
        """
        One bad line is refused with its field; its neighbors, before and after, are stored.
        """
        bad = world.body() | {"route": "pigeon"}
        stream = ndjson(
            world.body(), bad, b"{not json", world.body(), b"", world.body(samples=[{}])
        )

        outcomes = await send(world, stream)

        # An empty line says nothing and is no line, but is counted.
        assert [one["line"] for one in outcomes] == [1, 2, 3, 4, 6]
        assert statuses(outcomes) == [201, 422, 422, 201, 422]
        assert fields(outcomes[1]) == ["route"]
        assert fields(outcomes[4]) == ["samples.0.exhibit_number"]
        assert (await rows(world))["submission"] == 2

    async def test_item_57_of_100(self, world: World) -> None:
        """
        What only the service can refuse is found out among its neighbors, which are stored (A11).
        """
        lines = [world.body() for _ in range(100)]
        lines[56] |= {"seized_at": "2126-01-01T00:00:00Z"}

        outcomes = await send(world, ndjson(*lines))

        assert [one["line"] for one in outcomes if one["status"] != 201] == [57]
        assert fields(outcomes[56]) == ["seized_at"]
        assert (await rows(world))["submission"] == 99

    async def test_a_double_line(self, world: World) -> None:
        """
        The same body twice in one stream is stored once; the second is led to the first.
        """
        body = world.body()

        outcomes = await send(world, ndjson(body, world.body(), body))

        assert statuses(outcomes) == [201, 201, 409]
        (existing,) = outcomes[2]["problem"]["existing"]
        assert existing["sample"] == f"/v1/samples/{outcomes[0]['samples'][0]['id']}"
        assert (await rows(world))["sample"] == 2

    async def test_run_twice_nothing_is_doubled(self, world: World) -> None:
        """
        The same stream again changes nothing: every line answers 409 with its link.
        """
        stream = ndjson(*(world.body() for _ in range(40)))
        first = await send(world, stream)
        stored = await rows(world)

        again = await send(world, stream)

        assert statuses(again) == [409] * 40
        for one, other in zip(first, again, strict=True):
            (existing,) = other["problem"]["existing"]
            assert existing["submission"] == f"{SUBMIT}/{one['submission']}"
        assert await rows(world) == stored

    async def test_a_truncated_last_line(self, world: World) -> None:
        """
        A stream cut off in the middle of a line stores what was whole and refuses the rest by number.
        """
        whole = ndjson(world.body(), world.body())

        outcomes = await send(world, whole[:-40])

        assert statuses(outcomes) == [201, 422]
        assert (await rows(world))["submission"] == 1

    @pytest.mark.parametrize("chunk", [1_000_000, 65_536, 999])
    async def test_a_long_line_is_one_line(self, world: World, chunk: int) -> None:
        """
        A line beyond the limit is refused once, whatever pieces it arrives in, and its middle is taken for no line.
        """
        hidden = json.dumps(world.body()).encode()
        long = b'{"x": "' + b"a" * 300_000 + hidden + b"a" * 300_000 + b'"}'
        stream = ndjson(world.body(), long, world.body())

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(stream), chunk):
                yield stream[start : start + chunk]

        outcomes = await send(world, pieces())

        assert [(one["line"], one["status"]) for one in outcomes] == [(1, 201), (2, 422), (3, 201)]
        assert "256 KiB" in outcomes[1]["problem"]["errors"][0]["message"]
        assert (await rows(world))["submission"] == 2

    @pytest.mark.parametrize(
        "line",
        [b"\xff\xfe\x00", b"null", b"[]", b'"text"', b"[" * 5000, b'{"\\ud800": 1}', b"\x00"],
    )
    async def test_what_is_no_submission(self, world: World, line: bytes) -> None:
        """
        Whatever bytes a line holds, it is refused by itself and the stream goes on.
        """
        outcomes = await send(world, ndjson(line, world.body()))

        assert statuses(outcomes) == [422, 201]

    async def test_windows_line_ends_and_no_last_one(self, world: World) -> None:
        """
        Lines may end as other systems end them, and the last need not end.
        """
        lines = [json.dumps(world.body()).encode() for _ in range(2)]

        assert statuses(await send(world, b"\r\n".join(lines))) == [201, 201]

    async def test_a_client_that_writes_all_before_it_reads(self, world: World) -> None:
        """
        Many clients read no answer before they have sent everything: the lines are stored all the same.

        This server speaks a version of ASGI in which the framework's own streaming answer eats pieces of the body.
        """
        stream = ndjson(*(world.body() for _ in range(80)))
        pieces = [stream[start : start + 4000] for start in range(0, len(stream), 4000)]
        all_read = asyncio.Event()
        sent: list[bytes] = []

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0)
            if not pieces:
                all_read.set()
                return {"type": "http.request", "body": b"", "more_body": False}
            return {"type": "http.request", "body": pieces.pop(0), "more_body": True}

        async def send_late(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.body":
                await all_read.wait()
                sent.append(message["body"])

        async with asyncio.timeout(30):
            await world.app(scope_of(world), receive, send_late)

        outcomes = [json.loads(line) for line in b"".join(sent).splitlines()]
        assert statuses(outcomes) == [201] * 80
        assert (await rows(world))["submission"] == 80

    async def test_a_broken_connection_keeps_what_was_whole(self, world: World) -> None:
        """
        When the client goes away in the middle, whole transactions stay stored; sent again, nothing is doubled.
        """
        stream = ndjson(*(world.body() for _ in range(60)))
        pieces = [stream[: len(stream) * 2 // 3]]

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0)
            if pieces:
                return {"type": "http.request", "body": pieces.pop(), "more_body": True}
            return {"type": "http.disconnect"}

        sent: list[dict[str, Any]] = []

        async def keep(message: dict[str, Any]) -> None:
            sent.append(message)

        await world.app(scope_of(world), receive, keep)
        stored = (await rows(world))["submission"]

        outcomes = await send(world, stream)

        assert stored == 25
        assert sorted(statuses(outcomes)) == [201] * 35 + [409] * 25
        assert (await rows(world))["submission"] == 60

    async def test_only_those_who_may_submit(self, world: World) -> None:
        """
        An investigator and a technician are refused before anything is read.
        """
        for who in ("investigator", "technician"):
            answer = await world.as_(who).post(BATCH, content=ndjson(world.body()))
            assert answer.status_code == 403


class TestDryRun:
    """
    A rehearsal says what would become of each line, and stores nothing.
    """

    async def test_it_answers_as_the_real_run_would(self, world: World) -> None:
        """
        Good, refused, known and repeated lines are told apart as in earnest; not a row is written.
        """
        known = world.body()
        await world.as_("agent").post(SUBMIT, json=known)
        good = [world.body() for _ in range(30)]
        lines: list[dict[str, Any] | bytes] = [
            *good,
            world.body(route="pigeon"),
            known,
            good[0],
            b"{",
        ]
        stored = await rows(world)

        answer = await world.as_("agent").post(
            f"{BATCH}?dry_run=true",
            content=ndjson(*lines),
            headers={"Content-Type": "application/x-ndjson"},
        )
        told = [json.loads(line) for line in answer.content.splitlines()]
        unchanged = await rows(world)
        earnest = await send(world, ndjson(*lines))

        assert statuses(told) == [200] * 30 + [422, 409, 409, 422]
        assert unchanged == stored
        assert statuses(earnest) == [201] * 30 + [422, 409, 409, 422]
        bands = [[one["band"] for one in line["samples"]] for line in told[:30]]
        assert bands == [[one["band"] for one in line["samples"]] for line in earnest[:30]]
        assert "submission" not in told[0]


@pytest.mark.parametrize("seed", [20261125, 3, 11])
async def test_a_client_that_leaves_at_any_line(world: World, seed: int) -> None:
    """
    Wherever the connection breaks, whole lines are stored whole; sent again, the stream ends as if it never broke.
    """
    chance = random.Random(seed)
    bodies = [world.body() for _ in range(90)]
    stream = ndjson(*bodies)
    cuts = sorted(chance.sample(range(1, len(stream)), 4))
    for cut in cuts:
        pieces = [stream[:cut]]

        async def receive(pieces: list[bytes] = pieces) -> dict[str, Any]:
            await asyncio.sleep(0)
            if pieces:
                return {"type": "http.request", "body": pieces.pop(), "more_body": True}
            return {"type": "http.disconnect"}

        async def ignore(message: dict[str, Any]) -> None:
            del message

        await world.app(scope_of(world), receive, ignore)
        stored = await rows(world)
        # Nothing is stored in part: each submission has its sample, its custody, its entry and its event.
        assert stored["submission"] == stored["sample"] == stored["holding"] == stored["event"]
        assert stored["submission"] % 25 == 0

    outcomes = await send(world, stream)

    assert sorted(set(statuses(outcomes))) in ([201], [201, 409])
    assert (await rows(world))["submission"] == 90
