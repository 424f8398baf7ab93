"""
Labels with a QR code that a scanner types: the sample's id, and nothing that tells what is inside.
"""

import asyncio
import json
from collections.abc import Sequence
from uuid import UUID

import segno
import typst

from app.kit import ids
from app.kit.db import Session
from app.samples.schemas import SampleOut
from app.samples.service.look_up import look_up, submission

_SHEET = """
#set page(paper: "a4", margin: (x: 8mm, y: 12mm))
#set text(size: 8pt)
#let labels = json(bytes(sys.inputs.labels))
#grid(columns: (1fr, 1fr), gutter: 4mm, ..labels.map(one => block(
  width: 100%, height: 36mm, inset: 3mm, stroke: 0.4pt + gray, breakable: false,
  grid(columns: (30mm, 1fr), gutter: 3mm,
    image(bytes(one.qr), format: "svg", width: 28mm),
    [#text(size: 11pt, weight: "bold")[#one.exhibit] \\
     #one.file \\
     #text(size: 7pt)[#one.id]]))))
"""


async def sheet(session: Session, submission_id: UUID | None) -> bytes:
    """
    Return a printable sheet with a label for every sample of a submission.

    Raises:
        NotFound: when it is not there for this caller.

    """
    found = await submission(session, submission_id)
    labels = [_label(sample) for sample in found.samples]
    # The compiler holds the processor for a moment: in a thread, so that nobody's poll waits for it.
    return await asyncio.to_thread(_print, labels)


async def zpl(session: Session, sample_id: UUID | None) -> str:
    """
    Return one label for a label printer that speaks ZPL II, 203 dots per inch.

    Raises:
        NotFound: when the sample is not there for this caller.

    """
    sample = await look_up(session, sample_id)
    code = ids.write("smp", sample.id)
    lines = [
        "^XA^CI28^PW406^LL203",
        f"^FO16,16^BQN,2,4^FDQA,{code}^FS",
        f"^FO190,24^A0N,34,34^FH^FD{_hex(sample.exhibit_number)}^FS",
        f"^FO190,72^A0N,22,22^FH^FD{_hex(sample.agency_file_number)}^FS",
        f"^FO16,180^A0N,18,18^FD{code}^FS",
        "^XZ",
    ]
    return "\n".join(lines) + "\n"


def _label(sample: SampleOut) -> dict[str, str]:
    code = ids.write("smp", sample.id)
    return {
        "id": code,
        "exhibit": sample.exhibit_number,
        "file": sample.agency_file_number,
        "qr": segno.make(code, error="m", micro=False).svg_inline(scale=4),
    }


def _print(labels: Sequence[dict[str, str]]) -> bytes:
    inputs = {"labels": json.dumps(labels)}
    return bytes(typst.compile(_SHEET.encode(), sys_inputs=inputs))


def _hex(text: str) -> str:
    # In ZPL ^ and ~ begin commands: everything but plain letters and digits is written by its code.
    return "".join(
        chr(byte) if chr(byte).isalnum() and byte < 128 else f"_{byte:02X}"  # noqa: PLR2004 - ASCII
        for byte in text.encode()
    )
