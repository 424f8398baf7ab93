"""
What may be attached, and who sees it.
"""

import re
from enum import StrEnum

MOST_BYTES = 64 * 1024 * 1024
"""One file. Longer ones belong into the laboratory's archive, with a reference in the analysis."""

LONGEST_NAME = 200
LONGEST_TYPE = 100

_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")


class AttachmentKind(StrEnum):
    """
    What a file is. Instrument data are stored, never interpreted.
    """

    PHOTOGRAPH = "photograph"
    DATA = "data"
    """An instrument's own file: JCAMP-DX, mzML, CSV, PDF or any other."""
    DOCUMENT = "document"


class Side(StrEnum):
    """
    Who attached a file.
    """

    AGENCY = "agency"
    LABORATORY = "laboratory"


def shown_at_once(side: Side, kind: AttachmentKind) -> bool:
    """
    Say whether the agencies of the file see it from the beginning.

    Photographs show the state of the item; the laboratory's data are disclosed with its report.
    """
    return side is Side.AGENCY or kind is AttachmentKind.PHOTOGRAPH


def media_type(said: str | None) -> str:
    """
    Return the type to store: what was said, if it is one. A file is only ever handed out as a download.
    """
    bare = (said or "").partition(";")[0].strip().lower()
    return (
        bare if len(bare) <= LONGEST_TYPE and _TYPE.fullmatch(bare) else "application/octet-stream"
    )
