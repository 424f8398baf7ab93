"""
The record that makes a repeated POST harmless: written in the same transaction as what it protects.
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy import Column, Integer, LargeBinary, Table, Text, Uuid, insert, select, text
from sqlalchemy.dialects.postgresql import TIMESTAMP

from app.kit import metrics
from app.kit.db import Session, metadata
from app.kit.errors import Invalid

idempotency = Table(
    "idempotency",
    metadata,
    Column("agency_id", Uuid, primary_key=True),
    Column("client_id", Uuid, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("status_code", Integer, nullable=False),
    Column("location", Text),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False),
)

_log = structlog.get_logger(__name__)

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(:key)")


class KeyReused(Invalid):
    """
    This Idempotency-Key was already used for another request. Use a new key for a new request.
    """

    code = "idempotency-key-reused"
    title = "Idempotency-Key used twice"


@dataclass(frozen=True, slots=True)
class Replay:
    """
    The answer given the first time.
    """

    status_code: int
    location: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Guard:
    """
    One request's idempotency key with its scope: agency, client, route.
    """

    agency_id: UUID
    client_id: UUID
    route: str
    key: str
    fingerprint: bytes

    @classmethod
    def of(cls, *, agency_id: UUID, client_id: UUID, route: str, key: str, body: bytes) -> "Guard":
        """
        Make a guard whose fingerprint covers the route and the raw body.
        """
        digest = hashlib.sha256(route.encode() + b"\0" + body).digest()
        return cls(agency_id, client_id, route, key, digest)

    @property
    def _lock(self) -> int:
        scope = f"{self.agency_id}\0{self.client_id}\0{self.route}\0{self.key}"
        digest = hashlib.sha256(scope.encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)

    async def seen(self, session: Session) -> Replay | None:
        """
        Return the first answer, or None when this key is new.

        A double that comes while the first is being answered waits here until it is, and then gets its answer (A5);
        the lock goes with the transaction.

        Raises:
            KeyReused: when the key protected another request.

        """
        await session.execute(_ONE_AT_A_TIME, {"key": self._lock})
        # A statement of its own: one that waited for the lock would not see what was committed meanwhile.
        table = idempotency.c
        row = (
            await session.execute(
                select(table.fingerprint, table.status_code, table.location, table.body).where(
                    table.agency_id == self.agency_id,
                    table.client_id == self.client_id,
                    table.route == self.route,
                    table.key == self.key,
                )
            )
        ).one_or_none()
        if row is None:
            return None
        if row.fingerprint != self.fingerprint:
            metrics.IDEMPOTENCY.labels("reused").inc()
            # The attempt stays on record, though nothing came of it (A4).
            _log.warning("idempotency_key_reused", route=self.route)
            raise KeyReused
        metrics.IDEMPOTENCY.labels("replayed").inc()
        return Replay(row.status_code, row.location, row.body)

    async def keep(
        self, session: Session, *, status_code: int, location: str | None, body: bytes
    ) -> None:
        """
        Store the answer in the same transaction as the fact.
        """
        metrics.IDEMPOTENCY.labels("stored").inc()
        await session.execute(
            insert(idempotency).values(
                agency_id=self.agency_id,
                client_id=self.client_id,
                route=self.route,
                key=self.key,
                fingerprint=self.fingerprint,
                status_code=status_code,
                location=location,
                body=body,
                created_at=session.now,
            )
        )
