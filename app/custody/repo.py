"""
Statements on who holds what, and on what becomes of it.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Table, and_, exists, func, select, text, update

from app.custody.models import (
    consumption,
    disposal,
    handover,
    holding,
    intake,
    last_use,
    legal_hold,
    place,
    portion,
)
from app.kit import rows
from app.kit.db import Session

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")

# The place and everything it lies in, outermost first, locked in that order so that no two moves lock each other out.
_CHAIN = text(
    """
    WITH RECURSIVE up AS (
        SELECT id, parent_id, 0 AS depth FROM place WHERE code = :code
        UNION ALL SELECT p.id, p.parent_id, up.depth + 1 FROM place AS p JOIN up ON p.id = up.parent_id)
    SELECT p.id, p.code, p.capacity, p.closed_at FROM place AS p JOIN up ON up.id = p.id
    ORDER BY up.depth DESC FOR UPDATE OF p
    """
)

_INSIDE = text(
    """
    WITH RECURSIVE down AS (
        SELECT id AS top, id FROM place WHERE id = ANY (:ids)
        UNION ALL SELECT down.top, p.id FROM place AS p JOIN down ON p.parent_id = down.id)
    SELECT down.top, count(h.id) AS items
    FROM down LEFT JOIN holding AS h ON h.place_id = down.id AND h.until IS NULL
    GROUP BY down.top
    """
)


async def add(session: Session, held: Sequence[rows.Row]) -> None:
    """
    Insert holdings.
    """
    await rows.insert(session, {holding: held})


async def insert(session: Session, table: Table, row: rows.Row) -> None:
    """
    Insert one row.
    """
    await rows.insert(session, {table: [row]})


async def end(session: Session, sample_ids: Sequence[UUID]) -> Sequence[UUID]:
    """
    End the present holding of these samples and return whose were ended.
    """
    statement = (
        update(holding)
        .where(holding.c.sample_id.in_(sample_ids), holding.c.until.is_(None))
        .values(until=session.now)
        .returning(holding.c.sample_id)
    )
    return (await session.execute(statement)).scalars().all()


def in_hand(sample_id: ColumnElement[UUID], client_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """
    Return the condition that this person holds this sample now.
    """
    c = holding.c
    return exists().where(
        c.sample_id == sample_id, c.holder_client_id == client_id, c.until.is_(None)
    )


async def present(session: Session, sample_id: UUID) -> Row[Any] | None:
    """
    Return the open holding of a sample, locked until the commit, so that its moves follow one another.
    """
    statement = select(holding).where(holding.c.sample_id == sample_id, holding.c.until.is_(None))
    return (await session.execute(statement.with_for_update())).one_or_none()


async def history(session: Session, sample_id: UUID) -> Sequence[Row[Any]]:
    """
    Return a sample's holdings, first to last.
    """
    statement = (
        select(holding)
        .where(holding.c.sample_id == sample_id)
        .order_by(holding.c.since, holding.c.until.nulls_last())
    )
    return (await session.execute(statement)).all()


async def codes(session: Session, place_ids: Sequence[UUID]) -> dict[UUID, str]:
    """
    Return the codes of these storage places.
    """
    statement = select(place.c.id, place.c.code).where(place.c.id.in_(place_ids))
    return {row.id: row.code for row in await session.execute(statement)}


async def find(session: Session, table: Table, row_id: UUID) -> Row[Any] | None:
    """
    Return one row by its id.
    """
    return (await session.execute(select(table).where(table.c.id == row_id))).one_or_none()


async def open_handover(session: Session, sample_id: UUID) -> Row[Any] | None:
    """
    Return the handover of a sample that nobody has accepted yet.
    """
    c = handover.c
    statement = select(handover).where(c.sample_id == sample_id, c.closed_at.is_(None))
    return (await session.execute(statement)).one_or_none()


async def where_is(session: Session, sample_id: UUID) -> Row[Any] | None:
    """
    Return, in one look and without a lock, a sample's holder and its open handover.
    """
    h, o = holding.c, handover.c
    statement = (
        select(
            h.holder_agency_id,
            h.holder_client_id,
            h.place_id,
            o.from_client_id,
            o.to_agency_id,
            o.to_client_id,
        )
        .outerjoin(handover, and_(o.sample_id == h.sample_id, o.closed_at.is_(None)))
        .where(h.sample_id == sample_id, h.until.is_(None))
    )
    return (await session.execute(statement)).one_or_none()


async def standing_disposal(session: Session, sample_id: UUID) -> Row[Any] | None:
    """
    Return a sample's disposal, proposed or done.
    """
    c = disposal.c
    statement = select(disposal).where(
        c.sample_id == sample_id, c.outcome.is_distinct_from("withdrawn")
    )
    return (await session.execute(statement)).one_or_none()


async def close(session: Session, table: Table, row_id: UUID, **values: Any) -> Row[Any] | None:
    """
    Close a row that is still open; None when somebody was faster.
    """
    open_column: ColumnElement[Any] = (
        table.c.lifted_at if "lifted_at" in table.c else table.c.closed_at
    )
    statement = (
        update(table)
        .where(table.c.id == row_id, open_column.is_(None))
        .values(**values)
        .returning(table)
    )
    return (await session.execute(statement)).one_or_none()


async def supersede_handovers(session: Session, sample_id: UUID, *, by: UUID) -> None:
    """
    Close what is open: the laboratory has the item.
    """
    await session.execute(
        update(handover)
        .where(handover.c.sample_id == sample_id, handover.c.closed_at.is_(None))
        .values(closed_at=session.now, closed_by=by, outcome="superseded")
    )


async def one_at_a_time(session: Session, key: str) -> None:
    """
    Wait until nobody else holds this key; it goes with the transaction.
    """
    await session.execute(_ONE_AT_A_TIME, {"key": key})


async def holds(session: Session, submission_id: UUID) -> Sequence[Row[Any]]:
    """
    Return the legal holds of a file, lifted ones included, oldest first.
    """
    c = legal_hold.c
    statement = select(legal_hold).where(c.submission_id == submission_id).order_by(c.placed_at)
    return (await session.execute(statement)).all()


async def chain(session: Session, code: str) -> Sequence[Row[Any]]:
    """
    Return a storage place and everything it lies in, outermost first, locked until the commit.
    """
    return (await session.execute(_CHAIN, {"code": code})).all()


async def inside(session: Session, place_ids: Sequence[UUID]) -> dict[UUID, int]:
    """
    Count the items in each of these places and everything below it.
    """
    found = await session.execute(_INSIDE, {"ids": list(place_ids)})
    return {row.top: row.items for row in found}


async def places(session: Session) -> Sequence[Row[Any]]:
    """
    Return the laboratory's storage places by code.
    """
    return (await session.execute(select(place).order_by(place.c.code))).all()


async def change_place(session: Session, place_id: UUID, **values: Any) -> None:
    """
    Change a storage place's name, capacity or closing.
    """
    await session.execute(update(place).where(place.c.id == place_id).values(**values))


async def portions(session: Session, sample_id: UUID) -> Sequence[Row[Any]]:
    """
    Return a sample's portions, first to last.
    """
    c = portion.c
    statement = select(portion).where(c.sample_id == sample_id).order_by(c.made_at, c.id)
    return (await session.execute(statement)).all()


async def used(session: Session, sample_id: UUID) -> dict[UUID, Any]:
    """
    Return how much of each portion of a sample was used.
    """
    c = consumption.c
    statement = (
        select(c.portion_id, func.sum(c.amount).label("amount"))
        .where(c.sample_id == sample_id)
        .group_by(c.portion_id)
    )
    return {row.portion_id: row.amount for row in await session.execute(statement)}


async def spend_last_use(session: Session, sample_id: UUID, *, by: UUID) -> Row[Any] | None:
    """
    Use a supervisor's authorization to use up the last of a sample; None when there is none.
    """
    c = last_use.c
    statement = (
        update(last_use)
        .where(c.sample_id == sample_id, c.used_at.is_(None), c.granted_by != by)
        .values(used_at=session.now, used_by=by)
        .returning(last_use)
    )
    return (await session.execute(statement)).one_or_none()


async def open_last_use(session: Session, sample_id: UUID) -> Row[Any] | None:
    """
    Return an authorization to use up a sample that nobody has used yet.
    """
    c = last_use.c
    statement = select(last_use).where(c.sample_id == sample_id, c.used_at.is_(None))
    return (await session.execute(statement)).one_or_none()


async def intake_of(session: Session, sample_id: UUID) -> Row[Any] | None:
    """
    Return what was found when a sample came, the last time it did.
    """
    c = intake.c
    statement = select(intake).where(c.sample_id == sample_id).order_by(c.received_at.desc())
    return (await session.execute(statement.limit(1))).one_or_none()


async def accept_intake(
    session: Session, intake_id: UUID, *, by: UUID, because: str
) -> Row[Any] | None:
    """
    Accept what was not as it should be; None when somebody has.
    """
    statement = (
        update(intake)
        .where(intake.c.id == intake_id, intake.c.accepted_at.is_(None))
        .values(accepted_at=session.now, accepted_by=by, accepted_because=because)
        .returning(intake)
    )
    return (await session.execute(statement)).one_or_none()
