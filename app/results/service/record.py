"""
The record of a sample: everything a reviewer judges, as one canonical text with one hash.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.kit import ids
from app.kit.db import Session
from app.kit.rows import mapping, to_json
from app.results import repo

_LEFT_OUT = frozenset({"agency_id", "laboratory_id", "submission_id", "released_by", "released_at"})
"""Whose it is does not change; a presumptive finding may go out while its record is being reviewed."""

_PREFIXES = {
    "sample_id": "smp",
    "claim_id": "clm",
    "operator_id": "cli",
    "recorded_by": "cli",
    "analysis_ids": "ana",
}


@dataclass(frozen=True, slots=True)
class Record:
    """
    A record and the hash of its exact text.
    """

    content: dict[str, Any]
    sha256: bytes


async def record_of(session: Session, sample_id: UUID) -> Record:
    """
    Return a sample's record as it is now.
    """
    content = {
        "format": "assayline-record/1",
        "sample_id": ids.write("smp", sample_id),
        "analyses": [_told(row, "ana") for row in await repo.analyses(session, sample_id)],
        "findings": [_told(row, "fnd") for row in await repo.findings(session, sample_id)],
    }
    # Once through JSON, so that what is hashed and what is shown cannot differ.
    plain: dict[str, Any] = json.loads(to_json(content))
    return Record(plain, hashlib.sha256(exact(plain).encode()).digest())


def exact(content: Mapping[str, Any]) -> str:
    """
    Return a record's exact text, which its hash covers.
    """
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _told(row: Any, prefix: str) -> Mapping[str, Any]:
    return {
        name: _id({"id": prefix, **_PREFIXES}.get(name), value)
        for name, value in mapping(row).items()
        if name not in _LEFT_OUT
    }


def _id(prefix: str | None, value: Any) -> Any:
    if prefix is None:
        return value
    if isinstance(value, Sequence):
        return [ids.write(prefix, one) for one in value]
    return ids.write(prefix, value)
