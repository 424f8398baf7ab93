"""
Attaching files to samples and handing them out, each with its entry in the ledger.
"""

from dataclasses import asdict
from uuid import UUID

from app.access.service import Caller
from app.attachments import service as attachments
from app.attachments.rules import AttachmentKind
from app.attachments.service import Stored
from app.kit.db import Session
from app.ledger import service as ledger
from app.results.schemas.files import AttachmentOut
from app.samples import service as samples


async def attach(
    session: Session,
    *,
    caller: Caller,
    sample_id: UUID | None,
    kind: AttachmentKind,
    name: str,
    said_type: str | None,
    content: bytes,
) -> AttachmentOut:
    """
    Attach a file to a sample.

    Raises:
        NotFound: when the sample is not there for this caller.
        Invalid: when the file is empty or has no name.

    """
    sample = await samples.look_up(session, sample_id)
    of = {
        "id": sample.id,
        "agency_id": sample.agency_id,
        "laboratory_id": sample.laboratory_id,
        "submission_id": sample.submission_id,
    }
    stored = await attachments.store(
        session,
        sample=of,
        client_id=caller.client_id,
        kind=kind,
        name=name,
        said_type=said_type,
        content=content,
    )
    await ledger.record(
        session,
        [
            ledger.Fact(
                kind="sample.attachment",
                agency_id=sample.agency_id,
                laboratory_id=sample.laboratory_id,
                submission_id=sample.submission_id,
                sample_id=sample.id,
                version=sample.version,
                actor_id=caller.client_id,
                # Neither the name nor the content: both may have to be erased one day.
                details={
                    "attachment": str(stored.id),
                    "kind": kind,
                    "size": stored.size,
                    "sha256": stored.sha256.hex(),
                },
            )
        ],
    )
    return attachment_out(stored)


async def attachments_of(session: Session, sample_id: UUID | None) -> list[AttachmentOut]:
    """
    Return the files of a sample that this caller may see.

    Raises:
        NotFound: when the sample is not there for this caller.

    """
    sample = await samples.look_up(session, sample_id)
    return [attachment_out(one) for one in await attachments.of_sample(session, sample.id)]


def attachment_out(stored: Stored) -> AttachmentOut:
    """
    Shape a file for callers.
    """
    found = {**asdict(stored), "sha256": stored.sha256.hex()}
    return AttachmentOut.model_validate({name: found[name] for name in AttachmentOut.model_fields})
