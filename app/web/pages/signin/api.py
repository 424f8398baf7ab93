"""
Signing in and out, invitations, preferences.
"""

from typing import Annotated

from fastapi import Query, Response

from app.access.signin import service as signin
from app.access.signin.service import Entered, Refusal
from app.kit import secrets
from app.kit.errors import AppError
from app.kit.http import Resources
from app.web import cookies, language, navigation
from app.web.forms import Form
from app.web.language import N_
from app.web.pages.signin import view
from app.web.route import Anybody, pages
from app.web.visit import LOOKS, Visit, local

router = pages()

Next = Annotated[str, Query(max_length=500)]

WHY = {
    Refusal.WRONG: N_("Name, password or code is not right."),
    Refusal.TOO_MANY: N_(
        "Too many tries from here. Wait a quarter of an hour, or use a browser in which you have signed in before."
    ),
    Refusal.CODE_NEEDED: N_("Enter the code your telephone shows now."),
}


@router.get("/", response_model=None)
async def first(visit: Anybody) -> Response:
    """
    Lead to where this person begins.
    """
    return visit.go(navigation.home_of(visit.caller))


@router.get("/sign-in", response_model=None)
async def form(visit: Anybody, next: Next = "/") -> Response:  # noqa: A002 - the query's name
    """
    Show the form.
    """
    if visit.staff is not None:
        return visit.go(next)
    return _form(visit, Form(), next)


@router.post("/sign-in", response_model=None)
async def enter(visit: Anybody) -> Response:
    """
    Sign in.
    """
    given = await visit.form()
    outcome = await signin.enter(
        visit.here.database,
        login=given.text("login"),
        password=given.raw("password")[:1024],
        code=given.text("code"),
        address=visit.request.client.host if visit.request.client else "",
        agent=visit.request.headers.get("user-agent", ""),
        mark=visit.request.cookies.get(cookies.DEVICE),
        mark_key=derived(visit.here, secrets.Purpose.DEVICE_MARK).raw,
        code_key=derived(visit.here, secrets.Purpose.ONE_TIME_CODES),
    )
    if isinstance(outcome, Entered):
        return begun(visit, outcome, given.text("next"))
    wants = outcome.why is Refusal.CODE_NEEDED or bool(given.text("code"))
    name = "code" if outcome.why is Refusal.CODE_NEEDED else ""
    refused = given.wrong([(name, visit.language.say(WHY[outcome.why]))])
    status = 429 if outcome.why is Refusal.TOO_MANY else 422
    return _form(visit, refused, given.text("next"), wants_code=wants, status=status)


@router.post("/sign-out", response_model=None)
async def leave(visit: Anybody) -> Response:
    """
    Sign out: the session ends here, whatever the browser keeps.
    """
    if visit.staff is not None:
        async with visit.writing() as session:
            await signin.end_session(
                session,
                client_id=visit.caller.client_id,
                session_id=visit.person.session_id,
            )
    answer = visit.go("/sign-in", notice="signed-out")
    cookies.drop(answer, cookies.SESSION)
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


@router.get("/invite/{invite}", response_model=None)
async def invited(visit: Anybody, invite: str) -> Response:
    """
    Show the form to choose the first password.
    """
    return await _invite(visit, Form(), invite)


@router.post("/invite/{invite}", response_model=None)
async def take(visit: Anybody, invite: str) -> Response:
    """
    Choose the first password.
    """
    given = await visit.form()
    if given.raw("password") != given.raw("again"):
        wrong = given.wrong([("again", visit.language.say(N_("The two are not the same.")))])
        return await _invite(visit, wrong, invite, status=422)
    try:
        await signin.take_invite(
            visit.here.database, token=invite, password=given.raw("password")[:1024]
        )
    except AppError as error:
        return await _invite(visit, given.refused(error, visit.language.say), invite, status=422)
    return visit.go("/sign-in", notice="password-set")


@router.post("/preferences", response_model=None)
async def prefer(visit: Anybody) -> Response:
    """
    Keep a preference in this browser: language, colours, single keys.
    """
    given = await visit.form()
    answer = visit.go(given.text("next") or "/")
    allowed = {
        "language": (cookies.LANGUAGE, language.CODES),
        "look": (cookies.LOOK, LOOKS),
        "keys": (cookies.KEYS, ("on", "off")),
    }
    for name, (cookie, values) in allowed.items():
        if given.text(name) in values:
            cookies.put(answer, cookie, given.text(name), max_age_s=cookies.YEAR_S)
    return answer


def begun(visit: Visit, outcome: Entered, path: str) -> Response:
    """
    Send a person on who has just signed in, with a new session.
    """
    answer = visit.go(local(path) if path else "/")
    cookies.put(answer, cookies.SESSION, outcome.token)
    cookies.put(answer, cookies.DEVICE, outcome.mark, max_age_s=cookies.YEAR_S)
    cookies.drop(answer, cookies.VISIT)
    return answer


def derived(here: Resources, purpose: secrets.Purpose) -> secrets.Key:
    """
    Return this installation's key for a purpose.
    """
    return secrets.derive(here.settings.secret_key_bytes(), purpose)


def _form(
    visit: Visit, given: Form, path: str, *, wants_code: bool = False, status: int = 200
) -> Response:
    shown = view.SignInView(
        form=given,
        next=local(path),
        wants_code=wants_code,
        provider=visit.here.settings.oidc_issuer is not None,
    )
    return visit.page("signin/signin.html", shown, status=status)


async def _invite(visit: Visit, given: Form, invite: str, *, status: int = 200) -> Response:
    login = await signin.invited(visit.here.database, token=invite)
    shown = view.InviteView(form=given, invite=invite, login=login)
    return visit.page("signin/invite.html", shown, status=status)
