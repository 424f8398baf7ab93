"""
What becomes known of a sample after its submission, what links samples, and what this laboratory has met.

Revision: 0005; after: 0004; 2026-11-25
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TENANT = "NULLIF(current_setting('assayline.tenant', true), '')::uuid"
MINE = f"agency_id = {TENANT}"
OURS = f"laboratory_id = {TENANT}"

RULES = {
    "evidence": {
        "agency": (
            "SELECT, INSERT",
            f"{MINE} AND told_by = 'agency'",
            f"{MINE} AND told_by = 'agency'",
        ),
        "lab": ("SELECT, INSERT, UPDATE (withdrawn_at)", OURS, OURS),
    },
    "sample_link": {
        "agency": ("INSERT", "false", MINE),
        "lab": ("SELECT, INSERT", OURS, OURS),
    },
    "detection": {"lab": ("SELECT, INSERT, DELETE", OURS, OURS)},
    "agency_record": {"lab": ("SELECT, INSERT, UPDATE", OURS, OURS)},
    "rerank_due": {
        "lab": ("SELECT, INSERT, DELETE", OURS, OURS),
        "worker": ("SELECT (laboratory_id, since)", "true", "false"),
    },
}


def upgrade() -> None:
    """
    Create the tables.
    """
    instant = postgresql.TIMESTAMP(timezone=True)
    op.create_table(
        "evidence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("told_by", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("given_by", sa.Uuid(), nullable=True),
        sa.Column("given_at", instant, nullable=False),
        sa.Column("from_sample_id", sa.Uuid(), nullable=True),
        sa.Column("about", sa.Text(), nullable=True),
        sa.Column("withdrawn_at", instant, nullable=True),
        sa.CheckConstraint(
            "told_by IN ('agency', 'laboratory', 'service')", name=op.f("ck_evidence_told_by")
        ),
        sa.CheckConstraint(
            "kind IN ('field_test', 'circumstance', 'reported_effect', 'suspicion', 'screen',"
            " 'link', 'first_detection', 'public_safety')",
            name=op.f("ck_evidence_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["submission_id", "agency_id"],
            ["submission.id", "submission.agency_id"],
            name="fk_evidence_submission_id_agency_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_evidence"),
    )
    op.create_index("ix_evidence_sample_id_id", "evidence", ["sample_id", "id"])
    op.create_index(
        "ix_evidence_from_sample_id",
        "evidence",
        ["from_sample_id"],
        postgresql_where=sa.text("from_sample_id IS NOT NULL AND withdrawn_at IS NULL"),
    )
    op.create_index(
        "ix_evidence_about",
        "evidence",
        ["laboratory_id", "about"],
        postgresql_where=sa.text("about IS NOT NULL AND withdrawn_at IS NULL"),
    )
    op.create_table(
        "sample_link",
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("linked_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("laboratory_id", "key", "sample_id", name="pk_sample_link"),
    )
    op.create_index("ix_sample_link_sample_id", "sample_link", ["sample_id"])
    op.create_table(
        "detection",
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("detected_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("laboratory_id", "name", "sample_id", name="pk_detection"),
    )
    op.create_table(
        "agency_record",
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("resolved", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("counted_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("laboratory_id", "agency_id", name="pk_agency_record"),
    )
    op.create_table(
        "rerank_due",
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("since", instant, nullable=False),
        sa.PrimaryKeyConstraint("sample_id", name="pk_rerank_due"),
    )
    op.create_index("ix_rerank_due_laboratory_id_since", "rerank_due", ["laboratory_id", "since"])
    for table, roles in RULES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        for short, (verbs, seen, written) in roles.items():
            role = f"assayline_{short}"
            op.execute(f"GRANT {verbs} ON {table} TO {role}")
            op.execute(
                f"CREATE POLICY {short} ON {table} TO {role} USING ({seen}) WITH CHECK ({written})"
            )


def downgrade() -> None:
    """
    Drop them. What moved which sample stays in its assessments and in the ledger.
    """
    for table in RULES:
        op.execute(f"DROP TABLE {table}")
