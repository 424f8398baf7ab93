"""
An instant as callers write it.
"""

import re
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator

_WRITTEN = re.compile(r"\d{4}-\d\d-\d\d")


def _no_number(value: object) -> object:
    # Pydantic takes a bare number for seconds since 1970: a slip of the pen would become a seizure of that year.
    if isinstance(value, int | float) or (isinstance(value, str) and not _WRITTEN.match(value)):
        message = "is no date and time; send RFC 3339, such as 2026-03-01T10:00:00Z"
        raise ValueError(message)
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_no_number)]
"""RFC 3339 with its time zone, and nothing that merely could be read as one."""
