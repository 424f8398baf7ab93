"""
The bench's first page: the next samples, the scanner, and what one holds.
"""

from typing import Annotated

from fastapi import Depends, Query, Response

from app.access.rules import Scope
from app.kit import ids
from app.kit.errors import Conflict, NotFound
from app.results import service as results
from app.samples import service as samples
from app.samples.rules import CLAIMED_AT, Act, Stage, allowed, claim_scope
from app.samples.rules.folding import folds_at
from app.web.forms import Form
from app.web.language import N_
from app.web.pages.bench import list_view as view
from app.web.pages.bench import words
from app.web.pages.bench.labels import read_label
from app.web.route import pages, staff_with
from app.web.visit import Visit

router = pages()

Bench = Annotated[Visit, Depends(staff_with(Scope.QUEUE))]
_SHOWN = 10
NO_LABEL = N_("That is no label of ours: scan it again, or type what stands below its picture.")
NOT_HERE = N_("This label names nothing in this laboratory.")


@router.get("/bench", response_model=None)
async def bench(
    visit: Bench, stage: Annotated[str, Query(max_length=20)] = "", label: str = ""
) -> Response:
    """
    Show the head of the queue at one stage, and what one holds.
    """
    del label  # a link may carry what was scanned elsewhere; only the form acts
    return await shown(visit, stage, Form())


@router.post("/bench/next", response_model=None)
async def claim_next(visit: Bench) -> Response:
    """
    Take the next sample at a stage.
    """
    stage = chosen(visit, (await visit.form()).text("stage"))
    async with visit.writing() as session:
        taken = await samples.claim_next(
            session,
            caller=visit.caller,
            stage=stage,
            count=1,
            lease_s=visit.here.settings.claim_lease_s,
        )
    if not taken:
        return visit.go(f"/bench?stage={stage}", notice="queue-empty")
    return visit.go(f"/bench/{ids.write('smp', taken[0].sample.id)}", notice="claimed")


@router.post("/bench/scan", response_model=None)
async def scan(visit: Bench) -> Response:
    """
    Do what a scanned label asks for: receive the item, take the sample, or go on with it.
    """
    given = await visit.form()
    stage = given.text("stage")
    label = read_label(given.text("label"))
    if label is None:
        wrong = given.wrong([("label", visit.language.say(NO_LABEL))])
        return await shown(visit, stage, wrong, status=422)
    key = ids.read("smp", label)
    try:
        async with visit.reading() as session:
            sample = await samples.look_up(session, key)
    except NotFound:
        wrong = given.wrong([("label", visit.language.say(NOT_HERE))])
        return await shown(visit, stage, wrong, status=422)
    may = allowed(sample.status, visit.caller.scopes)
    if Act.RECEIVE in may:
        return visit.go(f"/bench/{label}/receipt")
    waits_for = next((at for at, status in CLAIMED_AT.items() if status is sample.status), None)
    if Act.CLAIM not in may or waits_for is None:
        return visit.go(f"/bench/{label}")
    try:
        async with visit.writing() as session:
            await samples.claim_named(
                session,
                caller=visit.caller,
                sample_id=key,
                stage=waits_for,
                lease_s=visit.here.settings.claim_lease_s,
            )
    except Conflict:
        return visit.go(f"/bench/{label}", notice="not-claimed")
    return visit.go(f"/bench/{label}", notice="claimed")


def stages_of(visit: Visit) -> list[Stage]:
    """
    Return the stages at which this person may take samples; whoever oversees looks at all.
    """
    mine = [stage for stage in Stage if claim_scope(stage) in visit.caller.scopes]
    return mine or list(Stage)


def chosen(visit: Visit, wanted: str) -> Stage:
    """
    Return the stage asked for, if this person may look at it, else their first.
    """
    mine = stages_of(visit)
    return next((stage for stage in mine if stage == wanted), mine[0])


async def shown(visit: Visit, wanted: str, form: Form, *, status: int = 200) -> Response:
    """
    Show the bench.
    """
    stage = chosen(visit, wanted)
    language = visit.language
    async with visit.reading() as session:
        queue = await samples.queue_head(session, stage=stage, limit=_SHOWN)
        known = await samples.look_up_several(session, [one.sample_id for one in queue.items])
        suggested = await results.suggest_each(session, known.values())
        held = await samples.held(session, caller=visit.caller)
        now = session.now
    me = visit.caller.client_id
    found = view.BenchView(
        form=form,
        stage=stage,
        stage_label=language.say(words.STAGES[stage]),
        tabs=view.tabs(stages_of(visit), stage, language),
        waiting=view.waiting(
            queue.items, known, suggested, stage=stage, now=now, language=language
        ),
        mine=view.mine([one for one in held.items if one.holder == me], now, language),
        may_claim=claim_scope(stage) in visit.caller.scopes,
        folded=folds_at(stage),
    )
    return visit.page("bench/list.html", found, status=status)
