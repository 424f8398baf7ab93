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


HOW = {
    How.PASSWORD: N_("Password"),
    How.PASSWORD_AND_CODE: N_("Password and code"),
    How.PROVIDER: N_("Organization's sign-in"),
}
