"""
Files that belong to a sample or to a run, with their hash.

Revision: 0004; after: 0003; 2026-11-25
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TENANT = "NULLIF(current_setting('assayline.tenant', true), '')::uuid"
OURS = f"laboratory_id = {TENANT}"
MINE = f"agency_id = {TENANT}"
SHARED = (
    f"({MINE} OR EXISTS (SELECT 1 FROM submission_access AS a"
    f" WHERE a.submission_id = attachment.submission_id AND a.agency_id = {TENANT}"
    " AND (a.expires_at IS NULL OR a.expires_at > now())))"
)

RULES = {
    "agency": ("SELECT, INSERT", f"shown AND {SHARED}", f"side = 'agency' AND {SHARED}"),
    "lab": ("SELECT, INSERT, UPDATE (shown)", OURS, OURS),
}


def upgrade() -> None:
    """
    Create the table.
    """
    op.create_table(
        "attachment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=True),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=True),
        sa.Column("sample_id", sa.Uuid(), nullable=True),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("stored_by", sa.Uuid(), nullable=False),
        sa.Column("stored_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("side IN ('agency', 'laboratory')", name=op.f("ck_attachment_side")),
        sa.CheckConstraint(
            "kind IN ('photograph', 'data', 'document')", name=op.f("ck_attachment_kind")
        ),
        sa.CheckConstraint(
            "size = length(content) AND length(sha256) = 32", name=op.f("ck_attachment_whole")
        ),
        sa.CheckConstraint(
            "num_nonnulls(agency_id, submission_id, sample_id) IN (0, 3)",
            name=op.f("ck_attachment_belongs"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_attachment"),
    )
    op.create_index("ix_attachment_sample_id_stored_at", "attachment", ["sample_id", "stored_at"])
    # Instrument files are compressed already, or must come back byte for byte and soon: no second try.
    op.execute("ALTER TABLE attachment ALTER COLUMN content SET STORAGE EXTERNAL")
    op.execute("ALTER TABLE attachment ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE attachment FORCE ROW LEVEL SECURITY")
    for short, (verbs, seen, written) in RULES.items():
        role = f"assayline_{short}"
        op.execute(f"GRANT {verbs} ON attachment TO {role}")
        op.execute(
            f"CREATE POLICY {short} ON attachment TO {role} USING ({seen}) WITH CHECK ({written})"
        )


def downgrade() -> None:
    """
    Drop it, with every file in it: export the packets first.
    """
    op.drop_table("attachment")
