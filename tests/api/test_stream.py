"""
Following without polling: the stream of events, and answers that wait for something to say.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvicorn

from app.access import service as access
from app.access.rules import ClientKind, Role
from app.kit import ids
from app.kit.db import OPERATOR, Database, as_agency
from app.ledger import service as ledger
from app.main import create_app
from app.settings import Settings
from app.webhooks.api import events
from tests.builders import World, build_world


@dataclass
class Running:
    """
    A service on a real socket: through ASGI alone an answer is only there when it has ended.
    """

    url: str
    world: World
    app: Any


@asynccontextmanager
async def served(config: Settings, **more: Any) -> AsyncIterator[tuple[str, Any]]:
    """
    Run the application under uvicorn, in this very loop.
    """
    app = create_app(config.model_copy(update=more))
    server = uvicorn.Server(
        uvicorn.Config(
            app, port=0, log_config=None, log_level="critical", timeout_graceful_shutdown=1
        )
    )
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has a flag, no event
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", app
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
async def running(config: Settings, database: Database) -> AsyncIterator[Running]:
    """
    A service with a pool of five connections and no Redis.
    """
    async with served(config, pool_size=5, pool_overflow=0, redis_url=None) as (url, app):
        world = await build_world(app, database)
        yield Running(url, world, app)
        await world.close()


async def stored(world: World, worker_database: Database, count: int = 1) -> list[str]:
    """
    Submit that many files and have their events numbered; return the submissions' ids.
    """
    made = [(await world.submit())["id"] for _ in range(count)]
    await ledger.number_pending(worker_database)
    return made


@asynccontextmanager
async def listening(
    running: Running, person: str = "agent", **headers: str
) -> AsyncIterator[AsyncIterator[dict[str, str]]]:
    """
    Open a stream; what it yields are events as field and value.
    """
    send = {"Authorization": f"Bearer {running.world.keys[person]}", **headers}
    async with (
        httpx.AsyncClient(base_url=running.url, headers=send, timeout=30) as client,
        client.stream("GET", "/v1/events/stream") as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _events(answer)


async def _comment(running: Running, *, within_s: float) -> str | None:
    send = {"Authorization": f"Bearer {running.world.keys['agent']}"}
    async with (
        httpx.AsyncClient(base_url=running.url, headers=send, timeout=60) as client,
        client.stream("GET", "/v1/events/stream") as answer,
    ):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                async for line in answer.aiter_lines():
                    if line.startswith(":"):
                        return line
    return None


async def _events(answer: httpx.Response) -> AsyncIterator[dict[str, str]]:
    found: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line.startswith(":"):
            continue
        if not line:
            if "data" in found:
                yield found
            found = {}
            continue
        name, _, value = line.partition(": ")
        found[name] = value


async def some(told: AsyncIterator[dict[str, str]], count: int) -> list[dict[str, str]]:
    """
    Take that many events.
    """
    async with asyncio.timeout(20):
        return [await anext(told) for _ in range(count)]


class TestStream:
    """
    Events as they happen (I10).
    """

    async def test_tells_what_was_and_what_comes(
        self, running: Running, worker_database: Database
    ) -> None:
        """
        From the beginning, then as it happens; each event is what the feed holds.
        """
        first = await stored(running.world, worker_database, 2)
        async with listening(running) as told:
            before = await some(told, 2)
            later = await stored(running.world, worker_database, 1)
            after = await some(told, 1)

        feed = (await running.world.as_("agent").get("/v1/events")).json()["items"]
        assert [json.loads(one["data"]) for one in before + after] == feed
        about = [json.loads(one["data"])["data"]["submission_id"] for one in before + after]
        assert about == first + later
        assert {one["event"] for one in before} == {"submission.accepted"}

    async def test_says_it_is_alive_when_there_is_nothing_to_say(
        self, running: Running, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        A comment now and then keeps what stands between from closing it; with no keep-alive none comes (I10).
        """
        monkeypatch.setattr(events, "KEEP_ALIVE_S", 0.1)
        assert await _comment(running, within_s=30) == ": still here"
        # The negative control.
        monkeypatch.setattr(events, "KEEP_ALIVE_S", 3600)
        assert await _comment(running, within_s=3) is None

    async def test_resumes_behind_the_last_one_seen(
        self, running: Running, worker_database: Database
    ) -> None:
        """
        `Last-Event-ID` is a cursor: nothing twice, nothing left out; the feed takes it too.
        """
        await stored(running.world, worker_database, 3)
        async with listening(running) as told:
            (seen,) = await some(told, 1)
        async with listening(running, **{"Last-Event-ID": seen["id"]}) as told:
            rest = await some(told, 2)

        page = await running.world.as_("agent").get("/v1/events", params={"after": seen["id"]})
        assert [json.loads(one["data"]) for one in rest] == page.json()["items"]
        async with httpx.AsyncClient(base_url=running.url) as stranger:
            refused = await stranger.get(
                "/v1/events/stream",
                headers={
                    "Authorization": f"Bearer {running.world.keys['other_agent']}",
                    "Last-Event-ID": seen["id"],
                },
            )
        assert refused.status_code == 422

    async def test_ends_when_its_key_is_revoked(
        self, running: Running, worker_database: Database
    ) -> None:
        """
        Within five seconds, though nothing else happens (E10); what happens then is not told.
        """
        await stored(running.world, worker_database)
        async with listening(running) as told:
            await some(told, 1)
            key_id = running.world.keys["agent"].split("_")[2]
            async with running.world.database.transaction(OPERATOR) as session:
                await access.revoke_key(session, key_id=key_id)
            begun = time.monotonic()
            with pytest.raises(StopAsyncIteration):
                async with asyncio.timeout(10):
                    await anext(told)

        assert time.monotonic() - begun < 5

    async def test_many_hold_no_connection(
        self, running: Running, worker_database: Database
    ) -> None:
        """
        200 streams on a pool of five: others are answered at once, and everybody is told.
        """
        world = running.world
        async with world.database.transaction(OPERATOR) as session:
            for number in range(40):
                client_id = await access.create_client(
                    session,
                    agency_id=world.agencies["agency"],
                    name=f"desk {number}",
                    kind=ClientKind.PERSON,
                    roles=[Role.INVESTIGATOR],
                )
                key = await access.create_key(session, client_id=client_id)
                world.keys[f"desk {number}"] = key
        async with contextlib.AsyncExitStack() as stack:
            streams = [
                await stack.enter_async_context(listening(running, f"desk {number}"))
                for number in range(40)
                for _ in range(5)
            ]
            begun = time.monotonic()
            (submission_id,) = await stored(world, worker_database)
            answered_s = time.monotonic() - begun
            told = [await some(one, 1) for one in streams]
            sixth = await _open_another(running, "desk 0")

        assert len(told) == 200
        assert all(submission_id in one["data"] for (one,) in told)
        assert answered_s < 5
        assert sixth == 409
        # A stream that is left is counted out, so that there is room again.
        async with asyncio.timeout(10):
            while running.app.state.following.streams:  # noqa: ASYNC110 - streams end without an Event
                await asyncio.sleep(0.05)

    async def test_a_stream_that_held_its_connection_would_starve_the_rest(
        self, running: Running
    ) -> None:
        """
        Negative control: five who each hold a transaction leave nobody a connection.
        """
        database = running.app.state.resources.database
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(5):
                await stack.enter_async_context(
                    database.reading(as_agency(running.world.agencies["agency"]))
                )
            answer = await running.world.as_("agent").get("/v1/samples")

        assert answer.status_code == 503


