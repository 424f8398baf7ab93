"""
Runs the service: private servers where the settings name none, the API and the worker as children.

```
data folder/
    service.json      where the running service answers, mode 0600; gone when it has stopped
    api.log           what the children had to say, unless they say it on standard error
    worker.log
```
"""

import asyncio
import contextlib
import http.client
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeVar

import structlog

from app import embedded, settings
from app.settings import Settings
from app.supervise import record
from app.supervise.children import (
    Process,
    Program,
    Stopped,
    SuperviseError,
    stopping_on_signals,
    tended,
)

__all__ = [
    "Process",
    "Service",
    "Stopped",
    "SuperviseError",
    "find",
    "is_free",
    "running",
    "stopping_on_signals",
]

find = record.find

_API_STOP_S: Final = 10
_PORT_TRIES: Final = 3
_ANY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognized, not bound

_log = structlog.get_logger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Service:
    """
    A running service. Its database URLs hold passwords, so that none of them shows in a repr.
    """

    url: str
    """
    Where the API answers on this machine.
    """
    database_url: str | None = field(repr=False)
    worker_database_url: str | None = field(repr=False)
    owner_database_url: str | None = field(repr=False)
    redis_url: str | None = field(repr=False)
    data_dir: Path
    api: Process
    worker: Process
    servers: embedded.Servers | None
    """
    The private PostgreSQL and Valkey; None with servers of your own.
    """

    def tend_servers(self) -> None:
        """
        Start a private server again that died. For the main thread; `serve` calls it as it waits.
        """
        for server in (self.servers.postgres, self.servers.valkey) if self.servers else ():
            if server is not None and not server.alive:
                _log.warning("server_died", server=repr(server))
                server.start()


@contextmanager
def running(
    chosen: Settings,
    *,
    port: int | None = None,
    api: bool = True,
    worker: bool = True,
    env: Mapping[str, str] | None = None,
    logs: Literal["files", "stderr"] = "files",
    migrate: bool = False,
) -> Iterator[Service]:
    """
    Run the service until the block ends.

    With servers named in the settings none is started, and their schema is left alone.

    Args:
        chosen: The settings, handed to the children through their environment alone.
        port: Another free one when it is taken; None takes any.
        api: Whether to start the API.
        worker: Whether to start the worker.
        env: Further variables for both children; they win.
        logs: Where the children write: into the data folder, or to standard error.
        migrate: Whether to migrate servers of your own too, as their owner.

    Raises:
        SuperviseError: With the remedy in its message.
        EmbeddedError: If a private server cannot run here.
        SchemaError: If the schema of servers of your own is not the one needed.
        SettingsError: If the settings lack what a child needs.
    """
    with ExitStack() as stack:
        here, servers = _servers(stack, chosen)
        here.secret_key_bytes()
        _prepare_schema(here, migrate=migrate or servers is not None, api=api)
        if logs == "files" or servers is not None:
            here = here.model_copy(update={"data_dir": embedded.places.data_folder(here.data_dir)})
        into = here.data_dir if logs == "files" else None
        at_work = _worker(here, env or {}, into)
        url, at_api = _started_api(here, env or {}, into, port=port, start=api)
        started = [at_api] if api else []
        stack.enter_context(_stopped_after(started))
        if worker:
            at_work.start()
            started.append(at_work)
        stack.enter_context(tended(started))
        if servers is not None:
            stack.enter_context(_recorded(here.data_dir, servers, url if api else None))
        yield Service(
            url=url,
            database_url=here.database_url,
            worker_database_url=here.worker_database_url,
            owner_database_url=here.owner_database_url,
            redis_url=here.redis_url,
            data_dir=here.data_dir,
            api=at_api,
            worker=at_work,
            servers=servers,
        )


def _servers(stack: ExitStack, chosen: Settings) -> tuple[Settings, embedded.Servers | None]:
    if chosen.database_url is not None or chosen.worker_database_url is not None:
        return chosen, None
    explicit = {name: getattr(chosen, name) for name in chosen.model_fields_set}
    servers = stack.enter_context(
        # A doorbell named, or named as none, on purpose is taken as it is.
        embedded.running(chosen.data_dir, valkey="redis_url" not in explicit)
    )
    return settings.load(**servers.as_settings() | explicit), servers


