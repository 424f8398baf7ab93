"""
Tables of who may call: agencies, API clients, their keys, and which methods a person is authorized for.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP

from app.access.rules import AgencyKind, ClientKind
from app.kit.db import metadata

INSTANT = TIMESTAMP(timezone=True)

agency = Table(
    "agency",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("country", Text),
    Column("address", Text),
    Column("accreditation", Text),
    Column("created_at", INSTANT, nullable=False),
    Column("closed_at", INSTANT),
    CheckConstraint(f"kind IN ({', '.join(repr(str(k)) for k in AgencyKind)})", name="kind"),
    UniqueConstraint("name"),
)

api_client = Table(
    "api_client",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, ForeignKey("agency.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("revoked_at", INSTANT),
    CheckConstraint(f"kind IN ({', '.join(repr(str(k)) for k in ClientKind)})", name="kind"),
    UniqueConstraint("agency_id", "name"),
)

api_key = Table(
    "api_key",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("client_id", Uuid, ForeignKey("api_client.id"), nullable=False),
    Column("agency_id", Uuid, ForeignKey("agency.id"), nullable=False),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("expires_at", INSTANT),
    Column("revoked_at", INSTANT),
    Index(None, "client_id"),
)

method_authorization = Table(
    "method_authorization",
    metadata,
    Column("laboratory_id", Uuid, ForeignKey("agency.id"), primary_key=True),
    Column("client_id", Uuid, ForeignKey("api_client.id"), primary_key=True),
    Column("technique", Text, primary_key=True),
    Column("granted_at", INSTANT, nullable=False),
)

analyst_designation = Table(
    "analyst_designation",
    metadata,
    Column("laboratory_id", Uuid, ForeignKey("agency.id"), nullable=False),
    Column("client_id", Uuid, ForeignKey("api_client.id"), primary_key=True),
    Column("statute", Text, primary_key=True),
    Column("number", Text, nullable=False),
    Column("designated_at", INSTANT, nullable=False),
)
"""Who may be named on a certificate of analyst, and under which statute."""
