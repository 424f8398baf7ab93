"""
Tables of what supervisors decide about the order, and of how good it was.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.kit.db import metadata
from app.samples.models import INSTANT
from app.samples.ranking_rules import PolicyState, RushReason, RushState


def _one_of(column: str, values: type[RushReason | RushState | PolicyState]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


ranking_policy = Table(
    "ranking_policy",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("laboratory_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("proposed_by", Uuid, nullable=False),
    Column("proposed_at", INSTANT, nullable=False),
    Column("decided_by", Uuid),
    Column("decided_at", INSTANT),
    Column("remarks", Text),
    Column("comparison", JSONB),
    Column("applied", BigInteger, nullable=False),
    Column("applied_at", INSTANT),
    CheckConstraint(_one_of("state", PolicyState), name="state"),
    CheckConstraint("(state = 'proposed') = (decided_at IS NULL)", name="decided"),
    CheckConstraint("decided_by IS NULL OR decided_by <> proposed_by", name="four_eyes"),
    UniqueConstraint("laboratory_id", "name"),
    Index(
        "uq_ranking_policy_active",
        "laboratory_id",
        unique=True,
        postgresql_where=text("state = 'active'"),
    ),
)
"""Weights are data. ``applied`` counts the open samples ranked anew since it was approved."""

rush_request = Table(
    "rush_request",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, nullable=False),
    Column("laboratory_id", Uuid, nullable=False),
    Column("submission_id", Uuid, nullable=False),
    Column("sample_id", Uuid, nullable=False),
    Column("reason", Text, nullable=False),
    Column("text", Text),
    Column("needed_by", Date, nullable=False),
    Column("requested_by", Uuid, nullable=False),
    Column("requested_at", INSTANT, nullable=False),
    Column("answer_by", Date, nullable=False),
    Column("state", Text, nullable=False),
    Column("decided_by", Uuid),
    Column("decided_by_name", Text),
    Column("decided_at", INSTANT),
    Column("remarks", Text),
    Column("start_by", Date),
    Column("earliest_on", Date),
    CheckConstraint(_one_of("reason", RushReason), name="reason"),
    CheckConstraint(_one_of("state", RushState), name="state"),
    CheckConstraint("reason <> 'other' OR text IS NOT NULL", name="other"),
    CheckConstraint(
        "(state = 'open') = (decided_at IS NULL) AND (state = 'refused') = (earliest_on IS NOT NULL)",
        name="decided",
    ),
    ForeignKeyConstraint(["submission_id", "agency_id"], ["submission.id", "submission.agency_id"]),
    Index("ix_rush_request_sample_id", "sample_id"),
    Index(
        "uq_rush_request_open", "sample_id", unique=True, postgresql_where=text("state = 'open'")
    ),
    Index("ix_rush_request_laboratory_id", "laboratory_id", "state", "answer_by"),
)
"""A request is answered by a named person. Only public safety moves the order."""

reserved_start = Table(
    "reserved_start",
    metadata,
    Column("sample_id", Uuid, primary_key=True),
    Column("laboratory_id", Uuid, nullable=False),
    Column("start_by", Date, nullable=False),
    Column("rush_request_id", Uuid, nullable=False),
    Index(None, "laboratory_id", "start_by"),
)
"""A day by which the bench takes a sample, whatever its key. Its place in the order is its own."""

bench_station = Table(
    "bench_station",
    metadata,
    Column("laboratory_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("stages", ARRAY(Text), nullable=False),
    Column("oldest_every", Integer, nullable=False),
    Column("declared_by", Uuid, nullable=False),
    Column("declared_at", INSTANT, nullable=False),
    CheckConstraint("oldest_every BETWEEN 2 AND 20", name="oldest_every"),
    PrimaryKeyConstraint("laboratory_id", "name"),
)
"""What one bench does, and how often it takes the oldest: at least every twentieth time."""

ranking_quality = Table(
    "ranking_quality",
    metadata,
    Column("laboratory_id", Uuid, nullable=False),
    Column("day", Date, nullable=False),
    Column("figures", JSONB, nullable=False),
    PrimaryKeyConstraint("laboratory_id", "day"),
)
"""How good the probabilities were, by the laboratory's own results, day by day."""
