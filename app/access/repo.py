"""
Statements on agencies, clients, keys and authorizations.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, or_, select, text, update

from app.access.models import (
    agency,
    analyst_designation,
    api_client,
    api_key,
    method_authorization,
)
from app.access.rules import AgencyKind
from app.kit.db import Session

_FIND_KEY = text("SELECT * FROM find_api_key(:key_id)")
_LABORATORIES = (
    select(agency.c.id)
    .where(agency.c.kind == AgencyKind.LABORATORY, agency.c.closed_at.is_(None))
    .order_by(agency.c.created_at)
)


async def find_key(session: Session, key_id: str) -> Row[Any] | None:
    """
    Look a live key up before any tenant is known, through the one function that may.
    """
    return (await session.execute(_FIND_KEY, {"key_id": key_id})).one_or_none()


async def add_agency(session: Session, values: dict[str, Any]) -> None:
    """
    Insert an agency.
    """
    await session.execute(insert(agency).values(**values))


async def add_client(session: Session, values: dict[str, Any]) -> None:
    """
    Insert a client.
    """
    await session.execute(insert(api_client).values(**values))


async def add_key(session: Session, values: dict[str, Any]) -> None:
    """
    Insert a key.
    """
    await session.execute(insert(api_key).values(**values))


async def find_agency(
    session: Session, *, agency_id: UUID | None = None, name: str | None = None
) -> Row[Any] | None:
    """
    Return one agency that this context may see, by id or by name.
    """
    condition = or_(agency.c.id == agency_id, agency.c.name == name)
    return (await session.execute(select(agency).where(condition))).one_or_none()


async def laboratories(session: Session) -> Sequence[UUID]:
    """
    Return the open laboratories' ids, oldest first.
    """
    return (await session.execute(_LABORATORIES)).scalars().all()


async def agencies(session: Session) -> Sequence[Row[Any]]:
    """
    Return every agency this context may see.
    """
    return (await session.execute(select(agency).order_by(agency.c.name))).all()


async def find_agency_by_id(session: Session, agency_id: UUID) -> Row[Any] | None:
    """
    Return one agency, or None when this context may not see it.
    """
    return (await session.execute(select(agency).where(agency.c.id == agency_id))).one_or_none()


async def find_client(session: Session, client_id: UUID) -> Row[Any] | None:
    """
    Return one client.
    """
    return (
        await session.execute(select(api_client).where(api_client.c.id == client_id))
    ).one_or_none()


async def clients(session: Session) -> Sequence[Row[Any]]:
    """
    Return every client with its agency's name.
    """
    statement = (
        select(api_client, agency.c.name.label("agency_name"))
        .join(agency, agency.c.id == api_client.c.agency_id)
        .order_by(agency.c.name, api_client.c.name)
    )
    return (await session.execute(statement)).all()


async def client_keys(session: Session) -> Sequence[Row[Any]]:
    """
    Return every key without its hash.
    """
    columns = [column for column in api_key.c if column.name != "secret_sha256"]
    return (await session.execute(select(*columns).order_by(api_key.c.created_at))).all()


async def names(session: Session, client_ids: Sequence[UUID]) -> dict[UUID, str]:
    """
    Return the names of these clients, those this context may see.
    """
    statement = select(api_client.c.id, api_client.c.name).where(api_client.c.id.in_(client_ids))
    return {row.id: row.name for row in await session.execute(statement)}


async def agency_names(session: Session, agency_ids: Sequence[UUID]) -> dict[UUID, str]:
    """
    Return the names of these agencies, those this context may see.
    """
    statement = select(agency.c.id, agency.c.name).where(agency.c.id.in_(agency_ids))
    return {row.id: row.name for row in await session.execute(statement)}


async def revoke_key(session: Session, key_id: str) -> bool:
    """
    Revoke one key; False when it is unknown or already revoked.
    """
    statement = (
        update(api_key)
        .where(api_key.c.key_id == key_id, api_key.c.revoked_at.is_(None))
        .values(revoked_at=session.now)
        .returning(api_key.c.key_id)
    )
    return (await session.execute(statement)).one_or_none() is not None


async def revoke_client(session: Session, client_id: UUID) -> bool:
    """
    Revoke a client and thereby all its keys; False when it is unknown or already revoked.
    """
    statement = (
        update(api_client)
        .where(api_client.c.id == client_id, api_client.c.revoked_at.is_(None))
        .values(revoked_at=session.now)
        .returning(api_client.c.id)
    )
    return (await session.execute(statement)).one_or_none() is not None


async def authorize(
    session: Session, *, laboratory_id: UUID, client_id: UUID, technique: str
) -> None:
    """
    Record that this person may release presumptive findings by this technique.
    """
    await session.execute(
        insert(method_authorization).values(
            laboratory_id=laboratory_id,
            client_id=client_id,
            technique=technique,
            granted_at=session.now,
        )
    )


async def authorized_techniques(session: Session, client_id: UUID) -> frozenset[str]:
    """
    Return the techniques this person may release presumptive findings by.
    """
    statement = select(method_authorization.c.technique).where(
        method_authorization.c.client_id == client_id
    )
    return frozenset((await session.execute(statement)).scalars())


_OWNER_OF_KEY = text("SELECT owner_of_key(:key_id, :secret_sha256)")


async def owner_of_key(session: Session, key_id: str, secret_sha256: bytes) -> UUID | None:
    """
    Return whose live key this is, or None; the whole secret's hash must match.
    """
    values = {"key_id": key_id, "secret_sha256": secret_sha256}
    return (await session.execute(_OWNER_OF_KEY, values)).scalar_one_or_none()


async def letterheads(session: Session, agency_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """
    Return the letterheads of these agencies.
    """
    c = agency.c
    statement = select(c.id, c.name, c.address, c.accreditation).where(c.id.in_(agency_ids))
    return (await session.execute(statement)).all()


async def set_letterhead(
    session: Session, *, agency_id: UUID, address: str | None, accreditation: str | None
) -> bool:
    """
    Set what is not None; False when there is no such agency.
    """
    given = {"address": address, "accreditation": accreditation}
    values = {name: value for name, value in given.items() if value is not None}
    statement = update(agency).where(agency.c.id == agency_id).values(values).returning(agency.c.id)
    return (await session.execute(statement)).one_or_none() is not None


async def designate(
    session: Session, *, laboratory_id: UUID, client_id: UUID, statute: str, number: str
) -> None:
    """
    Record a designation.
    """
    await session.execute(
        insert(analyst_designation).values(
            laboratory_id=laboratory_id,
            client_id=client_id,
            statute=statute,
            number=number,
            designated_at=session.now,
        )
    )


async def designation(session: Session, *, client_id: UUID, statute: str) -> str | None:
    """
    Return the number of a person's designation under a statute, or None.
    """
    statement = select(analyst_designation.c.number).where(
        analyst_designation.c.client_id == client_id, analyst_designation.c.statute == statute
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def country(session: Session, agency_id: UUID) -> str | None:
    """
    Return the country of an agency this caller may see.
    """
    found = await session.execute(select(agency.c.country).where(agency.c.id == agency_id))
    return found.scalar_one_or_none()
