"""
Statements on a file: its version, who has a part in it, what was corrected in it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from app.kit import rows
from app.kit.db import Session
from app.samples.evidence_models import evidence, sample_link
from app.samples.models import correction, hearing, sample, submission, submission_access


async def find(session: Session, submission_id: UUID) -> Row[Any] | None:
    """
    Return a submission, or None when it is not there for this caller.
    """
    query = select(submission).where(submission.c.id == submission_id)
    return (await session.execute(query)).one_or_none()


async def change(
    session: Session, *, submission_id: UUID, version: int, **values: Any
) -> Row[Any] | None:
    """
    Change a submission of this agency's that still has this version; None when it has another or is another's.
    """
    c = submission.c
    statement = (
        update(submission)
        .where(c.id == submission_id, c.agency_id == session.tenant, c.version == version)
        .values(version=c.version + 1, **values)
        .returning(submission)
    )
    return (await session.execute(statement)).one_or_none()


async def write(session: Session, submission_id: UUID, **values: Any) -> None:
    """
    Write the corrected fields of a submission whose version this transaction has already taken.
    """
    await session.execute(
        update(submission).where(submission.c.id == submission_id).values(**values)
    )


async def parties(session: Session, submission_id: UUID) -> Sequence[Row[Any]]:
    """
    Return who has, or had, a part in a file, as far as this caller may see it.
    """
    c = submission_access.c
    current = or_(c.expires_at.is_(None), c.expires_at > func.now())
    query = (
        select(submission_access, current.label("current"))
        .where(c.submission_id == submission_id)
        .order_by(c.granted_at, c.agency_id)
    )
    return (await session.execute(query)).all()


async def grant(session: Session, row: rows.Row) -> None:
    """
    Give an agency a part in a file, or renew the one it has.
    """
    statement = insert(submission_access).values(**row)
    excluded = statement.excluded
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["submission_id", "agency_id"],
            set_={
                "party": excluded.party,
                "granted_at": excluded.granted_at,
                "expires_at": excluded.expires_at,
            },
        )
    )


async def revoke(session: Session, *, submission_id: UUID, agency_id: UUID) -> bool:
    """
    End an agency's part now, by the database's clock, which reading rights go by; False when it has none.
    """
    c = submission_access.c
    statement = (
        update(submission_access)
        .where(
            c.submission_id == submission_id,
            c.agency_id == agency_id,
            c.agency_id != c.owner_agency_id,
            or_(c.expires_at.is_(None), c.expires_at > func.now()),
        )
        .values(expires_at=func.now())
        .returning(c.agency_id)
    )
    return (await session.execute(statement)).one_or_none() is not None


async def samples_of(session: Session, submission_id: UUID) -> Sequence[Row[Any]]:
    """
    Return a file's samples.
    """
    query = select(sample).where(sample.c.submission_id == submission_id).order_by(sample.c.id)
    return (await session.execute(query)).all()


_REWRITE = text(
    """
    UPDATE sample AS s
    SET body = f.body, exhibit_number = f.exhibit_number, agency_file_number = f.agency_file_number,
        small_parcel = f.small_parcel, small_quantity = f.small_quantity,
        version = s.version + 1, updated_at = :now
    FROM jsonb_to_recordset(CAST(:fresh AS jsonb))
      AS f(id uuid, body jsonb, exhibit_number text, agency_file_number text, small_parcel boolean,
           small_quantity boolean)
    WHERE s.id = f.id
    RETURNING s.id, s.version
    """
)


async def rewrite(session: Session, fresh: Sequence[rows.Row]) -> dict[UUID, int]:
    """
    Give samples their corrected bodies; return their new versions.
    """
    done = await session.execute(_REWRITE, {"fresh": rows.to_json(fresh), "now": session.now})
    return {row.id: row.version for row in done.all()}


async def add(session: Session, row: rows.Row, *, hearings: Sequence[rows.Row]) -> None:
    """
    Store a correction, and the hearings it adds.
    """
    await rows.insert(session, {hearing: hearings, correction: [row]})


async def corrections(session: Session, submission_id: UUID) -> Sequence[Row[Any]]:
    """
    Return what was corrected in a file, first to last.
    """
    query = (
        select(correction)
        .where(correction.c.submission_id == submission_id)
        .order_by(correction.c.version)
    )
    return (await session.execute(query)).all()


async def unlink(session: Session, sample_ids: Sequence[UUID], *, at: datetime) -> None:
    """
    Forget what these samples share with others, and what they were told because of it.
    """
    await session.execute(delete(sample_link).where(sample_link.c.sample_id.in_(sample_ids)))
    c = evidence.c
    await session.execute(
        update(evidence)
        .where(
            c.sample_id.in_(sample_ids),
            c.told_by == "service",
            c.kind.in_(["link", "first_detection"]),
            c.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=at)
    )
