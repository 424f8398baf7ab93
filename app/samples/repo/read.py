"""
Reading submissions, samples, their assessments and their place in line.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Table,
    any_,
    bindparam,
    func,
    or_,
    select,
    text,
    true,
    union_all,
)

from app.kit.db import DbRole, Session
from app.samples.models import assessment, hearing, sample, submission, submission_access
from app.samples.rules import Status

# What is polled is written once: building a statement anew costs as much as reading its row.
# What is paused or has ended stands nowhere in line.
_PLACE = text(
    "SELECT p.* FROM place_in_line(:ids) AS p JOIN sample AS s ON s.id = p.sample_id WHERE s.resumes_to IS NULL"
)
_VERSION = select(sample.c.version).where(sample.c.id == bindparam("sample_id"))
_WITH_ASSESSMENT = select(sample, assessment.c.detail.label("risk")).join(
    assessment, assessment.c.id == sample.c.assessment_id
)
_ONE = _WITH_ASSESSMENT.where(sample.c.id == bindparam("sample_id"))
_WHY = _WITH_ASSESSMENT.add_columns(assessment.c.cause, assessment.c.assessed_at).where(
    sample.c.id == bindparam("sample_id")
)
# An agency reads the last assessment that rests on what it was told. Row-level security hides the others, which may be
# the ones that rank the sample: joined by id, the sample itself would be gone.
_told = (
    select(assessment)
    .where(assessment.c.sample_id == sample.c.id, ~assessment.c.laboratory_only)
    .order_by(assessment.c.assessed_at.desc(), assessment.c.id.desc())
    .limit(1)
    .lateral("told")
)
_TOLD_ONE = (
    select(sample, _told.c.detail.label("risk"))
    .join(_told, true())
    .where(sample.c.id == bindparam("sample_id"))
)
_TOLD_WHY = _TOLD_ONE.add_columns(_told.c.cause, _told.c.assessed_at)
_SEVERAL = _WITH_ASSESSMENT.where(sample.c.id.in_(bindparam("sample_ids", expanding=True)))


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


Meets = Callable[[Any], Sequence[ColumnElement[bool]]]
"""From the columns of a row to the conditions it must meet."""


def _newest(session: Session, table: Table, meets: Meets, *, limit: int) -> Select[Any]:
    """
    Return the newest rows of this tenant's that meet the conditions, in the order of an index.

    Row-level security already hides the rest; this names the index to use. Own rows and those of shared files are
    read apart: under one condition with OR they would have no index, and the work would grow with others' rows (C7).
    """
    c = table.c

    def own(tenant_id: ColumnElement[UUID]) -> Select[Any]:
        mine = select(table).where(tenant_id == session.tenant, *meets(c))
        return mine.order_by(c.id.desc()).limit(limit)

    if session.context.role is DbRole.LAB:
        return own(c.laboratory_id)
    part = submission_access.c
    parts = select(part.submission_id).where(
        part.agency_id == session.tenant, part.agency_id != part.owner_agency_id
    )
    submission_id = c.submission_id if "submission_id" in c else c.id
    in_them = submission_id == any_(func.array(parts.scalar_subquery()))
    # OFFSET 0 is a fence: with more conditions the planner would rather look among everybody's rows.
    shared = select(table).where(in_them).offset(0).subquery()
    halves = union_all(
        select(own(c.agency_id).subquery()), select(shared).where(*meets(shared.c))
    ).subquery()
    return select(halves).order_by(halves.c.id.desc()).limit(limit)


async def version(session: Session, sample_id: UUID) -> int | None:
    """
    Return a sample's version, or None when it is not there for this caller.
    """
    return (await session.execute(_VERSION, {"sample_id": sample_id})).scalar_one_or_none()


async def one(session: Session, sample_id: UUID) -> Row[Any] | None:
    """
    Return a sample with its latest assessment: for a laboratory the one that ranks it.
    """
    statement = _ONE if session.context.role is DbRole.LAB else _TOLD_ONE
    return (await session.execute(statement, {"sample_id": sample_id})).one_or_none()


async def with_assessment(session: Session, sample_id: UUID) -> Row[Any] | None:
    """
    Return a sample with its latest assessment, and when and why that was made.
    """
    statement = _WHY if session.context.role is DbRole.LAB else _TOLD_WHY
    return (await session.execute(statement, {"sample_id": sample_id})).one_or_none()


async def bands(session: Session, assessment_ids: Sequence[UUID]) -> dict[UUID, str]:
    """
    Return the bands of these assessments.
    """
    statement = select(assessment.c.id, assessment.c.band).where(
        assessment.c.id.in_(assessment_ids)
    )
    return {row.id: row.band for row in await session.execute(statement)}


async def several(session: Session, sample_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """
    Return these samples with the assessments that rank them (the laboratory's view).
    """
    return (await session.execute(_SEVERAL, {"sample_ids": list(sample_ids)})).all()


async def statuses(session: Session, sample_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """
    Return where these samples stand, those this caller may see.
    """
    c = sample.c
    statement = select(c.id, c.status, c.version, c.updated_at).where(c.id.in_(sample_ids))
    return (await session.execute(statement)).all()


async def page(
    session: Session, *, filters: Filters, before: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """
    Return one page of samples, newest first.
    """

    def meets(c: Any) -> Sequence[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if filters.file_number is not None:
            found.append(c.agency_file_number == filters.file_number)
        if filters.status is not None:
            found.append(c.status == filters.status)
        if filters.updated_since is not None:
            found.append(c.updated_at >= filters.updated_since)
        if filters.small_parcel is not None:
            found.append(c.small_parcel.is_(filters.small_parcel))
        return found if before is None else [*found, c.id < before]

    statement = _newest(session, sample, meets, limit=limit)
    return (await session.execute(statement)).all()


async def submission_page(
    session: Session, *, file_number: str | None, before: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """
    Return one page of submissions, newest first.
    """

    def meets(c: Any) -> Sequence[ColumnElement[bool]]:
        found = [] if file_number is None else [c.agency_file_number == file_number]
        return found if before is None else [*found, c.id < before]

    statement = _newest(session, submission, meets, limit=limit)
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
        # By the database's clock, as reading rights go: being told ends when reading ends.
        or_(c.expires_at.is_(None), c.expires_at > func.now()),
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
