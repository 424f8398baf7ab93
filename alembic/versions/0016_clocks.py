"""
What was promised by when: one row per clock and step of a sample.

Revision: 0016; after: 0015; 2026-11-25
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TENANT = "NULLIF(current_setting('assayline.tenant', true), '')::uuid"
MINE = f"agency_id = {TENANT}"
OURS = f"laboratory_id = {TENANT}"
SHARED = (
    f"{MINE} OR EXISTS (SELECT 1 FROM submission_access AS a"
    f" WHERE a.submission_id = promise.submission_id AND a.agency_id = {TENANT}"
    " AND (a.expires_at IS NULL OR a.expires_at > now()))"
)

RULES = {
    # An agency that withdraws its sample or puts it on hold ends or stops its clocks.
    "agency": (
        "SELECT, UPDATE (paused_at, left_us, promised_by, ended_at, ending)",
        SHARED,
        MINE,
    ),
    "lab": ("SELECT, INSERT, UPDATE", OURS, OURS),
    "worker": (
        "SELECT (id, laboratory_id, promised_by, ended_at, paused_at, raised_at)",
        "true",
        "false",
    ),
}


def upgrade() -> None:
    """
    Create the table. Samples that are open already get their clocks with their next step.
    """
    instant = postgresql.TIMESTAMP(timezone=True)
    op.create_table(
        "promise",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("time_kind", sa.Text(), nullable=False),
        sa.Column("band", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("started_at", instant, nullable=False),
        sa.Column("promised_by", instant, nullable=False),
        sa.Column("paused_at", instant, nullable=True),
        sa.Column("left_us", sa.BigInteger(), nullable=True),
        sa.Column("raised_at", instant, nullable=True),
        sa.Column("ended_at", instant, nullable=True),
        sa.Column("ending", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "time_kind IN ('working', 'calendar')", name=op.f("ck_promise_time_kind")
        ),
        sa.CheckConstraint(
            "ending IN ('kept', 'late', 'given_up')", name=op.f("ck_promise_ending")
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (ending IS NULL)", name=op.f("ck_promise_ended")),
        sa.CheckConstraint(
            "(paused_at IS NULL) = (left_us IS NULL)", name=op.f("ck_promise_paused")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_promise"),
    )
    op.create_index(
        "uq_promise_open",
        "promise",
        ["sample_id", "clock"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_promise_sample_id", "promise", ["sample_id", "started_at"])
    op.create_index(
        "ix_promise_due",
        "promise",
        ["promised_by"],
        postgresql_where=sa.text("ended_at IS NULL AND paused_at IS NULL AND raised_at IS NULL"),
    )
    op.create_index(
        "ix_promise_laboratory_id_open",
        "promise",
        ["laboratory_id", "promised_by"],
        postgresql_where=sa.text("ended_at IS NULL AND paused_at IS NULL"),
    )
    op.execute("ALTER TABLE promise ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE promise FORCE ROW LEVEL SECURITY")
    for short, (verbs, seen, written) in RULES.items():
        role = f"assayline_{short}"
        op.execute(f"GRANT {verbs} ON promise TO {role}")
        op.execute(
            f"CREATE POLICY {short} ON promise TO {role} USING ({seen}) WITH CHECK ({written})"
        )
    # Whoever reads a file by a part in it changes none of its promises.
    op.execute(
        "CREATE POLICY own_rows ON promise AS RESTRICTIVE FOR UPDATE TO assayline_agency"
        f" USING ({MINE}) WITH CHECK ({MINE})"
    )


def downgrade() -> None:
    """
    Drop it. What was told late stays in the ledger.
    """
    op.drop_table("promise")
