"""
Endpoints prove themselves, rotate, sign with ed25519 too, filter by file, and can have full content.

Revision: 0010; after: 0009; 2026-11-25
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TENANT = "NULLIF(current_setting('assayline.tenant', true), '')::uuid"
MINE = f"agency_id = {TENANT}"
INSTANT = postgresql.TIMESTAMP(timezone=True)

ENDPOINT: tuple[sa.Column[object], ...] = (
    sa.Column("file_number_prefix", sa.Text(), nullable=True),
    sa.Column("content", sa.Text(), server_default="thin", nullable=False),
    sa.Column("signing_box", sa.LargeBinary(), nullable=True),
    sa.Column("public_key", sa.Text(), nullable=True),
    sa.Column("previous_box", sa.LargeBinary(), nullable=True),
    sa.Column("previous_signing_box", sa.LargeBinary(), nullable=True),
    sa.Column("previous_until", INSTANT, nullable=True),
    sa.Column("rotated_at", INSTANT, nullable=True),
    sa.Column("challenge_sha256", sa.LargeBinary(), nullable=True),
    sa.Column("verified_at", INSTANT, nullable=True),
    sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
    sa.Column("held_until", INSTANT, nullable=True),
)
DELIVERY: tuple[sa.Column[object], ...] = (
    sa.Column("attempts_before", sa.Integer(), server_default="0", nullable=False),
    sa.Column("challenge", sa.Boolean(), server_default=sa.false(), nullable=False),
)

OWE = """
    CREATE OR REPLACE FUNCTION owe_deliveries(event_ids uuid[], only_endpoint uuid DEFAULT NULL)
    RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
        WITH owed AS (
            INSERT INTO delivery
                (id, agency_id, event_id, endpoint_id, state, attempts, due_at, token, created_at, challenge)
            SELECT gen_random_uuid(), e.agency_id, e.id, p.id, 'pending', 0, now(), 0, now(),
                   e.type = 'webhook.challenge'
            FROM event AS e
            LEFT JOIN submission AS s ON s.id = e.submission_id
            JOIN endpoint AS p ON p.agency_id = e.agency_id AND p.disabled_at IS NULL
             AND CASE WHEN only_endpoint IS NULL
                      THEN p.verified_at IS NOT NULL
                       AND (p.event_types IS NULL OR e.type = ANY (p.event_types))
                       AND (p.file_number_prefix IS NULL OR e.type = 'webhook.secret_rotated'
                            OR starts_with(s.agency_file_number, p.file_number_prefix))
                      ELSE p.id = only_endpoint END
            WHERE e.id = ANY (event_ids)
            ON CONFLICT (event_id, endpoint_id) DO NOTHING
            RETURNING 1)
        SELECT count(*) FROM owed
    $$
"""

OWE_BEFORE = """
    CREATE OR REPLACE FUNCTION owe_deliveries(event_ids uuid[], only_endpoint uuid DEFAULT NULL)
    RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
        WITH owed AS (
            INSERT INTO delivery (id, agency_id, event_id, endpoint_id, state, attempts, due_at, token, created_at)
            SELECT gen_random_uuid(), e.agency_id, e.id, p.id, 'pending', 0, now(), 0, now()
            FROM event AS e
            JOIN endpoint AS p ON p.agency_id = e.agency_id AND p.disabled_at IS NULL
             AND CASE WHEN only_endpoint IS NULL
                      THEN p.event_types IS NULL OR e.type = ANY (p.event_types)
                      ELSE p.id = only_endpoint END
            WHERE e.id = ANY (event_ids)
            ON CONFLICT (event_id, endpoint_id) DO NOTHING
            RETURNING 1)
        SELECT count(*) FROM owed
    $$
