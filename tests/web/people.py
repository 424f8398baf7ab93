"""
People who sign in to the pages, over HTTP as a browser does.
"""

import re
from dataclasses import dataclass
from typing import Any

import httpx

from app.access.signin import service as signin
from app.kit.db import OPERATOR
from tests.builders import World

PASSWORD = "four plain words together"
TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
BASE = "https://assayline.test"


@dataclass
class Browser:
    """
    A browser without script: it keeps cookies, and sends back the forms it was shown.
    """

    http: httpx.AsyncClient

    async def get(self, path: str, **more: Any) -> httpx.Response:
        """
        Look at a page.
        """
        return await self.http.get(path, **more)

    async def send(
        self,
        path: str,
        fields: dict[str, str] | None = None,
        *,
        shown_at: str = "",
        files: Any = None,
    ) -> httpx.Response:
        """
        Send a form, with the token of the page it stands on.
        """
        page = await self.http.get(shown_at or path)
        found = TOKEN.search(page.text)
        assert found, page.text[:400]
        return await self.http.post(
            path, data={"form_token": found[1], **(fields or {})}, files=files
        )

    async def sign_in(self, login: str, password: str = PASSWORD, **more: str) -> httpx.Response:
        """
        Fill the sign-in form in.
        """
        return await self.send(
            "/sign-in", {"login": login, "password": password, "next": "/", **more}
        )


def browser(app: Any, *, address: str = "192.0.2.7", language: str = "en") -> Browser:
    """
    Return a new browser at this address.
    """
    return Browser(
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1)),
            base_url=BASE,
            headers={"Accept-Language": language, "User-Agent": "Test browser"},
        )
    )


def login_of(world: World, person: str) -> str:
    """
    Return the sign-in name of a person of this world.
    """
    return f"{person}.{world.clients[person].hex[-8:]}".replace("_", "-")


async def give_password(world: World, person: str, password: str = PASSWORD) -> str:
    """
    Give a person of this world a password; return the sign-in name.
    """
    async with world.database.transaction(OPERATOR) as session:
        await signin.set_password(
            session,
            client_id=world.clients[person],
            login=login_of(world, person),
            password=password,
        )
    return login_of(world, person)


async def signed_in(world: World, person: str, **more: Any) -> Browser:
    """
    Return a browser in which this person is signed in.
    """
    found = browser(world.app, **more)
    answer = await found.sign_in(await give_password(world, person))
    assert answer.status_code == 303, answer.text
    return found