async def _open_another(running: Running, person: str) -> int:
    async with (
        httpx.AsyncClient(
            base_url=running.url,
            headers={"Authorization": f"Bearer {running.world.keys[person]}"},
        ) as client,
        client.stream("GET", "/v1/events/stream") as answer,
    ):
        return answer.status_code


class TestWait:
    """
    Answers that are held back until there is something to say.
    """

    async def test_a_sample_until_it_changes(self, world: World) -> None:
        """
        With its ETag the answer comes when the sample moves; without a move it is 304, in time.
        """
        stored_ = await world.submit()
        sample_id = stored_["samples"][0]["id"]
        agent = world.as_("agent")
        etag = (await agent.get(f"/v1/samples/{sample_id}")).headers["ETag"]

        async def asked(wait: int) -> tuple[httpx.Response, float]:
            begun = time.monotonic()
            answer = await agent.get(
                f"/v1/samples/{sample_id}", params={"wait": wait}, headers={"If-None-Match": etag}
            )
            return answer, time.monotonic() - begun

        still, took_still = await asked(1)
        waiting = asyncio.create_task(asked(30))
        await asyncio.sleep(0.3)
        await world.as_("technician").post("/v1/lab/receipts", json={"sample_id": sample_id})
        moved, took_moved = await waiting

        assert (still.status_code, still.headers["ETag"]) == (304, etag)
        assert took_still >= 0.9
        assert moved.status_code == 200
        assert moved.json()["status"] == "received"
        assert took_moved < 10

    async def test_a_list_until_something_is_on_it(
        self, world: World, worker_database: Database
    ) -> None:
        """
        The list of what has changed since, and the feed, likewise.
        """
        agent = world.as_("agent")
        (sample_,) = (await world.submit())["samples"]
        now = (await agent.get(f"/v1/samples/{sample_['id']}")).json()["updated_at"]
        since = {"updated_since": now.replace("Z", "") + "Z", "status": "received", "wait": 30}
        cursor = (await agent.get("/v1/events")).json()["next"]
        both = asyncio.gather(
            agent.get("/v1/samples", params=since),
            agent.get("/v1/events", params={"after": cursor, "wait": 30}),
        )
        await asyncio.sleep(0.3)
        await world.as_("technician").post("/v1/lab/receipts", json={"sample_id": sample_["id"]})
        await ledger.number_pending(worker_database)
        async with asyncio.timeout(15):
            listed, fed = await both

        assert [one["id"] for one in listed.json()["items"]] == [sample_["id"]]
        assert fed.json()["items"]

    async def test_a_revoked_key_is_answered_no_more(self, world: World) -> None:
        """
        A key that is revoked while its request waits gets 401 at the next look, not the data.
        """
        waiting = asyncio.create_task(
            world.as_("other_agent").get("/v1/events", params={"wait": 20})
        )
        await asyncio.sleep(0.2)
        async with world.database.transaction(OPERATOR) as session:
            await access.revoke_client(session, client_id=world.clients["other_agent"])
        async with asyncio.timeout(6):
            answer = await waiting

        assert answer.status_code == 401

    @pytest.mark.parametrize("wait", [-1, 61, "x"])
    async def test_not_for_ever(self, world: World, wait: object) -> None:
        """
        A minute at most.
        """
        answer = await world.as_("agent").get("/v1/events", params={"wait": str(wait)})

        assert answer.status_code == 422


