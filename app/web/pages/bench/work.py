"""
The work on one sample: take it, record, attach, conclude, release, put back; all on one page.
"""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Response
from starlette.datastructures import UploadFile

from app.access.rules import Scope
from app.attachments import service as attachments
from app.attachments.rules import MOST_BYTES, AttachmentKind
from app.kit import ids
from app.kit.errors import AppError
from app.results import service as results
from app.results.rules import FindingKind
from app.results.schemas import AnalysisIn, FindingIn
from app.samples import service as samples
from app.samples.rules import Stage
from app.samples.schemas.overview import ClaimLine
from app.web.forms import Form
from app.web.pages.bench.labels import read_label
from app.web.pages.bench.page import again, shown
from app.web.pages.bench.reading import held as held_by
from app.web.pages.bench.reading import read
from app.web.pages.bench.work_view import Forms
from app.web.route import pages, staff_with
from app.web.visit import Visit

router = pages()

Worker = Annotated[Visit, Depends(staff_with(Scope.QUEUE))]
_KIND = {Stage.SCREEN: FindingKind.PRESUMPTIVE, Stage.CONFIRM: FindingKind.IDENTIFIED}
_DIGITS = 19


@router.get("/bench/files/{attachment_id}", response_model=None)
async def file(visit: Worker, attachment_id: str) -> Response:
    """
    Hand an attached file out, its hash checked; always as a download.
    """
    async with visit.reading() as session:
        stored, content = await attachments.read(session, ids.read("att", attachment_id))
    return Response(
        content,
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(stored.name, safe='')}"
        },
    )


@router.get("/bench/{sample_id}", response_model=None)
async def sample(visit: Worker, sample_id: str) -> Response:
    """
    Show one sample, and what can be done with it now.
    """
    return await shown(visit, sample_id)


@router.get("/bench/{sample_id}/suspicion", response_model=None)
async def folded(visit: Worker, sample_id: str) -> Response:
    """
    Lead back to the sample: to look behind the fold is an act of its own, which a reload does not repeat.
    """
    return visit.go(f"/bench/{sample_id}")


@router.post("/bench/{sample_id}/suspicion", response_model=None)
async def unfold(visit: Worker, sample_id: str) -> Response:
    """
    Show what was suspected and why the sample stands where it stands; who looked, and why, is on record.
    """
    given = await visit.form()
    reason = given.text("looking")[:500]
    if not reason:
        wrong = given.wrong([("looking", visit.language.say("Say why, in a few words."))])
        return await shown(visit, sample_id, forms=Forms(fold=wrong), status=422)
    async with visit.writing() as session:
        await samples.disclose(
            session, caller=visit.caller, sample_id=ids.read("smp", sample_id), reason=reason
        )
    return await shown(visit, sample_id, unfolded=True)


@router.post("/bench/{sample_id}/claim", response_model=None)
async def claim(visit: Worker, sample_id: str) -> Response:
    """
    Take this sample.
    """
    wanted = (await visit.form()).text("stage")
    stage = next((one for one in Stage if one == wanted), Stage.SCREEN)
    try:
        async with visit.writing() as session:
            await samples.claim_named(
                session,
                caller=visit.caller,
                sample_id=ids.read("smp", sample_id),
                stage=stage,
                lease_s=visit.here.settings.claim_lease_s,
            )
    except AppError as error:
        return await again(visit, sample_id, error, Forms())
    return visit.go(f"/bench/{sample_id}", notice="claimed")


@router.post("/bench/{sample_id}/keep", response_model=None)
async def keep(visit: Worker, sample_id: str) -> Response:
    """
    Say that one is still at work on it.
    """
    given = await visit.form()
    try:
        async with visit.writing() as session:
            await samples.hold(session, **held_by(visit, sample_id, given))
    except AppError as error:
        return await again(visit, sample_id, error, Forms())
    return visit.go(f"/bench/{sample_id}", notice="kept")


@router.post("/bench/{sample_id}/put-back", response_model=None)
async def put_back(visit: Worker, sample_id: str) -> Response:
    """
    Give the sample back, with a reason.
    """
    given = await visit.form()
    reason = given.text("reason")[:500]
    if not reason:
        wrong = given.wrong([("reason", visit.language.say("Say why, in a few words."))])
        return await shown(visit, sample_id, forms=Forms(back=wrong), status=422)
    held = held_by(visit, sample_id, given)
    try:
        async with visit.writing() as session:
            mine = await samples.claim_of(session, held["sample_id"])
            await samples.put_back(
                session,
                caller=visit.caller,
                claim_id=mine.id if mine else None,
                token=held["token"],
                reason=reason,
            )
    except AppError as error:
        return await again(visit, sample_id, error, Forms())
    return visit.go("/bench", notice="put-back")


