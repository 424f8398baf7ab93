"""
Tells a worker process's figures to Prometheus, where the settings name a port for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from prometheus_client import start_http_server

from app.kit.metrics import REGISTRY
from app.settings import Settings

_log = structlog.get_logger(__name__)


@contextmanager
def telling(settings: Settings, *, beside: int = 0) -> Iterator[None]:
    """
    Answer scrapes while the block runs.

    Args:
        settings: name the port, or none.
        beside: how many ports further: each process of a worker has a registry of its own.
    """
    if settings.metrics_port is None:
        yield
        return
    port = settings.metrics_port + beside
    try:
        server, thread = start_http_server(port, addr=settings.host, registry=REGISTRY)
    except OSError as problem:
        # Figures are no reason to push nothing.
        _log.warning("metrics_port_taken", port=port, error=type(problem).__name__)
        yield
        return
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
