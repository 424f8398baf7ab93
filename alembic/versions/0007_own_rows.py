"""
Whoever reads a file by a part in it changes nothing of it, and nobody takes a part in a file that is not theirs to share.

Revision: 0007; after: 0006; 2026-11-25
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MINE = "agency_id = NULLIF(current_setting('assayline.tenant', true), '')::uuid"

SHARED_AND_CHANGED = ("submission", "sample", "holding")
"""What an agency may update, and reads by its part in a file as well."""


def upgrade() -> None:
    """
    Restrict updates to the owner's rows, and tie who shares a file to whose file it is.
    """
    for table in SHARED_AND_CHANGED:
        op.execute(
            f"CREATE POLICY own_rows ON {table} AS RESTRICTIVE FOR UPDATE TO assayline_agency"
            f" USING ({MINE}) WITH CHECK ({MINE})"
        )
    op.drop_constraint(
        op.f("fk_submission_access_submission_id"), "submission_access", type_="foreignkey"
    )
    # What is another's and what does not exist fail alike: the key tells nobody that a file is there.
    op.create_foreign_key(
        op.f("fk_submission_access_submission_id"),
        "submission_access",
        "submission",
        ["submission_id", "owner_agency_id"],
        ["id", "agency_id"],
    )


def downgrade() -> None:
    """
    Loosen both again.
    """
    op.drop_constraint(
        op.f("fk_submission_access_submission_id"), "submission_access", type_="foreignkey"
    )
    op.create_foreign_key(
        op.f("fk_submission_access_submission_id"),
        "submission_access",
        "submission",
        ["submission_id"],
        ["id"],
    )
    for table in SHARED_AND_CHANGED:
        op.execute(f"DROP POLICY own_rows ON {table}")
