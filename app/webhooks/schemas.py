"""
What callers send and receive about endpoints, deliveries and the event feed.
"""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from app.kit.ids import (
    AgencyId,
    DeliveryId,
    EndpointId,
    EventId,
    EventIdText,
    SampleId,
    SubmissionId,
)
from app.kit.instants import Instant
from app.webhooks.escalation import Action, Level
from app.webhooks.rules import (
    LONGEST_URL,
    Content,
    DeliveryState,
    DisabledReason,
    EventType,
    Outcome,
)
from app.webhooks.views import (
    AcknowledgementView,
    AttemptView,
    DeliveryView,
    EndpointView,
    EventView,
    HealthView,
    NewEndpoint,
    Replayed,
)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds a character that cannot be shown; remove it")
    return text


def _maybe_printable(text: str | None) -> str | None:
    return text and _printable(text)


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
        AfterValidator(_maybe_printable),
    ] = Field(default=None, description="For your own orientation.")
    event_types: Annotated[list[EventType] | None, Field(min_length=1, max_length=20)] = Field(
        default=None,
        description="Only these events; all of them when left out. Corrections and reminders of them"
        " are never left out.",
    )
    file_number_prefix: Annotated[
        str | None, StringConstraints(min_length=1, max_length=80), AfterValidator(_maybe_printable)
    ] = Field(
        default=None,
        description="Only events of files whose number begins with this, such as one unit's. Corrections"
        " of results and reminders of them are never left out.",
    )
    content: Content = Field(
        default=Content.THIN,
        description="`full` pushes the content itself besides ids and link, where it is under 20 kB."
        " Only what is released, and only while you have a part in the file. Thin events keep case"
        " content away from what stands between, and reading it is recorded.",
    )


class EndpointOut(BaseModel):
    """
    An endpoint. Its secret is never shown again.
    """

    id: EndpointId
    url: str
    description: str | None
    event_types: list[EventType] | None
    file_number_prefix: str | None
    content: Content
    public_key: str | None = Field(
        description="`whpk_…`: verifies the `v1a` signature (ed25519) of every push. Not secret."
    )
    created_at: datetime
    verified_at: datetime | None = Field(
        description="Null until the endpoint has answered its challenge: it gets nothing else before."
    )
    rotated_at: datetime | None
    previous_until: datetime | None = Field(
        description="Until then pushes are signed with the secret before the last rotation too."
    )
    held_until: datetime | None = Field(
        description="After five failures in a row nothing is sent before this; then one tries."
    )
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
            file_number_prefix=view.file_number_prefix,
            content=view.content,
            public_key=view.public_key,
            created_at=view.created_at,
            verified_at=view.verified_at,
            rotated_at=view.rotated_at,
            previous_until=view.previous_until,
            held_until=view.held_until,
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
    error: str | None = Field(description="The kind of failure in one word, such as `timeout`.")
    address: str | None = Field(description="The IP address it was sent to.")
    response_sha256: str | None = Field(description="Of the first 64 KiB of the answer's body.")

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
            address=view.address,
            response_sha256=view.response_sha256,
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


class ChallengeIn(BaseModel):
    """
    What an endpoint's challenge said.
    """

    model_config = ConfigDict(extra="forbid")

    challenge: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(
        description="`data.challenge` of the newest `webhook.challenge` that arrived there."
    )


class RotationIn(BaseModel):
    """
    How to replace an endpoint's secret.
    """

    model_config = ConfigDict(extra="forbid")

    overlap_hours: Annotated[int, Field(ge=0, le=168)] = Field(
        default=24,
        description="For so long the old secret signs along. 0 when somebody else may hold it.",
    )


class ReplayIn(BaseModel):
    """
    Which events to send again: some, or those of a time, or those that were given up.
    """

    model_config = ConfigDict(extra="forbid")

    event_ids: Annotated[list[EventIdText] | None, Field(min_length=1, max_length=1000)] = None
    since: Instant | None = None
    until: Instant | None = None
    only_exhausted: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.event_ids is None and self.since is None and not self.only_exhausted:
            raise ValueError("say which: send event_ids, or since, or only_exhausted")
        return self


class ReplayOut(BaseModel):
    """
    How much is sent again.
    """

    replayed: int
    more: bool = Field(description="True when there is more than one call takes; narrow the time.")

    @classmethod
    def of(cls, made: Replayed) -> Self:
        """
        Shape the answer.
        """
        return cls(replayed=made.count, more=made.more)


class HealthOut(BaseModel):
    """
    How an endpoint did over the last 24 hours, over its last thousand events at most.
    """

    attempts: int
    success_rate: float | None = Field(description="Attempts that were taken; null without any.")
    p95_seconds: float | None = Field(description="Nineteen of twenty attempts ended within this.")
    last_delivered_at: datetime | None
    last_failed_at: datetime | None
    pending: int
    exhausted: int = Field(description="Given up after the whole schedule; replay them.")
    oldest_undelivered_at: datetime | None
    held_until: datetime | None
    disabled_at: datetime | None

    @classmethod
    def of(cls, view: HealthView) -> Self:
        """
        Shape the answer, field by field.
        """
        return cls(
            attempts=view.attempts,
            success_rate=view.success_rate,
            p95_seconds=view.p95_s,
            last_delivered_at=view.last_delivered_at,
            last_failed_at=view.last_failed_at,
            pending=view.pending,
            exhausted=view.exhausted,
            oldest_undelivered_at=view.oldest_undelivered_at,
            held_until=view.held_until,
            disabled_at=view.disabled_at,
        )


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
