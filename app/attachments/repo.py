"""
Statements on attached files.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select, update

from app.attachments.models import attachment
from app.kit.db import Session

_LISTED = [column for column in attachment.c if column.name != "content"]


async def add(session: Session, row: Mapping[str, Any]) -> None:
    """
    Store one file.
    """
    await session.execute(insert(attachment).values(**row))


async def find(session: Session, attachment_id: UUID) -> Row[Any] | None:
    """
    Return one file with its content.
    """
    statement = select(attachment).where(attachment.c.id == attachment_id)
    return (await session.execute(statement)).one_or_none()


async def listed(
    session: Session, *, sample_id: UUID | None = None, attachment_ids: Sequence[UUID] | None = None
) -> Sequence[Row[Any]]:
    """
    Return files without their content, oldest first: of one sample, or these.
    """
    statement = select(*_LISTED).order_by(attachment.c.stored_at, attachment.c.id)
    if sample_id is not None:
        statement = statement.where(attachment.c.sample_id == sample_id)
    if attachment_ids is not None:
        statement = statement.where(attachment.c.id.in_(attachment_ids))
    return (await session.execute(statement)).all()


async def show(session: Session, attachment_ids: Sequence[UUID]) -> None:
    """
    Let the agencies of the file see these.
    """
    await session.execute(
        update(attachment).where(attachment.c.id.in_(attachment_ids)).values(shown=True)
    )
