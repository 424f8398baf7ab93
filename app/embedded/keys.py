"""
The passwords and the secret key of one data folder, generated once.
"""

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from app.embedded.places import EmbeddedError


def _password() -> str:
    return secrets.token_urlsafe(24)


def _secret_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True, slots=True)
class Keys:
    """
    What the folder's servers and the service prove themselves with.
    """

    admin: str = field(default_factory=_password, repr=False)
    owner: str = field(default_factory=_password, repr=False)
    app: str = field(default_factory=_password, repr=False)
    worker: str = field(default_factory=_password, repr=False)
    valkey: str = field(default_factory=_password, repr=False)
    secret_key: str = field(default_factory=_secret_key, repr=False)


def load(data_dir: Path) -> Keys:
    """
    The keys of this folder, made on first use.

    Raises:
        EmbeddedError: If they are unreadable, or gone while the databases they open are there.
    """
    path = data_dir / "keys.json"
    if not path.exists():
        if any(data_dir.glob("postgres*/data")):
            raise EmbeddedError(
                f"{path} is missing, and the database beside it cannot be opened without it: put"
                " it back, or move the folder away to begin anew"
            )
        return _create(path)
    try:
        stored = json.loads(path.read_text())
        return Keys(**{item.name: str(stored[item.name]) for item in fields(Keys)})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EmbeddedError(f"{path} cannot be read: put back a copy of it") from error


def _create(path: Path) -> Keys:
    made = Keys()
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    # Never, not even for a moment, readable by others; and whole or not there at all.
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(made), file)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    return made
