"""
The floor, over HTTP.
"""

from time import monotonic
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from app.access import service as access
from app.access.rules import Scope
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import AppError, Forbidden, NotFound
from app.results import service as results
from app.samples import service as samples
from app.samples.ranking_rules import RushState
from app.samples.schemas.overview import FloorOut
from app.samples.schemas.ranking import RushDecisionIn
from app.web.forms import Form
from app.web.pages.bench.reading import read
from app.web.pages.floor import view
from app.web.route import pages, staff_with
from app.web.visit import Visit

router = pages()

Overseer = Annotated[Visit, Depends(staff_with(Scope.OVERSEE))]
Decider = Annotated[Visit, Depends(staff_with(Scope.ORDER))]
_DENIED = frozenset({Forbidden.status, NotFound.status})
_PROMISES = 12
_FRESH_S = 20.0
"""Counting a long queue takes a moment: whoever looks again within this time sees the same counts, and as of when."""

_counted: dict[UUID, tuple[float, FloorOut]] = {}


@router.get("/floor", response_model=None)
async def floor(visit: Overseer) -> Response:
    """
    Show the bench as a whole.
    """
    return await _shown(visit, Form())


@router.post("/floor/claims/{claim_id}/put-back", response_model=None)
async def put_back(visit: Overseer, claim_id: str) -> Response:
    """
    Give back what somebody else holds, with a reason.
    """
    given = await visit.form()
    reason = given.text("reason")[:500]
    token = given.text("token")
    if not reason:
        wrong = given.wrong([("", visit.language.say("Say why, in a few words."))])
        return await _shown(visit, wrong, status=422)
    try:
        async with visit.writing() as session:
            await samples.put_back(
                session,
                caller=visit.caller,
                claim_id=ids.read("clm", claim_id),
                token=int(token) if token.isascii() and token.isdigit() and len(token) < 19 else -1,  # noqa: PLR2004 - digits of a bigint
                reason=reason,
            )
    except AppError as error:
        if error.status in _DENIED:
            raise
        return await _shown(visit, given.refused(error, visit.language.say), status=error.status)
    return visit.go("/floor", notice="put-back")


@router.post("/floor/rush/{request_id}", response_model=None)
async def decide(visit: Decider, request_id: str) -> Response:
    """
    Answer a rush request, under one's own name.
    """
    given = await visit.form()
    try:
        body = read(
            RushDecisionIn,
            {
                "decision": given.text("decision"),
                "remarks": given.text("remarks"),
                "start_by": given.text("start_by") or None,
                "earliest_on": given.text("earliest_on") or None,
            },
        )
        async with visit.writing() as session:
            await samples.rush.decide(
                session, caller=visit.caller, request_id=ids.read("rsh", request_id), body=body
            )
    except AppError as error:
        if error.status in _DENIED:
            raise
        return await _shown(visit, given.refused(error, visit.language.say), status=422)
    return visit.go("/floor", notice="rush-answered")


async def _shown(visit: Visit, form: Form, *, status: int = 200) -> Response:
    async with visit.reading() as session:
        found = await _count(session)
        held = (await samples.held(session, caller=visit.caller)).items
        names = await access.names(session, list({one.holder for one in held})) if held else {}
        told = [one.agency_id for one in found.records]
        agencies = await access.agency_names(session, told) if told else {}
        clocks = (await samples.open_clocks(session, limit=_PROMISES)).items
        known = await samples.look_up_several(session, list({one.sample_id for one in clocks}))
        rushes = (await samples.rush.waiting(session, state=RushState.OPEN)).items
        now = session.now
    seen = view.Seen(held, names, agencies, clocks, known, rushes)
    shown = view.view(found, seen, now=now, form=form, language=visit.language)
    return visit.page("floor/floor.html", shown, status=status)


async def _count(session: Session) -> FloorOut:
    kept = _counted.get(session.tenant)
    if kept is not None and monotonic() - kept[0] < _FRESH_S:
        return kept[1]
    found = await results.floor(session)
    _counted[session.tenant] = (monotonic(), found)
    return found
