"""
Gathering what the page of one sample shows, and showing it once more with what was wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Response

from app.access import service as access
from app.access.rules import Scope
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import AppError, Conflict, Forbidden, NotFound, Stale
from app.results import service as results
from app.results.schemas import AnalysisOut
from app.samples import service as samples
from app.samples.rules import CLAIMED_AT, Act, Stage, allowed
from app.samples.rules.folding import folds_at
from app.samples.schemas import SampleDetailOut
from app.samples.schemas.overview import ClaimLine
from app.substances.data import catalogue
from app.web.forms import Form
from app.web.pages.bench import words
from app.web.pages.bench import work_view as view
from app.web.pages.bench.work_view import Forms
from app.web.pages.desk.view import found_view
from app.web.visit import Visit
from app.web.words import status_view

_FIELDS = {"substances": "substance", "analysis_ids": "cited", "outcome": "outcome"}
_DENIED = frozenset({Forbidden.status, NotFound.status})
_FINE = 200
_GONE = frozenset({Conflict.status, Stale.status})


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
        work = await gather(visit, session, found)
    if work.mine is not None and work.mine.stage is Stage.REVIEW and status == _FINE:
        return visit.go(f"/bench/{sample_id}/review")
    return visit.page(
        "bench/work.html",
        view_of(visit, found, work, forms=forms or Forms(), unfolded=unfolded),
        status=status,
    )


@dataclass(frozen=True, slots=True)
class Work:
    """
    What the page needs, as the services return it.
    """

    now: datetime
    claim: ClaimLine | None
    mine: ClaimLine | None
    names: Mapping[UUID, str]
    parts: Mapping[str, Any]


async def gather(visit: Visit, session: Session, found: SampleDetailOut) -> Work:
    """
    Ask the services for what the page needs.
    """
    claim = await samples.claim_of(session, found.id)
    recorded = await results.analyses_of(session, found.id)
    people = {one.operator_id for one in recorded} | ({claim.holder} if claim else set())
    suggested = await results.suggest_each(session, [found])
    return Work(
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


def view_of(
    visit: Visit, found: SampleDetailOut, work: Work, *, forms: Forms, unfolded: bool
) -> view.WorkView:
    """
    Return what the page shows.
    """
    language = visit.language
    say = language.say
    may = allowed(found.status, visit.caller.scopes)
    claimable = next((at for at, status in CLAIMED_AT.items() if status is found.status), None)
    stage = work.claim.stage if work.claim else claimable
    is_folded = stage is not None and folds_at(stage)
    open_now = unfolded or not is_folded or Scope.OVERSEE in visit.caller.scopes
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


def _filled(forms: Forms, analyses: Sequence[AnalysisOut], work: Work) -> Forms:
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


async def again(
    visit: Visit, sample_id: str, error: AppError, forms: Forms, **given: Form
) -> Response:
    """
    Show the page once more, with what was entered and what is wrong with it.

    Raises:
        AppError: when the caller may not see the sample at all.

    """
    if error.status in _DENIED:
        raise error
    say = visit.language.say
    if not given or error.status in _GONE:
        whole = Form().wrong([("", say(error.detail))])
        return await shown(visit, sample_id, forms=replace(forms, whole=whole), status=error.status)
    ((name, form),) = given.items()
    forms = replace(forms, **{name: form.refused(error, say, _FIELDS)})
    return await shown(visit, sample_id, forms=forms, status=422)
