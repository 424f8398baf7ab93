"""
What endpoints are given: the resources of this process, and an open transaction that commits before the answer leaves.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Header, Query, Request, Response

from app.kit.db import Database
from app.kit.errors import FieldError, Invalid, PreconditionRequired, Stale
from app.kit.problems import Problem
from app.kit.waiting import Waker
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Resources:
    """
    What one process holds for its lifetime.
    """

    settings: Settings
    database: Database
    cursor_key: bytes
    waker: Waker = field(default_factory=Waker)


# Dependencies here are ``async``, though none waits: FastAPI sends a plain function to a thread and back. And they take
# the request itself rather than one another where they can: each step in FastAPI's own solving costs a tenth of a poll.


def resources_of(request: Request) -> Resources:
    """
    Return this process's resources.
    """
    found: Resources = request.app.state.resources
    return found


async def resources(request: Request) -> Resources:
    """
    Return this process's resources, as a dependency.
    """
    return resources_of(request)


Here = Annotated[Resources, Depends(resources)]

_PRACTICE_CLOCK = "Assayline-Practice-Clock"


def practice_now(request: Request) -> datetime | None:
    """
    Return the instant a practice run pretends it is, or None.

    Only a service started with ``ASSAYLINE_PRACTICE_CLOCK=true``, which production refuses, listens to this header.

    Raises:
        Invalid: when the header is no instant with a time zone.

    """
    text = request.headers.get(_PRACTICE_CLOCK)
    if text is None or not resources_of(request).settings.practice_clock:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Invalid(
            errors=[FieldError(_PRACTICE_CLOCK, "is no instant with a time zone", "send RFC 3339")]
        )
    return found


async def practice_clock(request: Request) -> datetime | None:
    """
    Return the practice clock's instant, as a dependency.
    """
    return practice_now(request)


Clock = Annotated[datetime | None, Depends(practice_clock)]


async def if_match(if_match: Annotated[str | None, Header()] = None) -> str:
    """
    Return the ETag the caller holds, without its quotes.

    Raises:
        PreconditionRequired: when there is none.

    """
    if if_match is None:
        raise PreconditionRequired
    # A weak tag keeps its W/ and so matches nothing: If-Match compares strongly (RFC 9110).
    return if_match.strip('"')


async def claim_token(etag: Annotated[str, Depends(if_match)]) -> int:
    """
    Return the fencing token of the claim the caller holds, from If-Match.

    Raises:
        Invalid: when it is not a number.

    """
    if not etag.isascii() or not etag.isdigit() or len(etag) > 18:  # noqa: PLR2004 - digits of a bigint
        raise Invalid(
            errors=[FieldError("If-Match", "is no claim token", "send the claim's token")]
        )
    return int(etag)


ClaimToken = Annotated[int, Depends(claim_token)]
"""The ETag of a claim is its token."""


async def version_held(etag: Annotated[str, Depends(if_match)]) -> int:
    """
    Return the version the caller holds, from If-Match.

    Raises:
        Stale: when it is no version of ours, so that it cannot be the present one.

    """
    if not etag.isascii() or not etag.isdigit() or len(etag) > 9:  # noqa: PLR2004 - digits of an integer
        raise Stale
    return int(etag)


Version = Annotated[int, Depends(version_held)]
"""The ETag of a submission or a sample is its version."""


def document_if_match(document: dict[str, Any]) -> None:
    """
    Tell readers of the document that If-Match is required: here its absence has an answer of its own, 428.
    """
    for methods in document["paths"].values():
        for operation in methods.values():
            for one in operation.get("parameters", ()):
                if one["name"] == "if-match":
                    one["required"] = True
                    one["schema"] = {"type": "string", "pattern": '^"[0-9]{1,18}"$'}


def not_modified(request: Request, etag: str) -> Response | None:
    """
    Answer 304 when the caller already holds this version, else None.
    """
    held = request.headers.get("if-none-match")
    if held is None:
        return None
    tags = {tag.strip().removeprefix("W/") for tag in held.split(",")}
    if etag in tags or "*" in tags:
        return Response(status_code=304, headers={"ETag": etag, "Cache-Control": "no-store"})
    return None


PROBLEMS: dict[int | str, dict[str, object]] = {
    status: {"model": Problem, "description": text, "content": {"application/problem+json": {}}}
    for status, text in (
        (401, "No valid API key."),
        (403, "The role of this key does not allow this."),
        (404, "Not there, or not yours."),
        (409, "The state has moved on, or this is a double."),
        (412, "The ETag sent is not the present one."),
        (413, "The body is too large."),
        (422, "Some fields cannot be accepted."),
        (428, "If-Match is required."),
        (503, "Try again: nothing was lost."),
    )
}


def problems(*statuses: int) -> dict[int | str, dict[str, object]]:
    """
    Return the documented problem answers of an endpoint; every one may answer 401, 422 and 503.
    """
    return {status: PROBLEMS[status] for status in sorted({401, 422, 503, *statuses})}


Limit = Annotated[int, Query(ge=1, le=200, description="Items on one page.")]

LONGEST_WAIT_S = 60
Wait = Annotated[
    int,
    Query(
        ge=0,
        le=LONGEST_WAIT_S,
        description="Seconds to hold the answer back until there is something new.",
    ),
]
