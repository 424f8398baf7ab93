"""
Ranking policies, rush requests and reserved starts, benches, and how good the order was.

Revision: 0018; after: 0017; 2026-11-25
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TENANT = "NULLIF(current_setting('assayline.tenant', true), '')::uuid"
MINE = f"agency_id = {TENANT}"
OURS = f"laboratory_id = {TENANT}"
SHARED = (
    f"{MINE} OR EXISTS (SELECT 1 FROM submission_access AS a WHERE a.submission_id = rush_request.submission_id"
    f" AND a.agency_id = {TENANT} AND (a.expires_at IS NULL OR a.expires_at > now()))"
)

RULES = {
    "ranking_policy": {
        "lab": (
            "SELECT, INSERT, UPDATE (state, decided_by, decided_at, remarks, comparison, applied, applied_at)",
            OURS,
            OURS,
        ),
        "worker": ("SELECT (laboratory_id, state, applied_at)", "true", "false"),
    },
    "rush_request": {
        "agency": ("SELECT, INSERT", SHARED, MINE),
        "lab": (
            "SELECT, UPDATE (state, decided_by, decided_by_name, decided_at, remarks, start_by, earliest_on)",
            OURS,
            OURS,
        ),
    },
    "reserved_start": {"lab": ("SELECT, INSERT, UPDATE, DELETE", OURS, OURS)},
    "bench_station": {"lab": ("SELECT, INSERT, UPDATE", OURS, OURS)},
    "ranking_quality": {
        "lab": ("SELECT, INSERT, UPDATE", OURS, OURS),
        "worker": ("SELECT (laboratory_id, day)", "true", "false"),
    },
}


def upgrade() -> None:
    """
    Create the tables, and let the worker see which laboratories have a bench.
    """
    instant = postgresql.TIMESTAMP(timezone=True)
    op.create_table(
        "ranking_policy",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", instant, nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", instant, nullable=True),
        sa.Column("remarks", sa.Text(), nullable=True),
        sa.Column("comparison", postgresql.JSONB(), nullable=True),
        sa.Column("applied", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", instant, nullable=True),
        sa.CheckConstraint(
            "state IN ('proposed', 'active', 'retired', 'rejected')",
            name=op.f("ck_ranking_policy_state"),
        ),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_at IS NULL)", name=op.f("ck_ranking_policy_decided")
        ),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> proposed_by",
            name=op.f("ck_ranking_policy_four_eyes"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_ranking_policy"),
        sa.UniqueConstraint("laboratory_id", "name", name="uq_ranking_policy_laboratory_id_name"),
    )
    op.create_index(
        "uq_ranking_policy_active",
        "ranking_policy",
        ["laboratory_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "rush_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("needed_by", sa.Date(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("requested_at", instant, nullable=False),
        sa.Column("answer_by", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_by_name", sa.Text(), nullable=True),
        sa.Column("decided_at", instant, nullable=True),
        sa.Column("remarks", sa.Text(), nullable=True),
        sa.Column("start_by", sa.Date(), nullable=True),
        sa.Column("earliest_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "reason IN ('public_safety', 'person_in_custody', 'hold_72_hours', 'hearing_within_30_days', 'other')",
            name=op.f("ck_rush_request_reason"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'granted', 'refused')", name=op.f("ck_rush_request_state")
        ),
        sa.CheckConstraint(
            "reason <> 'other' OR text IS NOT NULL", name=op.f("ck_rush_request_other")
        ),
        sa.CheckConstraint(
            "(state = 'open') = (decided_at IS NULL) AND (state = 'refused') = (earliest_on IS NOT NULL)",
            name=op.f("ck_rush_request_decided"),
        ),
        sa.ForeignKeyConstraint(
            ["submission_id", "agency_id"],
            ["submission.id", "submission.agency_id"],
            name="fk_rush_request_submission_id_agency_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_rush_request"),
    )
    op.create_index("ix_rush_request_sample_id", "rush_request", ["sample_id"])
    op.create_index(
        "uq_rush_request_open",
        "rush_request",
        ["sample_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_rush_request_laboratory_id", "rush_request", ["laboratory_id", "state", "answer_by"]
    )
    op.create_table(
        "reserved_start",
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("start_by", sa.Date(), nullable=False),
        sa.Column("rush_request_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("sample_id", name="pk_reserved_start"),
    )
    op.create_index(
        "ix_reserved_start_laboratory_id_start_by", "reserved_start", ["laboratory_id", "start_by"]
    )
    op.create_table(
        "bench_station",
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("stages", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("oldest_every", sa.Integer(), nullable=False),
        sa.Column("declared_by", sa.Uuid(), nullable=False),
        sa.Column("declared_at", instant, nullable=False),
        sa.CheckConstraint(
            "oldest_every BETWEEN 2 AND 20", name=op.f("ck_bench_station_oldest_every")
        ),
        sa.PrimaryKeyConstraint("laboratory_id", "name", name="pk_bench_station"),
    )
    op.create_table(
        "ranking_quality",
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("laboratory_id", "day", name="pk_ranking_quality"),
    )
    for table, roles in RULES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        for short, (verbs, seen, written) in roles.items():
            role = f"assayline_{short}"
            op.execute(f"GRANT {verbs} ON {table} TO {role}")
            op.execute(
                f"CREATE POLICY {short} ON {table} TO {role} USING ({seen}) WITH CHECK ({written})"
            )
    op.execute("GRANT SELECT (laboratory_id) ON bench_turn TO assayline_worker")
    op.execute(
        "CREATE POLICY worker ON bench_turn TO assayline_worker USING (true) WITH CHECK (false)"
    )


def downgrade() -> None:
    """
    Drop them. Decisions stay in the ledger, assessments where they are.
    """
    op.execute("DROP POLICY worker ON bench_turn")
    op.execute("REVOKE SELECT (laboratory_id) ON bench_turn FROM assayline_worker")
    for table in RULES:
        op.execute(f"DROP TABLE {table}")
