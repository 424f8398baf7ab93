"""
The cookies of the pages. All are bound to this host, over TLS, and out of reach of scripts (E16).
"""

from starlette.responses import Response

SESSION = "__Host-assayline-session"
VISIT = "__Host-assayline-visit"
"""What forms are proved with before anybody is signed in."""
DEVICE = "__Host-assayline-device"
"""Says that an account has signed in here before."""
LANGUAGE = "__Host-assayline-language"
LOOK = "__Host-assayline-look"
KEYS = "__Host-assayline-keys"
NOTICE = "__Host-assayline-notice"
STATE = "__Host-assayline-state"
"""Carries a sign-in through the provider."""

YEAR_S = 365 * 24 * 3600


def put(response: Response, name: str, value: str, *, max_age_s: int | None = None) -> None:
    """
    Set a cookie; without an age it goes when the browser is closed.
    """
    response.set_cookie(
        name, value, max_age=max_age_s, path="/", secure=True, httponly=True, samesite="lax"
    )


def drop(response: Response, name: str) -> None:
    """
    Remove a cookie.
    """
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