def _prepare_schema(here: Settings, *, migrate: bool, api: bool) -> None:
    # Heavy, and a command that only looks for a running service never needs them.
    from app import migrations  # noqa: PLC0415 - see above
    from app.kit import db  # noqa: PLC0415 - see above

    if migrate:
        owner = here.owner_database_url
        if owner is None:
            raise SuperviseError(
                "migrations run as their own role: set ASSAYLINE_OWNER_DATABASE_URL"
            )
        _elsewhere(lambda: migrations.upgrade(owner))
        return
    url, login = (
        (here.database_url, db.KEY_LOOKUP) if api else (here.worker_database_url, db.WORKER)
    )
    if url is not None:
        _elsewhere(lambda: asyncio.run(migrations.check(url, login)))


def _elsewhere(work: Callable[[], T]) -> T:
    # A loop may run in this thread, and in that case no second one can.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()


def _worker(here: Settings, env: Mapping[str, str], into: Path | None) -> Process:
    return Process(
        Program(
            name="the worker",
            arguments=["workers.main"],
            environment=settings.for_child(
                here, without={"database_url", "owner_database_url"}, also=env
            ),
            log=into / "worker.log" if into else None,
            ready=lambda: None,
            # It may be in the middle of a send, which has a deadline.
            stop_s=here.delivery_deadline_s + 10,
        )
    )


def _started_api(
    here: Settings, env: Mapping[str, str], into: Path | None, *, port: int | None, start: bool
) -> tuple[str, Process]:
    for last in (*[False] * (_PORT_TRIES - 1), True):
        chosen = port if port is not None and is_free(here.host, port) else _free_port(here.host)
        url = _url(_ANY_ADDRESS.get(here.host, here.host), chosen)
        process = _api(here, env, into, port=chosen, url=url)
        if not start:
            return url, process
        try:
            process.start()
        except SuperviseError:
            process.stop()
            # Free a moment ago, and taken now: only then is another try worth anything.
            if last or is_free(here.host, chosen):
                raise
        except BaseException:
            process.stop()
            raise
        else:
            return url, process
    raise AssertionError  # the last try either returned or raised


def _api(
    here: Settings, env: Mapping[str, str], into: Path | None, *, port: int, url: str
) -> Process:
    arguments = ["uvicorn", "app.main:create_app", "--factory", "--host", here.host]
    arguments += ["--port", str(port), "--no-access-log", "--log-level", "warning"]
    arguments += ["--no-server-header", "--timeout-graceful-shutdown", str(_API_STOP_S)]
    public = {} if "public_url" in here.model_fields_set else {"ASSAYLINE_PUBLIC_URL": url}
    return Process(
        Program(
            name="the API",
            arguments=arguments,
            environment=settings.for_child(
                here,
                without={"worker_database_url", "owner_database_url"},
                also={**public, **env},
            ),
            log=into / "api.log" if into else None,
            ready=lambda: _not_ready(_ANY_ADDRESS.get(here.host, here.host), port),
            stop_s=_API_STOP_S + 5,
        )
    )


@contextmanager
def _stopped_after(started: list[Process]) -> Iterator[None]:
    # Covers the time before `tended`: a worker that fails to start must not leave the API behind.
    try:
        yield
    finally:
        for process in started:
            process.stop()


def _recorded(
    data_dir: Path, servers: embedded.Servers, url: str | None
) -> contextlib.AbstractContextManager[None]:
    return record.written(
        data_dir,
        url=url,
        database_url=servers.database_url,
        worker_database_url=servers.worker_database_url,
        owner_database_url=servers.owner_database_url,
        redis_url=servers.redis_url,
    )


def _not_ready(host: str, port: int) -> str | None:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        if answer.status == http.HTTPStatus.OK:
            return None
        return str(json.loads(answer.read()).get("detail", answer.status))
    except (OSError, http.client.HTTPException, ValueError) as problem:
        return f"nothing answers on {host}:{port} ({type(problem).__name__})"
    finally:
        connection.close()


def is_free(host: str, port: int) -> bool:
    """
    Whether this process could listen there now.
    """
    with _listener(host) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _free_port(host: str) -> int:
    with _listener(host) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _listener(host: str) -> socket.socket:
    probe = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    # As the server itself does: connections of the run before must not keep the port.
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return probe


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
