"""
Imports every ``models.py``, so that Alembic and the tests see all tables.
"""

from app.access import models as access
from app.access.signin import models as signin
from app.attachments import models as attachments
from app.clocks import models as clocks
from app.custody import models as custody
from app.kit.db import metadata
from app.kit.idempotency import idempotency
from app.ledger import models as ledger
from app.results import models as results
from app.samples import evidence_models as evidence
from app.samples import models as samples
from app.samples import ranking_models as ranking
from app.webhooks import models as webhooks

__all__ = [
    "access",
    "attachments",
    "clocks",
    "custody",
    "evidence",
    "idempotency",
    "ledger",
    "metadata",
    "ranking",
    "results",
    "samples",
    "signin",
    "webhooks",
]
