"""
The only place that makes outgoing HTTP.

Every address a name resolves to is vetted at the moment of connecting, and the connection goes to
exactly that address
while TLS still checks the name. Nothing is read from the environment, no redirect is followed, no
answer is
decompressed or kept, and no receiver holds a slot beyond the deadline.
"""

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from ipaddress import ip_address
from ssl import SSLContext, SSLError
from types import TracebackType
from typing import Self

import httpcore
import httpx

from app.webhooks.addresses import acceptable
from app.webhooks.rules import Reply, fault_of_url

MOST_BYTES = 65_536
"""More of an answer is not read; nobody will ever see any of it."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
SocketOption = (
    tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
)

_dialed: ContextVar[list[str]] = ContextVar("dialed")
"""Where this very request connected to; the attempt records it."""


class RefusedAddressError(Exception):
    """
    A name resolves to an address no push may go to.
    """


class VettedBackend(httpcore.AsyncNetworkBackend):
    """
    Connects to public addresses only, and to the very address it vetted.
    """

    def __init__(self, *, allow_loopback: bool, resolve: Resolve | None = None) -> None:
        """
        Use the system's resolver unless another is given.
        """
        self._inner = httpcore.AnyIOBackend()
        self._allow_loopback = allow_loopback
        self._resolve = resolve or _resolve

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """
        Connect.

        It refuses a name as a whole when one of its addresses is not acceptable.

        Raises:
            RefusedAddressError: then; no packet has been sent.
        """
        addresses = list(dict.fromkeys(await self._resolve(host, port)))
        if not addresses:
            raise httpcore.ConnectError("the name has no address")
        for address in addresses:
            if not acceptable(ip_address(address), allow_loopback=self._allow_loopback):
                raise RefusedAddressError
        problem: Exception | None = None
        for address in addresses:
            try:
                stream = await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
            else:
                _dialed.get([]).append(address)
                return stream
        raise problem or httpcore.ConnectError("no address answers")

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - httpcore's interface
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - httpcore's interface
        socket_options: Iterable[SocketOption] | None = None,  # noqa: ARG002 - httpcore's interface
    ) -> httpcore.AsyncNetworkStream:
        """
        Refuse: no push goes to a socket of this machine.
        """
        raise RefusedAddressError

    async def sleep(self, seconds: float) -> None:
        """
        Wait.
        """
        await asyncio.sleep(seconds)


async def _resolve(host: str, port: int) -> Sequence[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as problem:
        raise httpcore.ConnectError("the name does not resolve") from problem
    return [str(place[0]) for *_, place in found]


class _Body(httpx.AsyncByteStream):
    """
    An answer's bytes as they come off the wire.
    """

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._response.aiter_stream():
            yield part

    async def aclose(self) -> None:
        await self._response.aclose()


class VettedTransport(httpx.AsyncBaseTransport):
    """
    Carries httpx requests over the vetted backend.
    """

    def __init__(
        self, backend: httpcore.AsyncNetworkBackend, tls: SSLContext, *, slots: int
    ) -> None:
        """
        Keep no connection alive: each attempt resolves and vets anew (F4).
        """
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=slots,
            max_keepalive_connections=0,
            network_backend=backend,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """
        Send one request, as httpx wants it.
        """
        url = request.url
        response = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """
        Close every connection.
        """
        await self._pool.aclose()


class Outbound:
    """
    Posts one message at a time to wherever an agency wants it, and reports what became of it.
    """

    def __init__(
        self,
        *,
        deadline_s: float,
        allow_loopback: bool,
        slots: int = 64,
        resolve: Resolve | None = None,
        tls: SSLContext | None = None,
    ) -> None:
        """
        Prepare a client; connections are made per message.

        Args:
            deadline_s: for everything together, from resolving the name to the last byte read.
            allow_loopback: in development, this machine may receive.
            slots: how many connections at once.
            resolve: another resolver than the system's.
            tls: other roots of trust than the usual ones.

        """
        backend = VettedBackend(allow_loopback=allow_loopback, resolve=resolve)
        # trust_env off everywhere: HTTP_PROXY would carry every push around the vetting,
        # SSL_CERT_FILE around TLS.
        context = tls or httpx.create_ssl_context(trust_env=False)
        self._client = httpx.AsyncClient(
            transport=VettedTransport(backend, context, slots=slots),
            trust_env=False,
            follow_redirects=False,
            timeout=deadline_s,
            headers={"User-Agent": "Assayline-Webhooks/1", "Accept-Encoding": "identity"},
        )
        self._deadline_s = deadline_s
        self._allow_loopback = allow_loopback

    async def __aenter__(self) -> Self:
        """
        Return itself.
        """
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """
        Close every connection.
        """
        await self._client.aclose()

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Reply:
        """
        Post a body.

        It returns within the deadline, whatever the receiver does, and never raise for it.
        """
        if fault_of_url(url, allow_loopback=self._allow_loopback) is not None:
            return Reply(error="url")
        dialed: list[str] = []
        token = _dialed.set(dialed)
        answer = _Answer()
        error = None
        try:
            # httpx's time-outs are per operation; a receiver that sends a byte a second passes them
            # all.
            async with asyncio.timeout(self._deadline_s):
                await self._exchange(url, headers, body, answer)
        except Exception as problem:  # noqa: BLE001 - whatever a receiver provokes is an outcome, not a failure of ours
            error = _kind_of(problem)
        finally:
            _dialed.reset(token)
        # A status that arrived is the receiver's word; what went wrong behind it is its own affair.
        return Reply(
            status=answer.status,
            error=error,
            retry_after=answer.retry_after,
            date=answer.date,
            address=dialed[-1] if dialed else None,
            response_sha256=answer.hash.digest() if answer.status is not None else None,
        )

    async def _exchange(
        self, url: str, headers: Mapping[str, str], body: bytes, answer: "_Answer"
    ) -> None:
        async with self._client.stream(
            "POST", url, content=body, headers={"Content-Type": "application/json", **headers}
        ) as response:
            answer.status = response.status_code
            answer.retry_after = response.headers.get("retry-after")
            answer.date = response.headers.get("date")
            read = 0
            async for part in response.aiter_raw():
                answer.hash.update(part[: MOST_BYTES - read])
                read += len(part)
                if read >= MOST_BYTES:
                    return


class _Answer:
    """
    What has arrived of an answer so far; it counts even when the rest never comes.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self.retry_after: str | None = None
        self.date: str | None = None
        self.hash = hashlib.sha256()


_KINDS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((RefusedAddressError,), "address"),
    ((TimeoutError, httpcore.TimeoutException, httpx.TimeoutException), "timeout"),
    ((SSLError,), "tls"),
    ((httpcore.ConnectError, httpx.ConnectError), "connect"),
    ((httpcore.ProtocolError, httpx.ProtocolError), "protocol"),
    ((httpcore.NetworkError, httpx.NetworkError, OSError), "network"),
)


def _kind_of(problem: BaseException) -> str:
    # One word, never the library's text: that may quote what the receiver wrote.
    chain: list[BaseException] = []
    link: BaseException | None = problem
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    for kinds, word in _KINDS:
        if any(isinstance(one, kinds) for one in chain):
            return word
    return "other"
