"""
The table of attached files.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP

from app.kit.db import metadata

attachment = Table(
    "attachment",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid),
    Column("laboratory_id", Uuid, nullable=False),
    Column("submission_id", Uuid),
    Column("sample_id", Uuid),
    Column("side", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("shown", Boolean, nullable=False),
    Column("stored_by", Uuid, nullable=False),
    Column("stored_at", TIMESTAMP(timezone=True), nullable=False),
    CheckConstraint("side IN ('agency', 'laboratory')", name="side"),
    CheckConstraint("kind IN ('photograph', 'data', 'document')", name="kind"),
    CheckConstraint("size = length(content) AND length(sha256) = 32", name="whole"),
    CheckConstraint("num_nonnulls(agency_id, submission_id, sample_id) IN (0, 3)", name="belongs"),
    Index(None, "sample_id", "stored_at"),
)
"""
Content is never changed. A file of a run belongs to no sample and is the laboratory's alone.

``shown`` says whether the agencies of the file see it.
"""
