"""
One service per data folder at a time.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.embedded.places import EmbeddedError


@contextmanager
def held(data_dir: Path) -> Iterator[None]:
    """
    Hold the folder's lock; the kernel lets go of it however this process ends.

    Raises:
        EmbeddedError: If another process holds it.
    """
    path = data_dir / "lock"
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError as error:
        raise EmbeddedError(
            f"{data_dir} belongs to another user: run as that user, or name another folder with"
            " ASSAYLINE_DATA_DIR"
        ) from error
    try:
        _take(lock, data_dir)
        yield
    finally:
        os.close(lock)


def _take(lock: int, data_dir: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
        raise EmbeddedError(
            f"a service already runs on {data_dir} (process {holder}): use it, stop it, or name"
            " another folder with ASSAYLINE_DATA_DIR"
        ) from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)  # for the message above; never to signal it
