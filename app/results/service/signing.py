"""
Electronic signatures: who, when, with what meaning, over which record; identity proved again at that very moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from app.access import service as access
from app.access.rules import ClientKind
from app.access.service import Caller
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import Forbidden
from app.results import repo
from app.results.models.paper import signature as signature_table
from app.results.rules.signing import Meaning
from app.samples.schemas import SampleDetailOut


@dataclass(frozen=True, slots=True)
class Record:
    """
    What is signed: a review's record or a report, by the hash of its exact text.
    """

    kind: str
    id: UUID
    sha256: bytes


async def sign(
    session: Session,
    *,
    caller: Caller,
    sample: SampleDetailOut,
    record: Record,
    meaning: Meaning,
    proof: SecretStr,
) -> dict[str, Any]:
    """
    Sign a record, once the signer has proved again who they are.

    Raises:
        Forbidden: when the caller is a program.
        NotProved: when the proof is not the caller's own.

    """
    if caller.kind is not ClientKind.PERSON:
        raise Forbidden("A record is signed by a person, never by a program.")
    proved_by = await access.reauthenticate(session, caller, proof)
    row: dict[str, Any] = {
        "id": ids.new(),
        "agency_id": sample.agency_id,
        "laboratory_id": sample.laboratory_id,
        "submission_id": sample.submission_id,
        "sample_id": sample.id,
        "record": record.kind,
        "record_id": record.id,
        "record_sha256": record.sha256,
        "signer_id": caller.client_id,
        "signer_name": caller.name,
        "meaning": meaning,
        "proved_by": proved_by,
        "signed_at": session.now,
    }
    await repo.add(session, signature_table, row)
    return row


def told(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """
    Return stored signatures as callers read them.
    """
    return [
        {
            "name": row.signer_name,
            "meaning": row.meaning,
            "signed_at": row.signed_at,
            "record_sha256": row.record_sha256.hex(),
            "proved_by": row.proved_by,
        }
        for row in rows
    ]
