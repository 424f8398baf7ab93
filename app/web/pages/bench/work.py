"""
The work on one sample: take it, record, attach, conclude, release, put back; all on one page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import Depends, Response
from starlette.datastructures import UploadFile

from app.access import service as access
from app.access.rules import Scope
from app.attachments import service as attachments
from app.attachments.rules import MOST_BYTES, AttachmentKind
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import AppError, Conflict, Forbidden, NotFound, Stale
from app.results import service as results
from app.results.rules import FindingKind
from app.results.schemas import AnalysisIn, AnalysisOut, FindingIn
from app.samples import service as samples
from app.samples.rules import CLAIMED_AT, Act, Stage, allowed
from app.samples.schemas import SampleDetailOut
from app.samples.schemas.overview import ClaimLine
from app.substances.data import catalogue
from app.web.forms import Form
from app.web.pages.bench import words
from app.web.pages.bench import work_view as view
from app.web.pages.bench.labels import read_label
from app.web.pages.bench.list_view import FOLDED
from app.web.pages.bench.reading import read
from app.web.pages.bench.work_view import Forms
from app.web.pages.desk.view import found_view
from app.web.route import pages, staff_with
from app.web.visit import Visit
from app.web.words import status_view

router = pages()

Worker = Annotated[Visit, Depends(staff_with(Scope.QUEUE))]
_FIELDS = {"substances": "substance", "analysis_ids": "cited", "outcome": "outcome"}
_KIND = {Stage.SCREEN: FindingKind.PRESUMPTIVE, Stage.CONFIRM: FindingKind.IDENTIFIED}
_DENIED = frozenset({Forbidden.status, NotFound.status})
_FINE = 200
_GONE = frozenset({Conflict.status, Stale.status})
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
    Show what was suspected and why the sample stands where it stands, and write down who looked.
    """
    async with visit.writing() as session:
        await results.disclose(session, caller=visit.caller, sample_id=ids.read("smp", sample_id))
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
        return await _again(visit, sample_id, error, Forms())
    return visit.go(f"/bench/{sample_id}", notice="claimed")


@router.post("/bench/{sample_id}/keep", response_model=None)
async def keep(visit: Worker, sample_id: str) -> Response:
    """
    Say that one is still at work on it.
    """
    given = await visit.form()
    try:
        async with visit.writing() as session:
            await samples.hold(session, **_held(visit, sample_id, given))
    except AppError as error:
        return await _again(visit, sample_id, error, Forms())
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
    held = _held(visit, sample_id, given)
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
        return await _again(visit, sample_id, error, Forms())
    return visit.go("/bench", notice="put-back")


@router.post("/bench/{sample_id}/analyses", response_model=None, max_body_size=MOST_BYTES)
async def record(visit: Worker, sample_id: str) -> Response:
    """
    Record an analysis, with its data file when there is one.
    """
    given = await visit.form()
    upload = (await visit.request.form()).get("data")
    content = await upload.read() if isinstance(upload, UploadFile) else b""
    held = _held(visit, sample_id, given)
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
        return await _again(visit, sample_id, error, Forms(), analysis=given)
    return visit.go(f"/bench/{sample_id}", notice="recorded")


@router.post("/bench/{sample_id}/findings", response_model=None)
async def conclude(visit: Worker, sample_id: str) -> Response:
    """
    Conclude the stage.
    """
    given = await visit.form()
    held = _held(visit, sample_id, given)
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
        return await _again(visit, sample_id, error, Forms(), finding=given)
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
        return await _again(visit, sample_id, error, Forms(), release=given)
    return visit.go(f"/bench/{sample_id}", notice="released")


async def shown(
    visit: Visit,
    sample_id: str,
    *,
    forms: Forms | None = None,
    unfolded: bool = False,
    status: int = 200,
) -> Response:
    """
    Show the page of one sample.
    """
    key = ids.read("smp", sample_id)
    async with visit.reading() as session:
        found = await samples.look_up(session, key)
        work = await _gather(visit, session, found)
    if work.mine is not None and work.mine.stage is Stage.REVIEW and status == _FINE:
        return visit.go(f"/bench/{sample_id}/review")
    return visit.page(
        "bench/work.html",
        _page(visit, found, work, forms=forms or Forms(), unfolded=unfolded),
        status=status,
    )


@dataclass(frozen=True, slots=True)
class _Work:
    # What the page needs, as the services return it.
    now: datetime
    claim: ClaimLine | None
    mine: ClaimLine | None
    names: Mapping[UUID, str]
    parts: Mapping[str, Any]