class TestManyAtOnce:
    """
    The status of many samples in one question.
    """

    async def test_up_to_a_thousand(self, world: World) -> None:
        """
        In the order asked, each once; another agency's and nobody's are missing alike.
        """
        own = [
            one["id"]
            for one in (
                await world.submit(samples=[{"exhibit_number": str(n)} for n in range(300)])
            )["samples"]
        ]
        theirs = (await world.submit(by="other_agent"))["samples"][0]["id"]
        nobody = ids.write("smp", ids.new())
        wanted = [*reversed(own), theirs, nobody, own[0]]

        answer = await world.as_("investigator").post(
            "/v1/samples:status", json={"sample_ids": wanted}
        )

        found = answer.json()
        assert [one["id"] for one in found["items"]] == own[::-1]
        assert {one["status"] for one in found["items"]} == {"submitted"}
        assert found["missing"] == [theirs, nobody]

    @pytest.mark.parametrize("count", [0, 1001])
    async def test_not_none_and_not_more(self, world: World, count: int) -> None:
        """
        One to a thousand.
        """
        answer = await world.as_("agent").post(
            "/v1/samples:status", json={"sample_ids": [ids.write("smp", ids.new())] * count}
        )

        assert answer.status_code == 422


class TestLines:
    """
    The feed as NDJSON.
    """

    async def test_each_line_is_what_is_pushed(
        self, world: World, worker_database: Database
    ) -> None:
        """
        The same events as in the JSON page, byte for byte as they are signed, and the same cursor.
        """
        await stored(world, worker_database, 3)
        page = (await world.as_("agent").get("/v1/events")).json()

        lines = await world.as_("agent").get(
            "/v1/events", headers={"Accept": "application/x-ndjson"}
        )

        assert lines.headers["content-type"].startswith("application/x-ndjson")
        assert [json.loads(line) for line in lines.text.splitlines()] == page["items"]
        assert lines.headers["Assayline-Next"] == page["next"]
