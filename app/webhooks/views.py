"""
What the service hands out about endpoints and deliveries: plain values, no rows.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app.webhooks.escalation import Action, Level
from app.webhooks.rules import Content, DeliveryState, DisabledReason, EventType, Outcome


@dataclass(frozen=True, slots=True)
class EndpointView:
    """
    An endpoint without its secret.
    """

    id: UUID
    url: str
    description: str | None
    event_types: tuple[EventType, ...] | None
    file_number_prefix: str | None
    content: Content
    public_key: str | None
    created_at: datetime
    verified_at: datetime | None
    rotated_at: datetime | None
    previous_until: datetime | None
    held_until: datetime | None
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
    address: str | None
    response_sha256: str | None


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
class SentView:
    """
    One event about a sample, owed to one endpoint.
    """

    type: EventType
    url: str
    occurred_at: datetime
    state: DeliveryState
    settled_at: datetime | None
    tries: int


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


@dataclass(frozen=True, slots=True)
class Replayed:
    """
    How much is sent again, and whether there is more than one call takes.
    """

    count: int
    more: bool


@dataclass(frozen=True, slots=True)
class HealthView:
    """
    How an endpoint did over the last day, over its last thousand events at most.
    """

    attempts: int
    success_rate: float | None
    p95_s: float | None
    last_delivered_at: datetime | None
    last_failed_at: datetime | None
    pending: int
    exhausted: int
    oldest_undelivered_at: datetime | None
    held_until: datetime | None
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Undelivered:
    """
    What an agency's endpoints have not got. Its feed has all of it.
    """

    pending: int
    """Waiting for longer than a minute."""
    exhausted: int
    """Given up; can be replayed."""
    oldest_at: datetime | None

    @property
    def count(self) -> int:
        """
        All of it.
        """
        return self.pending + self.exhausted
