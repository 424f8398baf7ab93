"""
Samples end otherwise than by a report, each with a reason and a name; work that is open keeps its claim.

Revision: 0009; after: 0008; 2026-11-25
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TENANT = "NULLIF(current_setting('assayline.tenant', true), '')::uuid"
MINE = f"agency_id = {TENANT}"
OURS = f"laboratory_id = {TENANT}"
SHARED = (
    f"{MINE} OR EXISTS (SELECT 1 FROM submission_access AS a WHERE a.submission_id = halt.submission_id"
    f" AND a.agency_id = {TENANT} AND (a.expires_at IS NULL OR a.expires_at > now()))"
)

COURSE = "'submitted', 'received', 'screening', 'screened', 'confirming', 'confirmed', 'in_review', 'reported'"
HALTS = "'withdrawn', 'rejected', 'on_hold', 'stopped', 'closed_screen_only'"


def upgrade() -> None:
    """
    Add the endings, their record, and what keeps a claim.
    """
    instant = postgresql.TIMESTAMP(timezone=True)
    op.add_column("sample", sa.Column("resumes_to", sa.Text(), nullable=True))
    op.add_column("sample", sa.Column("halt_id", sa.Uuid(), nullable=True))
    op.drop_constraint(op.f("ck_sample_status"), "sample", type_="check")
    _check("sample", "status", f"status IN ({COURSE}, {HALTS})")
    _check(
        "sample",
        "halted",
        f"(status IN ({HALTS})) = (resumes_to IS NOT NULL)"
        " AND (resumes_to IS NULL) = (halt_id IS NULL)",
    )
    _check(
        "sample", "resumes_to", "resumes_to IN ('submitted', 'received', 'screened', 'confirmed')"
    )
    op.create_table(
        "halt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_by_name", sa.Text(), nullable=False),
        sa.Column("made_by_agency_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", instant, nullable=False),
        sa.CheckConstraint(
            "act IN ('withdraw', 'reject', 'hold', 'resume', 'stop', 'close', 'reopen')",
            name=op.f("ck_halt_act"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_halt"),
    )
    op.create_index("ix_halt_sample_id_made_at", "halt", ["sample_id", "made_at"])
    op.execute("ALTER TABLE halt ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE halt FORCE ROW LEVEL SECURITY")
    op.execute("GRANT SELECT, INSERT ON halt TO assayline_agency, assayline_lab")
    op.execute(
        f"CREATE POLICY agency ON halt TO assayline_agency USING ({SHARED}) WITH CHECK ({MINE})"
    )
    op.execute(f"CREATE POLICY lab ON halt TO assayline_lab USING ({OURS}) WITH CHECK ({OURS})")

    op.add_column("queue_task", sa.Column("open_since", instant, nullable=True))
    op.add_column("queue_task", sa.Column("kept_since", instant, nullable=True))
    op.execute("GRANT SELECT (open_since, kept_since) ON queue_task TO assayline_worker")
    op.drop_constraint(op.f("ck_claim_outcome"), "claim", type_="check")
    _check("claim", "outcome", "outcome IN ('done', 'put_back', 'lapsed', 'held', 'stopped')")


def downgrade() -> None:
    """
    Take them away again. A database in which a sample has ended so refuses, rather than invent a status for it.
    """
    op.drop_constraint(op.f("ck_claim_outcome"), "claim", type_="check")
    _check("claim", "outcome", "outcome IN ('done', 'put_back', 'lapsed')")
    op.drop_column("queue_task", "kept_since")
    op.drop_column("queue_task", "open_since")
    op.drop_table("halt")
    op.drop_constraint(op.f("ck_sample_resumes_to"), "sample", type_="check")
    op.drop_constraint(op.f("ck_sample_halted"), "sample", type_="check")
    op.drop_constraint(op.f("ck_sample_status"), "sample", type_="check")
    _check("sample", "status", f"status IN ({COURSE})")
    op.drop_column("sample", "halt_id")
    op.drop_column("sample", "resumes_to")


def _check(table: str, name: str, condition: str) -> None:
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
