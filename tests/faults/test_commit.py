"""
The connection breaks at the COMMIT, the client goes away at it, or anything before it fails: one retry, one truth.

Criteria A5, A7, A9 and A10, fault 3.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.engine import make_url

from app import embedded
from app.kit import db
from app.kit.idempotency import Guard
from app.main import create_app
from app.settings import Settings
from tests.api.asking import SUBMIT, rows
from tests.builders import World
from tests.faults.proxy import Break, Proxy, standing_before

ROUNDS = 50
"""In each direction."""


@pytest.fixture
async def behind(
    servers: embedded.Servers, config: Settings
) -> AsyncIterator[tuple[Proxy, FastAPI]]:
    """
    An application whose every byte to PostgreSQL passes the proxy.
    """
    async with standing_before(servers.postgres.port) as (proxy, port):
        url = make_url(str(config.database_url)).set(port=port)
        chosen = config.model_copy(
            update={"database_url": url.render_as_string(hide_password=False)}
        )
        app = create_app(chosen)
        async with app.router.lifespan_context(app):
            yield proxy, app


def client_of(app: FastAPI, world: World, person: str = "agent") -> httpx.AsyncClient:
    """
    Return a client of this application.
    """
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://behind.test",
        headers={"Authorization": f"Bearer {world.keys[person]}"},
    )


def key() -> dict[str, str]:
    """
    Return a new Idempotency-Key.
    """
    return {"Idempotency-Key": str(uuid4())}


async def rounds(
    world: World, proxy: Proxy, client: httpx.AsyncClient, how: Break, count: int
) -> list[str]:
    """
    Break one COMMIT after another, send each request again under its key, and say what was not as promised.
    """
    wrong = []
    for number in range(count):
        body, headers = world.body(), key()
        before = (await rows(world))["submission"]
        proxy.next = how
        first = await client.post(SUBMIT, json=body, headers=headers)
        second = await client.post(SUBMIT, json=body, headers=headers)
        third = await client.post(SUBMIT, json=body, headers=headers)
        there = (await rows(world))["submission"] - before
        if first.status_code != 503 or "Retry-After" not in first.headers:
            wrong.append(f"{number}: the broken one answered {first.status_code}")
        if "nothing was stored" in first.text.lower():
            wrong.append(f"{number}: called not stored what nobody knows")
        if second.status_code != 201 or third.content != second.content:
            wrong.append(
                f"{number}: the retries answered {second.status_code}, {third.status_code}"
            )
        if ("Idempotent-Replayed" in second.headers) != (how is Break.AFTER):
            wrong.append(f"{number}: the retry was or was not a replay")
        if there != 1:
            wrong.append(f"{number}: {there} submissions")
    if proxy.broken != count:
        wrong.append(f"{proxy.broken} of {count} were broken")
    return wrong


class TestAmbiguousCommit:
    """
    Whether the last COMMIT was carried out is not known to the API, and it does not pretend to know (A9).
    """

    @pytest.mark.parametrize("how", [Break.BEFORE, Break.AFTER])
    async def test_a_retry_finds_the_one_truth(
        self, world: World, behind: tuple[Proxy, FastAPI], how: Break
    ) -> None:
        """
        Fifty times: 503 with Retry-After, then the one submission, whichever side of the COMMIT was cut.
        """
        proxy, app = behind
        async with client_of(app, world) as client:
            assert await rounds(world, proxy, client, how, ROUNDS) == []

    async def test_without_its_record_it_is_seen(
        self, world: World, behind: tuple[Proxy, FastAPI], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        Negative control: an answer that is not kept in the fact's own transaction is no answer to the retry (H6).
        """

        async def forget(*_: Any, **__: Any) -> None:
            return None

        monkeypatch.setattr(Guard, "keep", forget)
        proxy, app = behind
        async with client_of(app, world) as client:
            wrong = await rounds(world, proxy, client, Break.AFTER, 2)

        assert any("the retries answered 409" in one for one in wrong), wrong

    async def test_without_a_key_the_natural_key_protects(
        self, world: World, behind: tuple[Proxy, FastAPI]
    ) -> None:
        """
        No key was sent: the retry is refused as a double and led to the one that was stored (A8).
        """
        proxy, app = behind
        body = world.body()
        async with client_of(app, world) as client:
            proxy.next = Break.AFTER
            first = await client.post(SUBMIT, json=body)
            second = await client.post(SUBMIT, json=body)

        assert (first.status_code, second.status_code) == (503, 409)
        assert len(second.json()["existing"]) == 1
        assert (await rows(world))["submission"] == 1

    async def test_a_client_that_goes_away_at_the_commit(
        self, world: World, behind: tuple[Proxy, FastAPI]
    ) -> None:
        """
        The request is canceled between COMMIT and its word: nothing hangs, no connection leaks, the retry is a replay.
        """
        proxy, app = behind
        async with client_of(app, world) as client:
            for _ in range(10):
                body, headers = world.body(), key()
                proxy.held.clear()
                proxy.release.clear()
                proxy.next = Break.HELD
                going = asyncio.create_task(client.post(SUBMIT, json=body, headers=headers))
                async with asyncio.timeout(20):
                    await proxy.held.wait()
                going.cancel()
                proxy.release.set()
                with contextlib.suppress(asyncio.CancelledError):
                    await going

                async with asyncio.timeout(20):
                    again = await client.post(SUBMIT, json=body, headers=headers)

                assert again.status_code == 201
                assert again.headers["Idempotent-Replayed"] == "true"
        pool: Any = app.state.resources.database.engine.pool
        assert pool.checkedout() == 0


