"""
Many submissions in one stream: one outcome per line, each sent after its own commit.
"""

import csv
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import ValidationError

from app.access.deps import SubmitCaller
from app.access.service import Caller
from app.kit import ids
from app.kit.errors import AppError, FieldError, Invalid
from app.kit.http import Clock, Here, Resources, problems
from app.kit.problems import describe, field_errors
from app.samples import columns, service
from app.samples.schemas import SubmissionIn

router = APIRouter()

AT_ONCE = 25
"""Lines in one transaction. If one of them is refused, its neighbours are stored one by one."""

_LINE_MOST = 262_144
_BATCH_MOST = 1_000_000_000

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string", "description": "One submission body per line."}
            },
            "text/csv": {"schema": {"type": "string", "description": columns.HELP}},
        },
    }
}


@dataclass(frozen=True, slots=True)
class Line:
    """
    One line of the stream: its number, and what it says or why it cannot be read.
    """

    number: int
    body: SubmissionIn | None
    error: AppError | None = None


@router.post(
    "/submissions:batch",
    openapi_extra=_BODY,
    responses={
        **problems(403),
        200: {
            "description": "One JSON object per line sent, in order: `line`, `status`, and the ids or the problem.",
            "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
        },
    },
    response_class=StreamingResponse,
    tags=["agency"],
    max_body_size=_BATCH_MOST,
)
async def submit_batch(
    request: Request, here: Here, who: SubmitCaller, clock: Clock
) -> StreamingResponse:
    """
    Submit many seizures as a stream of NDJSON or CSV lines.

    Every line is stored or refused by itself; a line is answered only after it is stored for good. Send the same
    stream again after a broken connection: what is stored already answers 409 with a link, and nothing is doubled.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    lines = _read_csv(request.stream()) if kind == "text/csv" else _read_ndjson(request.stream())

    async def answers() -> AsyncIterator[bytes]:
        waiting: list[Line] = []
        async for line in lines:
            waiting.append(line)
            if len(waiting) >= AT_ONCE:
                for answer in await _store(here, who, clock, waiting):
                    yield answer
                waiting = []
        for answer in await _store(here, who, clock, waiting):
            yield answer

    return StreamingResponse(answers(), media_type="application/x-ndjson")


async def _store(here: Resources, who: Caller, clock: Any, lines: Sequence[Line]) -> list[bytes]:
    whole = [line for line in lines if line.body is not None]
    answers = {line.number: _refused(line, line.error) for line in lines if line.error is not None}
    try:
        answers |= await _together(here, who, clock, whole)
    except AppError:
        # One of them is a double or cannot be taken: find out which, and store the others.
        for line in whole:
            try:
                answers |= await _together(here, who, clock, [line])
            except AppError as error:
                answers[line.number] = _refused(line, error)
    return [answers[line.number] for line in lines]


async def _together(
    here: Resources, who: Caller, clock: Any, lines: Sequence[Line]
) -> dict[int, bytes]:
    if not lines:
        return {}
    bodies = [line.body for line in lines if line.body is not None]
    async with here.database.transaction(who.context, now=clock) as session:
        stored = await service.submit(session, caller=who, bodies=bodies, placed=False)
    return {
        line.number: _json(
            {
                "line": line.number,
                "status": 201,
                "submission": ids.write("sub", one.id),
                "samples": [
                    {
                        "id": ids.write("smp", sample.id),
                        "exhibit_number": sample.exhibit_number,
                        "band": sample.risk.band,
                    }
                    for sample in one.samples
                ],
            }
        )
        for line, one in zip(lines, stored, strict=True)
    }


def _refused(line: Line, error: AppError | None) -> bytes:
    problem = describe(error) if error is not None else {}
    return _json({"line": line.number, "status": problem.get("status"), "problem": problem})


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


async def _physical(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in stream:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line
        if len(rest) > _LINE_MOST:
            # Told apart below by its length: the reader must not be made to hold an endless line.
            yield rest[: _LINE_MOST + 1]
            rest = b""
    if rest:
        yield rest


async def _read_ndjson(stream: AsyncIterator[bytes]) -> AsyncIterator[Line]:
    number = 0
    async for raw in _physical(stream):
        number += 1
        if raw.strip():
            yield _read(number, raw)


def _read(number: int, raw: bytes) -> Line:
    if len(raw) > _LINE_MOST:
        return Line(
            number, None, _unreadable("is longer than 256 KiB", "send it as several submissions")
        )
    try:
        return Line(number, SubmissionIn.model_validate_json(raw.strip()))
    except ValidationError as problem:
        return Line(number, None, Invalid(errors=field_errors(problem.errors())))


def _unreadable(message: str, remedy: str) -> Invalid:
    return Invalid(errors=[FieldError("line", message, remedy)])


async def _read_csv(stream: AsyncIterator[bytes]) -> AsyncIterator[Line]:
    header: list[str] | None = None
    number = 0
    held = b""
    async for raw in _physical(stream):
        held = held + b"\n" + raw if held else raw
        if held.count(b'"') % 2 and len(held) <= _LINE_MOST:
            continue
        line, held = held, b""
        number += 1
        if not line.strip():
            continue
        try:
            (cells,) = csv.reader([line.decode("utf-8-sig").rstrip("\r")])
        except (UnicodeDecodeError, ValueError, csv.Error):
            yield Line(
                number, None, _unreadable("is no CSV line in UTF-8", "save the file as UTF-8")
            )
            continue
        if header is None:
            header = cells
            continue
        try:
            yield Line(number, SubmissionIn.model_validate(columns.to_body(header, cells)))
        except ValidationError as problem:
            yield Line(number, None, Invalid(errors=field_errors(problem.errors())))
        except columns.UnknownColumn as problem:
            yield Line(number, None, _unreadable(str(problem), columns.HELP))
