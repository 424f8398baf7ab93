"""
The route class of every page: it finds out who is here, refuses forms that are not ours, and shows errors as pages.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from uuid import uuid4

import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from app.access.rules import Scope
from app.kit import problems
from app.kit.errors import AppError, Invalid, NotFound, Unavailable
from app.web import cookies, crossing, render
from app.web.language import N_
from app.web.visit import NotOurForm, SignInNeeded, Visit, arrive, stranger

_log = structlog.get_logger(__name__)
_SAFE = frozenset({"GET", "HEAD"})
_TOO_LARGE = 413

NOT_OURS = N_(
    "This form was not sent from our page, or the page was open too long. Go back, reload it and send it again."
)
FAILED = N_(
    "Something failed on our side; nothing was stored. Quote the trace when you ask about it."
)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class TooLarge(AppError):
    """
    What you sent is too large. Send less at once.
    """

    status = _TOO_LARGE
    code = "body-too-large"
    title = "Body too large"


class Failed(AppError):
    """
    Something failed on our side; nothing was stored.
    """


class PageRoute(APIRoute):
    """
    A route that answers with a page, whatever happens.
    """

    def get_route_handler(self) -> Handler:
        """
        Wrap FastAPI's own handler.
        """
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            visit = stranger(request)
            try:
                visit = await arrive(request)
                request.state.visit = visit
                if request.method not in _SAFE:
                    await _refuse_foreign(visit)
                answer = await inner(request)
            except SignInNeeded:
                answer = visit.to_sign_in()
            except Exception as error:  # noqa: BLE001 - whatever it is, a person reads a page about it
                answer = _shown(visit, error)
            finally:
                # Uploads lie in temporary files; nothing reads them any more.
                await visit.request.close()
            return finish(visit, answer)

        return handle


def pages() -> APIRouter:
    """
    Make a router for pages. They are no part of the API's description.
    """
    return APIRouter(route_class=PageRoute, include_in_schema=False)


async def anybody(request: Request) -> Visit:
    """
    Return the visit, signed in or not.
    """
    found: Visit = request.state.visit
    return found


def staff_with(*scopes: Scope) -> Callable[[Request], Coroutine[Any, Any, Visit]]:
    """
    Make a dependency that returns the visit of a signed-in person who has one of these scopes.

    Without scopes any signed-in person will do.
    """

    async def check(request: Request) -> Visit:
        found: Visit = request.state.visit
        found.needs(*scopes)
        return found

    return check


Anybody = Annotated[Visit, Depends(anybody)]
SignedIn = Annotated[Visit, Depends(staff_with())]


async def _refuse_foreign(visit: Visit) -> None:
    if not crossing.ours(visit.request.headers):
        raise NotOurForm(NOT_OURS)
    data = await visit.request.form()
    given = data.get(crossing.FIELD)
    if not isinstance(given, str) or not crossing.genuine(visit.secret, given):
        raise NotOurForm(NOT_OURS)


def _shown(visit: Visit, error: Exception) -> Response:
    match error:
        case AppError():
            return visit.failed(error)
        case RequestValidationError():
            return visit.failed(Invalid(errors=problems.field_errors(error.errors())))
        case HTTPException() if error.status_code == _TOO_LARGE:
            return visit.failed(TooLarge())
        case HTTPException():
            return visit.failed(NotFound())
    if problems.passing(error):
        _log.info("database_unavailable", error=type(error).__name__)
        return visit.failed(Unavailable())
    trace = uuid4().hex
    _log.error("unexpected", trace=trace, exc_info=error)
    return visit.failed(Failed(FAILED), trace=trace)


def finish(visit: Visit, answer: Response) -> Response:
    """
    Add what every answer of the pages carries.
    """
    encrypted = visit.here.settings.public_url.startswith("https://")
    if visit.fresh and answer.media_type == "text/html":
        cookies.put(answer, cookies.VISIT, visit.secret)
    return render.secured(answer, encrypted=encrypted)
