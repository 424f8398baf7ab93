"""
Parties come, go and expire; what an agency said wrongly is corrected, with before and after kept.

Revision: 0014; after: 0013; 2026-11-25
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TENANT = "NULLIF(current_setting('assayline.tenant', true), '')::uuid"
MINE = f"agency_id = {TENANT}"
OURS = f"laboratory_id = {TENANT}"
SHARED = (
    f"{MINE} OR EXISTS (SELECT 1 FROM submission_access AS a"
    f" WHERE a.submission_id = correction.submission_id AND a.agency_id = {TENANT}"
    " AND (a.expires_at IS NULL OR a.expires_at > now()))"
)


def upgrade() -> None:
    """
    Create the record of corrections; let an owner renew and end a part in its file.
    """
    op.create_table(
        "correction",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("changes", postgresql.JSONB(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_by_name", sa.Text(), nullable=False),
        sa.Column("made_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id", "agency_id"],
            ["submission.id", "submission.agency_id"],
            name="fk_correction_submission_id_agency_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_correction"),
        sa.UniqueConstraint("submission_id", "version", name="uq_correction_submission_id_version"),
    )
    op.execute("ALTER TABLE correction ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE correction FORCE ROW LEVEL SECURITY")
    op.execute("GRANT SELECT, INSERT ON correction TO assayline_agency")
    op.execute("GRANT SELECT ON correction TO assayline_lab")
    op.execute(
        "CREATE POLICY agency ON correction TO assayline_agency"
        f" USING ({SHARED}) WITH CHECK ({MINE})"
    )
    op.execute(
        f"CREATE POLICY lab ON correction TO assayline_lab USING ({OURS}) WITH CHECK (false)"
    )
    op.execute(
        "GRANT UPDATE (party, granted_at, expires_at) ON submission_access TO assayline_agency"
    )
    # A corrected digest or mark links other samples than the wrong one did.
    op.execute("GRANT DELETE ON sample_link TO assayline_lab")


def downgrade() -> None:
    """
    Drop it. That something was corrected stays in the ledger.
    """
    op.execute("REVOKE DELETE ON sample_link FROM assayline_lab")
    op.execute(
        "REVOKE UPDATE (party, granted_at, expires_at) ON submission_access FROM assayline_agency"
    )
    op.drop_table("correction")
