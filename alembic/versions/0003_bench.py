"""
What the bench records besides: techniques and methods as data, what an analysis used, what a finding must say.

Revision: 0003; after: 0002; 2026-11-25
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TENANT = "NULLIF(current_setting('assayline.tenant', true), '')::uuid"
OURS = f"laboratory_id = {TENANT}"

INSTANT = postgresql.TIMESTAMP(timezone=True)
TEXTS = postgresql.ARRAY(sa.Text())

ANALYSIS: tuple[sa.Column[Any], ...] = (
    sa.Column("catalogue", sa.Text(), nullable=True),
    sa.Column("method", sa.Text(), nullable=True),
    sa.Column("method_version", sa.Integer(), nullable=True),
    sa.Column("used", TEXTS, nullable=True),
    sa.Column("sample_limited", sa.Boolean(), nullable=True),
    sa.Column("on_swab", sa.Boolean(), nullable=True),
    sa.Column("looked_for", TEXTS, nullable=True),
    sa.Column("detection_limit", sa.Text(), nullable=True),
    sa.Column("attachment_ids", postgresql.ARRAY(sa.Uuid()), nullable=True),
    sa.Column("run_id", sa.Uuid(), nullable=True),
)

FINDING: tuple[sa.Column[Any], ...] = (
    sa.Column("warnings", TEXTS, nullable=True),
    sa.Column("remarks", TEXTS, nullable=True),
    sa.Column("invalidated_at", INSTANT, nullable=True),
    sa.Column("invalidated_because", sa.Text(), nullable=True),
)


def upgrade() -> None:
    """
    Add what the gate needs to know, and where a laboratory keeps its techniques and methods.
    """
    for column in ANALYSIS:
        op.add_column("analysis", column)
    for column in FINDING:
        op.add_column("finding", column)
    op.create_check_constraint(
        op.f("ck_finding_invalidated"),
        "finding",
        "(invalidated_at IS NULL) = (invalidated_because IS NULL)",
    )
    op.execute("GRANT UPDATE (invalidated_at, invalidated_because) ON finding TO assayline_lab")
    op.create_table(
        "own_technique",
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.CheckConstraint("code LIKE 'x\\_%'", name=op.f("ck_own_technique_code")),
        sa.PrimaryKeyConstraint("laboratory_id", "code", "version", name="pk_own_technique"),
    )
    op.create_table(
        "method",
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("technique", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("laboratory_id", "code", "version", name="pk_method"),
    )
    for table in ("own_technique", "method"):
        _secure(table, "SELECT, INSERT")


def downgrade() -> None:
    """
    Drop them. Analyses and findings keep what the first schema had of them.
    """
    op.drop_table("method")
    op.drop_table("own_technique")
    op.execute("REVOKE UPDATE (invalidated_at, invalidated_because) ON finding FROM assayline_lab")
    op.drop_constraint(op.f("ck_finding_invalidated"), "finding")
    for column in FINDING:
        op.drop_column("finding", column.name)
    for column in ANALYSIS:
        op.drop_column("analysis", column.name)


def _secure(table: str, verbs: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"GRANT {verbs} ON {table} TO assayline_lab")
    op.execute(f"CREATE POLICY lab ON {table} TO assayline_lab USING ({OURS}) WITH CHECK ({OURS})")
