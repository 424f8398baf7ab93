"""
Where things lie, and whether the server's user can get there.

PostgreSQL refuses to run as root, so that root needs another user for it. That user may be unable
to reach the data folder or the installed binaries: both may lie under a home folder of mode 0700.
Opening that folder would be a change to something that is not ours, so what the server needs is put
where it can be reached: under `/var/lib/assayline`, with a link in the data folder.
"""

import os
import pwd
import secrets
import shutil
import stat
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

_FOR_ROOT: Final = Path("/var/lib/assayline")
_UNPRIVILEGED: Final = "nobody"


class EmbeddedError(Exception):
    """
    A private server cannot run here; the message names the remedy.
    """


@dataclass(frozen=True, slots=True)
class Account:
    """
    The user a server runs as when root starts it.
    """

    uid: int
    gid: int


def server_account() -> Account | None:
    """
    The unprivileged user for the servers, or None when we are one already.
    """
    if os.geteuid() != 0:
        return None
    # `postgres` would be the account of another server on this machine, if there is one, and each
    # could then read the other's files. initdb wants a name, so that a free number will not do.
    entry = pwd.getpwnam(_UNPRIVILEGED)
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def data_folder(path: Path) -> Path:
    """
    The data folder, made on first use, with links resolved.
    """
    path = path.absolute()
    if not path.exists():
        path.mkdir(parents=True)
        # Ours, so that we may say who passes: its own secrets have modes of their own.
        path.chmod(0o711)
    return path.resolve()


def server_folder(data_dir: Path, name: str, account: Account | None) -> Path:
    """
    The folder of this name for the server alone, made on first use where it can be reached.

    Raises:
        EmbeddedError: If it was put elsewhere before and is not there any more.
    """
    folder = data_dir / name
    if folder.exists():
        return folder.resolve()
    if folder.is_symlink():
        # A disk not mounted looks like this; an empty database in its place would hide it.
        raise EmbeddedError(
            f"{folder} leads to {folder.readlink()}, which is gone: bring that back, or remove the"
            " link to begin anew"
        )
    if account is None:
        folder.mkdir(mode=0o700)
        return folder
    aside = f"{data_dir.name.lstrip('.')}-{secrets.token_hex(8)}"
    made = folder if reachable(data_dir, account) else _shelf() / aside
    made.mkdir(mode=0o700)
    os.chown(made, account.uid, account.gid)
    if made != folder:
        folder.symlink_to(made)
    return made


def remove(data_dir: Path) -> None:
    """
    Remove a data folder and what was put elsewhere for it; the servers must be stopped.
    """
    for entry in data_dir.iterdir() if data_dir.exists() else ():
        if entry.is_symlink() and entry.resolve().is_relative_to(_FOR_ROOT):
            shutil.rmtree(entry.resolve(), ignore_errors=True)
    shutil.rmtree(data_dir, ignore_errors=True)


def installed(package: str, *parts: str) -> Path | None:
    """
    A path inside an installed package, found without importing it.

    Importing would run the package's own wrapper, which warns, and changes modes of parent folders.
    """
    spec = find_spec(package)
    for location in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(location).joinpath(*parts)
        if path.exists():
            return path
    return None


def usable(trees: tuple[Path, ...], probe: Path, account: Account | None, *, root: Path) -> Path:
    """
    `probe`, or its copy in a place where the server's user can reach it.

    Args:
        trees: Folders that only work together, such as binaries and their libraries.
        probe: A program in the first of them.
        account: Who has to run it.
        root: Their common parent: below it they keep their places, since programs look for their
            libraries and their data relative to themselves.
    """
    if account is None or reachable(probe, account):
        return probe
    status = probe.stat()
    copies = _shelf() / f"bin-{status.st_size:x}-{status.st_mtime_ns:x}"
    if not copies.exists():
        _copy(trees, root, copies)
    return copies / probe.relative_to(root)


def reachable(path: Path, account: Account) -> bool:
    """
    Whether this account may pass every folder on the way, and read what is at the end.
    """
    ways = [folder for folder in path.resolve().parents if not _may(folder, account, stat.S_IXOTH)]
    end = stat.S_IXOTH if path.is_dir() else stat.S_IROTH | stat.S_IXOTH
    return not ways and _may(path, account, end)


def _may(path: Path, account: Account, bits: int) -> bool:
    status = path.stat()
    if status.st_uid == account.uid:
        bits <<= 6
    elif status.st_gid == account.gid:
        bits <<= 3
    return status.st_mode & bits == bits


def _shelf() -> Path:
    if not _FOR_ROOT.exists():
        _FOR_ROOT.mkdir(parents=True, exist_ok=True)
        _FOR_ROOT.chmod(0o711)  # may be passed through, not listed
    return _FOR_ROOT


def _copy(trees: tuple[Path, ...], root: Path, copies: Path) -> None:
    # Made under another name and then renamed, so that two starts at once cannot see half of it.
    draft = Path(tempfile.mkdtemp(dir=copies.parent))
    for tree in trees:
        shutil.copytree(tree, draft / tree.relative_to(root), symlinks=True)
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    try:
        draft.rename(copies)
    except OSError:
        shutil.rmtree(draft)  # another start was quicker