"""

# Only the tenant's own endpoint, and only once it has proved itself. What is under way is left
# alone. An event the endpoint was never owed, because it came later, is owed now; the filter holds.
REPLAY = f"""
    CREATE FUNCTION replay_deliveries(
        to_endpoint uuid, event_ids uuid[], since timestamptz, until timestamptz, only_exhausted boolean, most integer)
    RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
        WITH chosen AS MATERIALIZED (
            SELECT e.id, e.agency_id, p.id AS endpoint_id
            FROM endpoint AS p
            JOIN event AS e ON e.agency_id = p.agency_id
            LEFT JOIN submission AS s ON s.id = e.submission_id
            LEFT JOIN delivery AS d ON d.event_id = e.id AND d.endpoint_id = p.id
            WHERE p.id = to_endpoint AND p.agency_id = {TENANT}
              AND p.disabled_at IS NULL AND p.verified_at IS NOT NULL
              AND e.type NOT IN ('webhook.challenge', 'webhook.test')
              AND (event_ids IS NULL OR e.id = ANY (event_ids))
              AND (since IS NULL OR e.occurred_at >= since)
              AND (until IS NULL OR e.occurred_at < until)
              AND (NOT only_exhausted OR d.state = 'exhausted')
              AND (d.id IS NOT NULL OR
                   ((p.event_types IS NULL OR e.type = ANY (p.event_types))
                    AND (p.file_number_prefix IS NULL
                         OR starts_with(s.agency_file_number, p.file_number_prefix))))
              AND d.state IS DISTINCT FROM 'sending'
            ORDER BY e.id
            LIMIT most
        ), again AS (
            INSERT INTO delivery
                (id, agency_id, event_id, endpoint_id, state, attempts, due_at, token, created_at)
            SELECT gen_random_uuid(), agency_id, id, endpoint_id, 'pending', 0, now(), 0, now()
            FROM chosen
            ON CONFLICT (event_id, endpoint_id) DO UPDATE
                SET state = 'pending', settled_at = NULL, due_at = now(), lease_until = NULL,
                    token = delivery.token + 1, attempts_before = delivery.attempts
                WHERE delivery.state <> 'sending'
            RETURNING 1)
        SELECT count(*) FROM again
    $$
