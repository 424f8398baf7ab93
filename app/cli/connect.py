"""
How commands find what they talk to: a database for the operator, a service for everybody else.

Both are looked for in the same order: what an option or the environment names; the service that
runs on the data folder; and, for the database alone, private servers for the length of the command.
"""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from app.cli.output import CANNOT, NO, CliError

if TYPE_CHECKING:
    import httpx

    from app.kit import db
    from app.settings import Settings

_UNAUTHENTICATED = 401

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="The service; by default ASSAYLINE_PUBLIC_URL, or the one that runs here.",
        show_default=False,
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        help="The API key; better as ASSAYLINE_API_KEY, since arguments show in process lists.",
        show_default=False,
    ),
]


@asynccontextmanager
async def open_database(url: str | None = None) -> AsyncIterator["db.Database"]:
    """
    Open the database, as the API's login, and close it afterwards.

    Raises:
        CliError: If a production process names none.
        EmbeddedError: If no private server can run.
    """
    from app import settings, supervise  # noqa: PLC0415 - heavy, and not for every command

    here = settings.load("client")
    url = url or here.database_url
    found = None if url else supervise.find(here.data_dir)
    if url is None and found is not None:
        url = found.database_url
    if url is not None:
        async with _opened(url) as database:
            yield database
        return
    if here.profile == "production":
        raise CliError("production starts no database of its own: set ASSAYLINE_DATABASE_URL")
    from app import embedded, migrations  # noqa: PLC0415 - heavy, and not for every command
    from app.kit import logs  # noqa: PLC0415 - heavy, and not for every command

    logs.configure(level="WARNING")
    with embedded.running(here.data_dir, valkey=False) as servers:
        await asyncio.to_thread(migrations.upgrade, servers.owner_database_url)
        async with _opened(servers.database_url) as database:
            yield database


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator["db.Database"]:
    from app.kit import db  # noqa: PLC0415 - heavy, and not for every command

    database = db.connect(url, pool_size=1, overflow=0, application="assayline-cli")
    try:
        yield database
    finally:
        await database.dispose()


class Api:
    """
    A service, called as any client calls it.
    """

    def __init__(self, client: "httpx.Client") -> None:
        """
        Keep the client, which knows the address and the key.
        """
        self._client = client

    @property
    def url(self) -> str:
        """
        The address.
        """
        return str(self._client.base_url).rstrip("/")

    def get(self, path: str, **more: Any) -> "httpx.Response":
        """
        Read something.

        Raises:
            CliError: If it cannot be reached, or says no.
        """
        return self.ask("GET", path, **more)

    def ask(self, method: str, path: str, **more: Any) -> "httpx.Response":
        """
        Send one request.

        Raises:
            CliError: If it cannot be reached, or says no.
        """
        import httpx  # noqa: PLC0415 - heavy, and not for every command

        try:
            answer = self._client.request(method, path, **more)
        except httpx.TransportError as problem:
            raise Unreachable(self.url, problem) from problem
        if answer.is_error:
            raise refusal(answer, self.url)
        return answer


class Unreachable(CliError):
    """
    Nothing answers at the service's address.
    """

    def __init__(self, url: str, problem: Exception) -> None:
        """
        Say where, and what to do.
        """
        why = str(problem) or type(problem).__name__
        super().__init__(
            f"no service answers at {url} ({why}): start one with `assayline serve`,"
            " or name another with --url or ASSAYLINE_PUBLIC_URL"
        )


def refusal(answer: "httpx.Response", url: str) -> CliError:
    """
    Turn an answer that says no into the sentence to be shown.
    """
    try:
        problem = answer.json()
        said = str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        return CliError(f"{url} answered {answer.status_code}: is that an Assayline service?")
    fields = "".join(
        f" {one.get('field')}: {one.get('message')}; {one.get('remedy')}."
        for one in problem.get("errors", ())
    )
    if answer.status_code == _UNAUTHENTICATED:
        said = "the API key is unknown, expired or revoked: an operator makes one with `assayline admin key create`"
    remedies = {
        403: " Use the key of a client whose roles allow it; `assayline admin client list` shows them.",
    }
    code = CANNOT if answer.status_code >= 500 else NO  # noqa: PLR2004 - the server's own failures
    return CliError(said + fields + remedies.get(answer.status_code, ""), code=code)


@contextmanager
def open_service(url: str | None, key: str | None) -> Iterator[Api]:
    """
    Open the service with this address and key, or those of the settings, or the one that runs here.

    Raises:
        CliError: If there is no key, or the address is none.
    """
    import httpx  # noqa: PLC0415 - heavy, and not for every command

    from app import settings  # noqa: PLC0415 - heavy, and not for every command

    given = {name: value for name, value in (("public_url", url), ("api_key", key)) if value}
    here = settings.load("client", **given)
    if here.api_key is None:
        raise CliError(
            "no API key: set ASSAYLINE_API_KEY; an operator makes one with"
            " `assayline admin key create CLIENT`"
        )
    where = _address(here)
    parts = urlsplit(where)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise CliError(f"{where} is no address of a service: it begins with http:// or https://")
    near = is_loopback(parts.hostname)
    if parts.scheme == "http" and not near:
        typer.echo("warning: http shows the key to everybody on the way; use https", err=True)
    client = httpx.Client(
        base_url=where,
        headers={"Authorization": f"Bearer {here.api_key.get_secret_value().strip()}"},
        timeout=httpx.Timeout(30, connect=5),
        # No proxy stands between this machine and itself, whatever the environment says.
        trust_env=not near,
    )
    with client:
        yield Api(client)


def _address(here: "Settings") -> str:
    if "public_url" in here.model_fields_set:
        return here.public_url
    from app import supervise  # noqa: PLC0415 - only when nothing names an address

    found = supervise.find(here.data_dir)
    return (found.url if found else None) or here.public_url


def is_loopback(host: str) -> bool:
    """
    Say whether a host is this machine itself.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
