"""
Signing in through the organization's own provider, against a small one on this machine.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from app.access.signin import service as signin
from app.kit.db import OPERATOR
from tests.builders import World
from tests.web import provider as providers
from tests.web.people import browser, login_of

CLIENT = "assayline"


@pytest.fixture
async def provider(world: World) -> AsyncIterator[providers.Provider]:
    """
    A provider that the application is configured for, for this test.
    """
    state = world.app.state
    before = state.resources
    async with providers.serving() as found:
        chosen = {
            "oidc_issuer": found.issuer,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": "a secret between the two",
            "public_url": "https://assayline.test",
        }
        settings = type(before.settings).model_validate(before.settings.model_dump() | chosen)
        state.resources = replace(before, settings=settings)
        yield found
        state.resources = before


async def link(world: World, issuer: str, subject: str) -> None:
    """
    Link a subject to the investigator, as an operator does.
    """
    async with world.database.transaction(OPERATOR) as session:
        await signin.link_provider(
            session,
            client_id=world.clients["investigator"],
            login=login_of(world, "investigator"),
            issuer=issuer,
            subject=subject,
        )


async def come_back(world: World, provider: providers.Provider, **changed: str) -> tuple[Any, Any]:
    """
    Go to the provider, consent, come back; return the browser and the last answer.
    """
    fresh = browser(world.app)
    sent = await fresh.get("/sign-in/provider?next=/account")
    brought = provider.grant(sent.headers["location"], world.clients["investigator"].hex) | changed
    return fresh, await fresh.get("/sign-in/provider/back", params=brought)


class TestProvider:
    """
    The provider says who somebody is; an operator says which account that is.
    """

    async def test_linked(self, world: World, provider: providers.Provider) -> None:
        """
        A linked person signs in, without any password, and lands where they wanted to go.
        """
        await link(world, provider.issuer, world.clients["investigator"].hex)

        fresh, answer = await come_back(world, provider)

        assert answer.headers["location"] == "/account"
        assert (await fresh.get("/desk")).status_code == 200

    async def test_not_linked(self, world: World, provider: providers.Provider) -> None:
        """
        Whom nobody linked does not get in, whatever the provider says.
        """
        fresh, answer = await come_back(world, provider)

        assert answer.headers["location"] == "/sign-in"
        assert (await fresh.get("/desk")).status_code == 303

    @pytest.mark.parametrize(
        "twist",
        [
            {"nonce": "of another sign-in"},
            {"aud": "another client"},
            {"iss": "https://another.test"},
            {"exp": 1_700_000_000},
        ],
    )
    async def test_dishonest(
        self, world: World, provider: providers.Provider, twist: dict[str, Any]
    ) -> None:
        """
        A token for another sign-in, client or time, or from another provider, is refused.
        """
        await link(world, provider.issuer, world.clients["investigator"].hex)
        provider.twist = twist

        fresh, answer = await come_back(world, provider)

        assert answer.headers["location"] == "/sign-in"
        assert (await fresh.get("/desk")).status_code == 303

    async def test_signed_by_another(self, world: World, provider: providers.Provider) -> None:
        """
        A token that the provider's key did not sign is refused.
        """
        await link(world, provider.issuer, world.clients["investigator"].hex)
        provider.signing = RSAKey.generate_key(2048, {"kid": "one"})

        _, answer = await come_back(world, provider)

        assert answer.headers["location"] == "/sign-in"

    async def test_state_of_another_browser(
        self, world: World, provider: providers.Provider
    ) -> None:
        """
        An answer with another state, or in a browser that never asked, begins no session.
        """
        await link(world, provider.issuer, world.clients["investigator"].hex)

        _, changed = await come_back(world, provider, state="guessed")
        sent = await browser(world.app).get("/sign-in/provider")
        brought = provider.grant(sent.headers["location"], world.clients["investigator"].hex)
        other = await browser(world.app).get("/sign-in/provider/back", params=brought)

        assert changed.headers["location"] == other.headers["location"] == "/sign-in"

    async def test_not_configured(self, world: World) -> None:
        """
        Without a configured provider there is no such page.
        """
        assert (await browser(world.app).get("/sign-in/provider")).status_code == 404