class TestFailpoints:
    """
    Whatever fails on the way, nothing is left in progress: the same key works again at once (A7, A10).
    """

    async def test_every_statement_fails_once(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        Each statement of a submission fails in its turn: 503, not a row, and the retry under the key is carried out.
        """
        sound = db.Session.execute
        left = 0

        async def failing(session: db.Session, *args: Any, **more: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise ConnectionResetError
            return await sound(session, *args, **more)

        agent = world.as_("agent")
        await agent.get(
            "/v1/samples"
        )  # from here on the caller's key is known, and costs no statement
        body, headers = world.body(), key()
        stored = await rows(world)
        points = 0
        while True:
            monkeypatch.setattr(db.Session, "execute", failing)
            left = points + 1
            answer = await agent.post(SUBMIT, json=body, headers=headers)
            monkeypatch.setattr(db.Session, "execute", sound)
            if answer.status_code == 201:
                break
            points += 1
            assert answer.status_code == 503
            assert await rows(world) == stored, f"a row was left by failpoint {points}"
            retried = await agent.post(SUBMIT, json=body, headers=headers)
            assert retried.status_code == 201
            body, headers = world.body(), key()
            stored = await rows(world)

        assert points >= 5

    async def test_the_key_is_free_at_once_after_a_cancel(self, world: World) -> None:
        """
        The client goes away at any moment: the same key is carried out or replayed at once, and stores one.
        """
        agent = world.as_("agent")
        for pause in range(12):
            body, headers = world.body(), key()
            going = asyncio.create_task(agent.post(SUBMIT, json=body, headers=headers))
            for _ in range(pause * 3):
                await asyncio.sleep(0)
            going.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await going
            before = (await rows(world))["submission"]
            async with asyncio.timeout(10):
                again = await agent.post(SUBMIT, json=body, headers=headers)
            assert again.status_code == 201
            replayed = "Idempotent-Replayed" in again.headers
            assert (await rows(world))["submission"] == before + (not replayed)


class TestReplays:
    """
    Many at once, on two API processes' worth of pools; keys that have been forgotten.
    """

    async def test_fifty_at_once_on_two_applications(self, world: World, config: Settings) -> None:
        """
        Ten rounds of fifty under one key: one is carried out, all get its answer, none fails on our side (A5).
        """
        apps = [create_app(config) for _ in range(2)]
        async with contextlib.AsyncExitStack() as stack:
            clients = []
            for app in apps:
                await stack.enter_async_context(app.router.lifespan_context(app))
                clients.append(await stack.enter_async_context(client_of(app, world)))
            for done in range(10):
                body, headers = world.body(), key()
                answers = await asyncio.gather(
                    *(clients[n % 2].post(SUBMIT, json=body, headers=headers) for n in range(50))
                )
                statuses = {answer.status_code for answer in answers}
                assert statuses <= {201, 503}, statuses
                told = {answer.content for answer in answers if answer.status_code == 201}
                assert len(told) == 1
                assert (await rows(world))["submission"] == done + 1

    async def test_a_hundred_replays(self, world: World) -> None:
        """
        The same request a hundred times more: the same bytes, and not a row more anywhere (A3).
        """
        agent, body, headers = world.as_("agent"), world.body(), key()
        first = await agent.post(SUBMIT, json=body, headers=headers)
        stored = await rows(world)

        answers = [await agent.post(SUBMIT, json=body, headers=headers) for _ in range(100)]

        assert {answer.content for answer in answers} == {first.content}
        assert await rows(world) == stored

    async def test_the_same_words_in_another_order(self, world: World) -> None:
        """
        The raw bytes count: one byte changed, or the same JSON in another order, is another request (A4).
        """
        agent, body, headers = world.as_("agent"), world.body(), key()
        await agent.post(SUBMIT, json=body, headers=headers)
        stored = await rows(world)
        turned = dict(reversed(body.items()))

        for other in (turned, body | {"route": "mail"}):
            answer = await agent.post(SUBMIT, json=other, headers=headers)
            assert answer.status_code == 422
            assert answer.json()["type"].endswith(":idempotency-key-reused")
        assert await rows(world) == stored

    async def test_a_key_that_is_forgotten(self, world: World) -> None:
        """
        Without the record of its key, a request sent again is caught by its natural key, with a link (A8).
        """
        body, headers = world.body(), key()
        await world.as_("agent").post(SUBMIT, json=body, headers=headers)

        forgotten = await world.as_("agent").post(SUBMIT, json=body, headers=key())

        assert forgotten.status_code == 409
        assert "Link" in forgotten.headers
