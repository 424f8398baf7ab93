"""
One's own account: password, one-time codes, sessions.
"""

from typing import Any

import segno
from fastapi import Response
from markupsafe import Markup

from app.access.signin import service as signin
from app.access.signin.rules import How
from app.kit import ids
from app.kit.errors import AppError, NotFound
from app.kit.secrets import Purpose
from app.web.forms import Form
from app.web.language import N_
from app.web.pages.signin import view
from app.web.pages.signin.api import derived
from app.web.route import SignedIn, pages
from app.web.visit import Visit

router = pages()


@router.get("/account", response_model=None)
async def account(visit: SignedIn) -> Response:
    """
    Show the account.
    """
    return await _account(visit, Form())


@router.post("/account/password", response_model=None)
async def change(visit: SignedIn) -> Response:
    """
    Change the password.
    """
    given = await visit.form()
    if given.raw("password") != given.raw("again"):
        wrong = given.wrong([("again", visit.language.say(N_("The two are not the same.")))])
        return await _account(visit, wrong, status=422)
    try:
        await signin.change_password(
            visit.here.database,
            client_id=visit.caller.client_id,
            session_id=visit.person.session_id,
            present=given.raw("present")[:1024],
            password=given.raw("password")[:1024],
        )
    except AppError as error:
        return await _account(visit, given.refused(error, visit.language.say), status=422)
    return visit.go("/account", notice="password-changed")


@router.post("/account/sessions/{session_id}/end", response_model=None)
async def end(visit: SignedIn, session_id: str) -> Response:
    """
    End one of one's own sessions.
    """
    key = ids.read("ssn", session_id)
    if key is None:
        raise NotFound
    async with visit.writing() as session:
        await signin.end_session(session, client_id=visit.caller.client_id, session_id=key)
    return visit.go("/account", notice="session-ended")


@router.post("/account/sessions/end-others", response_model=None)
async def end_others(visit: SignedIn) -> Response:
    """
    End all other sessions.
    """
    async with visit.writing() as session:
        await signin.end_other_sessions(
            session, client_id=visit.caller.client_id, but=visit.person.session_id
        )
    return visit.go("/account", notice="others-ended")


@router.post("/account/codes", response_model=None)
async def begin_codes(visit: SignedIn) -> Response:
    """
    Make a secret and show it; it is in force only once a code has confirmed it.
    """
    return await _codes(visit, Form())


@router.post("/account/codes/confirm", response_model=None)
async def confirm_codes(visit: SignedIn) -> Response:
    """
    Put the secret in force.
    """
    given = await visit.form()
    try:
        await signin.confirm_codes(
            visit.here.database,
            client_id=visit.caller.client_id,
            code=given.text("code"),
            key=derived(visit.here, Purpose.ONE_TIME_CODES),
        )
    except AppError as error:
        return await _codes(visit, given.refused(error, visit.language.say), status=422)
    return visit.go("/account", notice="codes-on")


@router.post("/account/codes/stop", response_model=None)
async def stop_codes(visit: SignedIn) -> Response:
    """
    Sign in without codes, after proving the password once more.
    """
    given = await visit.form()
    try:
        await signin.stop_codes(
            visit.here.database,
            client_id=visit.caller.client_id,
            password=given.raw("stop_password")[:1024],
        )
    except AppError as error:
        refused = given.refused(error, visit.language.say, {"present": "stop_password"})
        return await _account(visit, refused, status=422)
    return visit.go("/account", notice="codes-off")


async def _account(visit: Visit, given: Form, *, status: int = 200) -> Response:
    async with visit.reading() as session:
        rows = await signin.sessions_of(session, client_id=visit.caller.client_id)
    has_codes = await signin.has_codes(visit.here.database, client_id=visit.caller.client_id)
    shown = view.AccountView(
        form=given,
        login=visit.person.login,
        agency=visit.person.agency_name,
        roles=", ".join(visit.language.say(ROLES[role]) for role in sorted(visit.caller.roles)),
        has_codes=has_codes,
        sessions=tuple(_line(visit, row) for row in rows),
    )
    return visit.page("signin/account.html", shown, status=status)


async def _codes(visit: Visit, given: Form, *, status: int = 200) -> Response:
    secret, address = await signin.begin_codes(
        visit.here.database,
        client_id=visit.caller.client_id,
        key=derived(visit.here, Purpose.ONE_TIME_CODES),
        renew=not given.errors,
    )
    picture = segno.make(address, micro=False, error="m").svg_inline(
        scale=4, border=2, omitsize=True, svgclass=None, lineclass=None
    )
    shown = view.CodesView(form=given, secret=secret, picture=Markup(picture))  # noqa: S704 - drawn here, from our own text
    return visit.page("signin/codes.html", shown, status=status)


def _line(visit: Visit, row: Any) -> view.SessionLine:
    return view.SessionLine(
        id=ids.write("ssn", row["id"]),
        how=visit.language.say(view.HOW[How(row["how"])]),
        agent=view.browser_name(row["agent"]),
        created_at=row["created_at"],
        seen_at=row["seen_at"],
        this=row["id"] == visit.person.session_id,
    )


ROLES = {
    "agent": N_("Agent"),
    "investigator": N_("Investigator"),
    "technician": N_("Technician"),
    "reviewer": N_("Reviewer"),
    "supervisor": N_("Supervisor"),
    "partner": N_("Partner"),
    "operator": N_("Operator"),
}
"""How people say what somebody is to their agency."""
