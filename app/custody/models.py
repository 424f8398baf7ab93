"""
Tables of who holds each sample, of storage, handovers, portions, disposals and legal holds.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP

from app.kit.db import metadata

INSTANT = TIMESTAMP(timezone=True)


def _of_a_file() -> list[Column[object]]:
    # Each of these tables says whose file it belongs to, so that its policies need no join.
    return [
        Column("agency_id", Uuid, nullable=False),
        Column("laboratory_id", Uuid, nullable=False),
        Column("submission_id", Uuid, nullable=False),
        Column("sample_id", Uuid, nullable=False),
    ]


holding = Table(
    "holding",
    metadata,
    Column("id", Uuid, primary_key=True),
    *_of_a_file(),
    Column("holder_agency_id", Uuid, nullable=False),
    Column("holder_client_id", Uuid),
    Column("since", INSTANT, nullable=False),
    Column("until", INSTANT),
    Column("purpose", Text, nullable=False),
    Column("seal_number", Text),
    Column("condition", Text),
    Column("place_id", Uuid),
    Column("recorded_by", Uuid),
    CheckConstraint("until IS NULL OR until >= since", name="order"),
    CheckConstraint("num_nonnulls(holder_client_id, place_id) <= 1", name="holder"),
    Index("uq_holding_now", "sample_id", unique=True, postgresql_where=text("until IS NULL")),
    Index("ix_holding_place_id_now", "place_id", postgresql_where=text("until IS NULL")),
    Index(None, "sample_id", "since"),
)
"""
The partial unique index is the promise: exactly one holder at any instant.

A place holds, or a person; neither where an agency brought an item and nobody said who had it there.
"""

place = Table(
    "place",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("laboratory_id", Uuid, nullable=False),
    Column("parent_id", Uuid, ForeignKey("place.id")),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("capacity", Integer),
    Column("closed_at", INSTANT),
    CheckConstraint("capacity >= 0", name="capacity"),
    CheckConstraint("parent_id <> id", name="tree"),
    UniqueConstraint("laboratory_id", "code"),
)
"""A tree: rooms, safes, shelves, boxes. ``capacity`` counts items in it and in everything below it."""

handover = Table(
    "handover",
    metadata,
    Column("id", Uuid, primary_key=True),
    *_of_a_file(),
    Column("from_client_id", Uuid, nullable=False),
    Column("to_agency_id", Uuid, nullable=False),
    Column("to_client_id", Uuid),
    Column("reason", Text, nullable=False),
    Column("seal_number", Text),
    Column("opened_at", INSTANT, nullable=False),
    Column("closed_at", INSTANT),
    Column("closed_by", Uuid),
    Column("outcome", Text),
    CheckConstraint(
        "outcome IN ('accepted', 'refused', 'withdrawn', 'superseded')", name="outcome"
    ),
    CheckConstraint(
        "(closed_at IS NULL) = (outcome IS NULL) AND (closed_at IS NULL) = (closed_by IS NULL)",
        name="closed",
    ),
    CheckConstraint("to_client_id <> from_client_id", name="two"),
    CheckConstraint("outcome <> 'accepted' OR closed_by <> from_client_id", name="other"),
    Index("uq_handover_open", "sample_id", unique=True, postgresql_where=text("closed_at IS NULL")),
)

portion = Table(
    "portion",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("laboratory_id", Uuid, nullable=False),
    Column("sample_id", Uuid, nullable=False),
    Column("parent_id", Uuid, ForeignKey("portion.id")),
    Column("label", Text, nullable=False),
    Column("amount", Numeric),
    Column("unit", Text, nullable=False),
    Column("tolerance", Numeric, nullable=False),
    Column("made_by", Uuid, nullable=False),
    Column("made_at", INSTANT, nullable=False),
    CheckConstraint("amount > 0 AND tolerance >= 0", name="amount"),
    CheckConstraint("unit IN ('mg', 'uL', 'unit')", name="unit"),
    UniqueConstraint("sample_id", "label"),
    Index("uq_portion_whole", "sample_id", unique=True, postgresql_where=text("parent_id IS NULL")),
)
"""A sample's whole and its parts, by weight. Never changed: what was used is in ``consumption``."""

