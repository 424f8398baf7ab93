"""
Deliveries as the dispatcher moves them: claim, settle, retire.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from app.kit.db import Session
from app.webhooks.rules import MOST_ATTEMPTS, Step

Found = Row[Any]

# One statement, so that nothing is claimed and not counted. MATERIALIZED fences the LIMIT: joined to
# the UPDATE the planner may otherwise take more rows than it says. "OF d": the joined rows must stay
# free for other workers. ``line`` sees every delivery that is due or under way, so that a slow
# endpoint's own sends count against its share; ``taken`` checks again, on the locked row, what may
# have changed since. An endpoint's first turn comes before anybody's second.
CLAIM = text(
    """
    WITH line AS MATERIALIZED (
        SELECT d.id, d.due_at, coalesce(d.lease_until > now(), false) AS busy,
               count(*) FILTER (WHERE d.lease_until > now())
                   OVER (PARTITION BY d.endpoint_id) AS under_way,
               row_number() OVER (PARTITION BY d.endpoint_id, coalesce(d.lease_until > now(), false)
                                  ORDER BY d.due_at, d.id) AS turn
        FROM delivery AS d
        JOIN endpoint AS p ON p.id = d.endpoint_id AND p.disabled_at IS NULL
        WHERE d.settled_at IS NULL AND d.due_at <= now() AND d.attempts < :most
    ), taken AS MATERIALIZED (
        SELECT d.id, d.lease_until IS NOT NULL AS rescued
        FROM line AS l
        JOIN delivery AS d ON d.id = l.id
        WHERE NOT l.busy AND l.under_way + l.turn <= :share
          AND d.settled_at IS NULL AND d.due_at <= now() AND d.attempts < :most
          AND (d.lease_until IS NULL OR d.lease_until <= now())
        ORDER BY l.turn, l.due_at, l.id
        LIMIT :most_rows
        FOR UPDATE OF d SKIP LOCKED
    ), claimed AS (
        UPDATE delivery AS d
        SET state = 'sending', token = d.token + 1, attempts = d.attempts + 1,
            lease_until = now() + make_interval(secs => :lease_s)
        FROM taken
        WHERE d.id = taken.id
        RETURNING d.id, d.agency_id, d.endpoint_id, d.token, d.attempts, taken.rescued
    ), counted AS (
        INSERT INTO attempt (delivery_id, number, agency_id, started_at, outcome)
        SELECT id, attempts, agency_id, now(), 'unknown' FROM claimed
    )
    SELECT id, agency_id, endpoint_id, token, attempts, rescued FROM claimed
    """
)

# The token is the fence: whoever lost the lease to somebody else changes nothing, not even the
# attempt.
SETTLE = text(
    """
    WITH settled AS (
        UPDATE delivery AS d
        SET state = CAST(:state AS text),
            due_at = CASE WHEN CAST(:state AS text) = 'pending'
                          THEN now() + make_interval(secs => :wait_s) ELSE d.due_at END,
            settled_at = CASE WHEN CAST(:state AS text) = 'pending' THEN NULL ELSE now() END,
            lease_until = NULL
        WHERE d.id = :id AND d.token = :token AND d.state = 'sending'
        RETURNING d.id
    )
    UPDATE attempt AS a
    SET ended_at = now(), outcome = :outcome, status_code = :status_code, error = :error,
        address = :address, response_sha256 = :response_sha256
    FROM settled
    WHERE a.delivery_id = settled.id AND a.number = :number
    RETURNING a.delivery_id
    """
)

# A delivery whose last attempt was cut short has no settle to end it. It is checked again in the
# statement's own WHERE (C5).
RETIRE = text(
    """
    UPDATE delivery AS d
    SET state = 'exhausted', settled_at = now(), lease_until = NULL, token = d.token + 1
    FROM endpoint AS p
    WHERE p.id = d.endpoint_id AND p.disabled_at IS NULL
      AND d.settled_at IS NULL AND d.due_at <= now() AND d.attempts >= :most
      AND (d.lease_until IS NULL OR d.lease_until <= now())
    RETURNING d.id
    """
)


async def claim_due(session: Session, *, limit: int, lease_s: float, share: int) -> Sequence[Found]:
    """
    Claim what is due: pending, or under a lease that ran out.
    """
    values = {"most": MOST_ATTEMPTS, "most_rows": limit, "lease_s": lease_s, "share": share}
    return (await session.execute(CLAIM, values)).all()


async def settle(session: Session, values: Mapping[str, Any], step: Step) -> bool:
    """
    Record how an attempt went.

    It returns False when the fence refused it.
    """
    moved = await session.execute(
        SETTLE,
        {**values, "state": step.state.value, "wait_s": step.wait_s, "outcome": step.outcome.value},
    )
    return moved.one_or_none() is not None


async def retire_spent(session: Session) -> Sequence[UUID]:
    """
    Exhaust what used its last attempt and never came back from it.
    """
    return [row.id for row in await session.execute(RETIRE, {"most": MOST_ATTEMPTS})]
