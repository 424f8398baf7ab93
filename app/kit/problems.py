"""
Every error leaves as problem+json (RFC 9457), the framework's own included; none shows the inside.
"""

import re
from collections.abc import Sequence
from typing import Any

import structlog
from asyncpg import exceptions as pg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.kit import metrics
from app.kit.errors import AppError, FieldError, Unavailable
from app.kit.trace import current

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:assayline:problem:"

_log = structlog.get_logger(__name__)

_TITLES = {400: "Bad request", 404: "Not found", 405: "Method not allowed", 413: "Body too large"}

_UNREADABLE = 400
_NOT_ALLOWED = 405
_TOO_LARGE = 413
_DENIED = {401: "no_key", 403: "forbidden"}

_REMEDIES = {
    "missing": "add this field",
    "extra_forbidden": "leave this field out, or check its spelling",
    "enum": "use one of the listed values",
    "literal_error": "use one of the listed values",
    "json_invalid": "send valid JSON in UTF-8",
    "string_too_long": "shorten the text",
    "too_long": "send fewer items",
    "greater_than_equal": "send a larger number",
    "timezone_aware": "add the time zone, such as Z or +02:00",
}

_PASSING = (
    pg.CannotConnectNowError,
    pg.TooManyConnectionsError,
    pg.DiskFullError,
    pg.LockNotAvailableError,
    pg.QueryCanceledError,
    pg.ReadOnlySQLTransactionError,  # after a fail-over, until the way leads to the new server
    pg.SerializationError,
    pg.DeadlockDetectedError,
    pg.AdminShutdownError,
    pg.CrashShutdownError,
    pg.PostgresConnectionError,
    pg.InterfaceError,
    OSError,
)
"""What PostgreSQL or the way to it says when the same request may succeed a moment later."""


class FieldProblem(BaseModel):
    """
    One field that is wrong, and what to do about it.
    """

    field: str
    message: str
    remedy: str


class Problem(BaseModel):
    """
    What went wrong (RFC 9457), which fields, and the remedy.
    """

    type: str
    title: str
    status: int
    detail: str
    trace: str
    errors: list[FieldProblem]


def answer(
    status: int,
    code: str,
    title: str,
    detail: str,
    errors: Sequence[FieldError] = (),
    extra: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    trace: str | None = None,
) -> JSONResponse:
    """
    Build one problem+json answer.
    """
    body = {
        "type": TYPE + code,
        "title": title,
        "status": status,
        "detail": detail,
        "trace": trace or current(),
        "errors": [error.as_json() for error in errors],
        **(extra or {}),
    }
    return JSONResponse(body, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def describe(error: AppError) -> dict[str, Any]:
    """
    Return an error's parts for a line of a batch answer.
    """
    return {
        "type": TYPE + error.code,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "errors": [field.as_json() for field in error.errors],
        **error.extra,
    }


def field_errors(errors: Sequence[Any]) -> list[FieldError]:
    """
    Turn Pydantic's errors into field, message and remedy.
    """
    found = []
    for error in errors:
        place = [
            str(part) for part in error["loc"] if part not in {"body", "query", "path", "header"}
        ]
        kind = str(error["type"])
        remedy = _REMEDIES.get(kind, "correct this value")
        if kind == "value_error" and "; " in error["msg"]:
            remedy = str(error["msg"]).split("; ", 1)[1]
        found.append(FieldError(".".join(place) or "body", str(error["msg"]), remedy))
    return found


def passing(error: BaseException) -> bool:
    """
    Say whether this failure of the database is one that passes.
    """
    # The connection died in one statement, and another was tried on it: the same misfortune, one step later.
    if isinstance(error, PoolTimeoutError | PendingRollbackError | OSError):
        return True
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _PASSING):
            return True
        cause = getattr(cause, "orig", None) or cause.__cause__
    return isinstance(error, DBAPIError) and error.connection_invalidated


async def _app_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, AppError):
        raise error
    if error.status in _DENIED:
        # Whom and what: the line that says so is the request's own (``answered``), with its client and operation.
        metrics.DENIALS.labels(_DENIED[error.status]).inc()
    if error.status == Unavailable.status:
        metrics.UNAVAILABLE.inc()
    return answer(
        error.status,
        error.code,
        error.title,
        error.detail,
        error.errors,
        error.extra,
        error.headers,
    )


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    return await _invalid_fields(field_errors(error.errors()))


