"""
Where a push may connect to, decided at the moment it connects.
"""

from collections.abc import Sequence

import pytest

from app.webhooks.rules import Reply
from tests.workers.push import receiving, status
from workers.outbound import Outbound, VettedBackend
from workers.outbound import RefusedAddressError as Refused

NOWHERE = "https://hooks.example.org/x"


async def send(url: str, *, allow_loopback: bool = False) -> Reply:
    """
    Post an empty object there.
    """
    async with Outbound(deadline_s=2, allow_loopback=allow_loopback) as outbound:
        return await outbound.post(url, headers={}, body=b"{}")


class TestVetting:
    """
    No packet goes where it must not.
    """

    @pytest.mark.parametrize(
        "addresses",
        [
            ["127.0.0.1"],
            ["93.184.215.14", "127.0.0.1"],
            ["::1"],
            ["169.254.169.254"],
            ["::ffff:127.0.0.1"],
            ["64:ff9b::7f00:1"],
            ["10.0.0.1"],
        ],
        ids=lambda addresses: addresses[-1] + f"-{len(addresses)}",
    )
    async def test_refuses_a_name_with_one_bad_address(self, addresses: list[str]) -> None:
        """
        The whole name, before any connection: a listener on loopback counts none.
        """

        async def resolve(_host: str, _port: int) -> Sequence[str]:
            return addresses

        async with receiving() as trap:
            backend = VettedBackend(allow_loopback=False, resolve=resolve)
            with pytest.raises(Refused):
                await backend.connect_tcp("hooks.example.org", trap.port)
            async with Outbound(deadline_s=2, allow_loopback=False, resolve=resolve) as outbound:
                reply = await outbound.post(NOWHERE, headers={}, body=b"{}")

            assert reply.error == "address"
            assert reply.status is None
            assert trap.connections == 0

    async def test_resolves_anew_for_every_attempt(self) -> None:
        """
        A name that pointed somewhere allowed may not be trusted the second time (F4).
        """
        answers = [["127.0.0.1"], ["169.254.169.254"]]

        async def resolve(_host: str, _port: int) -> Sequence[str]:
            return answers.pop(0)

        async with (
            receiving() as receiver,
            Outbound(deadline_s=2, allow_loopback=True, resolve=resolve) as outbound,
        ):
            url = f"http://localhost:{receiver.port}/x"
            first = await outbound.post(url, headers={}, body=b"{}")
            second = await outbound.post(url, headers={}, body=b"{}")

            assert (first.status, first.address) == (204, "127.0.0.1")
            assert (second.status, second.error) == (None, "address")
            assert receiver.connections == 1

    @pytest.mark.parametrize("variable", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"])
    async def test_asks_no_proxy_of_the_environment(
        self, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        """
        A proxy would connect for us, unvetted (F3).
        """
        async with receiving() as receiver, receiving() as proxy:
            monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv(variable.lower(), f"http://127.0.0.1:{proxy.port}")
            reply = await send(receiver.url, allow_loopback=True)

            assert reply.status == 204
            assert proxy.connections == 0

    async def test_sends_nothing_to_this_machine_outside_development(self) -> None:
        """
        The address is refused by its look already.
        """
        async with receiving() as receiver:
            reply = await send(receiver.url)

            assert reply.error == "url"
            assert receiver.connections == 0


class TestAnswer:
    """
    What is kept of an answer.
    """

    async def test_keeps_a_hash_and_no_text(self) -> None:
        """
        A receiver's words reach neither the reply nor its errors (F5).
        """
        async with receiving(status(500, "X-Canary: canary", body=b"canary")) as receiver:
            reply = await send(receiver.url, allow_loopback=True)

        assert reply.status == 500
        assert reply.response_sha256 is not None
        assert "canary" not in repr(reply)

    async def test_a_closed_port_is_a_word(self) -> None:
        """
        Nobody listens: one word says so.
        """
        async with receiving() as receiver:
            url = receiver.url
        reply = await send(url, allow_loopback=True)

        assert (reply.status, reply.error) == (None, "connect")
