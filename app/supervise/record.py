"""
`service.json`: how a command in another terminal finds the service that runs on a data folder.

It exists only beside private servers, whose passwords the same folder already holds (`keys.json`).
With servers of your own the settings say where they are, and nothing is written.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import psutil

_NAME: Final = "service.json"
_CLOCK_TOLERANCE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Record:
    """
    Where a running service answers, and which process it is.
    """

    pid: int
    started: float
    url: str | None
    """
    None while it serves no API.
    """
    database_url: str = field(repr=False)
    worker_database_url: str = field(repr=False)
    owner_database_url: str = field(repr=False)
    redis_url: str | None = field(repr=False)

    @property
    def alive(self) -> bool:
        """
        Whether that very process still exists: a number alone may be somebody else's by now.
        """
        try:
            return abs(psutil.Process(self.pid).create_time() - self.started) <= _CLOCK_TOLERANCE_S
        except psutil.Error:
            return False


def find(data_dir: Path) -> Record | None:
    """
    The service that runs on this folder now, or None.
    """
    try:
        found = Record(**json.loads((data_dir / _NAME).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.alive else None


@contextmanager
def written(data_dir: Path, **where: str | None) -> Iterator[None]:
    """
    Say for the length of the block that this process serves here.
    """
    me = psutil.Process()
    record = Record(pid=me.pid, started=me.create_time(), **where)  # type: ignore[arg-type]  # the caller names each field
    path = data_dir / _NAME
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    # Never, not even for a moment, readable by others; and whole or not there at all.
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(record), file, indent=1)
    draft.rename(path)
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
