"""
Statements on signatures, printed documents and what waits to be printed.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select, text

from app.kit import rows
from app.kit.db import Session
from app.results.models import report
from app.results.models.paper import print_task, report_document, signature


async def owe(session: Session, *, report_id: UUID, laboratory_id: UUID) -> None:
    """
    Let a report wait for the printer. ``now`` is the server's own clock: a practice clock does not make paper wait.
    """
    await rows.insert(
        session,
        {
            print_task: [
                {
                    "report_id": report_id,
                    "laboratory_id": laboratory_id,
                    "due_at": "now",
                    "attempts": 0,
                }
            ]
        },
    )


_CLAIM = text(
    """
    UPDATE print_task SET attempts = attempts + 1,
           due_at = now() + make_interval(secs => least(60 * 2 ^ attempts, 3600))
    WHERE report_id IN (SELECT report_id FROM print_task WHERE due_at <= now()
                        ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING report_id, laboratory_id, attempts
    """
)


async def claim_due(session: Session, *, limit: int) -> Sequence[Row[Any]]:
    """
    Take reports that wait for the printer; each comes back by itself if nobody prints it.
    """
    return (await session.execute(_CLAIM, {"limit": limit})).all()


async def find_report(session: Session, report_id: UUID) -> Row[Any] | None:
    """
    Return one report that this caller may see.
    """
    return (await session.execute(select(report).where(report.c.id == report_id))).one_or_none()


async def numbered(session: Session, *, number: str, sample_id: UUID | None) -> Row[Any] | None:
    """
    Return the report of this number that this caller may see.

    Args:
        session: the open transaction.
        number: unique in a laboratory.
        sample_id: whose report it must be; None within the caller's own laboratory.

    """
    statement = select(report).where(report.c.number == number)
    if sample_id is not None:
        statement = statement.where(report.c.sample_id == sample_id)
    else:
        statement = statement.where(report.c.laboratory_id == session.tenant)
    return (await session.execute(statement)).one_or_none()


async def successor(session: Session, report_id: UUID) -> UUID | None:
    """
    Return the report that replaces this one, or None.
    """
    statement = select(report.c.id).where(report.c.replaces_id == report_id)
    return (await session.execute(statement)).scalar_one_or_none()


async def store(session: Session, documents: Sequence[rows.Row]) -> bool:
    """
    Store a report's printed documents and end its wait; False when somebody else already has.
    """
    report_id = documents[0]["report_id"]
    stored = await rows.insert(
        session,
        {report_document: list(documents)},
        returning="report_id",
        on_conflict="(report_id, language)",
    )
    await session.execute(delete(print_task).where(print_task.c.report_id == report_id))
    return bool(stored)


async def document(session: Session, report_id: UUID, language: str) -> Row[Any] | None:
    """
    Return a report's printed document, or None while it waits for the printer.
    """
    statement = select(report_document).where(
        report_document.c.report_id == report_id, report_document.c.language == language
    )
    return (await session.execute(statement)).one_or_none()


async def documents(session: Session, report_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """
    Return the printed documents of these reports, with their bytes.
    """
    statement = (
        select(report_document)
        .where(report_document.c.report_id.in_(report_ids))
        .order_by(report_document.c.report_id, report_document.c.language)
    )
    return (await session.execute(statement)).all()


async def signatures(session: Session, record_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """
    Return the signatures on these records, first to last.
    """
    statement = (
        select(signature)
        .where(signature.c.record_id.in_(record_ids))
        .order_by(signature.c.signed_at, signature.c.id)
    )
    return (await session.execute(statement)).all()


_VERIFY = text("SELECT * FROM verify_report(:report_id)")


async def verify(session: Session, report_id: UUID) -> Row[Any] | None:
    """
    Return what the public may know of a report, or None.
    """
    return (await session.execute(_VERIFY, {"report_id": report_id})).one_or_none()
