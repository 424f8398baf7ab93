"""
The table of who holds each sample, now and at every moment before.
"""

from sqlalchemy import CheckConstraint, Column, Index, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import TIMESTAMP

from app.kit.db import metadata

INSTANT = TIMESTAMP(timezone=True)

holding = Table(
    "holding",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, nullable=False),
    Column("laboratory_id", Uuid, nullable=False),
    Column("submission_id", Uuid, nullable=False),
    Column("sample_id", Uuid, nullable=False),
    Column("holder_agency_id", Uuid, nullable=False),
    Column("holder_client_id", Uuid, nullable=False),
    Column("since", INSTANT, nullable=False),
    Column("until", INSTANT),
    Column("purpose", Text, nullable=False),
    Column("seal_number", Text),
    Column("condition", Text),
    CheckConstraint("until IS NULL OR until >= since", name="order"),
    Index("uq_holding_now", "sample_id", unique=True, postgresql_where=text("until IS NULL")),
    Index(None, "sample_id", "since"),
)
"""The partial unique index is the promise: exactly one holder at any instant."""
