"""
Turning a view model into an answer: the template in the reader's language, compressed, with the headers of E16.
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from dataclasses import fields as dataclass_fields
from datetime import tzinfo
from functools import cache
from typing import Any

from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from app.web import assets
from app.web.language import Language, language

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Nothing inline, nothing from elsewhere. ``blob:`` shows a photograph before it is sent."""

_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language, Cookie, Accept-Encoding",
}
_HSTS = "max-age=31536000; includeSubDomains"
_WORTH_PACKING = 1024


@dataclass(frozen=True, slots=True)
class Bar:
    """
    One bar of a picture: a share of the whole width, with its words beside it.
    """

    label: str
    share: float
    value: str
    tone: str = "plain"


@cache
def environment(code: str, zone: tzinfo) -> Environment:
    """
    Return the templates in one language: everything is escaped, and an unknown name is an error.
    """
    here: Language = language(code, zone)
    env = Environment(
        loader=PackageLoader("app.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    env.install_gettext_translations(here.translations, newstyle=True)  # type: ignore[attr-defined]  # by the extension
    env.globals |= {"asset": assets.url, "language": here}
    env.filters |= {
        "day": here.day,
        "instant": here.instant,
        "span": here.span,
        "number": here.number,
        "percent": here.percent,
        "say": here.say,
    }
    return env


def page(
    request: Request,
    template: str,
    values: Mapping[str, Any],
    *,
    code: str,
    zone: tzinfo,
    status: int,
) -> Response:
    """
    Render a template.
    """
    text = environment(code, zone).get_template(template).render(values)
    body = text.encode()
    headers = {"Content-Language": code}
    if len(body) > _WORTH_PACKING and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, compresslevel=6, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, status_code=status, media_type="text/html", headers=headers)


def secured(response: Response, *, encrypted: bool) -> Response:
    """
    Add the headers every page has.
    """
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if encrypted:
        response.headers.setdefault("Strict-Transport-Security", _HSTS)
    return response


def fields(view: Any) -> dict[str, Any]:
    """
    Return a view model's fields by name, without turning what is inside into dictionaries.
    """
    if not is_dataclass(view):
        message = f"{type(view).__name__} is no view model"
        raise TypeError(message)
    return {one.name: getattr(view, one.name) for one in dataclass_fields(view)}
