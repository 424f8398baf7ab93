"""
``assayline admin``: agencies, clients, keys and authorizations, directly on the database.

For whoever runs the installation: it needs the database's login, and no API key.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from uuid import UUID

import typer

from app.access.rules import AgencyKind, ClientKind, Role
from app.cli import connect
from app.cli.output import NO, AsJson, CliError, as_json, instant, rows, say
from app.results.rules import OWN, catalogue

if TYPE_CHECKING:
    from app.kit.db import Session

T = TypeVar("T")
Row = Mapping[str, Any]

app = typer.Typer(help="Create, list and revoke agencies, clients and keys.", no_args_is_help=True)
agency = typer.Typer(help="Organizations: they submit, run a laboratory, prosecute, or are warned.")
client = typer.Typer(help="The people and programs of an agency, each with its roles.")
key = typer.Typer(help="What a client proves itself with.")
for name, group in (("agency", agency), ("client", client), ("key", key)):
    app.add_typer(group, name=name, no_args_is_help=True)

AgencyName = Annotated[str, typer.Argument(metavar="AGENCY", help="Its id or its name.")]
ClientName = Annotated[
    str, typer.Argument(metavar="CLIENT", help="Its id, its name, or AGENCY/NAME.")
]


@agency.command("create")
def create_agency(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As people know it; unique.")],
    kind: Annotated[AgencyKind, typer.Option(help="What it does with seized samples.")],
    country: Annotated[str | None, typer.Option(help="ISO 3166-1, such as CA.")] = None,
    json: AsJson = False,
) -> None:
    """
    Create an agency and print its id.
    """
    _not_empty(name)
    if country is not None and not (len(country) == 2 and country.isalpha() and country.isupper()):  # noqa: PLR2004 - alpha-2
        raise CliError(f"{country} is no country code: two capital letters, such as CA")

    async def work(session: "Session") -> UUID:
        from app.access import service  # noqa: PLC0415 - heavy, and not for every command

        return await service.create_agency(session, name=name, kind=kind, country=country)

    _created("agn", write(work), name, json=json)


@agency.command("list")
def list_agencies(json: AsJson = False) -> None:
    """
    List all agencies.
    """
    found = _overview()["agencies"]
    if json:
        as_json([_named(row, "agn") for row in found])
        return
    rows(
        ("id", "name", "kind", "country", "created"),
        [
            (_id("agn", row["id"]), row["name"], row["kind"], row["country"], _when(row))
            for row in found
        ],
        empty="There is no agency yet: `assayline admin agency create NAME --kind …`",
    )


@agency.command("letterhead")
def letterhead(
    agency: AgencyName,
    address: Annotated[
        str | None, typer.Option(help="Its address, as its reports print it.")
    ] = None,
    accreditation: Annotated[
        str | None, typer.Option(help="Its accreditation, as its reports print it.")
    ] = None,
) -> None:
    """
    Set what reports say of an agency besides its name; what is left out stays.
    """
    if address is None and accreditation is None:
        raise CliError("say what to set: --address, --accreditation, or both")

    async def work(session: "Session") -> Row:
        from app.access import service  # noqa: PLC0415 - heavy, and not for every command

        known = await service.overview(session)
        found = _find(known["agencies"], "agn", agency, "agency")
        await service.set_letterhead(
            session, agency_id=found["id"], address=address, accreditation=accreditation
        )
        return found

    say(f"The letterhead of {write(work)['name']} is set.")


@client.command("designate")
def designate(
    client: ClientName,
    statute: Annotated[str, typer.Option(help="As certificate templates name it, such as CDSA.")],
    number: Annotated[str, typer.Option(help="The designation's number.")],
) -> None:
    """
    Record that a person is a designated analyst, who may be named on certificates.
    """
    _not_empty(number)

    async def work(session: "Session") -> Row:
        from app.access import service  # noqa: PLC0415 - heavy, and not for every command

        found = client_named(await service.overview(session), client)
        await service.designate(session, client_id=found["id"], statute=statute, number=number)
        return found

    say(f"{write(work)['name']} is a designated analyst under {statute}.")


@client.command("create")
def create_client(
    agency: AgencyName,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Unique in its agency.")],
    role: Annotated[list[Role], typer.Option(help="What it is to its agency; may be repeated.")],
    kind: Annotated[
        bool, typer.Option("--person/--system", help="Only a person may hold a role that signs.")
    ] = True,
    json: AsJson = False,
) -> None:
    """
    Create a client of an agency and print its id.
    """
    _not_empty(name)

    async def work(session: "Session") -> UUID:
        from app.access import service  # noqa: PLC0415 - heavy, and not for every command

        known = await service.overview(session)
        found = _find(known["agencies"], "agn", agency, "agency")
        if any(row["agency_id"] == found["id"] and row["name"] == name for row in known["clients"]):
            raise CliError(f"{found['name']} already has a client named {name}", code=NO)
        return await service.create_client(
            session,
            agency_id=found["id"],
            name=name,
            kind=ClientKind.PERSON if kind else ClientKind.SYSTEM,
            roles=role,
        )

    _created("cli", write(work), name, json=json)


@client.command("list")
def list_clients(json: AsJson = False) -> None:
    """
    List all clients.
    """
    found = _overview()["clients"]
    if json:
        as_json([_named(row, "cli") for row in found])
        return
    rows(
        ("id", "agency", "name", "kind", "roles", "created", "revoked"),
        [
            (
                _id("cli", row["id"]),
                row["agency_name"],
                row["name"],
                row["kind"],
                " ".join(row["roles"]),
                _when(row),
                _when(row, "revoked_at"),
            )
            for row in found
        ],
        empty="There is no client yet: `assayline admin client create AGENCY NAME --role …`",
    )


@client.command("revoke")
def revoke_client(client: ClientName) -> None:
    """
    Revoke a client and all its keys; they stop working within a second.
    """

    async def work(session: "Session") -> Row:
        from app.access import service  # noqa: PLC0415 - heavy, and not for every command

        found = client_named(await service.overview(session), client)
        await service.revoke_client(session, client_id=found["id"])
        return found

    say(f"{write(work)['name']} is revoked, with all its keys.")


@key.command("create")
def create_key(
    client: ClientName,
    expires: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN", help="A date, an instant, or from now: 90d, 12h.", show_default="never"
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """
    Create a key and print it, this once: only a hash of it is stored.
    """

    async def work(session: "Session") -> tuple[str, Row, datetime | None]:
        from app.access import service  # noqa: PLC0415 - heavy, and not for every command

        found = client_named(await service.overview(session), client)
        if found["revoked_at"] is not None:
            raise CliError(f"{found['name']} is revoked: create another client", code=NO)
        until = _instant(expires, session.now) if expires else None
        text = await service.create_key(session, client_id=found["id"], expires_at=until)
        return text, found, until

    text, found, until = write(work)
    if json:
        as_json({"key": text, "client_id": _id("cli", found["id"]), "expires_at": until})
        return
    typer.echo(text)
    say(f"The key of {found['name']}. It cannot be shown again: keep it as ASSAYLINE_API_KEY.")


@key.command("list")
def list_keys(json: AsJson = False) -> None:
    """
    List all keys, without their secrets.
    """
    found = _overview()
    clients = {row["id"]: row for row in found["clients"]}
    if json:
        as_json([_named(row, None) for row in found["keys"]])
        return
    rows(
        ("key id", "client", "agency", "created", "expires", "revoked"),
        [
            (
                row["key_id"],
                clients[row["client_id"]]["name"],
                clients[row["client_id"]]["agency_name"],
                _when(row),
                _when(row, "expires_at"),
                _when(row, "revoked_at")
                or ("with its client" if clients[row["client_id"]]["revoked_at"] else ""),
            )
            for row in found["keys"]
        ],
        empty="There is no key yet: `assayline admin key create CLIENT`",
    )


@key.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its key id, or the whole key.")],
) -> None:
    """
    Revoke a key; it stops working within a second.
    """
    from app.access import keys  # noqa: PLC0415 - not for every command

    # Who has a leaked key in hand should not have to take it apart.
    presented = keys.read(key)
    key_id = presented.key_id if presented else key

    async def work(session: "Session") -> None:
        from app.access import service  # noqa: PLC0415 - heavy, and not for every command

        await service.revoke_key(session, key_id=key_id)

    write(work)
    say(f"Key {key_id} is revoked.")


@app.command("authorize")
def authorize(
    client: ClientName,
    technique: Annotated[list[str], typer.Option(help="A validated technique; may be repeated.")],
) -> None:
    """
    Authorize a person to release presumptive findings by a validated technique.
    """
    codes = catalogue().techniques
    strange = [one for one in technique if one not in codes and not one.startswith(OWN)]
    if strange:
        raise CliError(f"no technique {strange[0]}: choose from {', '.join(codes)}", code=NO)

    async def work(session: "Session") -> Row:
        from app.access import service  # noqa: PLC0415 - heavy, and not for every command

        found = client_named(await service.overview(session), client)
        known = await service.authorized_techniques(session, client_id=found["id"])
        for one in dict.fromkeys(technique):
            if one not in known:
                await service.authorize(session, client_id=found["id"], technique=one)
        return found

    say(f"{write(work)['name']} may release findings by {', '.join(technique)}.")


def write(work: Callable[["Session"], Awaitable[T]]) -> T:
    """
    Do some work in one transaction, as the operator.
    """
    from app.kit.db import OPERATOR  # noqa: PLC0415 - heavy, and not for every command

    async def run() -> T:
        async with connect.open_database() as database, database.transaction(OPERATOR) as session:
            return await work(session)

    return asyncio.run(run())


async def all_known(session: "Session") -> dict[str, list[Row]]:
    """
    Return all agencies, clients and keys.
    """
    from app.access import service  # noqa: PLC0415 - heavy, and not for every command

    return await service.overview(session)


def _overview() -> dict[str, list[Row]]:
    from app.access import service  # noqa: PLC0415 - heavy, and not for every command
    from app.kit.db import OPERATOR  # noqa: PLC0415 - heavy, and not for every command

    async def run() -> dict[str, list[Row]]:
        async with connect.open_database() as database, database.reading(OPERATOR) as session:
            return await service.overview(session)

    return asyncio.run(run())


def _find(known: list[Row], prefix: str, text: str, what: str) -> Row:
    found = [row for row in known if text in {_id(prefix, row["id"]), row["name"]}]
    if not found:
        raise CliError(f"there is no {what} {text}: `assayline admin {what} list` has all", code=NO)
    if len(found) > 1:
        choices = ", ".join(_id(prefix, row["id"]) for row in found)
        raise CliError(f"{text} is the name of several: give an id ({choices})", code=NO)
    return found[0]


def client_named(known: dict[str, list[Row]], text: str) -> Row:
    """
    Return the client of this id, name, or agency and name.
    """
    clients = known["clients"]
    of_agency = [row for row in clients if text == f"{row['agency_name']}/{row['name']}"]
    return of_agency[0] if len(of_agency) == 1 else _find(clients, "cli", text, "client")


def _id(prefix: str, value: UUID) -> str:
    from app.kit import ids  # noqa: PLC0415 - heavy, and not for every command

    return ids.write(prefix, value)


def _named(row: Row, prefix: str | None) -> dict[str, Any]:
    """
    Write a row's ids as callers of the API see them.
    """
    prefixes = {"id": prefix, "agency_id": "agn", "client_id": "cli"}
    return {
        name: _id(prefixes[name] or "", value) if name in prefixes else value
        for name, value in row.items()
    }


def _created(prefix: str, created: UUID, name: str, *, json: bool) -> None:
    text = _id(prefix, created)
    if json:
        as_json({"id": text, "name": name})
    else:
        typer.echo(text)


def _when(row: Row, name: str = "created_at") -> str:
    value = row[name]
    return instant(value.astimezone(UTC)) if value else ""


def _not_empty(name: str) -> None:
    if not name.strip() or not name.isprintable():
        raise CliError("a name needs letters, and no control characters")


def _instant(text: str, now: datetime) -> datetime:
    spans = {"d": timedelta(days=1), "h": timedelta(hours=1)}
    if text[:-1].isdigit() and text[-1:] in spans:
        return now + int(text[:-1]) * spans[text[-1]]
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CliError(f"{text} is no date: write 2027-01-31, or 90d, or 12h") from None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    if found <= now:
        raise CliError(f"{text} lies in the past")
    return found
