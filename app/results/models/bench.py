"""
Tables of sampling plans, contents, and runs with their results.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP

from app.kit.db import metadata

INSTANT = TIMESTAMP(timezone=True)

sampling_plan = Table(
    "sampling_plan",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("laboratory_id", Uuid, nullable=False),
    Column("sample_id", Uuid, nullable=False),
    Column("plan", Text, nullable=False),
    Column("units", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("share", Numeric, nullable=False),
    Column("confidence", Numeric, nullable=False),
    Column("looks", ARRAY(Integer), nullable=False),
    Column("selected", ARRAY(Integer), nullable=False),
    Column("drawn_by", Uuid, nullable=False),
    Column("drawn_at", INSTANT, nullable=False),
    CheckConstraint("units > 0 AND share > 0 AND share < 1 AND confidence < 1", name="numbers"),
    Index(None, "sample_id", "drawn_at"),
)
"""``looks``: tests needed with none, one, two ... negatives. ``selected``: units in the order drawn."""

unit_result = Table(
    "unit_result",
    metadata,
    Column("plan_id", Uuid, ForeignKey("sampling_plan.id"), primary_key=True),
    Column("unit", Integer, primary_key=True, autoincrement=False),
    Column("laboratory_id", Uuid, nullable=False),
    Column("positive", Boolean, nullable=False),
    Column("analysis_id", Uuid),
    Column("recorded_by", Uuid, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
)

content = Table(
    "content",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("laboratory_id", Uuid, nullable=False),
    Column("sample_id", Uuid, nullable=False),
    Column("analysis_id", Uuid, nullable=False),
    Column("substance", Text, nullable=False),
    Column("value", Numeric, nullable=False),
    Column("unit", Text, nullable=False),
    Column("expanded_uncertainty", Numeric, nullable=False),
    Column("k", Numeric, nullable=False),
    Column("dose_units", Numeric),
    Column("recorded_by", Uuid, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    CheckConstraint("value >= 0 AND expanded_uncertainty > 0 AND k >= 1", name="numbers"),
    CheckConstraint("unit IN ('%', 'mg/g', 'mg/unit', 'mg/mL')", name="unit"),
    Index(None, "sample_id", "recorded_at"),
)
"""A measured content. The table itself refuses one without its uncertainty."""

run = Table(
    "run",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("laboratory_id", Uuid, nullable=False),
    Column("technique", Text, nullable=False),
    Column("method", Text),
    Column("instrument", Text),
    Column("operator_id", Uuid, nullable=False),
    Column("lines", JSONB, nullable=False),
    Column("opened_at", INSTANT, nullable=False),
    Column("closed_at", INSTANT),
    Column("controls_passed", Boolean),
    Column("failed_because", Text),
    CheckConstraint("(closed_at IS NULL) = (controls_passed IS NULL)", name="closed"),
    CheckConstraint("failed_because IS NULL OR NOT controls_passed", name="failed"),
    Index(None, "laboratory_id", "opened_at"),
)
"""A worksheet: samples, blanks and controls of one run, in the order of the instrument's list."""
