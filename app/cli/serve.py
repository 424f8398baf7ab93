"""
``assayline serve`` and ``assayline work``: the service, up until it is told to stop.
"""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.output import CliError, say

if TYPE_CHECKING:
    from app.settings import Settings
    from app.supervise import Service

_LOOK_S = 0.5


def serve(
    host: Annotated[
        str | None, typer.Option(help="Where to listen.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Where to listen.", min=1, max=65_535, show_default="8000")
    ] = None,
    api_only: Annotated[bool, typer.Option("--api-only", help="Leave the worker out.")] = False,
    worker_only: Annotated[bool, typer.Option("--worker-only", help="Leave the API out.")] = False,
) -> None:
    """
    Run the API and the worker until told to stop.

    With ASSAYLINE_DATABASE_URL it serves that database, migrated before by `assayline migrate`, and
    the worker runs where ASSAYLINE_WORKER_DATABASE_URL is set too. Without, it brings a private
    PostgreSQL and Valkey, in ASSAYLINE_DATA_DIR or ./.assayline, and migrates.

    SIGTERM and Ctrl-C stop everything in order.
    """
    if api_only and worker_only:
        raise CliError("choose one: --api-only or --worker-only")
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    _run(given, api=not worker_only, worker=not api_only)


def work() -> None:
    """
    Run the worker alone until told to stop.

    The same as `serve --worker-only`.
    """
    _run({}, api=False, worker=True)


def _run(given: dict[str, Any], *, api: bool, worker: bool) -> None:
    from app import settings, supervise  # noqa: PLC0415 - heavy, and not for every command
    from app.kit import logs  # noqa: PLC0415 - heavy, and not for every command

    here = settings.load("api" if api else "worker", **given)
    logs.configure()
    own = here.database_url is not None or here.worker_database_url is not None
    if own and not api and here.worker_database_url is None:
        raise CliError("the worker has a login of its own: set ASSAYLINE_WORKER_DATABASE_URL")
    if own and api and here.database_url is None:
        raise CliError("the API has a login of its own: set ASSAYLINE_DATABASE_URL")
    worker = worker and (not own or here.worker_database_url is not None)
    chosen_port = "port" in here.model_fields_set
    if api and chosen_port and not supervise.is_free(here.host, here.port):
        raise CliError(
            f"port {here.port} on {here.host} is taken: stop what listens there, or choose another"
            " with --port"
        )
    with (
        supervise.stopping_on_signals(),
        supervise.running(here, port=here.port, api=api, worker=worker, logs="stderr") as service,
    ):
        _announce(here, service, api=api, worker=worker)
        while True:
            time.sleep(_LOOK_S)
            service.tend_servers()


def _announce(here: "Settings", service: "Service", *, api: bool, worker: bool) -> None:
    private = service.servers is not None
    lines = []
    if api:
        taken = not service.url.endswith(f":{here.port}")
        note = f"   (port {here.port} was taken)" if taken else ""
        lines += [f"Assayline serves at {service.url}{note}"]
        lines += [f"  description   {service.url}/v1/openapi.json"]
    else:
        lines += ["The worker is at work."]
    if private:
        lines += [f"  data folder   {service.data_dir}   (private PostgreSQL"]
        lines[-1] += (
            " and Valkey)" if service.redis_url else "; no doorbell, the sweep works alone)"
        )
    else:
        lines += ["  database      the one the settings name"]
    if api and not worker:
        lines += ["  worker        none here: run one with `assayline work`, or nothing is pushed"]
    if api and private:
        lines += [
            "",
            "The first keys are made in another terminal, in this folder:",
            '  assayline admin agency create "Our laboratory" --kind laboratory',
            '  assayline admin agency create "Our agency" --kind submitting',
            '  assayline admin client create "Our agency" "Front desk" --role agent --system',
            '  assayline admin key create "Front desk"',
        ]
    lines += ["", "Ctrl-C stops it."]
    say("\n".join(lines))
