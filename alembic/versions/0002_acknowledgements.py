"""
Corrections stay open at each recipient until a named person acknowledges them.

Revision: 0002; after: 0001; 2026-11-25
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TENANT = "NULLIF(current_setting('assayline.tenant', true), '')::uuid"
MINE = f"agency_id = {TENANT}"
OURS = f"laboratory_id = {TENANT}"

RULES = {
    "agency": (
        "SELECT, UPDATE (acknowledged_at, acknowledged_by, acknowledged_name, action, remind_at)",
        MINE,
        MINE,
    ),
    "lab": ("SELECT, INSERT, UPDATE (reminders, remind_at)", OURS, OURS),
    "worker": ("SELECT (event_id, laboratory_id, acknowledged_at, remind_at)", "true", "false"),
}

UNFILTERED = (
    "report.amended",
    "finding.contradicted",
    "finding.withdrawn",
    "event.unacknowledged",
)


def upgrade() -> None:
    """
    Create the table; let endpoints that filter by type receive corrections too.
    """
    instant = postgresql.TIMESTAMP(timezone=True)
    op.create_table(
        "acknowledgement",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("opened_at", instant, nullable=False),
        sa.Column("remind_at", instant, nullable=True),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("acknowledged_at", instant, nullable=True),
        sa.Column("acknowledged_by", sa.Uuid(), nullable=True),
        sa.Column("acknowledged_name", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "action IN ('noted', 'passed_on', 'file_reopened')",
            name=op.f("ck_acknowledgement_action"),
        ),
        sa.CheckConstraint(
            "(acknowledged_at IS NULL) = (acknowledged_by IS NULL)"
            " AND (acknowledged_at IS NULL) = (acknowledged_name IS NULL)"
            " AND (acknowledged_at IS NULL) = (action IS NULL)"
            " AND (acknowledged_at IS NULL) = (remind_at IS NOT NULL)",
            name=op.f("ck_acknowledgement_whole"),
        ),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_acknowledgement_event_id"),
        sa.PrimaryKeyConstraint("event_id", name="pk_acknowledgement"),
    )
    still_open = sa.text("acknowledged_at IS NULL")
    for name, columns in (
        ("ix_acknowledgement_agency_id_open", ["agency_id", "event_id"]),
        ("ix_acknowledgement_laboratory_id_open", ["laboratory_id", "event_id"]),
        ("ix_acknowledgement_remind_at", ["remind_at"]),
    ):
        op.create_index(name, "acknowledgement", columns, postgresql_where=still_open)
    op.create_index("ix_event_submission_id", "event", ["submission_id"])
    op.execute("ALTER TABLE acknowledgement ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE acknowledgement FORCE ROW LEVEL SECURITY")
    for short, (verbs, seen, written) in RULES.items():
        role = f"assayline_{short}"
        op.execute(f"GRANT {verbs} ON acknowledgement TO {role}")
        op.execute(
            f"CREATE POLICY {short} ON acknowledgement TO {role}"
            f" USING ({seen}) WITH CHECK ({written})"
        )
    _refilter(f"event_types || ARRAY{list(UNFILTERED)}::text[]")


def downgrade() -> None:
    """
    Drop it. Who acknowledged what stays in the ledger.
    """
    op.drop_table("acknowledgement")
    op.drop_index("ix_event_submission_id", "event")
    _refilter(
        "ARRAY(SELECT kept FROM unnest(event_types) AS kept"
        f" WHERE kept <> ALL (ARRAY{list(UNFILTERED)}::text[]))"
    )


def _refilter(types: str) -> None:
    # Forced row-level security hides every row from the owner too; this transaction lifts it for
    # one statement.
    op.execute("ALTER TABLE endpoint NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "UPDATE endpoint SET event_types ="
        f" ARRAY(SELECT DISTINCT one FROM unnest({types}) AS one ORDER BY one)"
        " WHERE event_types IS NOT NULL"
    )
    op.execute("ALTER TABLE endpoint FORCE ROW LEVEL SECURITY")
