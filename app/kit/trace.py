"""
One trace id per request, in every log line and every problem of that request.

It is the caller's, from ``traceparent`` (W3C), or made here.
"""

import re
import time
from uuid import uuid4

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.kit import metrics

_log = structlog.get_logger(__name__)

_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_NOTHING = "0" * 32
_QUIET = frozenset({"livez", "readyz", "metrics"})
"""Asked every few seconds by machines: counted, not logged."""

_FAILED = 500


def current() -> str:
    """
    Return the trace id of the request under way; a new one outside of any.
    """
    return str(structlog.contextvars.get_contextvars().get("trace") or uuid4().hex)


def _given(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"traceparent" and (found := _TRACEPARENT.fullmatch(value)):
            trace = found[1].decode()
            return trace if trace != _NOTHING else None
    return None


class Traced:
    """
    Gives each request its trace id, measures it, and logs one line when it has been answered.
    """

    def __init__(self, app: ASGIApp) -> None:
        """
        Wrap the application.
        """
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Pass everything on, and keep what became of it.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = _FAILED

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        begun = time.perf_counter()
        with structlog.contextvars.bound_contextvars(
            trace=_given(scope) or uuid4().hex, client=None
        ):
            try:
                await self._app(scope, receive, noting)
            finally:
                took = time.perf_counter() - begun
                # The operation, never the path: it holds ids, and whatever a stranger types.
                operation = getattr(scope.get("route"), "name", None) or "none"
                metrics.REQUEST_SECONDS.labels(operation, str(status)).observe(took)
                if operation not in _QUIET:
                    _log.info(
                        "answered",
                        operation=operation,
                        status=status,
                        took_ms=round(took * 1000, 1),
                    )
