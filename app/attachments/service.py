"""
Keeping files as they came, and handing them out only while their hash is still right.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from app.attachments import repo
from app.attachments.rules import LONGEST_NAME, AttachmentKind, Side, media_type, shown_at_once
from app.kit import ids
from app.kit.db import DbRole, Session
from app.kit.errors import AppError, FieldError, Invalid, NotFound
from app.kit.rows import mapping

_log = structlog.get_logger(__name__)


class Damaged(AppError):
    """
    The stored file no longer has the hash it came with. It is not handed out; the operator has been told.
    """

    code = "attachment-damaged"
    title = "Attachment damaged"


@dataclass(frozen=True, slots=True)
class Stored:
    """
    A file without its content.
    """

    id: UUID
    laboratory_id: UUID
    sample_id: UUID | None
    side: Side
    kind: AttachmentKind
    name: str
    media_type: str
    size: int
    sha256: bytes
    shown: bool
    stored_by: UUID
    stored_at: datetime


async def store(
    session: Session,
    *,
    sample: Mapping[str, Any] | None,
    client_id: UUID,
    kind: AttachmentKind,
    name: str,
    said_type: str | None,
    content: bytes,
) -> Stored:
    """
    Store one file of a sample, or, without a sample, of the laboratory's own.

    Args:
        session: the open transaction, as the agency or as the laboratory.
        sample: what it belongs to: id, agency_id, laboratory_id, submission_id.
        client_id: who attaches it.
        kind: what it is.
        name: its name, for people.
        said_type: the media type its sender gave.
        content: the bytes, stored as they are.

    Raises:
        Invalid: when there is nothing in it, or its name is none.

    """
    if not content:
        raise Invalid(errors=[FieldError("body", "is empty", "send the file's bytes as the body")])
    plain = " ".join("".join(one if one.isprintable() else " " for one in name).split())
    if not plain or len(plain) > LONGEST_NAME:
        remedy = f"give the file a name of 1 to {LONGEST_NAME} characters"
        raise Invalid(errors=[FieldError("name", "is no name for a file", remedy)])
    side = Side.LABORATORY if session.context.role is DbRole.LAB else Side.AGENCY
    of = sample or {"laboratory_id": session.tenant}
    row: dict[str, Any] = {
        "id": ids.new(),
        "agency_id": of.get("agency_id"),
        "laboratory_id": of["laboratory_id"],
        "submission_id": of.get("submission_id"),
        "sample_id": of.get("id"),
        "side": side,
        "kind": kind,
        "name": plain,
        "media_type": media_type(said_type),
        "size": len(content),
        "sha256": hashlib.sha256(content).digest(),
        "content": content,
        "shown": shown_at_once(side, kind),
        "stored_by": client_id,
        "stored_at": session.now,
    }
    await repo.add(session, row)
    return _stored(row)


async def read(session: Session, attachment_id: UUID | None) -> tuple[Stored, bytes]:
    """
    Return a file and its bytes, its hash checked.

    Raises:
        NotFound: when it is not there for this caller.
        Damaged: when its bytes are not those that came.

    """
    row = await repo.find(session, attachment_id) if attachment_id else None
    if row is None:
        raise NotFound
    if hashlib.sha256(row.content).digest() != row.sha256:
        _log.error("attachment_damaged", attachment=str(row.id))
        raise Damaged
    return _stored(mapping(row)), row.content


async def of_sample(session: Session, sample_id: UUID) -> list[Stored]:
    """
    Return the files of a sample that this caller may see, oldest first.
    """
    return [_stored(mapping(row)) for row in await repo.listed(session, sample_id=sample_id)]


async def these(
    session: Session, attachment_ids: Sequence[UUID], *, sample_id: UUID | None
) -> list[Stored]:
    """
    Return these files, each of this very sample (or of no sample, where none is given).

    Raises:
        Invalid: when one is not.

    """
    if not attachment_ids:
        return []
    found = {
        row.id: _stored(mapping(row))
        for row in await repo.listed(session, attachment_ids=attachment_ids)
    }
    strange = [
        key for key in attachment_ids if key not in found or found[key].sample_id != sample_id
    ]
    if strange:
        message = f"{ids.write('att', strange[0])} is no attachment of this sample"
        remedy = "attach the file to this sample first"
        raise Invalid(errors=[FieldError("attachment_ids", message, remedy)])
    return [found[key] for key in attachment_ids]


async def show(session: Session, attachment_ids: Sequence[UUID]) -> None:
    """
    Let the agencies of the file see these, as when a report that rests on them is released.
    """
    await repo.show(session, attachment_ids)


def _stored(row: Mapping[str, Any]) -> Stored:
    return Stored(
        id=row["id"],
        laboratory_id=row["laboratory_id"],
        sample_id=row["sample_id"],
        side=Side(row["side"]),
        kind=AttachmentKind(row["kind"]),
        name=row["name"],
        media_type=row["media_type"],
        size=row["size"],
        sha256=row["sha256"],
        shown=row["shown"],
        stored_by=row["stored_by"],
        stored_at=row["stored_at"],
    )