consumption = Table(
    "consumption",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("laboratory_id", Uuid, nullable=False),
    Column("sample_id", Uuid, nullable=False),
    Column("portion_id", Uuid, ForeignKey("portion.id"), nullable=False),
    Column("analysis_id", Uuid),
    Column("amount", Numeric, nullable=False),
    Column("used_up", Text),
    Column("recorded_by", Uuid, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    CheckConstraint("amount > 0", name="amount"),
    Index(None, "sample_id"),
)

last_use = Table(
    "last_use",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("laboratory_id", Uuid, nullable=False),
    Column("sample_id", Uuid, nullable=False),
    Column("reason", Text, nullable=False),
    Column("granted_by", Uuid, nullable=False),
    Column("granted_at", INSTANT, nullable=False),
    Column("used_at", INSTANT),
    Column("used_by", Uuid),
    CheckConstraint("(used_at IS NULL) = (used_by IS NULL)", name="used"),
    CheckConstraint("used_by <> granted_by", name="two"),
    Index("uq_last_use_open", "sample_id", unique=True, postgresql_where=text("used_at IS NULL")),
)
"""A supervisor's authorization to use up what is left of a sample: for one use."""

disposal = Table(
    "disposal",
    metadata,
    Column("id", Uuid, primary_key=True),
    *_of_a_file(),
    Column("kind", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("authority_reference", Text, nullable=False),
    Column("performed_by", Uuid, nullable=False),
    Column("proposed_at", INSTANT, nullable=False),
    Column("second_by", Uuid),
    Column("closed_at", INSTANT),
    Column("outcome", Text),
    CheckConstraint("kind IN ('returned', 'destroyed')", name="kind"),
    CheckConstraint("outcome IN ('done', 'withdrawn')", name="outcome"),
    CheckConstraint(
        "(closed_at IS NULL) = (outcome IS NULL) AND (closed_at IS NULL) = (second_by IS NULL)",
        name="closed",
    ),
    CheckConstraint("outcome <> 'done' OR second_by <> performed_by", name="two"),
    Index(
        "uq_disposal_standing",
        "sample_id",
        unique=True,
        postgresql_where=text("outcome IS DISTINCT FROM 'withdrawn'"),
    ),
)

legal_hold = Table(
    "legal_hold",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, nullable=False),
    Column("laboratory_id", Uuid, nullable=False),
    Column("submission_id", Uuid, nullable=False),
    Column("placed_by_agency_id", Uuid, nullable=False),
    Column("placed_by", Uuid, nullable=False),
    Column("reason", Text, nullable=False),
    Column("placed_at", INSTANT, nullable=False),
    Column("lifted_at", INSTANT),
    Column("lifted_by", Uuid),
    CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name="lifted"),
    Index("ix_legal_hold_standing", "submission_id", postgresql_where=text("lifted_at IS NULL")),
)
"""A party's word that nothing of a file may be returned or destroyed. Only that party lifts it."""

intake = Table(
    "intake",
    metadata,
    Column("id", Uuid, primary_key=True),
    *_of_a_file(),
    Column("seal_number", Text),
    Column("seal_state", Text, nullable=False),
    Column("condition", Text),
    Column("gross_weight_g", Numeric),
    Column("declared_weight_g", Numeric),
    Column("hazards", ARRAY(Text), nullable=False),
    Column("attachment_ids", ARRAY(Uuid), nullable=False),
    Column("nonconformances", ARRAY(Text), nullable=False),
    Column("note", Text),
    Column("received_by", Uuid, nullable=False),
    Column("received_at", INSTANT, nullable=False),
    Column("accepted_at", INSTANT),
    Column("accepted_by", Uuid),
    Column("accepted_because", Text),
    CheckConstraint("seal_state IN ('intact', 'broken', 'absent', 'unknown')", name="seal_state"),
    CheckConstraint(
        "num_nonnulls(accepted_at, accepted_by, accepted_because) IN (0, 3)", name="accepted"
    ),
    Index(None, "sample_id", "received_at"),
)
"""What was found when an item came, and who accepted what was not as it should be: then it is not for court."""
