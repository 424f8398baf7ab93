"""
Tables of what becomes known of a sample after it was submitted, and of what links samples.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from app.kit.db import metadata
from app.samples.evidence_rules import EvidenceKind, ToldBy
from app.samples.models import INSTANT


def _one_of(column: str, values: type[EvidenceKind | ToldBy]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


evidence = Table(
    "evidence",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, nullable=False),
    Column("laboratory_id", Uuid, nullable=False),
    Column("submission_id", Uuid, nullable=False),
    Column("sample_id", Uuid, nullable=False),
    Column("told_by", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("given_by", Uuid),
    Column("given_at", INSTANT, nullable=False),
    Column("from_sample_id", Uuid),
    Column("about", Text),
    Column("withdrawn_at", INSTANT),
    CheckConstraint(_one_of("told_by", ToldBy), name="told_by"),
    CheckConstraint(_one_of("kind", EvidenceKind), name="kind"),
    ForeignKeyConstraint(["submission_id", "agency_id"], ["submission.id", "submission.agency_id"]),
    Index(None, "sample_id", "id"),
    Index(
        "ix_evidence_from_sample_id",
        "from_sample_id",
        postgresql_where=text("from_sample_id IS NOT NULL AND withdrawn_at IS NULL"),
    ),
    Index(
        "ix_evidence_about",
        "laboratory_id",
        "about",
        postgresql_where=text("about IS NOT NULL AND withdrawn_at IS NULL"),
    ),
)
"""Never changed but to be withdrawn. ``about`` is the substance a first detection is news of.

What the laboratory found stays the laboratory's until it is released."""

sample_link = Table(
    "sample_link",
    metadata,
    Column("laboratory_id", Uuid, nullable=False),
    Column("key", Text, nullable=False),
    Column("sample_id", Uuid, nullable=False),
    Column("agency_id", Uuid, nullable=False),
    Column("linked_at", INSTANT, nullable=False),
    PrimaryKeyConstraint("laboratory_id", "key", "sample_id"),
    Index(None, "sample_id"),
)
"""What a sample shares with others: a sender's keyed digest, a mark.

Across agencies, so only the laboratory reads it."""

detection = Table(
    "detection",
    metadata,
    Column("laboratory_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("sample_id", Uuid, nullable=False),
    Column("detected_at", INSTANT, nullable=False),
    PrimaryKeyConstraint("laboratory_id", "name", "sample_id"),
)
"""In which samples this laboratory met which dangerous substance: the first ones are news."""

agency_record = Table(
    "agency_record",
    metadata,
    Column("laboratory_id", Uuid, nullable=False),
    Column("agency_id", Uuid, nullable=False),
    Column("resolved", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("counted_on", Date, nullable=False),
    PrimaryKeyConstraint("laboratory_id", "agency_id"),
)
"""How often an agency's suspicions of lethal opioids held: of a population of samples, never of a person."""

rerank_due = Table(
    "rerank_due",
    metadata,
    Column("sample_id", Uuid, primary_key=True),
    Column("laboratory_id", Uuid, nullable=False),
    Column("cause", Text, nullable=False),
    Column("since", INSTANT, nullable=False),
    Index(None, "laboratory_id", "since"),
)
"""Samples whose facts changed while somebody held their row; the sweep ranks them anew."""
