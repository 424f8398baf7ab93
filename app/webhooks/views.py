"""
What the service hands out about endpoints and deliveries: plain values, no rows.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app.webhooks.escalation import Action, Level
from app.webhooks.rules import DeliveryState, DisabledReason, EventType, Outcome


@dataclass(frozen=True, slots=True)
class EndpointView:
    """
    An endpoint without its secret.
    """

    id: UUID
    url: str
    description: str | None
    event_types: tuple[EventType, ...] | None
    created_at: datetime
    disabled_at: datetime | None
    disabled_reason: DisabledReason | None


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """
    An endpoint at the only moment its secret is shown.
    """

    endpoint: EndpointView
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AttemptView:
    """
    One HTTP try. What the receiver wrote is kept as a hash only and shown to nobody.
    """

    number: int
    started_at: datetime
    ended_at: datetime | None
    outcome: Outcome
    status_code: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """
    One event owed to one endpoint, with its tries.
    """

    id: UUID
    event_id: UUID
    type: EventType
    occurred_at: datetime
    sample_id: UUID | None
    state: DeliveryState
    due_at: datetime | None
    settled_at: datetime | None
    attempts: tuple[AttemptView, ...]


@dataclass(frozen=True, slots=True)
class AcknowledgementView:
    """
    A correction at one recipient, and who acknowledged it.
    """

    event_id: UUID
    type: EventType
    agency_id: UUID
    submission_id: UUID
    sample_id: UUID | None
    opened_at: datetime
    reminders: int
    level: Level
    remind_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    """The name of the person, as their agency registered it."""
    action: Action | None


@dataclass(frozen=True, slots=True)
class EventView:
    """
    An event as it is pushed, with its acknowledgement where it needs one.
    """

    body: dict[str, Any]
    acknowledgement: AcknowledgementView | None
