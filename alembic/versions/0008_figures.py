"""
One function that counts across tenants and tells nothing but numbers, for the operator's metrics.

Revision: 0008; after: 0007; 2026-11-25
"""

import sqlalchemy as sa

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COUNTED = ("delivery", "endpoint", "pending", "acknowledgement")
"""Tables its owner reads from now on; it reads `queue_task` already."""

FIGURES = """
    CREATE FUNCTION figures() RETURNS TABLE (name text, label text, value double precision)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
        WITH owed AS (
            SELECT count(*) AS many, min(d.created_at) AS oldest
            FROM delivery AS d JOIN endpoint AS p ON p.id = d.endpoint_id AND p.disabled_at IS NULL
            WHERE d.settled_at IS NULL
        ), waiting AS (
            SELECT count(*) AS many, min(waiting_since) AS oldest FROM pending
        ), correction AS (
            SELECT count(*) AS many, min(opened_at) AS oldest FROM acknowledgement
            WHERE acknowledged_at IS NULL
        ), bench AS (
            SELECT stage, count(*) FILTER (WHERE holder IS NULL) AS waiting,
                   count(holder) AS held
            FROM queue_task GROUP BY stage
        )
        SELECT 'deliveries_pending', '', many FROM owed
        UNION ALL SELECT 'oldest_undelivered_seconds', '',
            coalesce(extract(epoch FROM now() - oldest), 0) FROM owed
        UNION ALL SELECT 'deliveries_exhausted', '', count(*) FROM delivery WHERE state = 'exhausted'
        UNION ALL SELECT 'ledger_pending', '', many FROM waiting
        UNION ALL SELECT 'oldest_pending_seconds', '',
            coalesce(extract(epoch FROM now() - oldest), 0) FROM waiting
        UNION ALL SELECT 'corrections_open', '', many FROM correction
        UNION ALL SELECT 'oldest_correction_seconds', '',
            coalesce(extract(epoch FROM now() - oldest), 0) FROM correction
        UNION ALL SELECT 'samples_waiting', stage, waiting FROM bench
        UNION ALL SELECT 'samples_held', stage, held FROM bench
        UNION ALL SELECT 'dead_rows', relname, n_dead_tup FROM pg_stat_user_tables
            WHERE relname IN ('delivery', 'queue_task', 'pending', 'sample')
    $$
"""


def upgrade() -> None:
    """
    Create the function, and the index that keeps counting what was given up cheap.
    """
    op.create_index(
        "ix_delivery_exhausted", "delivery", ["id"], postgresql_where=sa.text("state = 'exhausted'")
    )
    for table in COUNTED:
        op.execute(f"GRANT SELECT ON {table} TO assayline_lookup")
        op.execute(f"CREATE POLICY lookup ON {table} FOR SELECT TO assayline_lookup USING (true)")
    op.execute(FIGURES)
    op.execute("REVOKE ALL ON FUNCTION figures() FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION figures() TO assayline_operator")
    # The owner of a function must be allowed to create in its schema, but only at this instant.
    op.execute("GRANT CREATE ON SCHEMA public TO assayline_lookup")
    op.execute("ALTER FUNCTION figures() OWNER TO assayline_lookup")
    op.execute("REVOKE CREATE ON SCHEMA public FROM assayline_lookup")


def downgrade() -> None:
    """
    Drop the function and what it was allowed.
    """
    op.execute("DROP FUNCTION figures()")
    for table in COUNTED:
        op.execute(f"DROP POLICY lookup ON {table}")
        op.execute(f"REVOKE SELECT ON {table} FROM assayline_lookup")
    op.drop_index("ix_delivery_exhausted", "delivery")
