"""
What callers send and receive about endpoints, deliveries and the event feed.
"""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app.kit.ids import AgencyId, DeliveryId, EndpointId, EventId, SampleId, SubmissionId
from app.webhooks.escalation import Action, Level
from app.webhooks.rules import LONGEST_URL, DeliveryState, DisabledReason, EventType, Outcome
from app.webhooks.views import (
    AcknowledgementView,
    AttemptView,
    DeliveryView,
    EndpointView,
    EventView,
    NewEndpoint,
)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds a character that cannot be shown; remove it")
    return text


class EndpointIn(BaseModel):
    """
    Where events are to be pushed.
    """

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_URL)] = Field(
        description="An https address on the public internet."
    )
    description: Annotated[
        str | None,
        StringConstraints(strip_whitespace=True, max_length=200),
        AfterValidator(lambda text: text and _printable(text)),
    ] = Field(default=None, description="For your own orientation.")
    event_types: Annotated[list[EventType] | None, Field(min_length=1, max_length=20)] = Field(
        default=None, description="Only these events; all of them when left out."
    )


class EndpointOut(BaseModel):
    """
    An endpoint. Its secret is never shown again.
    """

    id: EndpointId
    url: str
    description: str | None
    event_types: list[EventType] | None
    created_at: datetime
    disabled_at: datetime | None
    disabled_reason: DisabledReason | None = Field(
        description="`gone`: its receiver answered 410; what it is still owed waits."
    )

    @classmethod
    def of(cls, view: EndpointView) -> Self:
        """
        Shape the answer, field by field.
        """
        return cls(
            id=view.id,
            url=view.url,
            description=view.description,
            event_types=list(view.event_types) if view.event_types else None,
            created_at=view.created_at,
            disabled_at=view.disabled_at,
            disabled_reason=view.disabled_reason,
        )


class NewEndpointOut(BaseModel):
    """
    A new endpoint with its secret.
    """

    endpoint: EndpointOut
    secret: str = Field(
        description="Verify every push with it (Standard Webhooks, `v1`). Shown this once; keep it."
    )

    @classmethod
    def of(cls, made: NewEndpoint) -> Self:
        """
        Shape the answer.

        It is the only one that shows a secret.
        """
        return cls(endpoint=EndpointOut.of(made.endpoint), secret=made.secret)


class EndpointsOut(BaseModel):
    """
    All endpoints of an agency: there are twenty at most, hence no pages.
    """

    items: list[EndpointOut]


class TestOut(BaseModel):
    """
    A test that is on its way.
    """

    __test__ = False  # its name looks like a test class to pytest

    event_id: EventId


class AttemptOut(BaseModel):
    """
    One HTTP try. What the receiver wrote is shown to nobody.
    """

    number: int
    started_at: datetime
    ended_at: datetime | None
    outcome: Outcome = Field(
        description="`unknown`: under way, or its process was killed; it is tried again."
    )
    status_code: int | None
    error: str | None

    @classmethod
    def of(cls, view: AttemptView) -> Self:
        """
        Shape the answer, field by field.
        """
        return cls(
            number=view.number,
            started_at=view.started_at,
            ended_at=view.ended_at,
            outcome=view.outcome,
            status_code=view.status_code,
            error=view.error,
        )


class DeliveryOut(BaseModel):
    """
    One event owed to the endpoint, with every try.
    """

    id: DeliveryId
    event_id: EventId = Field(description="The `webhook-id` of every attempt.")
    type: EventType
    occurred_at: datetime
    sample_id: SampleId | None
    state: DeliveryState
    due_at: datetime | None = Field(description="When it is tried next; null once it is settled.")
    settled_at: datetime | None
    attempts: list[AttemptOut]

    @classmethod
    def of(cls, view: DeliveryView) -> Self:
        """
        Shape the answer, field by field.
        """
        return cls(
            id=view.id,
            event_id=view.event_id,
            type=view.type,
            occurred_at=view.occurred_at,
            sample_id=view.sample_id,
            state=view.state,
            due_at=view.due_at,
            settled_at=view.settled_at,
            attempts=[AttemptOut.of(one) for one in view.attempts],
        )


class DeliveryPage(BaseModel):
    """
    Deliveries of one endpoint, the newest event first.
    """

    items: list[DeliveryOut]
    next: str | None = Field(description="Send it as `after` for the next page; null on the last.")


class EventOut(BaseModel):
    """
    An event, exactly as it is pushed.
    """

    type: EventType
    timestamp: datetime
    data: dict[str, Any]


class EventPage(BaseModel):
    """
    The agency's own events in the order of their numbers, none left out.
    """

    items: list[EventOut]
    next: str = Field(description="Send it as `after` next time, also when `items` is empty.")


class AcknowledgementIn(BaseModel):
    """
    What was done about a correction.
    """

    model_config = ConfigDict(extra="forbid")

    action: Action = Field(
        description="`noted`, `passed_on` (to prosecution, counsel or court), `file_reopened`."
    )


class AcknowledgementOut(BaseModel):
    """
    A correction at one recipient: open, or acknowledged by a named person.
    """

    event_id: EventId
    type: EventType
    agency_id: AgencyId
    agency_name: str | None
    submission_id: SubmissionId
    sample_id: SampleId | None
    opened_at: datetime
    reminders: int
    level: Level = Field(description="`telephone`: reminders were not enough; call the agency.")
    remind_at: datetime | None = Field(description="When it is repeated; null once acknowledged.")
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    action: Action | None

    @classmethod
    def of(cls, view: AcknowledgementView, *, agency_name: str | None = None) -> Self:
        """
        Shape the answer, field by field.
        """
        return cls(
            event_id=view.event_id,
            type=view.type,
            agency_id=view.agency_id,
            agency_name=agency_name,
            submission_id=view.submission_id,
            sample_id=view.sample_id,
            opened_at=view.opened_at,
            reminders=view.reminders,
            level=view.level,
            remind_at=view.remind_at,
            acknowledged_at=view.acknowledged_at,
            acknowledged_by=view.acknowledged_by,
            action=view.action,
        )


class UnacknowledgedPage(BaseModel):
    """
    Open corrections, the oldest first.
    """

    items: list[AcknowledgementOut]
    next: str | None = Field(description="Send it as `after` for the next page; null on the last.")


class EventDetailOut(BaseModel):
    """
    One event, exactly as it was pushed, and its acknowledgement where it needs one.
    """

    type: EventType
    timestamp: datetime
    data: dict[str, Any]
    acknowledgement: AcknowledgementOut | None

    @classmethod
    def of(cls, view: EventView) -> Self:
        """
        Shape the answer.
        """
        given = view.acknowledgement
        return cls.model_validate(
            {**view.body, "acknowledgement": AcknowledgementOut.of(given) if given else None}
        )