def _allowed(request: Request) -> str:
    # The framework asks only the first route of a path what it allows; here the document says it, and of the templates
    # that fit the one with the most letters of its own: ``/webhooks/{id}:test`` is no ``/webhooks/{id}``.
    fitting = [
        (len(re.sub(r"\{.*?\}", "", template)), methods)
        for template, methods in request.scope["app"].openapi()["paths"].items()
        if re.fullmatch(re.sub(r"\\\{.*?\\\}", "[^/]+", re.escape(template)), request.url.path)
    ]
    _, best = max(fitting, key=lambda one: one[0], default=(0, {}))
    return ", ".join(sorted(method.upper() for method in best))


async def _invalid_fields(fields: Sequence[FieldError]) -> JSONResponse:
    return answer(
        422,
        "invalid",
        "Invalid content",
        "Some fields cannot be accepted; nothing was stored.",
        fields,
    )


async def _http(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == _UNREADABLE:
        # The framework's word for a body that is no text at all; to a caller it is no other mistake than no JSON.
        remedy = _REMEDIES["json_invalid"]
        return await _invalid_fields([FieldError("body", "is no JSON in UTF-8", remedy)])
    title = _TITLES.get(error.status_code, "Error")
    headers = dict(error.headers) if error.headers else None
    if error.status_code == _NOT_ALLOWED:
        documented = _allowed(request)
        headers = {**(headers or {}), **({"Allow": documented} if documented else {})}
    code = title.lower().replace(" ", "-")
    detail = {404: "There is no such thing here.", 413: "The body is too large; send less at once."}
    return answer(
        error.status_code,
        code,
        title,
        detail.get(error.status_code, str(error.detail)),
        headers=headers,
    )


async def _database(_: Request, error: Exception) -> JSONResponse:
    if _unstorable(error):
        remedy = "leave out NUL and what else is no character"
        return await _invalid_fields([FieldError("body", "holds what is no text", remedy)])
    if not passing(error):
        return await _unexpected(_, error)
    _log.info("database_unavailable", error=type(error).__name__)
    trouble = Unavailable()
    metrics.UNAVAILABLE.inc()
    return answer(
        trouble.status, trouble.code, trouble.title, trouble.detail, headers=trouble.headers
    )


def _unstorable(error: BaseException) -> bool:
    # PostgreSQL has no NUL in a text. Bodies are refused for it before; this is for what stands in a path.
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, pg.CharacterNotInRepertoireError | pg.UntranslatableCharacterError):
            return True
        cause = getattr(cause, "orig", None) or cause.__cause__
    return False


async def _unexpected(_: Request, error: Exception) -> JSONResponse:
    trace = current()
    _log.error("unexpected", trace=trace, exc_info=error)
    detail = (
        "Something failed on our side; nothing was stored. Quote the trace when you ask about it."
    )
    return answer(500, "error", "Error", detail, trace=trace)


class PlainRefusals:
    """
    Turns the framework's own refusal of a large body, which is plain text, into a problem like any other (E13, I1).
    """

    def __init__(self, app: ASGIApp) -> None:
        """
        Wrap the application.
        """
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Pass everything on but that.
        """
        replaced = False

        async def with_problem(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and message["status"] == _TOO_LARGE:
                headers = dict(message["headers"])
                replaced = not headers.get(b"content-type", b"").startswith(MEDIA_TYPE.encode())
                if replaced:
                    title = _TITLES[_TOO_LARGE]
                    detail = "The body is too large; send less at once."
                    code = title.lower().replace(" ", "-")
                    await answer(_TOO_LARGE, code, title, detail)(scope, receive, send)
            if not replaced:
                await send(message)

        await self._app(scope, receive, with_problem if scope["type"] == "http" else send)


def install(app: FastAPI) -> None:
    """
    Register the handlers.
    """
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(pg.PostgresError, _database)
    app.add_exception_handler(pg.InterfaceError, _database)
    app.add_exception_handler(PoolTimeoutError, _database)
    app.add_exception_handler(PendingRollbackError, _database)
    app.add_exception_handler(OSError, _database)
    app.add_exception_handler(Exception, _unexpected)
