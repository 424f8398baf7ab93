"""
Tables of the append-only record: entries, what waits for its number, the chain, agencies' feeds.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP

from app.kit.db import metadata

INSTANT = TIMESTAMP(timezone=True)

entry = Table(
    "entry",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, nullable=False),
    Column("laboratory_id", Uuid, nullable=False),
    Column("submission_id", Uuid, nullable=False),
    Column("sample_id", Uuid),
    Column("sample_version", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("actor_id", Uuid),
    Column("occurred_at", INSTANT, nullable=False),
    Column("body", Text, nullable=False),
    Index(None, "sample_id", "sample_version"),
)
"""``body`` is the canonical JSON (``rules.canonical``) that is hashed; the other columns repeat it.

``actor_id`` is empty when the service itself acted (a lapse). ``sample_version`` is the
submission's version where ``sample_id`` is empty.
"""

pending = Table(
    "pending",
    metadata,
    Column("entry_id", Uuid, ForeignKey("entry.id"), primary_key=True),
    Column("recipient_ids", ARRAY(Uuid), nullable=False),
    Column("event_ids", ARRAY(Uuid), nullable=False),
    Column("waiting_since", INSTANT, nullable=False),
)
"""Entries that have no number yet; ``recipient_ids[i]`` is owed ``event_ids[i]`` in its feed."""

chain = Table(
    "chain",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("entry_id", Uuid, ForeignKey("entry.id"), nullable=False, unique=True),
    Column("prev_hash", LargeBinary, nullable=False, unique=True),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("length(hash) = 32 AND length(prev_hash) = 32", name="sha256"),
    CheckConstraint("seq > 0", name="seq"),
)

ledger_head = Table(
    "ledger_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="single"),
)

feed = Table(
    "feed",
    metadata,
    Column("agency_id", Uuid, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", Uuid, nullable=False, unique=True),
)
