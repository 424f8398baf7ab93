"""
One request for a page: who is here, in which language, and the ways to answer.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from app.access.rules import Scope
from app.access.service import Caller
from app.access.signin import service as signin
from app.access.signin import tokens
from app.access.signin.service import Staff
from app.kit.db import Session
from app.kit.errors import AppError, Forbidden
from app.kit.http import Resources, practice_now, resources_of
from app.web import cookies, crossing, forms, language, navigation, notices, render
from app.web.forms import Form
from app.web.language import N_, Language

LOOKS = ("auto", "light", "dark")
TITLES = {
    403: N_("Not allowed"),
    404: N_("Not found"),
    409: N_("Somebody was faster"),
    412: N_("Somebody was faster"),
    413: N_("Too large"),
    422: N_("Please correct this"),
    503: N_("Try again in a moment"),
}
WORDS = {
    403: N_("Your role does not allow this."),
    404: N_("There is no such page, or it is not yours to see."),
    413: N_("What you sent is too large. Send less at once."),
    503: N_("The service cannot do this now. Nothing was lost: try again."),
}


class SignInNeeded(Exception):
    """
    Nobody is signed in, and the page is for staff.
    """


class NotOurForm(Forbidden):
    """
    This form was not sent from our page.
    """


@dataclass(frozen=True, slots=True)
class Visit:
    """
    Everything a handler knows about the request and its sender.
    """

    request: Request
    here: Resources
    language: Language
    look: str
    keys: bool
    """Whether single keys do something; whoever finds that in the way turns it off."""
    staff: Staff | None
    secret: str
    """What forms are proved with: the session's token, or a random one before signing in."""
    fresh: bool
    """Whether the secret was made just now, and the browser has to be told."""

    @property
    def caller(self) -> Caller:
        """
        The signed-in person, as every service takes a caller.

        Raises:
            SignInNeeded: when nobody is signed in.

        """
        return self.person.caller

    @property
    def person(self) -> Staff:
        """
        The signed-in person with the session.

        Raises:
            SignInNeeded: when nobody is signed in.

        """
        if self.staff is None:
            raise SignInNeeded
        return self.staff

    def needs(self, *scopes: Scope) -> None:
        """
        Refuse unless the person has one of these scopes; without any, anybody who is signed in may.

        Raises:
            Forbidden: when no role allows it.

        """
        mine = self.caller.scopes
        if scopes and not mine & set(scopes):
            raise Forbidden

    def reading(self) -> AbstractAsyncContextManager[Session]:
        """
        Open a read-only transaction in the person's name.
        """
        return self.here.database.reading(self.caller.context, now=practice_now(self.request))

    def writing(self) -> AbstractAsyncContextManager[Session]:
        """
        Open a transaction in the person's name: committed when the block ends well, undone when it raises.
        """
        return self.here.database.transaction(self.caller.context, now=practice_now(self.request))

    async def form(self) -> Form:
        """
        Return the form that was sent. That it is ours was checked before the handler was called.
        """
        return forms.read(await self.request.form())

    def page(self, template: str, view: Any, *, status: int = 200) -> Response:
        """
        Show a view model, a frozen dataclass, in its template.
        """
        notice = notices.NOTICES.get(self.request.cookies.get(cookies.NOTICE, ""))
        frame = {
            "visit": self,
            "staff": self.staff,
            "places": navigation.places_for(self.staff.caller) if self.staff else (),
            "path": self.request.url.path,
            "here_url": self.request.url.path
            + (f"?{self.request.url.query}" if self.request.url.query else ""),
            "token": crossing.token(self.secret),
            "notice": notice,
        }
        answer = render.page(
            self.request,
            template,
            {**frame, **render.fields(view)},
            code=self.language.code,
            zone=self.language.zone,
            status=status,
        )
        if cookies.NOTICE in self.request.cookies:
            cookies.drop(answer, cookies.NOTICE)
        return answer

    def go(self, path: str, *, notice: str | None = None) -> Response:
        """
        Send the browser on after an action, so that reloading does not repeat it.
        """
        answer = RedirectResponse(local(path), status_code=303)
        if notice is not None:
            assert notice in notices.NOTICES
            cookies.put(answer, cookies.NOTICE, notice, max_age_s=60)
        return answer

    def to_sign_in(self) -> Response:
        """
        Ask to sign in, and come back here afterwards.
        """
        path = self.request.url.path
        query = f"?{self.request.url.query}" if self.request.url.query else ""
        wanted = path + query if self.request.method == "GET" else "/"
        return self.go(f"/sign-in?next={quote(wanted, safe='/')}")

    def failed(self, error: AppError, *, trace: str | None = None) -> Response:
        """
        Show what went wrong and what to do about it.
        """
        say = self.language.say
        title = TITLES.get(error.status, N_("Something failed on our side"))
        words = [say(WORDS[error.status])] if error.status in WORDS else [say(error.detail)]
        if isinstance(error, NotOurForm):
            words = [say(error.detail)]
        words += [f"{one.field}: {say(one.message)}; {say(one.remedy)}" for one in error.errors]
        view = ErrorView(title=say(title), words=tuple(words), trace=trace)
        return self.page("error.html", view, status=error.status)


@dataclass(frozen=True, slots=True)
class ErrorView:
    """
    What the error page shows.
    """

    title: str
    words: tuple[str, ...]
    trace: str | None


def local(path: str) -> str:
    """
    Return a path on this host; anything that leads elsewhere becomes the first page.
    """
    parts = urlsplit(path)
    strange = any(ord(one) <= 32 or one == "\\" for one in path)  # noqa: PLR2004 - control characters and blanks
    if parts.scheme or parts.netloc or not path.startswith("/") or path.startswith("//") or strange:
        return "/"
    return path


async def arrive(request: Request) -> Visit:
    """
    Find out who is here.
    """
    nobody = stranger(request)
    token = request.cookies.get(cookies.SESSION)
    if token is None:
        return nobody
    idle = timedelta(seconds=nobody.here.settings.session_idle_s)
    staff = await signin.identify(nobody.here.database, token, idle=idle)
    if staff is None:
        return nobody
    return replace(nobody, staff=staff, secret=token, fresh=False)


def stranger(request: Request) -> Visit:
    """
    Return a visit of somebody who is not signed in.
    """
    here = resources_of(request)
    chosen = request.cookies.get(cookies.LANGUAGE)
    code = language.choose(chosen, request.headers.get("accept-language", ""))
    look = request.cookies.get(cookies.LOOK, LOOKS[0])
    secret = request.cookies.get(cookies.VISIT)
    return Visit(
        request=request,
        here=here,
        language=language.language(code, ZoneInfo(here.settings.time_zone)),
        look=look if look in LOOKS else LOOKS[0],
        keys=request.cookies.get(cookies.KEYS) != "off",
        staff=None,
        secret=secret or tokens.make(),
        fresh=secret is None,
    )
