"""
Labels: what a scanner reads from one, and one in large letters on the screen.
"""

import re
from dataclasses import dataclass
from typing import Annotated

import segno
from fastapi import Depends, Response
from markupsafe import Markup

from app.access.rules import Scope
from app.kit import ids
from app.samples import service as samples
from app.web.route import pages, staff_with
from app.web.visit import Visit

router = pages()

_LABEL = re.compile(r"s?mp[-_?/]([0-7][0-9a-hjkmnp-tv-z]{25})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LabelView:
    """
    One label.
    """

    sample_id: str
    path: str
    file_number: str
    exhibit_number: str
    small_parcel: bool
    hazards: tuple[str, ...]
    picture: Markup


def read_label(text: str) -> str | None:
    """
    Return the sample's id in what a scanner typed: the id alone, or an address that holds it.

    A scanner set to another keyboard types other signs for the underscore, and may type capitals; and where single keys
    do something, the first letter leads into the field instead of standing in it.
    """
    found = _LABEL.search(text)
    return f"smp_{found[1].lower()}" if found else None


@router.get("/bench/{sample_id}/label", response_model=None)
async def label(
    visit: Annotated[Visit, Depends(staff_with(Scope.QUEUE))], sample_id: str
) -> Response:
    """
    Show a sample's label, to be read from a step away, scanned from the screen, or printed.
    """
    async with visit.reading() as session:
        found = await samples.look_up(session, ids.read("smp", sample_id))
    key = ids.write("smp", found.id)
    shown = LabelView(
        sample_id=key,
        path=f"/bench/{key}",
        file_number=found.agency_file_number,
        exhibit_number=found.exhibit_number,
        small_parcel=found.small_parcel,
        hazards=tuple(found.exhibit.get("hazards") or ()),
        picture=picture(key),
    )
    return visit.page("bench/label.html", shown)


def picture(text: str) -> Markup:
    """
    Draw a QR code.
    """
    drawn = segno.make(text, micro=False, error="m").svg_inline(
        scale=4, border=2, omitsize=True, svgclass=None, lineclass=None
    )
    return Markup(drawn)  # noqa: S704 - drawn here, from our own id
