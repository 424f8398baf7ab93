"""
Review and release: the whole record on one page, each step signed with the password.
"""

from dataclasses import fields
from typing import Annotated

from fastapi import Depends, Response

from app.access.rules import Scope
from app.access.signin import service as signin
from app.kit import ids
from app.kit.errors import AppError, Forbidden, NotFound
from app.results import service as results
from app.results.rules.signing import ReviewKind
from app.results.schemas import ReportIn, ReviewIn
from app.samples import service as samples
from app.web.forms import Form
from app.web.pages.bench import page, work_view
from app.web.pages.bench import review_view as view
from app.web.pages.bench.reading import held, read
from app.web.pages.bench.work_view import Forms
from app.web.route import pages, staff_with
from app.web.visit import Visit

router = pages()

Reviewer = Annotated[Visit, Depends(staff_with(Scope.REVIEW, Scope.OVERSEE))]
Signer = Annotated[Visit, Depends(staff_with(Scope.REVIEW))]
_DENIED = frozenset({NotFound.status, Forbidden.status})
_FIELDS = {"present": "password", "proof": "password", "signature.proof": "password"}


@router.get("/bench/{sample_id}/review", response_model=None)
async def review(visit: Reviewer, sample_id: str) -> Response:
    """
    Show everything the reviewer judges.
    """
    return await shown(visit, sample_id, Form())


@router.post("/bench/{sample_id}/review", response_model=None)
async def sign(visit: Signer, sample_id: str) -> Response:
    """
    Sign the next step: a review, or the release of the report.
    """
    given = await visit.form()
    step = given.text("step")
    try:
        # Proved before the transaction opens: a password takes its time, and a claim's row would be locked meanwhile.
        proof = await signin.prove_to_sign(
            visit.here.database,
            client_id=visit.caller.client_id,
            password=given.raw("password")[:1024],
        )
        signature = {"proof": proof}
        remarks = given.text("remarks") or None
        async with visit.writing() as session:
            if step == view.RELEASE:
                body = read(
                    ReportIn,
                    {
                        "deviations": given.text("deviations") or None,
                        "remarks": remarks,
                        "signature": signature,
                    },
                )
                await results.release_report(session, body=body, **held(visit, sample_id, given))
            else:
                reviewed = read(
                    ReviewIn,
                    {
                        "kind": step,
                        "decision": given.text("decision"),
                        "remarks": remarks,
                        "record_sha256": given.text("record_sha256"),
                        "acknowledges_warnings": given.text("acknowledges_warnings") == "yes",
                        "signature": signature,
                    },
                )
                await results.record_review(
                    session,
                    body=reviewed,
                    reviewers_apart=visit.here.settings.reviewers_apart,
                    **held(visit, sample_id, given),
                )
    except AppError as error:
        if error.status == NotFound.status:
            raise
        refused = given.refused(error, visit.language.say, _FIELDS)
        return await shown(visit, sample_id, refused, status=422)
    if step == view.RELEASE:
        return visit.go("/bench?stage=review", notice="reported")
    if given.text("decision") == "return":
        return visit.go("/bench?stage=review", notice="returned")
    return visit.go(f"/bench/{sample_id}/review", notice="signed")


async def shown(visit: Visit, sample_id: str, form: Form, *, status: int = 200) -> Response:
    """
    Show the page of the review.
    """
    key = ids.read("smp", sample_id)
    language = visit.language
    async with visit.reading() as session:
        found = await samples.look_up(session, key)
        work = await page.gather(visit, session, found)
        file = await results.file_of(session, key)
    whole = page.view_of(visit, found, work, forms=Forms(), unfolded=False)
    shared = {one.name for one in fields(work_view.WorkView)} & {
        one.name for one in fields(view.ReviewView)
    }
    step = view.step(file)
    latest = work.parts["findings"][-1:] if work.parts["findings"] else []
    shown = view.ReviewView(
        **{name: getattr(whole, name) for name in shared},
        warnings=tuple(text for one in latest for text in one.warnings + one.remarks),
        to_acknowledge=step == ReviewKind.TECHNICAL and any(one.warnings for one in latest),
        custody=view.custody(file.custody, found.laboratory_id, language),
        reviews=view.signed(file, language),
        reports=tuple(file.reports),
        record_sha256=file.record_sha256,
        step=step,
        step_label=view.label(step, language),
        meaning=view.meaning(step, language),
        decisions=tuple((code, language.say(label), "") for code, label in view.DECISIONS.items()),
        form=form,
    )
    return visit.page("bench/review.html", shown, status=status)
