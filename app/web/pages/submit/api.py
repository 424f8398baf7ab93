"""
Submitting by telephone, over HTTP.
"""

import secrets
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Query, Response
from starlette.datastructures import UploadFile

from app.access import service as access
from app.access.rules import Scope
from app.attachments.rules import MOST_BYTES, AttachmentKind
from app.kit import ids
from app.kit.errors import AppError, Invalid
from app.kit.idempotency import Guard
from app.results import service as results
from app.samples import service as samples
from app.web.forms import Form
from app.web.language import N_
from app.web.pages.submit import reading, view
from app.web.route import pages, staff_with
from app.web.visit import Visit

router = pages()

Submitter = Annotated[Visit, Depends(staff_with(Scope.SUBMIT))]

_ROUTE = "POST /submit"
_LATELY = timedelta(hours=16)
_LATELY_MOST = 8
_FORM_MOST = 1_000_000
_NO_PICTURE = N_("Choose a photograph first.")


@router.get("/submit", response_model=None)
async def blank(visit: Submitter, exhibits: Annotated[str, Query(max_length=3)] = "1") -> Response:
    """
    Show the form, and what has changed overnight; with as many exhibits as a draft had.
    """
    return await _shown(visit, Form({"e0-number": "1", "exhibits": exhibits}))


@router.post("/submit", response_model=None, max_body_size=_FORM_MOST)
async def submit(visit: Submitter) -> Response:
    """
    Store a seizure, once however often it is sent; or show everything again, with what is wrong named.
    """
    given = await visit.form()
    if given.text("act") == "more":
        more = {**given.values, "exhibits": str(reading.count(given) + 1)}
        more.setdefault(reading.name(reading.count(given), "number"), "")
        return await _shown(visit, Form(more, {}, given.lists))
    wrong = reading.complaints(given, visit.language)
    if wrong:
        return await _shown(visit, given.wrong(wrong), status=422)
    try:
        location = await _store(visit, given)
    except AppError as error:
        names = reading.fields(given)
        # A key that was used for something else would be refused again and again: the form gets a new one.
        return await _shown(
            visit,
            given.refused(error, visit.language.say, names),
            status=error.status if error.status < 500 else 503,  # noqa: PLR2004 - a failure of ours
        )
    return visit.go(location, notice="submitted")


@router.get("/submit/{submission_id}", response_model=None)
async def stored(visit: Submitter, submission_id: str) -> Response:
    """
    Show a stored submission: its labels to print, and a place for photographs.
    """
    return await _stored(visit, submission_id)


@router.get("/submit/{submission_id}/labels", response_model=None)
async def labels(visit: Submitter, submission_id: str) -> Response:
    """
    Show the labels of a submission, each to be cut out and put on its item.
    """
    return await _stored(visit, submission_id, template="submit/labels.html")


@router.post("/submit/{submission_id}/photographs", response_model=None, max_body_size=MOST_BYTES)
async def photograph(visit: Submitter, submission_id: str) -> Response:
    """
    Attach a photograph to one exhibit. It comes after the submission, so that a large file cannot cost it.
    """
    given = await visit.form()
    upload = (await visit.request.form()).get("photo")
    content = await upload.read() if isinstance(upload, UploadFile) else b""
    if not isinstance(upload, UploadFile) or not content:
        return await _stored(visit, submission_id, wrong=visit.language.say(_NO_PICTURE))
    try:
        async with visit.writing() as session:
            await results.attach(
                session,
                caller=visit.caller,
                sample_id=ids.read("smp", given.text("sample")),
                kind=AttachmentKind.PHOTOGRAPH,
                name=(upload.filename or "photograph")[-100:],
                said_type=upload.content_type,
                content=content,
            )
    except Invalid as error:
        sentence = " ".join(f"{one.message}; {one.remedy}" for one in error.errors) or error.detail
        return await _stored(visit, submission_id, wrong=visit.language.say(sentence))
    key = ids.read("sub", submission_id)
    path = f"/submit/{ids.write('sub', key)}" if key else "/submit"
    return visit.go(path, notice="photographed")


async def _store(visit: Visit, given: Form) -> str:
    body = reading.body(given, visit.language)
    caller = visit.caller
    async with visit.writing() as session:
        guard = None
        if given.text("once"):
            guard = Guard.of(
                agency_id=caller.agency_id,
                client_id=caller.client_id,
                route=_ROUTE,
                key=given.text("once")[:200],
                body=body.model_dump_json().encode(),
            )
            before = await guard.seen(session)
            if before is not None and before.location:
                return before.location
        (found,) = await samples.submit(session, caller=caller, bodies=[body], placed=False)
        location = f"/submit/{ids.write('sub', found.id)}"
        if guard is not None:
            await guard.keep(session, status_code=303, location=location, body=b"")
    return location


async def _shown(visit: Visit, form: Form, *, status: int = 200) -> Response:
    async with visit.reading() as session:
        lately = samples.Filters(
            file_number=None,
            status=None,
            updated_since=session.now - _LATELY,
            small_parcel=None,
        )
        known = await access.laboratories(session)
        changed, _ = await samples.page(session, filters=lately, before=None, limit=_LATELY_MOST)
    once = form.text("once") if status == 200 else ""  # noqa: PLR2004 - nothing was refused
    shown = view.submit_view(
        form,
        once=once or secrets.token_urlsafe(18),
        client_id=visit.caller.client_id,
        laboratories=known,
        lately=changed,
        given=visit.request.method == "POST",
        language=visit.language,
    )
    return visit.page("submit/form.html", shown, status=status)


async def _stored(
    visit: Visit, submission_id: str, *, template: str = "submit/stored.html", wrong: str = ""
) -> Response:
    async with visit.reading() as session:
        found = await samples.submission(session, ids.read("sub", submission_id))
        pictures = {
            one.id: [
                file.name
                for file in await results.attachments_of(session, one.id)
                if file.kind is AttachmentKind.PHOTOGRAPH
            ]
            for one in found.samples
        }
    shown = view.stored_view(
        found,
        photographs=pictures,
        client_id=visit.caller.client_id,
        language=visit.language,
        wrong=wrong,
    )
    return visit.page(template, shown, status=422 if wrong else 200)
