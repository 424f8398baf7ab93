"""
Tables of what is signed and printed: signatures, printed documents, what waits to be printed.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP

from app.kit.db import metadata
from app.results.rules.signing import Meaning

INSTANT = TIMESTAMP(timezone=True)

LANGUAGES = ("en", "fr")

signature = Table(
    "signature",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, nullable=False),
    Column("laboratory_id", Uuid, nullable=False),
    Column("submission_id", Uuid, nullable=False),
    Column("sample_id", Uuid, nullable=False),
    Column("record", Text, nullable=False),
    Column("record_id", Uuid, nullable=False),
    Column("record_sha256", LargeBinary, nullable=False),
    Column("signer_id", Uuid, nullable=False),
    Column("signer_name", Text, nullable=False),
    Column("meaning", Text, nullable=False),
    Column("proved_by", Text, nullable=False),
    Column("signed_at", INSTANT, nullable=False),
    CheckConstraint("record IN ('review', 'report')", name="record"),
    CheckConstraint(f"meaning IN ({', '.join(repr(str(m)) for m in Meaning)})", name="meaning"),
    CheckConstraint("octet_length(record_sha256) = 32", name="record_sha256"),
    Index(None, "record_id"),
    Index(None, "sample_id", "signed_at"),
)
"""Immutable. ``record_sha256`` is the hash of what the signer had before their eyes."""

report_document = Table(
    "report_document",
    metadata,
    Column("report_id", Uuid, ForeignKey("report.id"), primary_key=True),
    Column("language", Text, primary_key=True),
    Column("agency_id", Uuid, nullable=False),
    Column("laboratory_id", Uuid, nullable=False),
    Column("submission_id", Uuid, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("pdf", LargeBinary, nullable=False),
    Column("printed_at", INSTANT, nullable=False),
    CheckConstraint(f"language IN ({', '.join(repr(one) for one in LANGUAGES)})", name="language"),
)
"""The bytes as first printed. Immutable: they are served, never printed again."""

print_task = Table(
    "print_task",
    metadata,
    Column("report_id", Uuid, ForeignKey("report.id"), primary_key=True),
    Column("laboratory_id", Uuid, nullable=False),
    Column("due_at", INSTANT, nullable=False),
    Column("attempts", Integer, nullable=False),
    Index(None, "due_at"),
)
"""One row per report that is not printed yet; written with the report, deleted with its documents."""
