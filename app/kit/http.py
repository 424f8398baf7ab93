"""
What endpoints are given: the resources of this process, and an open transaction that commits before the answer leaves.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Header, Query, Request, Response

from app.kit.db import Database
from app.kit.errors import FieldError, Invalid, PreconditionRequired
from app.kit.problems import Problem
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Resources:
    """
    What one process holds for its lifetime.
    """

    settings: Settings
    database: Database
    cursor_key: bytes


# Every dependency here is ``async``, though none waits: FastAPI sends a plain function to a thread and back.


async def resources(request: Request) -> Resources:
    """
    Return this process's resources.
    """
    found: Resources = request.app.state.resources
    return found


Here = Annotated[Resources, Depends(resources)]


async def practice_clock(
    here: Here,
    assayline_practice_clock: Annotated[datetime | None, Header(include_in_schema=False)] = None,
) -> datetime | None:
    """
    Return the instant a practice run pretends it is, or None.

    Only a service started with ``ASSAYLINE_PRACTICE_CLOCK=true``, which production refuses, listens to this header.
    """
    if not here.settings.practice_clock or assayline_practice_clock is None:
        return None
    if assayline_practice_clock.tzinfo is None:
        field = "Assayline-Practice-Clock"
        raise Invalid(errors=[FieldError(field, "has no time zone", "add Z or an offset")])
    return assayline_practice_clock


Clock = Annotated[datetime | None, Depends(practice_clock)]


async def if_match(if_match: Annotated[str | None, Header()] = None) -> str:
    """
    Return the ETag the caller holds, without its quotes.

    Raises:
        PreconditionRequired: when there is none.

    """
    if if_match is None:
        raise PreconditionRequired
    return if_match.removeprefix("W/").strip('"')


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
