"""
Tables of what agencies are owed: endpoints, events, deliveries, attempts.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP

from app.kit.db import metadata
from app.webhooks.escalation import Action
from app.webhooks.rules import Content, DeliveryState

INSTANT = TIMESTAMP(timezone=True)

endpoint = Table(
    "endpoint",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, nullable=False),
    Column("url", Text, nullable=False),
    Column("description", Text),
    Column("event_types", ARRAY(Text)),
    Column("secret_box", LargeBinary, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("disabled_at", INSTANT),
    Column("disabled_reason", Text),
    Column("file_number_prefix", Text),
    Column("content", Text, nullable=False, server_default=Content.THIN.value),
    Column("signing_box", LargeBinary),
    Column("public_key", Text),
    Column("previous_box", LargeBinary),
    Column("previous_signing_box", LargeBinary),
    Column("previous_until", INSTANT),
    Column("rotated_at", INSTANT),
    Column("challenge_sha256", LargeBinary),
    Column("verified_at", INSTANT),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("held_until", INSTANT),
    Index(None, "agency_id"),
    CheckConstraint("content IN ('thin', 'full')", name="content"),
    CheckConstraint("(previous_box IS NULL) = (previous_until IS NULL)", name="rotation"),
    CheckConstraint("(disabled_at IS NULL) = (disabled_reason IS NULL)", name="disabled"),
)
"""
Each ``…box`` is encrypted at rest (``app.kit.secrets``); ``event_types`` empty means all.

``failures`` in a row, over all its deliveries, open the circuit: nothing is sent before ``held_until``.
"""

event = Table(
    "event",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, nullable=False),
    Column("laboratory_id", Uuid, nullable=False),
    Column("submission_id", Uuid, nullable=False),
    Column("sample_id", Uuid),
    Column("type", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("occurred_at", INSTANT, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("full_body", LargeBinary),
    Index(None, "agency_id", "id"),
    Index(None, "agency_id", "occurred_at"),
    Index(None, "submission_id"),
)
"""
One row per recipient (``agency_id``). ``body`` is serialized once: every attempt sends these bytes;
``full_body`` is what endpoints get that asked for content, where there is any.
"""

delivery = Table(
    "delivery",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("agency_id", Uuid, nullable=False),
    Column("event_id", Uuid, ForeignKey("event.id"), nullable=False),
    Column("endpoint_id", Uuid, ForeignKey("endpoint.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", INSTANT, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("lease_until", INSTANT),
    Column("created_at", INSTANT, nullable=False),
    Column("settled_at", INSTANT),
    Column("attempts_before", Integer, nullable=False, server_default="0"),
    Column("challenge", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("event_id", "endpoint_id"),
    CheckConstraint(f"state IN ({', '.join(repr(str(s)) for s in DeliveryState)})", name="state"),
    CheckConstraint(
        "(state IN ('delivered', 'exhausted')) = (settled_at IS NOT NULL)", name="settled"
    ),
    Index(
        "ix_delivery_open",
        "endpoint_id",
        "state",
        "due_at",
        "id",
        postgresql_where=text("settled_at IS NULL"),
    ),
    Index(
        "ix_delivery_endpoint_id_exhausted",
        "endpoint_id",
        "event_id",
        postgresql_where=text("state = 'exhausted'"),
    ),
    Index(None, "endpoint_id", "id"),
    Index("ix_delivery_exhausted", "id", postgresql_where=text("state = 'exhausted'")),
)
"""
``attempts`` counts all there ever were; those before a replay, ``attempts_before``, use up no turn.
"""

attempt = Table(
    "attempt",
    metadata,
    Column("delivery_id", Uuid, ForeignKey("delivery.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("agency_id", Uuid, nullable=False),
    Column("started_at", INSTANT, nullable=False),
    Column("ended_at", INSTANT),
    Column("outcome", Text, nullable=False),
    Column("status_code", Integer),
    Column("error", Text),
    Column("address", Text),
    Column("response_sha256", LargeBinary),
    CheckConstraint("outcome IN ('unknown', 'delivered', 'failed')", name="outcome"),
    CheckConstraint("(outcome = 'unknown') = (ended_at IS NULL)", name="ended"),
)
"""
Written when a delivery is claimed (``unknown``) and completed when it is settled.

A kill in between stays visible.
"""

acknowledgement = Table(
    "acknowledgement",
    metadata,
    Column("event_id", Uuid, ForeignKey("event.id"), primary_key=True),
    Column("agency_id", Uuid, nullable=False),
    Column("laboratory_id", Uuid, nullable=False),
    Column("opened_at", INSTANT, nullable=False),
    Column("remind_at", INSTANT),
    Column("reminders", Integer, nullable=False),
    Column("acknowledged_at", INSTANT),
    Column("acknowledged_by", Uuid),
    Column("acknowledged_name", Text),
    Column("action", Text),
    CheckConstraint(
        f"action IN ({', '.join(repr(str(one)) for one in Action)})",
        name="action",
    ),
    CheckConstraint(
        "(acknowledged_at IS NULL) = (acknowledged_by IS NULL)"
        " AND (acknowledged_at IS NULL) = (acknowledged_name IS NULL)"
        " AND (acknowledged_at IS NULL) = (action IS NULL)"
        " AND (acknowledged_at IS NULL) = (remind_at IS NOT NULL)",
        name="whole",
    ),
    Index(
        "ix_acknowledgement_agency_id_open",
        "agency_id",
        "event_id",
        postgresql_where=text("acknowledged_at IS NULL"),
    ),
    Index(
        "ix_acknowledgement_laboratory_id_open",
        "laboratory_id",
        "event_id",
        postgresql_where=text("acknowledged_at IS NULL"),
    ),
    Index(
        "ix_acknowledgement_remind_at",
        "remind_at",
        postgresql_where=text("acknowledged_at IS NULL"),
    ),
)
"""
A correction one recipient was told; open until a person there says so. One row per event.
"""

replay = Table(
    "replay",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, nullable=False),
    Column("endpoint_id", Uuid, ForeignKey("endpoint.id"), nullable=False),
    Column("asked_by", Uuid),
    Column("asked_at", INSTANT, nullable=False),
    Column("since", INSTANT),
    Column("until", INSTANT),
    Column("only_exhausted", Boolean, nullable=False),
    Column("event_ids", ARRAY(Uuid)),
    Column("replayed", BigInteger, nullable=False),
    Index(None, "endpoint_id", "id"),
)
"""
Who had what sent again. ``asked_by`` is empty when the operator did.
"""
