"""
What is done at the desk: a report on paper, the packet, an acknowledgement.
"""

from typing import Annotated

from fastapi import Depends, Response
from fastapi.responses import StreamingResponse

from app.access.rules import Scope
from app.kit import ids
from app.kit.errors import FieldError, Invalid, Unavailable
from app.kit.http import practice_now
from app.results import service as results
from app.web.route import pages, staff_with
from app.web.visit import Visit
from app.webhooks import service as webhooks
from app.webhooks.escalation import Action

router = pages()

Follower = Annotated[Visit, Depends(staff_with(Scope.FOLLOW))]
Acknowledger = Annotated[Visit, Depends(staff_with(Scope.ACKNOWLEDGE))]


@router.get("/desk/{sample_id}/reports/{number}.pdf", response_model=None)
async def paper(visit: Follower, sample_id: str, number: str) -> Response:
    """
    Show a report as it was printed, in the reader's language.
    """
    code = visit.language.code
    async with visit.reading() as session:
        found = await results.document_of(
            session, sample_id=ids.read("smp", sample_id), number=number, language=code
        )
    if found is None:
        raise Unavailable("This report is being printed.", retry_after_s=1)
    name = f"report-{found.number}-{code}.pdf"
    return Response(
        found.pdf,
        media_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{name}"'},
    )


@router.post("/desk/{sample_id}/packet", response_model=None)
async def packet(visit: Follower, sample_id: str) -> Response:
    """
    Disclose everything a report rests on. A form, as the disclosure goes into the ledger.
    """
    name, content = await results.open_packet(
        visit.here.database,
        caller=visit.caller,
        sample_id=ids.read("smp", sample_id),
        now=practice_now(visit.request),
    )
    return StreamingResponse(
        content,
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.post("/desk/{sample_id}/acknowledgement", response_model=None)
async def acknowledge(visit: Acknowledger, sample_id: str) -> Response:
    """
    Acknowledge a correction in one's own name.
    """
    given = await visit.form()
    if given.text("action") not in set(Action):
        raise Invalid(
            errors=[FieldError("action", "is missing", "press one of the buttons")],
        )
    async with visit.writing() as session:
        await webhooks.acknowledge(
            session,
            caller=visit.caller,
            event_id=ids.read("evt", given.text("event")),
            action=Action(given.text("action")),
        )
    key = ids.read("smp", sample_id)
    return visit.go(f"/desk/{ids.write('smp', key)}" if key else "/desk", notice="acknowledged")
