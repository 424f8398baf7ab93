"""
Reading findings and reports: an agency sees those released to it, the laboratory all of its own.
"""

from dataclasses import dataclass
from uuid import UUID

from app.access import service as access
from app.kit.db import Session
from app.kit.errors import NotFound
from app.kit.rows import mapping
from app.results import repo
from app.results.repo import paper as paper_repo
from app.results.schemas import FileOut, FindingOut, ReportOut, ReviewLine, VerifiedOut
from app.results.service.record import record_of
from app.results.service.signing import told
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


async def file_of(session: Session, sample_id: UUID | None) -> FileOut:
    """
    Return everything a reviewer judges.

    Raises:
        NotFound: when the sample is not there for this caller.

    """
    sample = await samples.look_up(session, sample_id)
    record = await record_of(session, sample.id)
    stored = await repo.reviews(session, sample.id)
    names = await access.names(session, [row.reviewer_id for row in stored])
    signed = await paper_repo.signatures(session, [row.id for row in stored])
    reviews = [
        ReviewLine.model_validate(
            {
                **mapping(row),
                "by": names.get(row.reviewer_id),
                "record_sha256": row.record_sha256.hex() if row.record_sha256 else None,
                "signatures": told([one for one in signed if one.record_id == row.id]),
            }
        )
        for row in stored
    ]
    return FileOut(
        sample_id=sample.id,
        hazards=list(sample.exhibit.get("hazards") or []),
        record=record.content,
        record_sha256=record.sha256.hex(),
        custody=await samples.custody_of(session, sample.id),
        reviews=reviews,
        reports=[row.number for row in await repo.reports(session, sample.id)],
    )


@dataclass(frozen=True, slots=True)
class Document:
    """
    The stored bytes of one printed report.
    """

    number: str
    pdf: bytes
    sha256: str


async def document_of(
    session: Session, *, sample_id: UUID | None, number: str, language: str
) -> Document | None:
    """
    Return a report's printed document as it was stored, or None while it waits for the printer.

    Raises:
        NotFound: when the sample or its report is not there for this caller.

    """
    report = None
    if sample_id is not None:
        report = await paper_repo.numbered(session, number=number, sample_id=sample_id)
    if report is None:
        raise NotFound
    found = await paper_repo.document(session, report.id, language)
    return Document(report.number, found.pdf, found.sha256.hex()) if found else None


async def verify(session: Session, report_id: UUID | None) -> VerifiedOut:
    """
    Return what the public may know of a report.

    Raises:
        NotFound: when there is no such report; a malformed id answers alike.

    """
    found = await paper_repo.verify(session, report_id) if report_id else None
    if found is None:
        raise NotFound
    return VerifiedOut(
        number=found.number,
        sha256=found.sha256.hex(),
        documents=found.documents,
        replaced=found.replaced,
    )
