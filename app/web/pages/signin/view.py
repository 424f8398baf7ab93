"""
What the pages of sign-in and account show.
"""

from dataclasses import dataclass
from datetime import datetime

from app.access.signin.rules import How
from app.web.forms import Form
from app.web.language import N_


@dataclass(frozen=True, slots=True)
class SignInView:
    """
    The form to sign in.
    """

    form: Form
    next: str
    wants_code: bool
    provider: bool


@dataclass(frozen=True, slots=True)
class InviteView:
    """
    The form to choose the first password.
    """

    form: Form
    invite: str
    login: str


@dataclass(frozen=True, slots=True)
class SessionLine:
    """
    One open session.
    """

    id: str
    how: str
    agent: str
    created_at: datetime
    seen_at: datetime
    this: bool


@dataclass(frozen=True, slots=True)
class AccountView:
    """
    One's own account.
    """

    form: Form
    login: str
    agency: str
    roles: str
    has_codes: bool
    sessions: tuple[SessionLine, ...]


@dataclass(frozen=True, slots=True)
class CodesView:
    """
    A new secret, to be read by a telephone.
    """

    form: Form
    secret: str
    picture: str


_BROWSERS = (
    ("Edg/", "Edge"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_DEVICES = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def browser_name(agent: str) -> str:
    """
    Return a browser's name and device as people know them, or what it says about itself.
    """
    named = [
        next((name for mark, name in known if mark in agent), "") for known in (_BROWSERS, _DEVICES)
    ]
    return ", ".join(part for part in named if part) or agent


HOW = {
    How.PASSWORD: N_("Password"),
    How.PASSWORD_AND_CODE: N_("Password and code"),
    How.PROVIDER: N_("Organization's sign-in"),
}
