"""
Receipt at the laboratory's door: the label is scanned, the seal looked at, and the item is the laboratory's.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Response

from app.access.rules import Scope
from app.custody.rules import SealState
from app.kit import ids
from app.kit.errors import AppError, Forbidden, NotFound
from app.samples import service as samples
from app.samples.rules import Act, allowed
from app.samples.schemas import ReceiptIn
from app.web.forms import Form
from app.web.language import N_
from app.web.pages.bench import work_view
from app.web.pages.bench.reading import read
from app.web.route import pages, staff_with
from app.web.visit import Visit
from app.web.words import StatusView, status_view

router = pages()

Receiver = Annotated[Visit, Depends(staff_with(Scope.BENCH))]
SEALS = {
    SealState.INTACT: N_("Intact"),
    SealState.BROKEN: N_("Broken"),
    SealState.ABSENT: N_("No seal"),
}
_DENIED = frozenset({Forbidden.status, NotFound.status})


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """
    The form of a receipt.
    """

    form: Form
    path: str
    file_number: str
    exhibit_number: str
    description: str
    status: StatusView
    hazards: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    may_receive: bool
    seals: tuple[tuple[str, str, str], ...]


@router.get("/bench/{sample_id}/receipt", response_model=None)
async def receipt(visit: Receiver, sample_id: str) -> Response:
    """
    Ask what is seen at the door.
    """
    return await _shown(visit, sample_id, Form())


@router.post("/bench/{sample_id}/receipt", response_model=None)
async def receive(visit: Receiver, sample_id: str) -> Response:
    """
    Receive the item.
    """
    given = await visit.form()
    try:
        body = read(
            ReceiptIn,
            {
                "sample_id": sample_id,
                "seal_number": given.text("seal_number") or None,
                "condition": given.text("condition") or None,
                "seal_state": given.text("seal_state") or SealState.UNKNOWN,
                "seal_as_announced": not given.ticked("other_seal"),
                "missing": given.ticked("missing"),
                "file_number_on_item": given.text("file_number_on_item") or None,
                "exhibit_number_on_item": given.text("exhibit_number_on_item") or None,
                "accept_because": given.text("accept_because") or None,
                "gross_weight_g": given.text("gross_weight_g").replace(",", ".") or None,
            },
        )
        async with visit.writing() as session:
            received = await samples.receive(session, caller=visit.caller, receipt=body)
    except AppError as error:
        if error.status in _DENIED:
            raise
        return await _shown(visit, sample_id, given.refused(error, visit.language.say), status=422)
    if received.received_at is None:
        return visit.go("/bench", notice="refused-at-door")
    held = received.nonconformances and not received.not_for_court
    return visit.go("/bench", notice="received-on-hold" if held else "received")


async def _shown(visit: Visit, sample_id: str, form: Form, *, status: int = 200) -> Response:
    async with visit.reading() as session:
        found = await samples.look_up(session, ids.read("smp", sample_id))
    language = visit.language
    view = ReceiptView(
        form=form,
        path=f"/bench/{ids.write('smp', found.id)}",
        file_number=found.agency_file_number,
        exhibit_number=found.exhibit_number,
        description=str(found.exhibit.get("description") or ""),
        status=status_view(found.status, language),
        hazards=tuple(found.exhibit.get("hazards") or ()),
        facts=work_view.facts(found.exhibit, language),
        seals=tuple((code, language.say(label), "") for code, label in SEALS.items()),
        may_receive=Act.RECEIVE in allowed(found.status, visit.caller.scopes),
    )
    return visit.page("bench/receipt.html", view, status=status)
