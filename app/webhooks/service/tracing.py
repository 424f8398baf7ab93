"""
What was sent about one sample, to which of the agency's endpoints, and what became of it.
"""

from uuid import UUID

from app.kit.db import Session
from app.webhooks.repo import deliveries
from app.webhooks.rules import DeliveryState, EventType
from app.webhooks.views import SentView

_MOST = 50


async def sent_about(
    session: Session, *, submission_id: UUID, sample_id: UUID, limit: int = _MOST
) -> list[SentView]:
    """
    Return what this agency's endpoints were owed about one sample or its whole file, the newest first.
    """
    return [
        SentView(
            type=EventType(row.type),
            url=row.url,
            occurred_at=row.occurred_at,
            state=DeliveryState(row.state),
            settled_at=row.settled_at,
            tries=row.attempts,
        )
        for row in await deliveries.about(session, submission_id, sample_id, limit=limit)
    ]