@router.post("/bench/{sample_id}/analyses", response_model=None, max_body_size=MOST_BYTES)
async def record(visit: Worker, sample_id: str) -> Response:
    """
    Record an analysis, with its data file when there is one.
    """
    given = await visit.form()
    upload = (await visit.request.form()).get("data")
    content = await upload.read() if isinstance(upload, UploadFile) else b""
    held = held_by(visit, sample_id, given)
    try:
        async with visit.writing() as session:
            mine = await samples.claim_of(session, held["sample_id"]) if held["sample_id"] else None
            files = []
            if isinstance(upload, UploadFile) and content:
                stored = await results.attach(
                    session,
                    caller=visit.caller,
                    sample_id=held["sample_id"],
                    kind=AttachmentKind.DATA,
                    name=(upload.filename or "data")[-200:],
                    said_type=upload.content_type,
                    content=content,
                )
                files.append(ids.write("att", stored.id))
            body = read(AnalysisIn, _analysis(visit, given, mine, session.now, files))
            await results.record_analysis(session, body=body, **held)
    except AppError as error:
        return await again(visit, sample_id, error, Forms(), analysis=given)
    return visit.go(f"/bench/{sample_id}", notice="recorded")


@router.post("/bench/{sample_id}/findings", response_model=None)
async def conclude(visit: Worker, sample_id: str) -> Response:
    """
    Conclude the stage.
    """
    given = await visit.form()
    held = held_by(visit, sample_id, given)
    try:
        async with visit.writing() as session:
            mine = await samples.claim_of(session, held["sample_id"]) if held["sample_id"] else None
            body = read(
                FindingIn,
                {
                    "kind": _KIND.get(mine.stage if mine else Stage.SCREEN),
                    "outcome": given.text("outcome"),
                    "substances": _named(given, "found"),
                    "analysis_ids": list(given.several("cited")),
                },
            )
            await results.record_finding(session, body=body, **held)
    except AppError as error:
        return await again(visit, sample_id, error, Forms(), finding=given)
    return visit.go(f"/bench/{sample_id}", notice="concluded")


@router.post("/bench/{sample_id}/release", response_model=None)
async def release(visit: Worker, sample_id: str) -> Response:
    """
    Let the presumptive finding go out, with the item's label scanned once more.
    """
    given = await visit.form()
    try:
        async with visit.writing() as session:
            await results.release_finding(
                session,
                caller=visit.caller,
                finding_id=ids.read("fnd", given.text("finding")),
                label_scanned=read_label(given.text("label_scanned")) or "",
            )
    except AppError as error:
        return await again(visit, sample_id, error, Forms(), release=given)
    return visit.go(f"/bench/{sample_id}", notice="released")


def _analysis(
    visit: Visit, given: Form, mine: ClaimLine | None, now: datetime, files: list[str]
) -> dict[str, Any]:
    technique, _, method = (given.text("other") or given.text("technique")).partition("|")
    begun = mine.taken_at if mine else now
    started = _instant(visit, given.text("started_at")) or min(begun, now)
    return {
        "technique": technique,
        "method": method or None,
        "aliquot": given.text("aliquot"),
        "sample_limited": given.ticked("sample_limited"),
        "on_swab": given.ticked("on_swab"),
        "instrument": given.text("instrument") or None,
        "started_at": started,
        "ended_at": _instant(visit, given.text("ended_at")) or max(now, started),
        "result": given.text("result"),
        "substances": _named(given, "substance"),
        "looked_for": _named(given, "looked_for"),
        "detection_limit": given.text("detection_limit") or None,
        "controls_passed": {"passed": True, "failed": False}.get(given.text("controls_passed")),
        "data_reference": given.text("data_reference") or None,
        "attachment_ids": files,
    }


def _named(given: Form, name: str) -> list[str]:
    return [text for one in given.several(name) if (text := one.strip())]


def _instant(visit: Visit, text: str) -> datetime | None:
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=visit.language.zone)
