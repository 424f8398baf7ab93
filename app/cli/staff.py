"""
``assayline admin password``: how people come to sign in to the pages.
"""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from app.cli import admin
from app.cli.admin import ClientName
from app.cli.output import NO, CliError, say

if TYPE_CHECKING:
    from app.kit.db import Session

password = typer.Typer(help="What a person signs in to the pages with.", no_args_is_help=True)

LoginName = Annotated[
    str | None,
    typer.Option("--login", metavar="NAME", help="The sign-in name.", show_default="as it is now"),
]


@password.command("invite")
def invite(client: ClientName, login: LoginName = None) -> None:
    """
    Print a link with which a person chooses a password: good once, for a week.
    """

    async def work(session: "Session") -> tuple[str, str]:
        from app.access.signin import service  # noqa: PLC0415 - heavy, and not for every command

        found = admin.client_named(await admin.all_known(session), client)
        name = await _login(session, found["id"], login)
        return await service.invite(session, client_id=found["id"], login=name), name

    from app import settings  # noqa: PLC0415 - heavy, and not for every command

    token, name = admin.write(work)
    address = settings.load("client").public_url.rstrip("/")
    typer.echo(f"{address}/invite/{token}")
    say(f"For the sign-in name {name}. Hand it over by a way you trust; it works once.")


@password.command("set")
def set_password(client: ClientName, login: LoginName = None) -> None:
    """
    Set a person's password, asked for twice or read from a pipe; open sessions end.
    """
    chosen = typer.get_text_stream("stdin")
    text = (
        typer.prompt("New password", hide_input=True, confirmation_prompt=True)
        if chosen.isatty()
        else chosen.readline().rstrip("\n")
    )

    async def work(session: "Session") -> str:
        from app.access.signin import service  # noqa: PLC0415 - heavy, and not for every command

        found = admin.client_named(await admin.all_known(session), client)
        name = await _login(session, found["id"], login)
        await service.set_password(session, client_id=found["id"], login=name, password=text)
        return name

    say(f"{admin.write(work)} has a new password.")


@password.command("link")
def link(
    client: ClientName,
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="What the provider calls it.")],
    login: LoginName = None,
) -> None:
    """
    Let a person sign in through the provider that ASSAYLINE_OIDC_ISSUER names.
    """
    from app import settings  # noqa: PLC0415 - heavy, and not for every command

    issuer = settings.load("client").oidc_issuer
    if issuer is None:
        raise CliError("set ASSAYLINE_OIDC_ISSUER: it names the provider", code=NO)

    async def work(session: "Session") -> str:
        from app.access.signin import service  # noqa: PLC0415 - heavy, and not for every command

        found = admin.client_named(await admin.all_known(session), client)
        name = await _login(session, found["id"], login)
        await service.link_provider(
            session, client_id=found["id"], login=name, issuer=issuer, subject=subject
        )
        return name

    say(f"{admin.write(work)} may sign in through {issuer}.")


async def _login(session: "Session", client_id: UUID, given: str | None) -> str:
    from app.access.signin import service  # noqa: PLC0415 - heavy, and not for every command

    name = given or await service.login_of(session, client_id=client_id)
    if not name:
        raise CliError("this person has no sign-in name yet: give one with --login", code=NO)
    return name
