"""
A released finding that does not hold says so: contradicted by later work, or taken back by a named person.

Revision: 0017; after: 0016; 2026-11-25
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

COLUMNS = (
    "contradicted_at",
    "contradicted_because",
    "withdrawn_at",
    "withdrawn_because",
    "withdrawn_by_name",
)


def upgrade() -> None:
    """
    Add the marks, which the laboratory sets once and nobody clears.
    """
    for name in COLUMNS:
        kind = postgresql.TIMESTAMP(timezone=True) if name.endswith("_at") else sa.Text()
        op.add_column("finding", sa.Column(name, kind, nullable=True))
    op.create_check_constraint(
        op.f("ck_finding_contradicted"),
        "finding",
        "(contradicted_at IS NULL) = (contradicted_because IS NULL)"
        " AND (contradicted_at IS NULL OR released_at IS NOT NULL)",
    )
    op.create_check_constraint(
        op.f("ck_finding_withdrawn"),
        "finding",
        "(withdrawn_at IS NULL) = (withdrawn_because IS NULL)"
        " AND (withdrawn_at IS NULL) = (withdrawn_by_name IS NULL)"
        " AND (withdrawn_at IS NULL OR released_at IS NOT NULL)",
    )
    op.execute(f"GRANT UPDATE ({', '.join(COLUMNS)}) ON finding TO assayline_lab")


def downgrade() -> None:
    """
    Drop the marks. That a finding was contradicted or withdrawn stays in the ledger.
    """
    op.drop_constraint(op.f("ck_finding_withdrawn"), "finding", type_="check")
    op.drop_constraint(op.f("ck_finding_contradicted"), "finding", type_="check")
    for name in reversed(COLUMNS):
        op.drop_column("finding", name)
