"""
Tables of what the laboratory did and says: analyses, findings, reviews, reports.
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
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP

from app.kit.db import metadata
from app.results.models import bench, paper
from app.results.rules import (
    AnalysisResult,
    FindingKind,
    FindingOutcome,
    ReportKind,
    ReviewDecision,
)
from app.results.rules.signing import ReviewKind

__all__ = ["analysis", "bench", "finding", "paper", "report", "report_counter", "review"]

INSTANT = TIMESTAMP(timezone=True)


def _one_of(
    column: str,
    values: type[
        AnalysisResult | FindingKind | FindingOutcome | ReportKind | ReviewDecision | ReviewKind
    ],
) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


analysis = Table(
    "analysis",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("laboratory_id", Uuid, nullable=False),
    Column("sample_id", Uuid, nullable=False),
    Column("claim_id", Uuid, nullable=False),
    Column("stage", Text, nullable=False),
    Column("technique", Text, nullable=False),
    Column("aliquot", Text, nullable=False),
    Column("instrument", Text),
    Column("operator_id", Uuid, nullable=False),
    Column("started_at", INSTANT, nullable=False),
    Column("ended_at", INSTANT, nullable=False),
    Column("result", Text, nullable=False),
    Column("substances", ARRAY(Text), nullable=False),
    Column("controls_passed", Boolean, nullable=False),
    Column("data_reference", Text),
    Column("data_sha256", LargeBinary),
    Column("recorded_at", INSTANT, nullable=False),
    Column("catalogue", Text),
    Column("method", Text),
    Column("method_version", Integer),
    Column("used", ARRAY(Text)),
    Column("sample_limited", Boolean),
    Column("on_swab", Boolean),
    Column("looked_for", ARRAY(Text)),
    Column("detection_limit", Text),
    Column("attachment_ids", ARRAY(Uuid)),
    Column("run_id", Uuid),
    CheckConstraint(_one_of("result", AnalysisResult), name="result"),
    CheckConstraint("(result = 'detected') = (cardinality(substances) > 0)", name="substances"),
    CheckConstraint("ended_at >= started_at", name="times"),
    Index(None, "sample_id", "recorded_at"),
    Index("ix_analysis_run_id", "run_id", postgresql_where=text("run_id IS NOT NULL")),
)
"""
Laboratory-only: agencies read released findings and reports.

Columns without NOT NULL came later: what was recorded before them has NULL there. ``catalogue`` is the version of the
technique table it was recorded under.
"""

finding = Table(
    "finding",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, nullable=False),
    Column("laboratory_id", Uuid, nullable=False),
    Column("submission_id", Uuid, nullable=False),
    Column("sample_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("substances", ARRAY(Text), nullable=False),
    Column("statement", Text, nullable=False),
    Column("analysis_ids", ARRAY(Uuid), nullable=False),
    Column("rule_set", Text, nullable=False),
    Column("recorded_by", Uuid, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    Column("released_by", Uuid),
    Column("released_at", INSTANT),
    Column("warnings", ARRAY(Text)),
    Column("remarks", ARRAY(Text)),
    Column("invalidated_at", INSTANT),
    Column("invalidated_because", Text),
    Column("contradicted_at", INSTANT),
    Column("contradicted_because", Text),
    Column("withdrawn_at", INSTANT),
    Column("withdrawn_because", Text),
    Column("withdrawn_by_name", Text),
    CheckConstraint(
        "(contradicted_at IS NULL) = (contradicted_because IS NULL)"
        " AND (contradicted_at IS NULL OR released_at IS NOT NULL)",
        name="contradicted",
    ),
    CheckConstraint(
        "(withdrawn_at IS NULL) = (withdrawn_because IS NULL)"
        " AND (withdrawn_at IS NULL) = (withdrawn_by_name IS NULL)"
        " AND (withdrawn_at IS NULL OR released_at IS NOT NULL)",
        name="withdrawn",
    ),
    CheckConstraint("(invalidated_at IS NULL) = (invalidated_because IS NULL)", name="invalidated"),
    CheckConstraint(_one_of("kind", FindingKind), name="kind"),
    CheckConstraint(_one_of("outcome", FindingOutcome), name="outcome"),
    CheckConstraint("(outcome = 'detected') = (cardinality(substances) > 0)", name="substances"),
    CheckConstraint("(released_at IS NULL) = (released_by IS NULL)", name="released"),
    Index(None, "sample_id", "recorded_at"),
)

review = Table(
    "review",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("laboratory_id", Uuid, nullable=False),
    Column("sample_id", Uuid, nullable=False),
    Column("claim_id", Uuid, nullable=False),
    Column("reviewer_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("remarks", Text),
    Column("record_sha256", LargeBinary),
    Column("reviewed_at", INSTANT, nullable=False),
    Column("acknowledged", ARRAY(Text)),
    CheckConstraint(_one_of("kind", ReviewKind), name="kind"),
    CheckConstraint(_one_of("decision", ReviewDecision), name="decision"),
    Index(None, "sample_id", "reviewed_at"),
)

report = Table(
    "report",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, nullable=False),
    Column("laboratory_id", Uuid, nullable=False),
    Column("submission_id", Uuid, nullable=False),
    Column("sample_id", Uuid, nullable=False),
    Column("number", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("practice", Boolean, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("canonical", Text, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("authorized_by", Uuid, nullable=False),
    Column("released_at", INSTANT, nullable=False),
    Column("replaces_id", Uuid),
    Column("certifies_id", Uuid),
    CheckConstraint(_one_of("kind", ReportKind), name="kind"),
    CheckConstraint(
        "(kind = 'certificate') = (certifies_id IS NOT NULL)"
        " AND NOT (kind = 'certificate' AND practice)",
        name="certifies",
    ),
    UniqueConstraint("laboratory_id", "number"),
    # A report is replaced once: what comes after replaces the replacement.
    UniqueConstraint("replaces_id"),
    Index(None, "sample_id", "released_at"),
    Index(None, "laboratory_id", "kind", "released_at"),
)
"""Immutable: the application's roles may insert and read, nothing else. ``canonical`` is what ``sha256`` covers."""

report_counter = Table(
    "report_counter",
    metadata,
    Column("laboratory_id", Uuid, primary_key=True),
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("last", Integer, nullable=False),
)

own_technique = Table(
    "own_technique",
    metadata,
    Column("laboratory_id", Uuid, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("body", JSONB, nullable=False),
    Column("recorded_by", Uuid, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    CheckConstraint("code LIKE 'x\\_%'", name="code"),
)
"""A laboratory's additions to the technique table. Never changed: another version is another row."""

method = Table(
    "method",
    metadata,
    Column("laboratory_id", Uuid, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("technique", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("recorded_by", Uuid, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
)
"""A laboratory's written procedures, each of one technique. Never changed: another version is another row."""
