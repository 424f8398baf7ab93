"""
Signing in and out, sessions, passwords, second factors, invitations.
"""

from app.access.signin.service.accounts import (
    change_password,
    invite,
    invited,
    link_provider,
    login_of,
    prove,
    prove_to_sign,
    set_password,
    take_invite,
)
from app.access.signin.service.enter import Entered, Refusal, Refused, enter, enter_by_provider
from app.access.signin.service.factor import begin_codes, confirm_codes, has_codes, stop_codes
from app.access.signin.service.sessions import (
    Staff,
    end_other_sessions,
    end_session,
    identify,
    sessions_of,
)

__all__ = [
    "Entered",
    "Refusal",
    "Refused",
    "Staff",
    "begin_codes",
    "change_password",
    "confirm_codes",
    "end_other_sessions",
    "end_session",
    "enter",
    "enter_by_provider",
    "has_codes",
    "identify",
    "invite",
    "invited",
    "link_provider",
    "login_of",
    "prove",
    "prove_to_sign",
    "sessions_of",
    "set_password",
    "stop_codes",
    "take_invite",
]
