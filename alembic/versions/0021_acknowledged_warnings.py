"""
A reviewer acknowledges the warnings of a conclusion they accept.

Revision: 0021; after: 0020; 2026-11-25
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """
    Add the column; earlier reviews have NULL there.
    """
    op.add_column("review", sa.Column("acknowledged", postgresql.ARRAY(sa.Text()), nullable=True))


def downgrade() -> None:
    """
    Drop it.
    """
    op.drop_column("review", "acknowledged")
