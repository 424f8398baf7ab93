"""
Sign-in for staff: accounts, sessions, invitations, counts of failed guesses, and the role that may look at them.

Revision: 0006; after: 0005; 2026-11-25
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ROLE = "assayline_signin"
"""Taken on by the API's login before any tenant is known: it sees accounts, and no case."""

TENANT = "NULLIF(current_setting('assayline.tenant', true), '')::uuid"
MINE = f"agency_id = {TENANT}"
ALL = "true"
_LISTED = "id, client_id, agency_id, how, agent, created_at, seen_at, expires_at, ended_at"

RULES: dict[str, dict[str, tuple[str, str, str]]] = {
    "staff_account": {
        "signin": ("SELECT, INSERT, UPDATE", ALL, ALL),
        "operator": ("SELECT, INSERT, UPDATE", ALL, ALL),
        "lookup": ("SELECT", ALL, ""),
    },
    "staff_session": {
        "agency": (f"SELECT ({_LISTED}), UPDATE (ended_at)", MINE, MINE),
        "lab": (f"SELECT ({_LISTED}), UPDATE (ended_at)", MINE, MINE),
        "signin": ("SELECT, INSERT, UPDATE", ALL, ALL),
        "operator": (f"SELECT ({_LISTED}), UPDATE (ended_at)", ALL, ALL),
        "lookup": ("SELECT", ALL, ""),
    },
    "staff_invite": {
        "signin": ("SELECT, UPDATE", ALL, ALL),
        "operator": ("SELECT, INSERT, UPDATE", ALL, ALL),
    },
    "sign_in_count": {"signin": ("SELECT, INSERT, UPDATE, DELETE", ALL, ALL)},
}

FUNCTIONS = (
    (
        "find_staff_session(bytea)",
        "assayline_app",
        """
        CREATE FUNCTION find_staff_session(wanted bytea)
        RETURNS TABLE (session_id uuid, seen_at timestamptz, expires_at timestamptz, login text, client_id uuid,
                       client_name text, client_kind text, agency_id uuid, agency_name text, agency_kind text,
                       roles text[])
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
            SELECT s.id, s.seen_at, s.expires_at, a.login, c.id, c.name, c.kind, g.id, g.name, g.kind, c.roles
            FROM staff_session AS s
            JOIN staff_account AS a ON a.client_id = s.client_id
            JOIN api_client AS c ON c.id = s.client_id
            JOIN agency AS g ON g.id = c.agency_id
            WHERE s.token_sha256 = wanted
              AND s.ended_at IS NULL AND c.revoked_at IS NULL AND g.closed_at IS NULL
        $$
        """,
    ),
)


def upgrade() -> None:
    """
    Create the role, the tables and the look-up.
    """
    op.execute(
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}')"
        f" THEN CREATE ROLE {ROLE} NOLOGIN NOINHERIT; END IF; END $$"
    )
    op.execute(
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_auth_members WHERE roleid = '{ROLE}'::regrole"
        " AND member = 'assayline_app'::regrole AND NOT admin_option)"
        f" THEN GRANT {ROLE} TO assayline_app; END IF; END $$"
    )
    op.execute(f"GRANT USAGE ON SCHEMA public TO {ROLE}")
    _make_tables()
    for table, roles in RULES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        for short, (verbs, seen, written) in roles.items():
            role = f"assayline_{short}"
            op.execute(f"GRANT {verbs} ON {table} TO {role}")
            check = f"WITH CHECK ({written})" if written else "WITH CHECK (false)"
            op.execute(f"CREATE POLICY {short} ON {table} TO {role} USING ({seen}) {check}")
    for signature, callers, definition in FUNCTIONS:
        op.execute(definition)
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {callers}")
        op.execute("GRANT CREATE ON SCHEMA public TO assayline_lookup")
        op.execute(f"ALTER FUNCTION {signature} OWNER TO assayline_lookup")
        op.execute("REVOKE CREATE ON SCHEMA public FROM assayline_lookup")


def downgrade() -> None:
    """
    Drop everything but the role, which other databases of the same server may use.
    """
    for signature, *_ in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
    for table in RULES:
        op.execute(f"DROP TABLE {table}")
    op.execute(f"REVOKE USAGE ON SCHEMA public FROM {ROLE}")


def _make_tables() -> None:
    instant = postgresql.TIMESTAMP(timezone=True)
    op.create_table(
        "staff_account",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("password_set_at", instant, nullable=True),
        sa.Column("totp_box", sa.LargeBinary(), nullable=True),
        sa.Column("totp_pending_box", sa.LargeBinary(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=True),
        sa.Column("oidc_issuer", sa.Text(), nullable=True),
        sa.Column("oidc_subject", sa.Text(), nullable=True),
        sa.Column("created_at", instant, nullable=False),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_staff_account_agency_id"),
        sa.ForeignKeyConstraint(
            ["client_id"], ["api_client.id"], name="fk_staff_account_client_id"
        ),
        sa.PrimaryKeyConstraint("client_id", name="pk_staff_account"),
        sa.UniqueConstraint("login", name="uq_staff_account_login"),
        sa.UniqueConstraint(
            "oidc_issuer", "oidc_subject", name="uq_staff_account_oidc_issuer_oidc_subject"
        ),
    )
    op.create_table(
        "staff_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("seen_at", instant, nullable=False),
        sa.Column("expires_at", instant, nullable=False),
        sa.Column("ended_at", instant, nullable=True),
        sa.CheckConstraint(
            "how IN ('password', 'password_and_code', 'provider')",
            name=op.f("ck_staff_session_how"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_staff_session_agency_id"),
        sa.ForeignKeyConstraint(
            ["client_id"], ["api_client.id"], name="fk_staff_session_client_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_staff_session"),
        sa.UniqueConstraint("token_sha256", name="uq_staff_session_token_sha256"),
    )
    op.create_index("ix_staff_session_client_id", "staff_session", ["client_id"])
    op.create_table(
        "staff_invite",
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("expires_at", instant, nullable=False),
        sa.Column("used_at", instant, nullable=True),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_staff_invite_agency_id"),
        sa.ForeignKeyConstraint(["client_id"], ["api_client.id"], name="fk_staff_invite_client_id"),
        sa.PrimaryKeyConstraint("token_sha256", name="pk_staff_invite"),
    )
    op.create_index("ix_staff_invite_client_id", "staff_invite", ["client_id"])
    op.create_table(
        "sign_in_count",
        sa.Column("bucket", sa.LargeBinary(), nullable=False),
        sa.Column("since", instant, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", name="pk_sign_in_count"),
    )
