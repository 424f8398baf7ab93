"""
Many submissions in one stream: one outcome per line, each sent after its own commit.
"""

import asyncio
import csv
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import ValidationError
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from app.access.deps import SubmitCaller
from app.access.service import Caller
from app.kit import ids
from app.kit.errors import AppError, Conflict, FieldError, Invalid
from app.kit.http import Clock, Here, Resources, problems
from app.kit.problems import describe, field_errors
from app.samples import columns, service
from app.samples.schemas import SubmissionIn

router = APIRouter()

_log = structlog.get_logger(__name__)

AT_ONCE = 25
"""Lines in one transaction. If one of them is refused, its neighbours are stored one by one."""

_LINE_MOST = 262_144
_BATCH_MOST = 1_000_000_000

_BODY = {
    "requestBody": {
        "required": False,  # an empty stream is one of no lines
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


class Answers(StreamingResponse):
    """
    Answers while the body is still being read.

    The framework's own class listens for a disconnect meanwhile, and so takes pieces of the body away from whoever
    reads it. And since many clients read nothing before they have written all, what cannot be sent yet must not keep
    the next lines from being read and stored: it waits in memory.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Store on one side, send on the other.
        """
        del scope, receive
        waiting: asyncio.Queue[bytes | None] = asyncio.Queue()

        async def store() -> None:
            try:
                async for answer in self.body_iterator:
                    waiting.put_nowait(
                        bytes(answer) if not isinstance(answer, str) else answer.encode()
                    )
            except ClientDisconnect:
                _log.info("batch_broken_off")
            finally:
                waiting.put_nowait(None)

        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(store())
            while (answer := await waiting.get()) is not None:
                await send({"type": "http.response.body", "body": answer, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


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
    response_class=Answers,
    tags=["agency"],
    max_body_size=_BATCH_MOST,
)
async def submit_batch(
    request: Request,
    here: Here,
    who: SubmitCaller,
    clock: Clock,
    *,
    dry_run: Annotated[
        bool, Query(description="Say what would become of each line; store nothing.")
    ] = False,
    column_map: Annotated[
        str | None,
        Query(
            max_length=20_000,
            description="For CSV: a JSON object from the file's column names to ours; to an empty text, to pass over.",
        ),
    ] = None,
) -> Answers:
    """
    Submit many seizures as a stream of NDJSON or CSV lines.

    Every line is stored or refused by itself; a line is answered only after it is stored for good. Send the same
    stream again after a broken connection: what is stored already answers 409 with a link, and nothing is doubled.
    With `dry_run` each line answers 200, or the refusal it would meet, and nothing is stored.
    """
    try:
        names = columns.read_map(column_map)
    except columns.OddRow as problem:
        raise Invalid(errors=[FieldError("column_map", str(problem), problem.remedy)]) from problem
    store = _Rehearsal() if dry_run else _together
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    lines = (
        _read_csv(request.stream(), names) if kind == "text/csv" else _read_ndjson(request.stream())
    )

    async def answers() -> AsyncIterator[bytes]:
        waiting: list[Line] = []
        async for line in lines:
            waiting.append(line)
            if len(waiting) >= AT_ONCE:
                for answer in await _store(store, here, who, clock, waiting):
                    yield answer
                waiting = []
        for answer in await _store(store, here, who, clock, waiting):
            yield answer

    return Answers(answers(), media_type="application/x-ndjson")


Store = Callable[[Resources, Caller, Any, Sequence[Line]], Awaitable[dict[int, bytes]]]


async def _store(
    store: Store, here: Resources, who: Caller, clock: Any, lines: Sequence[Line]
) -> list[bytes]:
    whole = [line for line in lines if line.body is not None]
    answers = {line.number: _refused(line, line.error) for line in lines if line.error is not None}
    try:
        answers |= await store(here, who, clock, whole)
    except AppError:
        # One of them is a double or cannot be taken: find out which, and store the others.
        for line in whole:
            try:
                answers |= await store(here, who, clock, [line])
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


class _UndoneError(Exception):
    """
    Takes back what a rehearsal stored.
    """


class _Rehearsal:
    """
    Stores lines as they would be stored, and takes them back: what PostgreSQL would refuse is refused here too.
    """

    def __init__(self) -> None:
        """
        Remember which exhibits this stream has named: taken back, they are no doubles to the database any more.
        """
        self._named: set[int] = set()

    async def __call__(
        self, here: Resources, who: Caller, clock: Any, lines: Sequence[Line]
    ) -> dict[int, bytes]:
        """
        Rehearse these lines, all or none.
        """
        bodies = [line.body for line in lines if line.body is not None]
        named = {hash(one) for body in bodies for one in _exhibits(body)}
        if self._named & named:
            raise Conflict(
                "This stream names this exhibit twice.",
                errors=[FieldError("line", "repeats an exhibit of this stream", "leave it out")],
            )
        answers: dict[int, bytes] = {}
        with suppress(_UndoneError):
            async with here.database.transaction(who.context, now=clock) as session:
                stored = await service.submit(session, caller=who, bodies=bodies, placed=False)
                answers = {
                    line.number: _json(
                        {
                            "line": line.number,
                            "status": 200,
                            "samples": [
                                {"exhibit_number": sample.exhibit_number, "band": sample.risk.band}
                                for sample in one.samples
                            ],
                        }
                    )
                    for line, one in zip(lines, stored, strict=True)
                }
                raise _UndoneError
        self._named |= named
        return answers


def _exhibits(body: SubmissionIn) -> list[tuple[str, str]]:
    return [(body.agency_file_number, sample.exhibit_number) for sample in body.samples]


def _refused(line: Line, error: AppError | None) -> bytes:
    problem = describe(error) if error is not None else {}
    return _json({"line": line.number, "status": problem.get("status"), "problem": problem})


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


async def _physical(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    skipping = False
    async for chunk in stream:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if skipping:
                skipping = False
                continue
            yield line
        if skipping:
            rest = b""
        elif len(rest) > _LINE_MOST:
            # Told apart below by its length, and passed over up to its end: the reader must not be made to hold an
            # endless line, nor take its middle for a line of its own.
            yield rest[: _LINE_MOST + 1]
            rest, skipping = b"", True
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


async def _read_csv(stream: AsyncIterator[bytes], names: Mapping[str, str]) -> AsyncIterator[Line]:
    header: list[str] | None = None
    async for number, record in _records(stream):
        if not record.strip():
            continue
        if len(record) > _LINE_MOST:
            message = "is longer than 256 KiB, or a quotation mark is never closed"
            yield Line(number, None, _unreadable(message, "close every quotation mark"))
            continue
        try:
            (cells,) = csv.reader([record.decode("utf-8-sig").rstrip("\r")], strict=True)
        except (UnicodeDecodeError, ValueError, csv.Error):
            remedy = "save the file as UTF-8; put a cell with a quotation mark into quotation marks and double it"
            yield Line(number, None, _unreadable("is no CSV line in UTF-8", remedy))
            continue
        if header is None:
            header = cells
            continue
        try:
            yield Line(
                number,
                SubmissionIn.model_validate(columns.to_body(columns.renamed(header, names), cells)),
            )
        except ValidationError as problem:
            yield Line(number, None, Invalid(errors=field_errors(problem.errors())))
        except columns.OddRow as problem:
            yield Line(number, None, _unreadable(str(problem), problem.remedy))


async def _records(stream: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes]]:
    """
    Yield each record with the number of the line it begins on: a cell in quotation marks may hold line breaks.
    """
    held: list[bytes] = []
    begins, number, size, quoted = 1, 0, 0, False
    async for raw in _physical(stream):
        number += 1
        held.append(raw)
        size += len(raw) + 1
        quoted ^= raw.count(b'"') % 2 == 1
        if quoted and size <= _LINE_MOST:
            continue
        yield begins, b"\n".join(held)
        held, begins, size, quoted = [], number + 1, 0, False
    if held:
        # The stream ended within quotation marks: refused below, never passed over.
        yield begins, b"\n".join(held)
