"""
The printer: takes reports that wait, prints them with no transaction open, and stores the bytes once and for all.
"""

import asyncio
import hashlib
from typing import Any
from uuid import UUID

import structlog

from app.kit import ids
from app.kit.clock import iso
from app.kit.db import WORKER, Database, as_laboratory
from app.ledger import service as ledger
from app.results import paper
from app.results.models.paper import LANGUAGES
from app.results.repo import paper as repo
from app.samples import service as samples

_AT_ONCE = 10
_log = structlog.get_logger(__name__)


async def print_due(database: Database, *, public_url: str) -> int:
    """
    Print every report that waits, and count them. Called by the doorbell and by the sweep.

    A report whose printing fails is tried again later, longer each time; its release stands meanwhile.
    """
    printed = 0
    while True:
        async with database.transaction(WORKER) as session:
            due = await repo.claim_due(session, limit=_AT_ONCE)
        for row in due:
            try:
                printed += await _print(database, row.laboratory_id, row.report_id, public_url)
            except Exception:  # noqa: BLE001 - one report that cannot be printed must not hold up the others
                _log.exception("printing_failed", report=str(row.report_id), attempts=row.attempts)
        if len(due) < _AT_ONCE:
            return printed


async def _print(database: Database, laboratory_id: UUID, report_id: UUID, public_url: str) -> bool:
    context = as_laboratory(laboratory_id)
    async with database.reading(context) as session:
        report = await repo.find_report(session, report_id)
        signed = await repo.signatures(session, [report_id])
    if report is None:
        return False
    source = paper.Source(
        body=report.body,
        sha256=report.sha256.hex(),
        signatures=[
            paper.Signed(
                name=one.signer_name,
                at=iso(one.signed_at),
                meaning=one.meaning,
                proved_by=one.proved_by,
                record_sha256=one.record_sha256.hex(),
            )
            for one in signed
        ],
        verify_url=public_url.rstrip("/") + report.body["verify"],
    )
    # typst releases the interpreter's lock: in a thread it holds up neither this loop nor a connection.
    pdfs = await asyncio.to_thread(_all_languages, source, report.released_at)
    hashes = {language: hashlib.sha256(pdf).digest() for language, pdf in pdfs.items()}
    async with database.transaction(context) as session:
        documents = [
            {
                "report_id": report_id,
                "language": language,
                "agency_id": report.agency_id,
                "laboratory_id": report.laboratory_id,
                "submission_id": report.submission_id,
                "sha256": hashes[language],
                "pdf": pdf,
                "printed_at": session.now,
            }
            for language, pdf in pdfs.items()
        ]
        if not await repo.store(session, documents):
            return False
        sample = await samples.look_up(session, report.sample_id)
        await ledger.record(
            session,
            [
                ledger.Fact(
                    kind="report.printed",
                    agency_id=report.agency_id,
                    laboratory_id=report.laboratory_id,
                    submission_id=report.submission_id,
                    sample_id=report.sample_id,
                    version=sample.version,
                    actor_id=None,
                    details={
                        "report": ids.write("rep", report_id),
                        "pdf_sha256": {name: one.hex() for name, one in hashes.items()},
                    },
                )
            ],
        )
    return True


def _all_languages(source: paper.Source, at: Any) -> dict[str, bytes]:
    return {
        language: paper.render(paper.lay_out(source, language), at=at) for language in LANGUAGES
    }
