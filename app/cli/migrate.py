"""
``assayline migrate``: bring the database to the newest schema.
"""

from app.cli.output import CliError, say
from app.migrations import upgrade

__all__ = ["migrate", "upgrade"]


def migrate() -> None:
    """
    Bring the database to the newest schema, as its owner.

    Works on ASSAYLINE_OWNER_DATABASE_URL; without one, on the private server of the data folder.
    """
    from app import embedded, settings, supervise  # noqa: PLC0415 - heavy, and not for every command
    from app.kit import logs  # noqa: PLC0415 - heavy, and not for every command

    here = settings.load("migrate")
    logs.configure(level="WARNING")
    if here.owner_database_url is not None:
        upgrade(here.owner_database_url)
    elif here.database_url is not None:
        raise CliError("migrations run as their own role: set ASSAYLINE_OWNER_DATABASE_URL")
    elif (found := supervise.find(here.data_dir)) is not None:
        upgrade(found.owner_database_url)
    else:
        with embedded.running(here.data_dir, valkey=False) as servers:
            upgrade(servers.owner_database_url)
    say("The schema is at the newest revision.")
