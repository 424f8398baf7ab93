"""
Reading findings and reports: an agency sees those released to it, the laboratory all of its own.
"""

from uuid import UUID

from app.kit.db import Session
from app.kit.errors import NotFound
from app.kit.rows import mapping
from app.results import repo
from app.results.schemas import FindingOut, ReportOut
from app.samples import service as samples


async def findings_of(session: Session, sample_id: UUID | None) -> list[FindingOut]:
    """
    Return a sample's findings, first to last.

    Raises:
        NotFound: when the sample is not there for this caller.

    """
    await samples.version_of(session, sample_id)
    if sample_id is None:
        raise NotFound
    rows = await repo.findings(session, sample_id)
    return [FindingOut.model_validate(mapping(row)) for row in rows]


async def reports_of(session: Session, sample_id: UUID | None) -> list[ReportOut]:
    """
    Return a sample's reports, first to last.

    Raises:
        NotFound: when the sample is not there for this caller.

    """
    await samples.version_of(session, sample_id)
    if sample_id is None:
        raise NotFound
    return [
        ReportOut.model_validate({**mapping(row), "sha256": row.sha256.hex()})
        for row in await repo.reports(session, sample_id)
    ]
