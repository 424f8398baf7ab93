"""
Proof that a signed-in person gave the password once more: good once, for two minutes, for a signature.

Revision: 0015; after: 0014; 2026-11-25
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ALL = "true"
SIGNATURE = "use_staff_proof(bytea)"


def upgrade() -> None:
    """
    Create the table, and the function that uses a proof up.
    """
    instant = postgresql.TIMESTAMP(timezone=True)
    op.create_table(
        "staff_proof",
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", instant, nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["api_client.id"], name="fk_staff_proof_client_id"),
        sa.PrimaryKeyConstraint("token_sha256", name="pk_staff_proof"),
    )
    op.execute("ALTER TABLE staff_proof ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE staff_proof FORCE ROW LEVEL SECURITY")
    for role, verbs in (("signin", "SELECT, INSERT, DELETE"), ("lookup", "SELECT, DELETE")):
        op.execute(f"GRANT {verbs} ON staff_proof TO assayline_{role}")
        op.execute(
            f"CREATE POLICY {role} ON staff_proof TO assayline_{role}"
            f" USING ({ALL}) WITH CHECK ({ALL if role == 'signin' else 'false'})"
        )
    op.execute(
        """
        CREATE FUNCTION use_staff_proof(wanted bytea) RETURNS uuid
        LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
            WITH used AS (DELETE FROM staff_proof WHERE token_sha256 = wanted RETURNING client_id, expires_at)
            SELECT c.id
            FROM used AS u
            JOIN api_client AS c ON c.id = u.client_id
            JOIN agency AS g ON g.id = c.agency_id
            WHERE u.expires_at > now() AND c.revoked_at IS NULL AND g.closed_at IS NULL
        $$
        """
    )
    op.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO assayline_agency, assayline_lab")
    op.execute("GRANT CREATE ON SCHEMA public TO assayline_lookup")
    op.execute(f"ALTER FUNCTION {SIGNATURE} OWNER TO assayline_lookup")
    op.execute("REVOKE CREATE ON SCHEMA public FROM assayline_lookup")


def downgrade() -> None:
    """
    Drop both.
    """
    op.execute(f"DROP FUNCTION {SIGNATURE}")
    op.execute("DROP TABLE staff_proof")