"""

REPLAY_SIGNATURE = "replay_deliveries(uuid, uuid[], timestamptz, timestamptz, boolean, integer)"


def upgrade() -> None:
    """
    Add what is new, and index open deliveries by endpoint, so that a backlog costs only its own.
    """
    for column in ENDPOINT:
        op.add_column("endpoint", column)
    for column in DELIVERY:
        op.add_column("delivery", column)
    op.add_column("event", sa.Column("full_body", sa.LargeBinary(), nullable=True))
    op.create_check_constraint(
        op.f("ck_endpoint_content"), "endpoint", "content IN ('thin', 'full')"
    )
    op.create_check_constraint(
        op.f("ck_endpoint_rotation"),
        "endpoint",
        "(previous_box IS NULL) = (previous_until IS NULL)",
    )
    # Who was here before has been receiving: it has proved itself.
    op.execute("ALTER TABLE endpoint NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE endpoint SET verified_at = created_at")
    op.execute("ALTER TABLE endpoint FORCE ROW LEVEL SECURITY")
    op.drop_index("ix_delivery_due", "delivery")
    op.create_index(
        "ix_delivery_open",
        "delivery",
        ["endpoint_id", "state", "due_at", "id"],
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_index(
        "ix_delivery_endpoint_id_exhausted",
        "delivery",
        ["endpoint_id", "event_id"],
        postgresql_where=sa.text("state = 'exhausted'"),
    )
    op.create_index("ix_event_agency_id_occurred_at", "event", ["agency_id", "occurred_at"])
    _replay_table()
    op.execute("GRANT UPDATE (failures, held_until) ON endpoint TO assayline_worker")
    op.execute("GRANT SELECT (verified_at, held_until, failures) ON endpoint TO assayline_worker")
    op.execute("ALTER POLICY worker ON endpoint WITH CHECK (true)")
    op.execute("GRANT SELECT (verified_at, file_number_prefix) ON endpoint TO assayline_courier")
    op.execute("GRANT SELECT (submission_id, occurred_at) ON event TO assayline_courier")
    op.execute("GRANT UPDATE ON delivery TO assayline_courier")
    op.execute("GRANT SELECT (id, agency_file_number) ON submission TO assayline_courier")
    op.execute("CREATE POLICY courier ON submission FOR SELECT TO assayline_courier USING (true)")
    # Whoever operates sees what is stuck where, and none of what it says.
    op.execute(
        "GRANT SELECT (id, agency_id, url, created_at, verified_at, disabled_at, disabled_reason,"
        " failures, held_until) ON endpoint TO assayline_operator"
    )
    op.execute("CREATE POLICY operator ON endpoint FOR SELECT TO assayline_operator USING (true)")
    op.execute(
        "GRANT SELECT (id, agency_id, event_id, endpoint_id, state, attempts, due_at, created_at,"
        " settled_at) ON delivery TO assayline_operator"
    )
    op.execute("CREATE POLICY operator ON delivery FOR SELECT TO assayline_operator USING (true)")
    op.execute(OWE)
    op.execute(REPLAY)
    op.execute(f"REVOKE ALL ON FUNCTION {REPLAY_SIGNATURE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {REPLAY_SIGNATURE} TO assayline_agency")
    op.execute("GRANT CREATE ON SCHEMA public TO assayline_courier")
    op.execute(f"ALTER FUNCTION {REPLAY_SIGNATURE} OWNER TO assayline_courier")
    op.execute("REVOKE CREATE ON SCHEMA public FROM assayline_courier")


def downgrade() -> None:
    """
    Take it back. Endpoints keep their present secret; what was signed with the one before fails.
    """
    op.execute(f"DROP FUNCTION {REPLAY_SIGNATURE}")
    op.execute(OWE_BEFORE)
    op.execute("DROP POLICY operator ON delivery")
    op.execute("DROP POLICY operator ON endpoint")
    op.execute("REVOKE ALL ON delivery FROM assayline_operator")
    op.execute("REVOKE ALL ON endpoint FROM assayline_operator")
    op.execute("DROP POLICY courier ON submission")
    op.execute("REVOKE ALL ON submission FROM assayline_courier")
    op.execute("REVOKE UPDATE ON delivery FROM assayline_courier")
    op.execute("REVOKE SELECT (submission_id, occurred_at) ON event FROM assayline_courier")
    op.execute("ALTER POLICY worker ON endpoint WITH CHECK (false)")
    op.drop_table("replay")
    op.drop_index("ix_event_agency_id_occurred_at", "event")
    op.drop_index("ix_delivery_endpoint_id_exhausted", "delivery")
    op.drop_index("ix_delivery_open", "delivery")
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["due_at", "id"],
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.drop_column("event", "full_body")
    for column in DELIVERY:
        op.drop_column("delivery", column.name)
    op.drop_constraint(op.f("ck_endpoint_rotation"), "endpoint")
    op.drop_constraint(op.f("ck_endpoint_content"), "endpoint")
    for column in ENDPOINT:
        op.drop_column("endpoint", column.name)


def _replay_table() -> None:
    op.create_table(
        "replay",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=True),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("since", INSTANT, nullable=True),
        sa.Column("until", INSTANT, nullable=True),
        sa.Column("only_exhausted", sa.Boolean(), nullable=False),
        sa.Column("event_ids", postgresql.ARRAY(sa.Uuid()), nullable=True),
        sa.Column("replayed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoint.id"], name="fk_replay_endpoint_id"),
        sa.PrimaryKeyConstraint("id", name="pk_replay"),
    )
    op.create_index("ix_replay_endpoint_id_id", "replay", ["endpoint_id", "id"])
    op.execute("ALTER TABLE replay ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE replay FORCE ROW LEVEL SECURITY")
    op.execute("GRANT SELECT, INSERT ON replay TO assayline_agency")
    op.execute(
        f"CREATE POLICY agency ON replay TO assayline_agency USING ({MINE}) WITH CHECK ({MINE})"
    )
