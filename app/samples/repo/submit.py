"""
Storing submissions.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, tuple_

from app.kit import rows
from app.kit.db import Session
from app.samples.models import assessment, hearing, sample, submission, submission_access


async def add(
    session: Session,
    *,
    submissions: Sequence[rows.Row],
    accesses: Sequence[rows.Row],
    hearings: Sequence[rows.Row],
    assessments: Sequence[rows.Row],
    samples: Sequence[rows.Row],
) -> frozenset[UUID]:
    """
    Insert everything in one statement; return the ids of the samples that were new.

    A sample whose natural key exists is skipped by the database, whatever runs at the same time.
    """
    stored = await rows.insert(
        session,
        {
            submission: submissions,
            submission_access: accesses,
            hearing: hearings,
            assessment: assessments,
            sample: samples,
        },
        returning="id",
        on_conflict="(agency_id, agency_file_number, exhibit_number)",
    )
    return frozenset(row.id for row in stored)


async def existing(
    session: Session, *, agency_id: UUID, keys: Sequence[tuple[str, str]]
) -> Sequence[rows.Row]:
    """
    Return the samples of this agency under these (file number, exhibit number) pairs, with what was said of them.
    """
    c = sample.c
    statement = (
        select(
            c.id,
            c.submission_id,
            c.agency_file_number,
            c.exhibit_number,
            c.body,
            submission.c.body.label("seizure"),
        )
        .join(submission, submission.c.id == c.submission_id)
        .where(c.agency_id == agency_id, tuple_(c.agency_file_number, c.exhibit_number).in_(keys))
    )
    return [rows.mapping(row) for row in await session.execute(statement)]
