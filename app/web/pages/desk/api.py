"""
The desk, over HTTP.
"""

from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Query, Response

from app.access.rules import Scope
from app.kit import ids, paging
from app.results import service as results
from app.samples import service as samples
from app.web.pages.desk import told, view
from app.web.route import pages, staff_with
from app.web.visit import Visit
from app.webhooks import service as webhooks

router = pages()

Follower = Annotated[Visit, Depends(staff_with(Scope.FOLLOW))]
_PER_PAGE = 25
_LONGEST = 80


@router.get("/desk", response_model=None)
async def desk(
    visit: Follower,
    file: Annotated[str, Query(max_length=200)] = "",
    after: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    """
    List samples, newest first; of one file when it is named.
    """
    wanted = file.strip()[:_LONGEST]
    chosen = samples.Filters(
        file_number=wanted or None, status=None, updated_since=None, small_parcel=None
    )
    scope = f"desk:{visit.caller.agency_id}:{chosen.as_scope()}"
    key = visit.here.cursor_key
    before = UUID(paging.read(key, scope=scope, cursor=after)[0]) if after else None
    async with visit.reading() as session:
        items, more = await samples.page(session, filters=chosen, before=before, limit=_PER_PAGE)
        owed = await told.owed(session, visit.caller, visit.language)
        missing = await told.undelivered(session, visit.caller)
    query = {"file": wanted} if wanted else {}
    older = paging.write(key, scope=scope, values=[str(items[-1].id)]) if more else None
    shown = view.DeskView(
        wanted=wanted,
        owed=owed,
        undelivered=missing,
        lines=tuple(view.line(one, visit.language) for one in items),
        newest=_path(query) if after else None,
        older=_path({**query, "after": older}) if older else None,
    )
    return visit.page("desk/list.html", shown)


@router.get("/desk/{sample_id}", response_model=None)
async def sample(visit: Follower, sample_id: str) -> Response:
    """
    Show one sample: what happened, what was found, what is next.
    """
    key = ids.read("smp", sample_id)
    async with visit.reading() as session:
        found = await samples.look_up(session, key)
        shown = view.sample_view(
            found,
            place=await samples.place_of(session, key),
            findings=await results.findings_of(session, key),
            reports=await results.reports_of(session, key),
            holdings=await samples.custody_of(session, key),
            promises=told.promises((await samples.clocks_of(session, key)).items, visit.language),
            sent=told.sent(
                await webhooks.sent_about(
                    session, submission_id=found.submission_id, sample_id=found.id
                ),
                visit.language,
            ),
            owed=await told.owed(session, visit.caller, visit.language),
            undelivered=await told.undelivered(session, visit.caller),
            language=visit.language,
        )
    return visit.page("desk/sample.html", shown)


def _path(query: dict[str, str]) -> str:
    return f"/desk?{urlencode(query)}" if query else "/desk"
