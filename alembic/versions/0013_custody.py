"""
Custody in full: storage places, handovers, portions, disposals and legal holds.

Revision: 0013; after: 0012; 2026-11-25
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TENANT = "NULLIF(current_setting('assayline.tenant', true), '')::uuid"
OURS = f"laboratory_id = {TENANT}"
MINE = f"agency_id = {TENANT}"
INSTANT = postgresql.TIMESTAMP(timezone=True)


def _shared(submission: str) -> str:
    return (
        f"({MINE} OR EXISTS (SELECT 1 FROM submission_access AS a WHERE a.submission_id = {submission}"
        f" AND a.agency_id = {TENANT} AND (a.expires_at IS NULL OR a.expires_at > now())))"
    )


RULES = {
    "place": {"lab": ("SELECT, INSERT, UPDATE (name, capacity, closed_at)", OURS, OURS)},
    "handover": {
        "agency": (
            "SELECT, INSERT, UPDATE (closed_at, closed_by, outcome)",
            _shared("handover.submission_id"),
            MINE,
        ),
        "lab": ("SELECT, INSERT, UPDATE (closed_at, closed_by, outcome)", OURS, OURS),
    },
    "portion": {"lab": ("SELECT, INSERT", OURS, OURS)},
    "consumption": {"lab": ("SELECT, INSERT", OURS, OURS)},
    "last_use": {"lab": ("SELECT, INSERT, UPDATE (used_at, used_by)", OURS, OURS)},
    "disposal": {
        "agency": (
            "SELECT, UPDATE (closed_at, second_by, outcome)",
            _shared("disposal.submission_id"),
            MINE,
        ),
        "lab": ("SELECT, INSERT, UPDATE (closed_at, second_by, outcome)", OURS, OURS),
    },
    "legal_hold": {
        "agency": (
            "SELECT, INSERT, UPDATE (lifted_at, lifted_by)",
            _shared("legal_hold.submission_id"),
            f"placed_by_agency_id = {TENANT} AND {_shared('legal_hold.submission_id')}",
        ),
        "lab": (
            "SELECT, INSERT, UPDATE (lifted_at, lifted_by)",
            OURS,
            f"{OURS} AND placed_by_agency_id = {TENANT}",
        ),
    },
}

OWN_ROWS = {
    "handover": MINE,
    "disposal": MINE,
    "legal_hold": f"placed_by_agency_id = {TENANT}",
}
"""Whoever reads a file by a part in it changes nothing of it."""


def _id(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), nullable=null)


def _text(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=null)


def _at(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, INSTANT, nullable=null)


def _file() -> tuple[sa.Column[object], ...]:
    return (_id("agency_id"), _id("laboratory_id"), _id("submission_id"), _id("sample_id"))


def upgrade() -> None:
    """
    Let places hold, and create the rest.
    """
    op.alter_column("holding", "holder_client_id", nullable=True)
    op.add_column("holding", _id("place_id", null=True))
    op.add_column("holding", _id("recorded_by", null=True))
    op.create_check_constraint(
        op.f("ck_holding_holder"), "holding", "num_nonnulls(holder_client_id, place_id) <= 1"
    )
    op.create_index(
        "ix_holding_place_id_now",
        "holding",
        ["place_id"],
        postgresql_where=sa.text("until IS NULL"),
    )
    op.create_table(
        "place",
        _id("id"),
        _id("laboratory_id"),
        _id("parent_id", null=True),
        _text("code"),
        _text("name"),
        sa.Column("capacity", sa.Integer(), nullable=True),
        _at("closed_at", null=True),
        sa.CheckConstraint("capacity >= 0", name=op.f("ck_place_capacity")),
        sa.CheckConstraint("parent_id <> id", name=op.f("ck_place_tree")),
        sa.ForeignKeyConstraint(["parent_id"], ["place.id"], name="fk_place_parent_id"),
        sa.PrimaryKeyConstraint("id", name="pk_place"),
        sa.UniqueConstraint("laboratory_id", "code", name="uq_place_laboratory_id_code"),
    )
    op.create_table(
        "handover",
        _id("id"),
        *_file(),
        _id("from_client_id"),
        _id("to_agency_id"),
        _id("to_client_id", null=True),
        _text("reason"),
        _text("seal_number", null=True),
        _at("opened_at"),
        _at("closed_at", null=True),
        _id("closed_by", null=True),
        _text("outcome", null=True),
        sa.CheckConstraint(
            "outcome IN ('accepted', 'refused', 'withdrawn', 'superseded')",
            name=op.f("ck_handover_outcome"),
        ),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (outcome IS NULL) AND (closed_at IS NULL) = (closed_by IS NULL)",
            name=op.f("ck_handover_closed"),
        ),
        sa.CheckConstraint("to_client_id <> from_client_id", name=op.f("ck_handover_two")),
        sa.CheckConstraint(
            "outcome <> 'accepted' OR closed_by <> from_client_id", name=op.f("ck_handover_other")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_handover"),
    )
    op.create_index(
        "uq_handover_open",
        "handover",
        ["sample_id"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    _portions()
    _endings()
    for table, roles in RULES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        for short, (verbs, seen, written) in roles.items():
            role = f"assayline_{short}"
            op.execute(f"GRANT {verbs} ON {table} TO {role}")
            op.execute(
                f"CREATE POLICY {short} ON {table} TO {role} USING ({seen}) WITH CHECK ({written})"
            )
    for table, own in OWN_ROWS.items():
        op.execute(
            f"CREATE POLICY own_rows ON {table} AS RESTRICTIVE FOR UPDATE TO assayline_agency"
            f" USING ({own}) WITH CHECK ({own})"
        )


def _portions() -> None:
    op.create_table(
        "portion",
        _id("id"),
        _id("laboratory_id"),
        _id("sample_id"),
        _id("parent_id", null=True),
        _text("label"),
        sa.Column("amount", sa.Numeric(), nullable=True),
        _text("unit"),
        sa.Column("tolerance", sa.Numeric(), nullable=False),
        _id("made_by"),
        _at("made_at"),
        sa.CheckConstraint("amount > 0 AND tolerance >= 0", name=op.f("ck_portion_amount")),
        sa.CheckConstraint("unit IN ('mg', 'uL', 'unit')", name=op.f("ck_portion_unit")),
        sa.ForeignKeyConstraint(["parent_id"], ["portion.id"], name="fk_portion_parent_id"),
        sa.PrimaryKeyConstraint("id", name="pk_portion"),
        sa.UniqueConstraint("sample_id", "label", name="uq_portion_sample_id_label"),
    )
    op.create_index(
        "uq_portion_whole",
        "portion",
        ["sample_id"],
        unique=True,
        postgresql_where=sa.text("parent_id IS NULL"),
    )
    op.create_table(
        "consumption",
        _id("id"),
        _id("laboratory_id"),
        _id("sample_id"),
        _id("portion_id"),
        _id("analysis_id", null=True),
        sa.Column("amount", sa.Numeric(), nullable=False),
        _text("used_up", null=True),
        _id("recorded_by"),
        _at("recorded_at"),
        sa.CheckConstraint("amount > 0", name=op.f("ck_consumption_amount")),
        sa.ForeignKeyConstraint(["portion_id"], ["portion.id"], name="fk_consumption_portion_id"),
        sa.PrimaryKeyConstraint("id", name="pk_consumption"),
    )
    op.create_index("ix_consumption_sample_id", "consumption", ["sample_id"])
    op.create_table(
        "last_use",
        _id("id"),
        _id("laboratory_id"),
        _id("sample_id"),
        _text("reason"),
        _id("granted_by"),
        _at("granted_at"),
        _at("used_at", null=True),
        _id("used_by", null=True),
        sa.CheckConstraint("(used_at IS NULL) = (used_by IS NULL)", name=op.f("ck_last_use_used")),
        sa.CheckConstraint("used_by <> granted_by", name=op.f("ck_last_use_two")),
        sa.PrimaryKeyConstraint("id", name="pk_last_use"),
    )
    op.create_index(
        "uq_last_use_open",
        "last_use",
        ["sample_id"],
        unique=True,
        postgresql_where=sa.text("used_at IS NULL"),
    )


def _endings() -> None:
    op.create_table(
        "disposal",
        _id("id"),
        *_file(),
        _text("kind"),
        _text("method"),
        _text("authority_reference"),
        _id("performed_by"),
        _at("proposed_at"),
        _id("second_by", null=True),
        _at("closed_at", null=True),
        _text("outcome", null=True),
        sa.CheckConstraint("kind IN ('returned', 'destroyed')", name=op.f("ck_disposal_kind")),
        sa.CheckConstraint("outcome IN ('done', 'withdrawn')", name=op.f("ck_disposal_outcome")),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (outcome IS NULL) AND (closed_at IS NULL) = (second_by IS NULL)",
            name=op.f("ck_disposal_closed"),
        ),
        sa.CheckConstraint(
            "outcome <> 'done' OR second_by <> performed_by", name=op.f("ck_disposal_two")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_disposal"),
    )
    op.create_index(
        "uq_disposal_standing",
        "disposal",
        ["sample_id"],
        unique=True,
        postgresql_where=sa.text("outcome IS DISTINCT FROM 'withdrawn'"),
    )
    op.create_table(
        "legal_hold",
        _id("id"),
        _id("agency_id"),
        _id("laboratory_id"),
        _id("submission_id"),
        _id("placed_by_agency_id"),
        _id("placed_by"),
        _text("reason"),
        _at("placed_at"),
        _at("lifted_at", null=True),
        _id("lifted_by", null=True),
        sa.CheckConstraint(
            "(lifted_at IS NULL) = (lifted_by IS NULL)", name=op.f("ck_legal_hold_lifted")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_legal_hold"),
    )
    op.create_index(
        "ix_legal_hold_standing",
        "legal_hold",
        ["submission_id"],
        postgresql_where=sa.text("lifted_at IS NULL"),
    )


def downgrade() -> None:
    """
    Drop them. Holdings of a place, or of a person nobody named, cannot stay in the first schema: they go too.
    """
    for table in reversed(RULES):
        op.execute(f"DROP TABLE {table} CASCADE")
    op.drop_index("ix_holding_place_id_now", "holding")
    op.drop_constraint(op.f("ck_holding_holder"), "holding")
    # Forced row-level security hides every row from the owner too.
    op.execute("ALTER TABLE holding NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM holding WHERE holder_client_id IS NULL")
    op.execute("ALTER TABLE holding FORCE ROW LEVEL SECURITY")
    op.drop_column("holding", "recorded_by")
    op.drop_column("holding", "place_id")
    op.alter_column("holding", "holder_client_id", nullable=False)
