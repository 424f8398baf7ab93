"""
Reading submissions, samples, their assessments and their place in line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, or_, select, text

from app.kit.db import DbRole, Session
from app.samples.models import assessment, hearing, sample, submission, submission_access
from app.samples.rules import Status

_PLACE = text("SELECT * FROM place_in_line(:ids)")


@dataclass(frozen=True, slots=True)
class Filters:
    """
    What a list is narrowed to.
    """

    file_number: str | None = None
    status: Status | None = None
    updated_since: datetime | None = None
    small_parcel: bool | None = None

    def as_scope(self) -> str:
        """
        Write the filters so that a cursor can be bound to them.
        """
        return repr((self.file_number, self.status, self.updated_since, self.small_parcel))


def _mine(session: Session, table: Any) -> ColumnElement[bool]:
    # Row-level security already hides the rest; this only names the index to use.
    if session.context.role is DbRole.LAB:
        found: ColumnElement[bool] = table.c.laboratory_id == session.tenant
        return found
    submission_id = table.c.submission_id if "submission_id" in table.c else table.c.id
    parts = select(submission_access.c.submission_id).where(
        submission_access.c.agency_id == session.tenant,
        submission_access.c.owner_agency_id != session.tenant,
    )
    return or_(table.c.agency_id == session.tenant, submission_id.in_(parts))


async def version(session: Session, sample_id: UUID) -> int | None:
    """
    Return a sample's version, or None when it is not there for this caller.
    """
    return (
        await session.execute(select(sample.c.version).where(sample.c.id == sample_id))
    ).scalar_one_or_none()


def _with_assessment() -> Select[Any]:
    return select(sample, assessment.c.detail.label("risk")).join(
        assessment, assessment.c.id == sample.c.assessment_id
    )


async def one(session: Session, sample_id: UUID) -> Row[Any] | None:
    """
    Return a sample with its latest assessment.
    """
    return (await session.execute(_with_assessment().where(sample.c.id == sample_id))).one_or_none()


async def several(session: Session, sample_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """
    Return these samples with their latest assessments.
    """
    return (await session.execute(_with_assessment().where(sample.c.id.in_(sample_ids)))).all()


async def page(
    session: Session, *, filters: Filters, before: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """
    Return one page of samples, newest first.
    """
    c = sample.c
    statement = select(sample).where(_mine(session, sample)).order_by(c.id.desc()).limit(limit)
    if filters.file_number is not None:
        statement = statement.where(c.agency_file_number == filters.file_number)
    if filters.status is not None:
        statement = statement.where(c.status == filters.status)
    if filters.updated_since is not None:
        statement = statement.where(c.updated_at >= filters.updated_since)
    if filters.small_parcel is not None:
        statement = statement.where(c.small_parcel.is_(filters.small_parcel))
    if before is not None:
        statement = statement.where(c.id < before)
    return (await session.execute(statement)).all()


async def submission_page(
    session: Session, *, file_number: str | None, before: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """
    Return one page of submissions, newest first.
    """
    c = submission.c
    statement = (
        select(submission).where(_mine(session, submission)).order_by(c.id.desc()).limit(limit)
    )
    if file_number is not None:
        statement = statement.where(c.agency_file_number == file_number)
    if before is not None:
        statement = statement.where(c.id < before)
    return (await session.execute(statement)).all()


async def whole_submission(
    session: Session, submission_id: UUID
) -> tuple[Row[Any], Sequence[Row[Any]], Sequence[Row[Any]]] | None:
    """
    Return a submission, its samples by exhibit, and its hearings; None when it is not there for this caller.
    """
    found = (
        await session.execute(select(submission).where(submission.c.id == submission_id))
    ).one_or_none()
    if found is None:
        return None
    samples = await session.execute(
        select(sample).where(sample.c.submission_id == submission_id).order_by(sample.c.id)
    )
    hearings = await session.execute(
        select(hearing).where(hearing.c.submission_id == submission_id).order_by(hearing.c.held_on)
    )
    return found, samples.all(), hearings.all()


async def submission_body(session: Session, submission_id: UUID) -> dict[str, Any]:
    """
    Return what the agency said about the seizure.
    """
    body: dict[str, Any] = (
        await session.execute(select(submission.c.body).where(submission.c.id == submission_id))
    ).scalar_one()
    return body


async def parties(session: Session, submission_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """
    Return, for each submission, the agencies that have a part in it today.
    """
    c = submission_access.c
    statement = select(c.submission_id, c.agency_id).where(
        c.submission_id.in_(submission_ids),
        or_(c.expires_at.is_(None), c.expires_at > session.now),
    )
    found: dict[UUID, list[UUID]] = {submission_id: [] for submission_id in submission_ids}
    for row in await session.execute(statement):
        found[row.submission_id].append(row.agency_id)
    return found


async def places(session: Session, sample_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """
    Return where these samples stand in line, those this caller may see.
    """
    return (await session.execute(_PLACE, {"ids": list(sample_ids)})).all()
