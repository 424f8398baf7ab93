"""
Who may call: agencies, clients, keys, authorizations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from pydantic import SecretStr

from app.access import keys, repo
from app.access.rules import (
    SIGNING_ROLES,
    AgencyKind,
    ClientKind,
    Role,
    Scope,
    misfits,
    scopes,
)
from app.access.signin import repo as proofs
from app.access.signin import tokens
from app.kit import ids
from app.kit.db import Context, Session, as_agency, as_laboratory
from app.kit.errors import AppError, Conflict, FieldError, Forbidden, Invalid, NotFound
from app.kit.rows import mapping

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """
    Whoever holds the API key of this request.
    """

    client_id: UUID
    name: str
    kind: ClientKind
    agency_id: UUID
    agency_kind: AgencyKind
    roles: frozenset[Role]
    scopes: frozenset[Scope]

    @property
    def is_laboratory(self) -> bool:
        """
        Whether the caller works for a laboratory.
        """
        return self.agency_kind is AgencyKind.LABORATORY

    @property
    def context(self) -> Context:
        """
        The database context the caller acts in.
        """
        return (as_laboratory if self.is_laboratory else as_agency)(self.agency_id)

    def needs(self, scope: Scope) -> None:
        """
        Refuse unless the caller may do this.

        Raises:
            Forbidden: when no role of the caller allows it.

        """
        if scope not in self.scopes:
            raise Forbidden


async def identify(session: Session, presented: keys.PresentedKey) -> Caller | None:
    """
    Return the caller who holds this key, or None when it is unknown, expired or revoked.
    """
    row = await repo.find_key(session, presented.key_id)
    if row is None or not presented.matches(row.secret_sha256):
        return None
    roles = frozenset(Role(role) for role in row.roles)
    return Caller(
        client_id=row.client_id,
        name=row.client_name,
        kind=ClientKind(row.client_kind),
        agency_id=row.agency_id,
        agency_kind=AgencyKind(row.agency_kind),
        roles=roles,
        scopes=scopes(roles),
    )


class NotProved(AppError):
    """
    A signature needs your own proof again: your API key, at this very moment.
    """

    status = 403
    code = "not-proved"
    title = "Signature not proved"


async def reauthenticate(session: Session, caller: Caller, proof: SecretStr) -> str:
    """
    Let a signer prove again who they are, and return by what.

    The database is asked at this very moment: a key revoked a moment ago proves nothing. Whoever is signed in to the
    pages gives the password (``signin.service.prove_to_sign``), and here what is had for it, which is good once.

    Raises:
        NotProved: when the proof is not this caller's own.

    """
    presented = keys.read(proof.get_secret_value())
    if presented is not None:
        owner = await repo.owner_of_key(session, presented.key_id, presented.secret_sha256)
        if owner == caller.client_id:
            return "api_key"
    elif await proofs.use_proof(session, tokens.digest(proof.get_secret_value())) == (
        caller.client_id
    ):
        return "password"
    _log.warning("signature_not_proved", client=str(caller.client_id))
    raise NotProved


@dataclass(frozen=True, slots=True)
class Letterhead:
    """
    What a document says of an agency.
    """

    name: str
    address: str | None
    accreditation: str | None

    def as_json(self) -> dict[str, str | None]:
        """
        Return it as a report's record holds it.
        """
        return {"name": self.name, "address": self.address, "accreditation": self.accreditation}


async def letterheads(session: Session, agency_ids: Sequence[UUID]) -> dict[UUID, Letterhead]:
    """
    Return the letterheads of these agencies, those this context may see.
    """
    return {
        row.id: Letterhead(row.name, row.address, row.accreditation)
        for row in await repo.letterheads(session, agency_ids)
    }


async def set_letterhead(
    session: Session, *, agency_id: UUID, address: str | None, accreditation: str | None
) -> None:
    """
    Set what an agency's reports say of its place and its accreditation; what is None stays.

    Raises:
        NotFound: when there is no such agency.

    """
    if not await repo.set_letterhead(
        session, agency_id=agency_id, address=address, accreditation=accreditation
    ):
        raise NotFound("There is no such agency.")


@dataclass(frozen=True, slots=True)
class Designation:
    """
    A person's designation as an analyst under a statute.
    """

    statute: str
    number: str


async def designate(session: Session, *, client_id: UUID, statute: str, number: str) -> None:
    """
    Record that a person is a designated analyst under a statute, with their designation's number.

    Raises:
        NotFound: when there is no such client.
        Invalid: when the client is not a person who works at a laboratory's bench.

    """
    client = await repo.find_client(session, client_id)
    if client is None:
        raise NotFound("There is no such client.")
    may = scopes(frozenset(Role(role) for role in client.roles))
    if client.kind != ClientKind.PERSON or Scope.BENCH not in may:
        raise Invalid(
            errors=[FieldError("client", "makes no analyses", "choose a technician, by person")]
        )
    await repo.designate(
        session,
        laboratory_id=client.agency_id,
        client_id=client_id,
        statute=statute,
        number=number,
    )


async def designation_of(session: Session, *, client_id: UUID, statute: str) -> Designation | None:
    """
    Return a person's designation under a statute, or None.
    """
    number = await repo.designation(session, client_id=client_id, statute=statute)
    return Designation(statute, number) if number is not None else None


async def create_agency(
    session: Session, *, name: str, kind: AgencyKind, country: str | None = None
) -> UUID:
    """
    Create an agency and return its id.

    Raises:
        Conflict: when the name is taken.

    """
    if await repo.find_agency(session, name=name) is not None:
        raise Conflict(f"There already is an agency named {name}.")
    agency_id = ids.new()
    await repo.add_agency(
        session,
        {
            "id": agency_id,
            "name": name,
            "kind": kind,
            "country": country,
            "created_at": session.now,
        },
    )
    return agency_id


async def create_client(
    session: Session, *, agency_id: UUID, name: str, kind: ClientKind, roles: Sequence[Role]
) -> UUID:
    """
    Create an API client of an agency and return its id.

    Raises:
        NotFound: when there is no such agency.
        Invalid: when its kind of agency does not give these roles, or a program would hold a signing role.

    """
    found = await repo.find_agency(session, agency_id=agency_id)
    if found is None:
        raise NotFound("There is no such agency.")
    wrong = misfits(AgencyKind(found.kind), frozenset(roles))
    if kind is ClientKind.SYSTEM:
        wrong |= frozenset(roles) & SIGNING_ROLES
    if wrong or not roles:
        text = ", ".join(sorted(wrong)) or "none"
        remedy = "a signing role needs a person; choose roles that fit the agency's kind"
        raise Invalid(errors=[FieldError("roles", f"not for this client: {text}", remedy)])
    client_id = ids.new()
    await repo.add_client(
        session,
        {
            "id": client_id,
            "agency_id": agency_id,
            "name": name,
            "kind": kind,
            "roles": [str(role) for role in roles],
            "created_at": session.now,
        },
    )
    return client_id


async def create_key(
    session: Session, *, client_id: UUID, expires_at: datetime | None = None
) -> str:
    """
    Create a key for a client and return its text, which cannot be shown again.

    Raises:
        NotFound: when there is no such client.

    """
    client = await repo.find_client(session, client_id)
    if client is None:
        raise NotFound("There is no such client.")
    text, stored = keys.make()
    await repo.add_key(
        session,
        {
            "key_id": stored.key_id,
            "client_id": client_id,
            "agency_id": client.agency_id,
            "secret_sha256": stored.secret_sha256,
            "created_at": session.now,
            "expires_at": expires_at,
        },
    )
    return text


async def revoke_key(session: Session, *, key_id: str) -> None:
    """
    Revoke one key; it stops working within a second.

    Raises:
        NotFound: when there is no such live key.

    """
    if not await repo.revoke_key(session, key_id):
        raise NotFound("There is no such live key.")


async def revoke_client(session: Session, *, client_id: UUID) -> None:
    """
    Revoke a client and all its keys.

    Raises:
        NotFound: when there is no such live client.

    """
    if not await repo.revoke_client(session, client_id):
        raise NotFound("There is no such live client.")


async def authorize(session: Session, *, client_id: UUID, technique: str) -> None:
    """
    Authorize a person to release presumptive findings by one validated technique.

    Raises:
        NotFound: when there is no such client.
        Invalid: when the client is not a person at a laboratory who may release.

    """
    client = await repo.find_client(session, client_id)
    if client is None:
        raise NotFound("There is no such client.")
    may = scopes(frozenset(Role(role) for role in client.roles))
    if client.kind != ClientKind.PERSON or Scope.RELEASE not in may:
        raise Invalid(
            errors=[FieldError("client", "may not release findings", "choose a technician")]
        )
    await repo.authorize(
        session, laboratory_id=client.agency_id, client_id=client_id, technique=technique
    )


async def authorized_techniques(session: Session, *, client_id: UUID) -> frozenset[str]:
    """
    Return the techniques this person may release presumptive findings by.
    """
    return await repo.authorized_techniques(session, client_id)


async def laboratories(session: Session) -> dict[UUID, str]:
    """
    Return the open laboratories with their names, the oldest first.
    """
    known = await repo.laboratories(session)
    named = await repo.agency_names(session, known)
    return {one: named.get(one, "") for one in known}


async def choose_laboratory(session: Session, wanted: UUID | None) -> UUID:
    """
    Return the laboratory a submission goes to: the named one, or the only one.

    Raises:
        Invalid: when there is none, more than one to choose from, or the named one does not exist.

    """
    known = await repo.laboratories(session)
    if wanted is None and len(known) == 1:
        return known[0]
    if wanted is not None and wanted in known:
        return wanted
    remedy = "name one of the laboratories" if known else "ask the operator to create a laboratory"
    raise Invalid(
        errors=[FieldError("laboratory_id", "no such laboratory, or more than one", remedy)]
    )


async def country_of(session: Session, agency_id: UUID) -> str | None:
    """
    Return the country of an agency, as far as it was told.
    """
    return await repo.country(session, agency_id)


async def names(session: Session, client_ids: Sequence[UUID]) -> dict[UUID, str]:
    """
    Return the names of these clients, those this context may see.
    """
    return await repo.names(session, client_ids)


async def agency_names(session: Session, agency_ids: Sequence[UUID]) -> dict[UUID, str]:
    """
    Return the names of these agencies, those this context may see.
    """
    return await repo.agency_names(session, agency_ids)


async def agency(session: Session, agency_id: UUID) -> Any:
    """
    Return one agency, or None when this context may not see it.
    """
    return await repo.find_agency_by_id(session, agency_id)


async def overview(session: Session) -> dict[str, list[Mapping[str, Any]]]:
    """
    Return all agencies, clients and keys, for the operator.
    """
    return {
        "agencies": [mapping(row) for row in await repo.agencies(session)],
        "clients": [mapping(row) for row in await repo.clients(session)],
        "keys": [mapping(row) for row in await repo.client_keys(session)],
    }