async def _gather(visit: Visit, session: Session, found: SampleDetailOut) -> _Work:
    claim = await samples.claim_of(session, found.id)
    recorded = await results.analyses_of(session, found.id)
    people = {one.operator_id for one in recorded} | ({claim.holder} if claim else set())
    suggested = await results.suggest_each(session, [found])
    return _Work(
        now=session.now,
        claim=claim,
        mine=claim if claim and claim.holder == visit.caller.client_id else None,
        names=await access.names(session, list(people)) if people else {},
        parts={
            "submission": await samples.submission(session, found.submission_id),
            "analyses": recorded,
            "files": await results.attachments_of(session, found.id),
            "findings": await results.findings_of(session, found.id),
            "techniques": await results.techniques(session),
            "suggested": suggested[found.id],
        },
    )


def _page(
    visit: Visit, found: SampleDetailOut, work: _Work, *, forms: Forms, unfolded: bool
) -> view.WorkView:
    language = visit.language
    say = language.say
    may = allowed(found.status, visit.caller.scopes)
    claimable = next((at for at, status in CLAIMED_AT.items() if status is found.status), None)
    stage = work.claim.stage if work.claim else claimable
    is_folded = stage in FOLDED
    open_now = unfolded or not is_folded
    analyses, findings = work.parts["analyses"], work.parts["findings"]
    latest = findings[-1] if findings else None
    return view.WorkView(
        sample_id=ids.write("smp", found.id),
        path=f"/bench/{ids.write('smp', found.id)}",
        file_number=found.agency_file_number,
        exhibit_number=found.exhibit_number,
        description=str(found.exhibit.get("description") or ""),
        status=status_view(found.status, language),
        hazards=tuple(found.exhibit.get("hazards") or ()),
        facts=view.facts(found.exhibit, language),
        suspicion=view.suspicion(found, language) if open_now else None,
        may_unfold=is_folded,
        mine=view.claim(work.mine, work.now, language) if work.mine else None,
        holder=work.names.get(work.claim.holder, "") if work.claim and not work.mine else "",
        claimable=claimable if claimable and Act.CLAIM in may and not work.claim else None,
        claimable_label=say(words.STAGES[claimable]) if claimable else "",
        siblings=view.siblings(work.parts["submission"].samples, found.id, language),
        tiles=view.tiles(work.parts["suggested"], language),
        techniques=view.techniques(work.parts["techniques"], work.parts["suggested"], language),
        small=work.parts["suggested"].small,
        substances=tuple(sorted(catalogue().names)) if work.mine else (),
        analyses=view.analyses(
            analyses,
            names=work.names,
            files=work.parts["files"],
            cited=forms.finding.several("cited") if forms.finding.values else None,
            language=language,
        ),
        files=tuple(view.file_line(one, language) for one in work.parts["files"]),
        found=tuple(found_view(one, language) for one in reversed(findings)),
        releasable=view.releasable(findings, language)
        if Scope.RELEASE in visit.caller.scopes
        else None,
        remarks=tuple((latest.warnings + latest.remarks) if latest else ()),
        results=tuple((code, say(label), "") for code, label in words.RESULTS.items()),
        controls=tuple((code, say(label), "") for code, label in view.CONTROLS),
        outcomes=tuple((code, say(label), "") for code, label in words.OUTCOMES.items()),
        finish=say(view.FINISH[work.mine.stage]) if work.mine else "",
        forms=_filled(forms, analyses, work),
        now=work.now,
    )


def _filled(forms: Forms, analyses: Sequence[AnalysisOut], work: _Work) -> Forms:
    # What is most often right stands there already; nothing is said that somebody would have to check for.
    analysis, finding = forms.analysis, forms.finding
    if not analysis.values:
        first = work.parts["suggested"].items[:1]
        technique = view.choice(first[0].technique, first[0].method) if first else ""
        analysis = Form({"aliquot": f"A{len(analyses) + 1}", "technique": technique})
    if not finding.values:
        shown = dict.fromkeys(
            name for one in analyses if one.controls_passed for name in one.substances
        )
        finding = Form({}, {}, {"found": tuple(shown)})
    return replace(forms, analysis=analysis, finding=finding)


async def _again(
    visit: Visit, sample_id: str, error: AppError, forms: Forms, **given: Form
) -> Response:
    # The page once more, with what was entered and what is wrong with it.
    if error.status in _DENIED:
        raise error
    say = visit.language.say
    if not given or error.status in _GONE:
        whole = Form().wrong([("", say(error.detail))])
        return await shown(visit, sample_id, forms=replace(forms, whole=whole), status=error.status)
    ((name, form),) = given.items()
    forms = replace(forms, **{name: form.refused(error, say, _FIELDS)})
    return await shown(visit, sample_id, forms=forms, status=422)


def _held(visit: Visit, sample_id: str, given: Form) -> dict[str, Any]:
    token = given.text("token")
    return {
        "caller": visit.caller,
        "sample_id": ids.read("smp", sample_id),
        # A token that is no number never held anything.
        "token": int(token) if token.isascii() and token.isdigit() and len(token) < _DIGITS else -1,
        "lease_s": visit.here.settings.claim_lease_s,
    }


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
