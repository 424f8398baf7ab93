"""
Why a sample stands where it stands, over HTTP.
"""

from typing import Annotated

from fastapi import Depends, Response

from app.access.rules import Scope
from app.kit import ids
from app.samples import service as samples
from app.web.pages.why import view
from app.web.route import pages, staff_with
from app.web.visit import Visit

router = pages()


@router.get("/why/{sample_id}", response_model=None)
async def why(
    visit: Annotated[Visit, Depends(staff_with(Scope.FOLLOW))], sample_id: str
) -> Response:
    """
    Explain one sample's rank. Whoever confirms or reviews it is told nothing: a reason would sway the result.
    """
    key = ids.read("smp", sample_id)
    async with visit.reading() as session:
        sample = await samples.look_up(session, key)
        if samples.seen(sample, visit.caller).folded:
            return visit.page("why/folded.html", view.folded(sample, visit.language))
        shown = view.why_view(
            sample,
            found=await samples.why(session, key),
            history=await samples.history(session, key),
            language=visit.language,
        )
    return visit.page("why/sample.html", shown)
