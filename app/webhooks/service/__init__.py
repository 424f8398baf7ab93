"""
What agencies are owed: announcing it, managing where it goes, and dispatching it.
"""

from app.webhooks.rules import GONE
from app.webhooks.service.acknowledging import (
    acknowledge,
    list_unacknowledged,
    named,
    read_event,
    remind_due,
)
from app.webhooks.service.announcing import Notice, announce, read_bodies
from app.webhooks.service.dispatch import (
    COUNTS,
    Claimed,
    Counts,
    Envelope,
    claim_due,
    disable_gone,
    envelopes,
    retire_spent,
    settle,
)
from app.webhooks.service.endpoints import (
    create_endpoint,
    delete_endpoint,
    list_deliveries,
    list_endpoints,
    look_up,
    send_test,
)
from app.webhooks.signing import sign
from app.webhooks.views import (
    AcknowledgementView,
    AttemptView,
    DeliveryView,
    EndpointView,
    EventView,
    NewEndpoint,
)

__all__ = [
    "COUNTS",
    "GONE",
    "AcknowledgementView",
    "AttemptView",
    "Claimed",
    "Counts",
    "DeliveryView",
    "EndpointView",
    "Envelope",
    "EventView",
    "NewEndpoint",
    "Notice",
    "acknowledge",
    "announce",
    "claim_due",
    "create_endpoint",
    "delete_endpoint",
    "disable_gone",
    "envelopes",
    "list_deliveries",
    "list_endpoints",
    "list_unacknowledged",
    "look_up",
    "named",
    "read_bodies",
    "read_event",
    "remind_due",
    "retire_spent",
    "send_test",
    "settle",
    "sign",
]
