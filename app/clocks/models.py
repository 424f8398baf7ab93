"""
The table of what was promised.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import TIMESTAMP

from app.clocks.rules import Ending, TimeKind
from app.kit.db import metadata

INSTANT = TIMESTAMP(timezone=True)

promise = Table(
    "promise",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, nullable=False),
    Column("laboratory_id", Uuid, nullable=False),
    Column("submission_id", Uuid, nullable=False),
    Column("sample_id", Uuid, nullable=False),
    Column("clock", Text, nullable=False),
    Column("time_kind", Text, nullable=False),
    Column("band", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("started_at", INSTANT, nullable=False),
    Column("promised_by", INSTANT, nullable=False),
    Column("paused_at", INSTANT),
    Column("left_us", BigInteger),
    Column("raised_at", INSTANT),
    Column("ended_at", INSTANT),
    Column("ending", Text),
    CheckConstraint(
        f"time_kind IN ({', '.join(repr(str(k)) for k in TimeKind)})", name="time_kind"
    ),
    CheckConstraint(f"ending IN ({', '.join(repr(str(k)) for k in Ending)})", name="ending"),
    CheckConstraint("(ended_at IS NULL) = (ending IS NULL)", name="ended"),
    CheckConstraint("(paused_at IS NULL) = (left_us IS NULL)", name="paused"),
    Index(
        "uq_promise_open",
        "sample_id",
        "clock",
        unique=True,
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index("ix_promise_sample_id", "sample_id", "started_at"),
    Index(
        "ix_promise_due",
        "promised_by",
        postgresql_where=text("ended_at IS NULL AND paused_at IS NULL AND raised_at IS NULL"),
    ),
    Index(
        "ix_promise_laboratory_id_open",
        "laboratory_id",
        "promised_by",
        postgresql_where=text("ended_at IS NULL AND paused_at IS NULL"),
    ),
)
"""One row per clock and step. ``left_us`` was left when a hold stopped it; at ``raised_at`` its lateness was told."""
