"""
How far ``assayline listen`` has got: one file, one listener, written whole or not at all.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from app.cli.output import CliError


class Identified(Protocol):
    """
    Something with an id.
    """

    @property
    def id(self) -> str:
        """
        The id.
        """


T = TypeVar("T", bound=Identified)


class Cursor:
    """
    The feed's cursor, and the last event behind it that was taken.
    """

    def __init__(self, path: Path, stored: dict[str, str | None]) -> None:
        """
        Begin where the file says.
        """
        self._path = path
        self._service = stored.get("service")
        self._last = stored.get("last")
        self.after = stored.get("after")

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator["Cursor"]:
        """
        Read the file, or begin at the first event there ever was; keep others off until the block ends.

        Raises:
            CliError: when it is no such file, or another listener has it.

        """
        # Beside it: the file itself is replaced with every event, and a lock would go with it.
        with path.with_name(path.name + ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as problem:
                raise CliError(
                    f"another listener has {path}: stop it, or give this one another --cursor"
                ) from problem
            yield cls(path, _read(path))

    def belongs_to(self, service: str) -> None:
        """
        Refuse a file that was kept for another service: its cursor means nothing here.

        Raises:
            CliError: then.

        """
        if self._service not in {None, service}:
            raise CliError(
                f"{self._path} belongs to {self._service}, not to {service}: give another --cursor"
            )
        self._service = service

    def left(self, page: Sequence[T]) -> Sequence[T]:
        """
        Return what of a page was not taken yet.
        """
        taken = next((n for n, one in enumerate(page, 1) if one.id == self._last), 0)
        return page[taken:]

    def done(self, event_id: str) -> None:
        """
        Remember that an event was taken.
        """
        self._last = event_id
        self._write()

    def turn(self, after: str) -> None:
        """
        Remember that a page is through.
        """
        if after != self.after:
            self.after, self._last = after, None
            self._write()

    def _write(self) -> None:
        new = self._path.with_name(self._path.name + ".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump({"service": self._service, "after": self.after, "last": self._last}, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)


def _read(path: Path) -> dict[str, str | None]:
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {name: found[name] for name in ("service", "after", "last")}
    except (ValueError, KeyError, TypeError) as problem:
        raise CliError(
            f"{path} was not written by `assayline listen`: give another --cursor"
        ) from problem
