"""
Sampling plans, contents with their uncertainty, runs of many samples, and what intake found.

Revision: 0019; after: 0018; 2026-11-25
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TENANT = "NULLIF(current_setting('assayline.tenant', true), '')::uuid"
OURS = f"laboratory_id = {TENANT}"
SHARED = (
    f"agency_id = {TENANT} OR EXISTS (SELECT 1 FROM submission_access AS a"
    f" WHERE a.submission_id = intake.submission_id AND a.agency_id = {TENANT}"
    " AND (a.expires_at IS NULL OR a.expires_at > now()))"
)
INSTANT = postgresql.TIMESTAMP(timezone=True)
TEXTS = postgresql.ARRAY(sa.Text())

VERBS = {
    "sampling_plan": "SELECT, INSERT",
    "unit_result": "SELECT, INSERT",
    "content": "SELECT, INSERT",
    "run": "SELECT, INSERT, UPDATE (closed_at, controls_passed, failed_because, lines)",
    "intake": "SELECT, INSERT, UPDATE (accepted_at, accepted_by, accepted_because)",
}


def _id(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), nullable=null)


def _text(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=null)


def _number(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Numeric(), nullable=null)


def _at(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, INSTANT, nullable=null)


def upgrade() -> None:
    """
    Create the tables, and let a control that failed afterwards be noted.
    """
    op.create_table(
        "sampling_plan",
        _id("id"),
        _id("laboratory_id"),
        _id("sample_id"),
        _text("plan"),
        sa.Column("units", sa.Integer(), nullable=False),
        _text("kind"),
        _number("share"),
        _number("confidence"),
        sa.Column("looks", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("selected", postgresql.ARRAY(sa.Integer()), nullable=False),
        _id("drawn_by"),
        _at("drawn_at"),
        sa.CheckConstraint(
            "units > 0 AND share > 0 AND share < 1 AND confidence < 1",
            name=op.f("ck_sampling_plan_numbers"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sampling_plan"),
    )
    op.create_index(
        "ix_sampling_plan_sample_id_drawn_at", "sampling_plan", ["sample_id", "drawn_at"]
    )
    op.create_table(
        "unit_result",
        _id("plan_id"),
        sa.Column("unit", sa.Integer(), autoincrement=False, nullable=False),
        _id("laboratory_id"),
        sa.Column("positive", sa.Boolean(), nullable=False),
        _id("analysis_id", null=True),
        _id("recorded_by"),
        _at("recorded_at"),
        sa.ForeignKeyConstraint(["plan_id"], ["sampling_plan.id"], name="fk_unit_result_plan_id"),
        sa.PrimaryKeyConstraint("plan_id", "unit", name="pk_unit_result"),
    )
    op.create_table(
        "content",
        _id("id"),
        _id("laboratory_id"),
        _id("sample_id"),
        _id("analysis_id"),
        _text("substance"),
        _number("value"),
        _text("unit"),
        _number("expanded_uncertainty"),
        _number("k"),
        _number("dose_units", null=True),
        _id("recorded_by"),
        _at("recorded_at"),
        sa.CheckConstraint(
            "value >= 0 AND expanded_uncertainty > 0 AND k >= 1", name=op.f("ck_content_numbers")
        ),
        sa.CheckConstraint(
            "unit IN ('%', 'mg/g', 'mg/unit', 'mg/mL')", name=op.f("ck_content_unit")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_content"),
    )
    op.create_index("ix_content_sample_id_recorded_at", "content", ["sample_id", "recorded_at"])
    op.create_table(
        "run",
        _id("id"),
        _id("laboratory_id"),
        _text("technique"),
        _text("method", null=True),
        _text("instrument", null=True),
        _id("operator_id"),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        _at("opened_at"),
        _at("closed_at", null=True),
        sa.Column("controls_passed", sa.Boolean(), nullable=True),
        _text("failed_because", null=True),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (controls_passed IS NULL)", name=op.f("ck_run_closed")
        ),
        sa.CheckConstraint(
            "failed_because IS NULL OR NOT controls_passed", name=op.f("ck_run_failed")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
    )
    op.create_index("ix_run_laboratory_id_opened_at", "run", ["laboratory_id", "opened_at"])
    op.create_index(
        "ix_analysis_run_id", "analysis", ["run_id"], postgresql_where=sa.text("run_id IS NOT NULL")
    )
    op.create_table(
        "intake",
        _id("id"),
        _id("agency_id"),
        _id("laboratory_id"),
        _id("submission_id"),
        _id("sample_id"),
        _text("seal_number", null=True),
        _text("seal_state"),
        _text("condition", null=True),
        _number("gross_weight_g", null=True),
        _number("declared_weight_g", null=True),
        sa.Column("hazards", TEXTS, nullable=False),
        sa.Column("attachment_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("nonconformances", TEXTS, nullable=False),
        _text("note", null=True),
        _id("received_by"),
        _at("received_at"),
        _at("accepted_at", null=True),
        _id("accepted_by", null=True),
        _text("accepted_because", null=True),
        sa.CheckConstraint(
            "seal_state IN ('intact', 'broken', 'absent', 'unknown')",
            name=op.f("ck_intake_seal_state"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(accepted_at, accepted_by, accepted_because) IN (0, 3)",
            name=op.f("ck_intake_accepted"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_intake"),
    )
    op.create_index("ix_intake_sample_id_received_at", "intake", ["sample_id", "received_at"])
    for table, verbs in VERBS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"GRANT {verbs} ON {table} TO assayline_lab")
        op.execute(
            f"CREATE POLICY lab ON {table} TO assayline_lab USING ({OURS}) WITH CHECK ({OURS})"
        )
    op.execute("GRANT SELECT ON intake TO assayline_agency")
    op.execute(
        f"CREATE POLICY agency ON intake TO assayline_agency USING ({SHARED}) WITH CHECK (false)"
    )
    op.execute("GRANT UPDATE (controls_passed) ON analysis TO assayline_lab")


def downgrade() -> None:
    """
    Drop them, with every plan, content, worksheet and finding of intake.
    """
    op.execute("REVOKE UPDATE (controls_passed) ON analysis FROM assayline_lab")
    op.drop_table("intake")
    op.drop_index("ix_analysis_run_id", "analysis")
    op.drop_table("run")
    op.drop_table("content")
    op.drop_table("unit_result")
    op.drop_table("sampling_plan")
