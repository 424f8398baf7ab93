"""
Storage places, a tree with room for so many, and what goes in and out.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.custody import repo, rules
from app.custody.models import place as place_table
from app.custody.rules import Actor, Purpose
from app.custody.service.moving import CustodyRefused, held, item_of, refuse
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import Conflict, FieldError, Invalid
from app.kit.rows import mapping


async def places(session: Session) -> list[Mapping[str, Any]]:
    """
    Return the laboratory's storage places, each with how much is in it and below it.
    """
    found = [mapping(row) for row in await repo.places(session)]
    inside = await repo.inside(session, [row["id"] for row in found])
    codes = {row["id"]: row["code"] for row in found}
    return [
        {**row, "items": inside.get(row["id"], 0), "parent": codes.get(row["parent_id"])}
        for row in found
    ]


async def write_place(
    session: Session,
    *,
    code: str,
    name: str,
    parent: str | None,
    capacity: int | None,
    closed: bool,
) -> None:
    """
    Create a storage place, or change its name, its capacity or whether it is closed. It stays where it is in the tree.

    Raises:
        Invalid: when what it lies in is no place, or it would be moved.
        Conflict: when it is closed with something in it, or holds more than the new capacity.

    """
    known = {row.code: row for row in await repo.places(session)}
    above = known.get(parent) if parent else None
    if parent is not None and above is None:
        raise Invalid(
            errors=[FieldError("parent", "is no storage place", "create it first, or leave it out")]
        )
    found = known.get(code)
    if found is None:
        await repo.insert(
            session,
            place_table,
            {
                "id": ids.new(),
                "laboratory_id": session.tenant,
                "parent_id": above.id if above else None,
                "code": code,
                "name": name,
                "capacity": capacity,
                "closed_at": session.now if closed else None,
            },
        )
        return
    if found.parent_id != (above.id if above else None):
        message = "cannot change: custody says where things were"
        raise Invalid(errors=[FieldError("parent", message, "make another place and move things")])
    await repo.chain(session, code)
    items = (await repo.inside(session, [found.id])).get(found.id, 0)
    if closed and items:
        raise Conflict(f"There are {items} items in it or below it: move them first.")
    if capacity is not None and items > capacity:
        raise Conflict(f"There are {items} items in it or below it, more than {capacity}.")
    closed_at = (found.closed_at or session.now) if closed else None
    await repo.change_place(session, found.id, name=name, capacity=capacity, closed_at=closed_at)


async def store(
    session: Session,
    sample: Mapping[str, Any],
    *,
    actor: Actor,
    code: str,
    seal_number: str | None,
) -> None:
    """
    Put an item into storage: its holder alone does it.

    Raises:
        Invalid: when there is no such place.
        CustodyRefused: when the actor does not hold it, or the place or one above it is full or closed.

    """
    refuse(rules.why_not_moved(await item_of(session, sample["id"]), actor))
    chain = await repo.chain(session, code)
    if not chain:
        raise Invalid(
            errors=[FieldError("place", "is no storage place", "scan a code of GET /v1/lab/places")]
        )
    inside = await repo.inside(session, [row.id for row in chain])
    free = [
        (row.code, None if row.capacity is None else row.capacity - inside.get(row.id, 0))
        for row in chain
    ]
    refuse(rules.why_not_stored(free, closed=any(row.closed_at for row in chain)))
    await repo.end(session, [sample["id"]])
    stored = held(
        session,
        sample,
        session.tenant,
        None,
        purpose=Purpose.STORAGE,
        place_id=chain[-1].id,
        recorded_by=actor.client_id,
    )
    await repo.add(session, [stored | {"seal_number": seal_number}])


async def take(session: Session, sample: Mapping[str, Any], *, actor: Actor) -> UUID:
    """
    Take an item out of storage and return the place it was in.

    Raises:
        CustodyRefused: when it is not in a storage place of the actor's laboratory.

    """
    item = await item_of(session, sample["id"])
    refuse(rules.why_not_taken(item, actor))
    if item.holder is None or item.holder.place_id is None:
        raise CustodyRefused
    await repo.end(session, [sample["id"]])
    taken = held(session, sample, session.tenant, actor.client_id, purpose=Purpose.ANALYSIS)
    await repo.add(session, [taken])
    return item.holder.place_id
