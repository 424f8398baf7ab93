"""
Tables of sign-in: accounts, sessions, invitations, and counts of failed guesses.
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
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP

from app.access.signin.rules import How
from app.kit.db import metadata

INSTANT = TIMESTAMP(timezone=True)

staff_account = Table(
    "staff_account",
    metadata,
    Column("client_id", Uuid, ForeignKey("api_client.id"), primary_key=True),
    Column("agency_id", Uuid, ForeignKey("agency.id"), nullable=False),
    Column("login", Text, nullable=False),
    Column("password_hash", Text),
    Column("password_set_at", INSTANT),
    Column("totp_box", LargeBinary),
    Column("totp_pending_box", LargeBinary),
    Column("totp_step", BigInteger),
    Column("oidc_issuer", Text),
    Column("oidc_subject", Text),
    Column("created_at", INSTANT, nullable=False),
    UniqueConstraint("login"),
    UniqueConstraint("oidc_issuer", "oidc_subject"),
)

staff_session = Table(
    "staff_session",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("token_sha256", LargeBinary, nullable=False),
    Column("client_id", Uuid, ForeignKey("api_client.id"), nullable=False),
    Column("agency_id", Uuid, ForeignKey("agency.id"), nullable=False),
    Column("how", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("seen_at", INSTANT, nullable=False),
    Column("expires_at", INSTANT, nullable=False),
    Column("ended_at", INSTANT),
    CheckConstraint(f"how IN ({', '.join(repr(str(h)) for h in How)})", name="how"),
    UniqueConstraint("token_sha256"),
    Index(None, "client_id"),
)

staff_invite = Table(
    "staff_invite",
    metadata,
    Column("token_sha256", LargeBinary, primary_key=True),
    Column("client_id", Uuid, ForeignKey("api_client.id"), nullable=False),
    Column("agency_id", Uuid, ForeignKey("agency.id"), nullable=False),
    Column("login", Text, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("expires_at", INSTANT, nullable=False),
    Column("used_at", INSTANT),
    Index(None, "client_id"),
)

staff_proof = Table(
    "staff_proof",
    metadata,
    Column("token_sha256", LargeBinary, primary_key=True),
    Column("client_id", Uuid, ForeignKey("api_client.id"), nullable=False),
    Column("expires_at", INSTANT, nullable=False),
)

sign_in_count = Table(
    "sign_in_count",
    metadata,
    Column("bucket", LargeBinary, primary_key=True),
    Column("since", INSTANT, nullable=False),
    Column("failures", Integer, nullable=False),
)
