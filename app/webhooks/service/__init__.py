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
from app.webhooks.service.deliveries import health, list_deliveries, replay, undelivered
from app.webhooks.service.dispatch import (
    COUNTS,
    Claimed,
    Counts,
    Envelope,
    Told,
    claim_due,
    disable_gone,
    envelopes,
    note_proof,
    retire_spent,
    settle,
)
from app.webhooks.service.endpoints import (
    Wish,
    challenge_endpoint,
    create_endpoint,
    delete_endpoint,
    list_endpoints,
    look_up,
    rotate_secret,
    send_test,
    stuck,
    verify_endpoint,
)
from app.webhooks.service.following import Following
from app.webhooks.service.tracing import sent_about
from app.webhooks.signing import sign
from app.webhooks.views import (
    AcknowledgementView,
    AttemptView,
    DeliveryView,
    EndpointView,
    EventView,
    HealthView,
    NewEndpoint,
    Replayed,
    SentView,
    Undelivered,
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
    "Following",
    "HealthView",
    "NewEndpoint",
    "Notice",
    "Replayed",
    "SentView",
    "Told",
    "Undelivered",
    "Wish",
    "acknowledge",
    "announce",
    "challenge_endpoint",
    "claim_due",
    "create_endpoint",
    "delete_endpoint",
    "disable_gone",
    "envelopes",
    "health",
    "list_deliveries",
    "list_endpoints",
    "list_unacknowledged",
    "look_up",
    "named",
    "note_proof",
    "read_bodies",
    "read_event",
    "remind_due",
    "replay",
    "retire_spent",
    "rotate_secret",
    "send_test",
    "sent_about",
    "settle",
    "sign",
    "stuck",
    "undelivered",
    "verify_endpoint",
]
