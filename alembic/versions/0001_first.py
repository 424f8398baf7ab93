"""
The first schema: every table, the roles that may touch it, and forced row-level security on all of it.

Revision: 0001; after: nothing; 2026-11-23
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

GROUPS = (
    "assayline_agency",
    "assayline_lab",
    "assayline_operator",
    "assayline_lookup",
    "assayline_courier",
)
"""Roles nobody logs in as. The last two own the listed SECURITY DEFINER functions and nothing else."""

MEMBERS = {
    "assayline_app": ("assayline_agency", "assayline_lab", "assayline_operator"),
    "assayline_worker": ("assayline_agency", "assayline_lab"),
}
"""The logins, both NOINHERIT: without ``SET ROLE`` they see nothing. Their passwords are set by who runs the server."""

TENANT = "NULLIF(current_setting('assayline.tenant', true), '')::uuid"
"""After a transaction-local setting has ended it is '', not NULL, and a bare cast would raise (E2)."""

MINE = f"agency_id = {TENANT}"
OURS = f"laboratory_id = {TENANT}"


def shared(submission: str) -> str:
    """
    Return the condition under which an agency may read a file's row: it is its own, or it has a part in the file.

    Args:
        submission: the row's column with its table's name before it. A bare ``submission_id`` would mean the inner
            table's own, which equals itself: every agency with a file would then see everybody's.

    """
    return (
        f"{MINE} OR EXISTS (SELECT 1 FROM submission_access AS a WHERE a.submission_id = {submission}"
        f" AND a.agency_id = {TENANT} AND (a.expires_at IS NULL OR a.expires_at > now()))"
    )


PARTY_OF = (
    f"{MINE} OR EXISTS (SELECT 1 FROM submission_access AS a"
    " WHERE a.submission_id = event.submission_id AND a.agency_id = event.agency_id)"
)

ALL = "true"

# table: role: (what may be done, which rows are seen, which rows may be written)
RULES: dict[str, dict[str, tuple[str, str, str]]] = {
    "agency": {
        "agency": ("SELECT", f"id = {TENANT} OR kind = 'laboratory'", ""),
        "lab": ("SELECT", ALL, ""),
        "operator": ("SELECT, INSERT, UPDATE", ALL, ALL),
        "lookup": ("SELECT", ALL, ""),
    },
    "api_client": {
        "agency": ("SELECT", MINE, ""),
        "lab": ("SELECT", MINE, ""),
        "operator": ("SELECT, INSERT, UPDATE", ALL, ALL),
        "lookup": ("SELECT", ALL, ""),
    },
    "api_key": {
        "operator": ("SELECT, INSERT, UPDATE", ALL, ALL),
        "lookup": ("SELECT", ALL, ""),
    },
    "method_authorization": {
        "lab": ("SELECT", OURS, ""),
        "operator": ("SELECT, INSERT, DELETE", ALL, ALL),
    },
    "submission": {
        "agency": ("SELECT, INSERT, UPDATE", shared("submission.id"), MINE),
        "lab": ("SELECT", OURS, ""),
    },
    "submission_access": {
        "agency": (
            "SELECT, INSERT",
            f"{MINE} OR owner_agency_id = {TENANT}",
            f"owner_agency_id = {TENANT}",
        ),
        "lab": ("SELECT", OURS, ""),
        "lookup": ("SELECT", ALL, ""),
    },
    "hearing": {
        "agency": ("SELECT, INSERT", shared("hearing.submission_id"), MINE),
        "lab": ("SELECT", OURS, ""),
    },
    "sample": {
        "agency": ("SELECT, INSERT, UPDATE", shared("sample.submission_id"), MINE),
        "lab": ("SELECT, UPDATE", OURS, OURS),
        "lookup": ("SELECT", ALL, ""),
    },
    "assessment": {
        "agency": ("SELECT, INSERT", shared("assessment.submission_id"), MINE),
        "lab": ("SELECT, INSERT", OURS, OURS),
    },
    "queue_task": {
        "lab": ("SELECT, INSERT, UPDATE, DELETE", OURS, OURS),
        "worker": ("SELECT (sample_id, laboratory_id, claim_id, lease_until)", ALL, ""),
        "lookup": ("SELECT", ALL, ""),
    },
    "bench_turn": {"lab": ("SELECT, INSERT, UPDATE", OURS, OURS)},
    "claim": {
        "lab": ("SELECT, INSERT, UPDATE", OURS, OURS),
        "worker": ("SELECT (id, laboratory_id, sample_id, ended_at)", ALL, ""),
        "lookup": ("SELECT", ALL, ""),
    },
    "idempotency": {
        "agency": ("SELECT, INSERT", MINE, MINE),
        "lab": ("SELECT, INSERT", MINE, MINE),
    },
    "holding": {
        "agency": ("SELECT, INSERT, UPDATE", shared("holding.submission_id"), MINE),
        "lab": ("SELECT, INSERT, UPDATE", OURS, OURS),
    },
    "analysis": {"lab": ("SELECT, INSERT", OURS, OURS)},
    "review": {"lab": ("SELECT, INSERT", OURS, OURS)},
    "finding": {
        "agency": (
            "SELECT",
            f"released_at IS NOT NULL AND ({shared('finding.submission_id')})",
            "",
        ),
        "lab": ("SELECT, INSERT, UPDATE (released_by, released_at)", OURS, OURS),
    },
    "report": {
        "agency": ("SELECT", shared("report.submission_id"), ""),
        "lab": ("SELECT, INSERT", OURS, OURS),
    },
    "report_counter": {"lab": ("SELECT, INSERT, UPDATE", OURS, OURS)},
    "entry": {
        "agency": ("SELECT, INSERT", MINE, MINE),
        "lab": ("SELECT, INSERT", OURS, OURS),
        "worker": ("SELECT", ALL, ""),
        "operator": ("SELECT", ALL, ""),
    },
    "pending": {
        "agency": ("INSERT", "", ALL),
        "lab": ("INSERT", "", ALL),
        "worker": ("SELECT, DELETE", ALL, ""),
        "operator": ("SELECT", ALL, ""),
    },
    "chain": {
        "worker": ("SELECT, INSERT", ALL, ALL),
        "operator": ("SELECT", ALL, ""),
    },
    "ledger_head": {
        "worker": ("SELECT, UPDATE", ALL, ALL),
        "operator": ("SELECT", ALL, ""),
    },
    "feed": {
        "agency": ("SELECT", MINE, ""),
        "worker": ("SELECT, INSERT", ALL, ALL),
    },
    "endpoint": {
        "agency": ("SELECT, INSERT, UPDATE", MINE, MINE),
        "worker": ("SELECT (id, agency_id, disabled_at)", ALL, ""),
        "courier": ("SELECT (id, agency_id, event_types, disabled_at)", ALL, ""),
    },
    "event": {
        "agency": ("SELECT, INSERT", MINE, PARTY_OF),
        "lab": ("SELECT, INSERT", OURS, OURS),
        "courier": ("SELECT (id, agency_id, type)", ALL, ""),
    },
    "delivery": {
        "agency": ("SELECT", MINE, ""),
        "worker": ("SELECT, UPDATE", ALL, ALL),
        "courier": ("SELECT, INSERT", ALL, ALL),
    },
    "attempt": {
        "agency": ("SELECT", MINE, ""),
        "worker": ("SELECT, INSERT, UPDATE", ALL, ALL),
    },
}

FUNCTIONS = (
    (
        "find_api_key(text)",
        "assayline_lookup",
        "assayline_app",
        """
        CREATE FUNCTION find_api_key(wanted text)
        RETURNS TABLE (client_id uuid, client_name text, client_kind text, agency_id uuid, agency_kind text,
                       roles text[], secret_sha256 bytea)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
            SELECT c.id, c.name, c.kind, g.id, g.kind, c.roles, k.secret_sha256
            FROM api_key AS k
            JOIN api_client AS c ON c.id = k.client_id
            JOIN agency AS g ON g.id = c.agency_id
            WHERE k.key_id = wanted
              AND k.revoked_at IS NULL AND c.revoked_at IS NULL AND g.closed_at IS NULL
              AND (k.expires_at IS NULL OR k.expires_at > now())
        $$
        """,
    ),
    (
        "place_in_line(uuid[])",
        "assayline_lookup",
        "assayline_agency, assayline_lab",
        # Counting stops at 10,000: a place beyond that is as good as "far away" and must stay cheap at a million rows.
        f"""
        CREATE FUNCTION place_in_line(wanted uuid[])
        RETURNS TABLE (sample_id uuid, stage text, at_bench boolean, ahead bigint, finished bigint,
                       finished_from timestamptz, finished_to timestamptz)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
            SELECT s.id, me.stage, q.holder IS NOT NULL,
                   (SELECT count(*) FROM (
                        SELECT 1 FROM queue_task AS o
                        WHERE o.laboratory_id = s.laboratory_id AND o.stage = me.stage
                          AND (o.rank_key, o.sample_id) < (s.rank_key, s.id) AND o.holder IS NULL
                        LIMIT 10000) AS before),
                   done.finished, done.finished_from, done.finished_to
            FROM sample AS s
            LEFT JOIN queue_task AS q ON q.sample_id = s.id
            CROSS JOIN LATERAL (SELECT coalesce(q.stage, 'screen') AS stage) AS me
            CROSS JOIN LATERAL (
                SELECT count(*) AS finished, min(c.ended_at) AS finished_from, max(c.ended_at) AS finished_to
                FROM (SELECT ended_at FROM claim
                      WHERE laboratory_id = s.laboratory_id AND claim.stage = me.stage AND outcome = 'done'
                      ORDER BY ended_at DESC LIMIT 200) AS c) AS done
            WHERE s.id = ANY (wanted) AND s.status <> 'reported'
              AND (s.laboratory_id = {TENANT} OR s.agency_id = {TENANT} OR EXISTS (
                    SELECT 1 FROM submission_access AS a
                    WHERE a.submission_id = s.submission_id AND a.agency_id = {TENANT}
                      AND (a.expires_at IS NULL OR a.expires_at > now())))
        $$
        """,
    ),
    (
        "owe_deliveries(uuid[], uuid)",
        "assayline_courier",
        "assayline_agency, assayline_lab",
        """
        CREATE FUNCTION owe_deliveries(event_ids uuid[], only_endpoint uuid DEFAULT NULL) RETURNS bigint
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
        """,
    ),
)
"""Every SECURITY DEFINER function there is: signature, owner, who may call it, definition."""


def upgrade() -> None:
    """
    Create everything.
    """
    _make_roles()
    _make_tables()
    op.execute(
        "INSERT INTO ledger_head (id, seq, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'))"
    )
    op.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    op.execute("GRANT USAGE ON SCHEMA public TO " + ", ".join((*GROUPS, *MEMBERS)))
    # So that a service can refuse a schema it was not written for.
    op.execute("GRANT SELECT ON alembic_version TO " + ", ".join(MEMBERS))
    for table, roles in RULES.items():
        _secure(table, roles)
    for signature, owner, callers, definition in FUNCTIONS:
        op.execute(definition)
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {callers}")
        # The owner of a function must be allowed to create in its schema, but only at this instant.
        op.execute(f"GRANT CREATE ON SCHEMA public TO {owner}")
        op.execute(f"ALTER FUNCTION {signature} OWNER TO {owner}")
        op.execute(f"REVOKE CREATE ON SCHEMA public FROM {owner}")


def downgrade() -> None:
    """
    Drop everything but the roles, which other databases of the same server may use.
    """
    for signature, *_ in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
    for table in RULES:
        op.execute(f"DROP TABLE {table} CASCADE")


def _make_roles() -> None:
    for role in GROUPS:
        _create_role(role, "NOLOGIN NOINHERIT")
    for role in MEMBERS:
        _create_role(role, "LOGIN NOINHERIT")
    # The owner must be able to hand the listed functions over to the roles that own them.
    for role in ("assayline_lookup", "assayline_courier"):
        _grant_role(role, "CURRENT_USER", "current_user")
    for login, groups in MEMBERS.items():
        for group in groups:
            _grant_role(group, login, f"'{login}'")


def _create_role(role: str, options: str) -> None:
    op.execute(
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')"
        f" THEN CREATE ROLE {role} {options}; END IF; END $$"
    )


def _grant_role(role: str, to: str, name: str) -> None:
    op.execute(
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_auth_members WHERE roleid = '{role}'::regrole"
        f" AND member = (SELECT oid FROM pg_roles WHERE rolname = {name}) AND NOT admin_option)"
        f" THEN GRANT {role} TO {to}; END IF; END $$"
    )


def _secure(table: str, roles: dict[str, tuple[str, str, str]]) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for short, (verbs, seen, written) in roles.items():
        role = f"assayline_{short}"
        op.execute(f"GRANT {verbs} ON {table} TO {role}")
        using = f"USING ({seen})" if seen else "USING (false)"
        check = f"WITH CHECK ({written})" if written else "WITH CHECK (false)"
        op.execute(f"CREATE POLICY {short} ON {table} TO {role} {using} {check}")


def _make_tables() -> None:
    op.create_table(
        "agency",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("closed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('submitting', 'laboratory', 'prosecution', 'partner')",
            name=op.f("ck_agency_kind"),
        ),
        sa.PrimaryKeyConstraint("id", name=("pk_agency")),
        sa.UniqueConstraint("name", name=("uq_agency_name")),
    )
    op.create_table(
        "analysis",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("technique", sa.Text(), nullable=False),
        sa.Column("aliquot", sa.Text(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=True),
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("substances", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("controls_passed", sa.Boolean(), nullable=False),
        sa.Column("data_reference", sa.Text(), nullable=True),
        sa.Column("data_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("recorded_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(result = 'detected') = (cardinality(substances) > 0)",
            name=op.f("ck_analysis_substances"),
        ),
        sa.CheckConstraint(
            "result IN ('detected', 'not_detected', 'inconclusive')",
            name=op.f("ck_analysis_result"),
        ),
        sa.CheckConstraint("ended_at >= started_at", name=op.f("ck_analysis_times")),
        sa.PrimaryKeyConstraint("id", name=("pk_analysis")),
    )
    op.create_index(
        ("ix_analysis_sample_id_recorded_at"),
        "analysis",
        ["sample_id", "recorded_at"],
        unique=False,
    )
    op.create_table(
        "assessment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("assessed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("band", sa.Text(), nullable=False),
        sa.Column("p_lethal_opioid", sa.Double(), nullable=False),
        sa.Column("harm_per_day", sa.Double(), nullable=False),
        sa.Column("harm_per_bench_day", sa.Double(), nullable=False),
        sa.Column("head_start_us", sa.BigInteger(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "stage IN ('screen', 'confirm', 'review')", name=op.f("ck_assessment_stage")
        ),
        sa.PrimaryKeyConstraint("id", name=("pk_assessment")),
    )
    op.create_index(
        ("ix_assessment_sample_id_assessed_at"),
        "assessment",
        ["sample_id", "assessed_at"],
        unique=False,
    )
    op.create_table(
        "bench_turn",
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("starts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("laboratory_id", "stage", name=("pk_bench_turn")),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "claim",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Uuid(), nullable=False),
        sa.Column("taken_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("taken_as_oldest", sa.Boolean(), nullable=False),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('done', 'put_back', 'lapsed')", name=op.f("ck_claim_outcome")
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name=op.f("ck_claim_ended")),
        sa.PrimaryKeyConstraint("id", name=("pk_claim")),
        sa.UniqueConstraint("sample_id", "token", name=("uq_claim_sample_id_token")),
    )
    op.create_index(
        "ix_claim_done",
        "claim",
        ["laboratory_id", "stage", "ended_at"],
        unique=False,
        postgresql_where=sa.text("outcome = 'done'"),
    )
    op.create_index(
        "uq_claim_open",
        "claim",
        ["sample_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "endpoint",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("event_types", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("secret_box", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("disabled_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(disabled_at IS NULL) = (disabled_reason IS NULL)", name=op.f("ck_endpoint_disabled")
        ),
        sa.PrimaryKeyConstraint("id", name=("pk_endpoint")),
    )
    op.create_index(("ix_endpoint_agency_id"), "endpoint", ["agency_id"], unique=False)
    op.create_table(
        "entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("sample_id", sa.Uuid(), nullable=True),
        sa.Column("sample_version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("occurred_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=("pk_entry")),
    )
    op.create_index(
        ("ix_entry_sample_id_sample_version"),
        "entry",
        ["sample_id", "sample_version"],
        unique=False,
    )
    op.create_table(
        "event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("sample_id", sa.Uuid(), nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("occurred_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=("pk_event")),
    )
    op.create_index(("ix_event_agency_id_id"), "event", ["agency_id", "id"], unique=False)
    op.create_table(
        "feed",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("agency_id", "position", name=("pk_feed")),
        sa.UniqueConstraint("event_id", name=("uq_feed_event_id")),
    )
    op.create_table(
        "finding",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("substances", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("analysis_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("rule_set", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("released_by", sa.Uuid(), nullable=True),
        sa.Column("released_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(outcome = 'detected') = (cardinality(substances) > 0)",
            name=op.f("ck_finding_substances"),
        ),
        sa.CheckConstraint("kind IN ('presumptive', 'identified')", name=op.f("ck_finding_kind")),
        sa.CheckConstraint(
            "outcome IN ('detected', 'nothing_controlled', 'inconclusive')",
            name=op.f("ck_finding_outcome"),
        ),
        sa.CheckConstraint(
            "(released_at IS NULL) = (released_by IS NULL)", name=op.f("ck_finding_released")
        ),
        sa.PrimaryKeyConstraint("id", name=("pk_finding")),
    )
    op.create_index(
        ("ix_finding_sample_id_recorded_at"), "finding", ["sample_id", "recorded_at"], unique=False
    )
    op.create_table(
        "holding",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("holder_agency_id", sa.Uuid(), nullable=False),
        sa.Column("holder_client_id", sa.Uuid(), nullable=False),
        sa.Column("since", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("seal_number", sa.Text(), nullable=True),
        sa.Column("condition", sa.Text(), nullable=True),
        sa.CheckConstraint("until IS NULL OR until >= since", name=op.f("ck_holding_order")),
        sa.PrimaryKeyConstraint("id", name=("pk_holding")),
    )
    op.create_index(("ix_holding_sample_id_since"), "holding", ["sample_id", "since"], unique=False)
    op.create_index(
        "uq_holding_now",
        "holding",
        ["sample_id"],
        unique=True,
        postgresql_where=sa.text("until IS NULL"),
    )
    op.create_table(
        "idempotency",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("agency_id", "client_id", "route", "key", name=("pk_idempotency")),
    )
    op.create_table(
        "ledger_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_ledger_head_single")),
        sa.PrimaryKeyConstraint("id", name=("pk_ledger_head")),
    )
    op.create_table(
        "queue_task",
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("rank_key", sa.BigInteger(), nullable=False),
        sa.Column("aged_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=True),
        sa.Column("holder", sa.Uuid(), nullable=True),
        sa.Column("lease_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "stage IN ('screen', 'confirm', 'review')", name=op.f("ck_queue_task_stage")
        ),
        sa.CheckConstraint(
            "(holder IS NULL) = (lease_until IS NULL) AND (holder IS NULL) = (claim_id IS NULL)",
            name=op.f("ck_queue_task_lease"),
        ),
        sa.PrimaryKeyConstraint("sample_id", name=("pk_queue_task")),
        postgresql_with={"fillfactor": "70", "autovacuum_vacuum_scale_factor": "0.01"},
    )
    op.create_index(
        "ix_queue_task_oldest",
        "queue_task",
        ["laboratory_id", "stage", "aged_from", "sample_id"],
        unique=False,
    )
    op.create_index(
        "ix_queue_task_rank",
        "queue_task",
        ["laboratory_id", "stage", "rank_key", "sample_id"],
        unique=False,
    )
    op.create_table(
        "report",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("canonical", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("authorized_by", sa.Uuid(), nullable=False),
        sa.Column("released_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("kind IN ('preliminary', 'final')", name=op.f("ck_report_kind")),
        sa.PrimaryKeyConstraint("id", name=("pk_report")),
        sa.UniqueConstraint("laboratory_id", "number", name=("uq_report_laboratory_id_number")),
    )
    op.create_index(
        ("ix_report_laboratory_id_kind_released_at"),
        "report",
        ["laboratory_id", "kind", "released_at"],
        unique=False,
    )
    op.create_index(
        ("ix_report_sample_id_released_at"), "report", ["sample_id", "released_at"], unique=False
    )
    op.create_table(
        "report_counter",
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("laboratory_id", "year", name=("pk_report_counter")),
    )
    op.create_table(
        "review",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("reviewer_id", sa.Uuid(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("remarks", sa.Text(), nullable=True),
        sa.Column("reviewed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("decision IN ('accept', 'return')", name=op.f("ck_review_decision")),
        sa.PrimaryKeyConstraint("id", name=("pk_review")),
    )
    op.create_index(
        ("ix_review_sample_id_reviewed_at"), "review", ["sample_id", "reviewed_at"], unique=False
    )
    op.create_table(
        "submission",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("agency_file_number", sa.Text(), nullable=False),
        sa.Column("seized_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("submitted_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("small_parcel", sa.Boolean(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=("pk_submission")),
        sa.UniqueConstraint("id", "agency_id", name=("uq_submission_id_agency_id")),
    )
    op.create_index(
        ("ix_submission_agency_id_agency_file_number"),
        "submission",
        ["agency_id", "agency_file_number"],
        unique=False,
    )
    op.create_index(("ix_submission_agency_id_id"), "submission", ["agency_id", "id"], unique=False)
    op.create_index(
        ("ix_submission_laboratory_id_id"), "submission", ["laboratory_id", "id"], unique=False
    )
    op.create_table(
        "api_client",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("revoked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('person', 'system')", name=op.f("ck_api_client_kind")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=("fk_api_client_agency_id")),
        sa.PrimaryKeyConstraint("id", name=("pk_api_client")),
        sa.UniqueConstraint("agency_id", "name", name=("uq_api_client_agency_id_name")),
    )
    op.create_table(
        "chain",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "length(hash) = 32 AND length(prev_hash) = 32", name=op.f("ck_chain_sha256")
        ),
        sa.CheckConstraint("seq > 0", name=op.f("ck_chain_seq")),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name=("fk_chain_entry_id")),
        sa.PrimaryKeyConstraint("seq", name=("pk_chain")),
        sa.UniqueConstraint("entry_id", name=("uq_chain_entry_id")),
        sa.UniqueConstraint("prev_hash", name=("uq_chain_prev_hash")),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("settled_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state IN ('delivered', 'exhausted')) = (settled_at IS NOT NULL)",
            name=op.f("ck_delivery_settled"),
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'sending', 'delivered', 'exhausted')",
            name=op.f("ck_delivery_state"),
        ),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoint.id"], name=("fk_delivery_endpoint_id")),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=("fk_delivery_event_id")),
        sa.PrimaryKeyConstraint("id", name=("pk_delivery")),
        sa.UniqueConstraint("event_id", "endpoint_id", name=("uq_delivery_event_id_endpoint_id")),
    )
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["due_at", "id"],
        unique=False,
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_index(("ix_delivery_endpoint_id_id"), "delivery", ["endpoint_id", "id"], unique=False)
    op.create_table(
        "hearing",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id", "agency_id"],
            ["submission.id", "submission.agency_id"],
            name=("fk_hearing_submission_id_agency_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=("pk_hearing")),
    )
    op.create_index(("ix_hearing_submission_id"), "hearing", ["submission_id"], unique=False)
    op.create_table(
        "pending",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("recipient_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("event_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("waiting_since", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name=("fk_pending_entry_id")),
        sa.PrimaryKeyConstraint("entry_id", name=("pk_pending")),
    )
    op.create_table(
        "sample",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("agency_file_number", sa.Text(), nullable=False),
        sa.Column("exhibit_number", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("small_parcel", sa.Boolean(), nullable=False),
        sa.Column("small_quantity", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("submitted_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("received_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("screened_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("confirmed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("reported_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("rank_key", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(status = 'reported') = (reported_at IS NOT NULL)", name=op.f("ck_sample_reported")
        ),
        sa.CheckConstraint(
            "(status = 'submitted') <= (received_at IS NULL)", name=op.f("ck_sample_submitted")
        ),
        sa.CheckConstraint(
            "(status IN ('confirmed', 'in_review', 'reported')) <= (confirmed_at IS NOT NULL)",
            name=op.f("ck_sample_confirmed"),
        ),
        sa.CheckConstraint(
            "(status IN ('received', 'screening', 'screened', 'confirming', 'confirmed', 'in_review', 'reported')) <= (received_at IS NOT NULL)",
            name=op.f("ck_sample_received"),
        ),
        sa.CheckConstraint(
            "status IN ('submitted', 'received', 'screening', 'screened', 'confirming', 'confirmed', 'in_review', 'reported')",
            name=op.f("ck_sample_status"),
        ),
        sa.ForeignKeyConstraint(
            ["submission_id", "agency_id"],
            ["submission.id", "submission.agency_id"],
            name=("fk_sample_submission_id_agency_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=("pk_sample")),
        sa.UniqueConstraint(
            "agency_id",
            "agency_file_number",
            "exhibit_number",
            name=("uq_sample_agency_id_agency_file_number_exhibit_number"),
        ),
        postgresql_with={"fillfactor": "85"},
    )
    op.create_index(("ix_sample_agency_id_id"), "sample", ["agency_id", "id"], unique=False)
    op.create_index(
        ("ix_sample_agency_id_status_id"), "sample", ["agency_id", "status", "id"], unique=False
    )
    op.create_index(
        ("ix_sample_agency_id_updated_at_id"),
        "sample",
        ["agency_id", "updated_at", "id"],
        unique=False,
    )
    op.create_index(("ix_sample_laboratory_id_id"), "sample", ["laboratory_id", "id"], unique=False)
    op.create_index(
        ("ix_sample_laboratory_id_status_id"),
        "sample",
        ["laboratory_id", "status", "id"],
        unique=False,
    )
    op.create_index(("ix_sample_submission_id"), "sample", ["submission_id"], unique=False)
    op.create_table(
        "submission_access",
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("granted_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "party IN ('seizing', 'investigating', 'prosecution', 'coroner')",
            name=op.f("ck_submission_access_party"),
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=("fk_submission_access_submission_id")
        ),
        sa.PrimaryKeyConstraint("submission_id", "agency_id", name=("pk_submission_access")),
    )
    op.create_index(
        ("ix_submission_access_agency_id_submission_id"),
        "submission_access",
        ["agency_id", "submission_id"],
        unique=False,
    )
    op.create_index(
        "ix_submission_access_shared",
        "submission_access",
        ["agency_id", "submission_id"],
        unique=False,
        postgresql_where=sa.text("agency_id <> owner_agency_id"),
    )
    op.create_table(
        "api_key",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("revoked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=("fk_api_key_agency_id")),
        sa.ForeignKeyConstraint(["client_id"], ["api_client.id"], name=("fk_api_key_client_id")),
        sa.PrimaryKeyConstraint("key_id", name=("pk_api_key")),
    )
    op.create_index(("ix_api_key_client_id"), "api_key", ["client_id"], unique=False)
    op.create_table(
        "attempt",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("response_sha256", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "(outcome = 'unknown') = (ended_at IS NULL)", name=op.f("ck_attempt_ended")
        ),
        sa.CheckConstraint(
            "outcome IN ('unknown', 'delivered', 'failed')", name=op.f("ck_attempt_outcome")
        ),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=("fk_attempt_delivery_id")),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=("pk_attempt")),
    )
    op.create_table(
        "method_authorization",
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("technique", sa.Text(), nullable=False),
        sa.Column("granted_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["api_client.id"], name=("fk_method_authorization_client_id")
        ),
        sa.ForeignKeyConstraint(
            ["laboratory_id"], ["agency.id"], name=("fk_method_authorization_laboratory_id")
        ),
        sa.PrimaryKeyConstraint(
            "laboratory_id", "client_id", "technique", name=("pk_method_authorization")
        ),
    )
