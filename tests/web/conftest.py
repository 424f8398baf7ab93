"""
A real browser, where there is one, against the application on a port of this machine.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import pytest
import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI
from playwright.async_api import Browser, Page, async_playwright
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app import embedded
from app.access.signin import passwords
from tests.builders import World
from tests.web import chromium
from tests.web.people import give_password
from tests.web.screens import Screen


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    """
    Hash with the least effort, as every test signs in; `test_signin` looks at the real settings.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        )
        yield


@pytest.fixture(autouse=True)
async def _uncounted(servers: embedded.Servers) -> None:
    """
    Forget failed sign-ins before each test: all come from one address, and the limit of one would lock out the next.
    """
    url = servers.admin_database_url.removesuffix("postgres") + "assayline"
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("DELETE FROM sign_in_count"))
    finally:
        await engine.dispose()


Opener = Callable[..., Awaitable[Screen]]


@pytest.fixture(scope="session")
async def site(application: FastAPI) -> AsyncIterator[str]:
    """
    The application on a port of its own; the address.
    """
    config = uvicorn.Config(application, host="127.0.0.1", port=0, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await serving


@pytest.fixture(scope="session")
async def chrome() -> AsyncIterator[Browser]:
    """
    The system's Chromium, started once.
    """
    path = chromium.found()
    if path is None:
        pytest.skip(chromium.MISSING)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(chromium.FLAGS))
        yield browser
        await browser.close()


@pytest.fixture
async def open_screen(world: World, site: str, chrome: Browser) -> AsyncIterator[Opener]:
    """
    Return a function that opens a screen, signed in as a person of this world, or as nobody.
    """
    async with AsyncExitStack() as stack:

        async def open_one(person: str | None = None, **options: object) -> Screen:
            context = await chrome.new_context(base_url=site, **{**chromium.PHONE, **options})  # type: ignore[arg-type]
            stack.push_async_callback(context.close)
            page: Page = await context.new_page()
            screen = Screen(page)
            if person is not None:
                await screen.sign_in(await give_password(world, person))
            return screen

        yield open_one
