"""
What the laboratory found moves the rank at once, and reaches an agency when somebody releases it: not before, as a risk.

Revision: 0012; after: 0011; 2026-11-25
"""

import sqlalchemy as sa

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TENANT = "NULLIF(current_setting('assayline.tenant', true), '')::uuid"
SHARED = (
    f"agency_id = {TENANT} OR EXISTS (SELECT 1 FROM submission_access AS a"
    f" WHERE a.submission_id = assessment.submission_id AND a.agency_id = {TENANT}"
    " AND (a.expires_at IS NULL OR a.expires_at > now()))"
)


def upgrade() -> None:
    """
    Mark the assessments that rest on the laboratory's results, and hide them from agencies.
    """
    op.add_column(
        "assessment",
        sa.Column("laboratory_only", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    # Those made so far do not say what they rest on; after the first stage, or from another sample, it was a result.
    op.execute("ALTER TABLE assessment NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "UPDATE assessment SET laboratory_only = true WHERE stage <> 'screen' OR cause = 'linked finding'"
    )
    op.execute("ALTER TABLE assessment FORCE ROW LEVEL SECURITY")
    op.execute(f"ALTER POLICY agency ON assessment USING (NOT laboratory_only AND ({SHARED}))")


def downgrade() -> None:
    """
    Show everything again.
    """
    op.execute(f"ALTER POLICY agency ON assessment USING ({SHARED})")
    op.drop_column("assessment", "laboratory_only")
