"""
Deliveries as the dispatcher moves them: claim, settle, retire.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from app.kit import rows
from app.kit.db import Session
from app.webhooks.rules import HOLDS_S, MOST_ATTEMPTS, OPEN_AFTER, Step

Found = Row[Any]

# One statement, so that nothing is claimed and not counted. It asks each endpoint for the first few
# that are due there, by index: a backlog of any length costs no more than a short one, and an
# endpoint's first turn comes before anybody's second. "FOR UPDATE" inside the lateral look-up lets
# several dispatchers take different rows of one endpoint at once; MATERIALIZED fences the LIMIT,
# because joined to the UPDATE the planner may otherwise take more rows than it says.
#
# ``line`` holds back an endpoint that is disabled, has not proved itself (its challenge excepted) or
# whose circuit is open; when its hold is over one delivery tries for all. ``suspect`` is a delivery
# whose last attempt nobody recorded: its process was killed, perhaps by this very delivery. Such are
# taken one at a time, so that one that kills processes does not use up its neighbors' attempts (B15).
CLAIM = text(
    """
    WITH line AS MATERIALIZED (
        SELECT d.id, d.due_at, false AS suspect,
               w.under_way + row_number() OVER (PARTITION BY p.id ORDER BY d.due_at, d.id) AS turn
        FROM endpoint AS p
        CROSS JOIN LATERAL (
            SELECT count(*) AS under_way FROM delivery AS u
            WHERE u.endpoint_id = p.id AND u.settled_at IS NULL AND u.state = 'sending'
              AND u.lease_until > now()
        ) AS w
        CROSS JOIN LATERAL (
            SELECT q.id, q.due_at FROM delivery AS q
            WHERE q.endpoint_id = p.id AND q.settled_at IS NULL AND q.state = 'pending'
              AND q.due_at <= now() AND (p.verified_at IS NOT NULL OR q.challenge)
            ORDER BY q.due_at, q.id
            LIMIT greatest(
                CASE WHEN p.held_until IS NULL THEN CAST(:share AS int) ELSE 1 END - w.under_way, 0)
            FOR UPDATE OF q SKIP LOCKED
        ) AS d
        WHERE p.disabled_at IS NULL AND (p.held_until IS NULL OR p.held_until <= now())
    ), lost AS MATERIALIZED (
        SELECT d.id
        FROM endpoint AS p
        JOIN delivery AS d ON d.endpoint_id = p.id
        WHERE p.disabled_at IS NULL AND d.settled_at IS NULL AND d.state = 'sending'
          AND d.lease_until <= now() AND d.attempts - d.attempts_before < :most
          AND (p.verified_at IS NOT NULL OR d.challenge)
        ORDER BY d.attempts, d.due_at, d.id
        LIMIT :suspects
        FOR UPDATE OF d SKIP LOCKED
    ), taken AS MATERIALIZED (
        SELECT id, true AS suspect, 0 AS turn, NULL::timestamptz AS due_at FROM lost
        UNION ALL
        SELECT id, suspect, turn, due_at FROM line
        ORDER BY turn, due_at, id
        LIMIT :most_rows
    ), claimed AS (
        UPDATE delivery AS d
        SET state = 'sending', token = d.token + 1, attempts = d.attempts + 1,
            lease_until = now() + make_interval(secs => :lease_s)
        FROM taken AS t
        WHERE d.id = t.id
        RETURNING d.id, d.agency_id, d.endpoint_id, d.token, d.attempts, d.attempts_before, t.suspect
    ), counted AS (
        INSERT INTO attempt (delivery_id, number, agency_id, started_at, outcome)
        SELECT id, attempts, agency_id, now(), 'unknown' FROM claimed
    )
    SELECT id, agency_id, endpoint_id, token, attempts, attempts_before, suspect FROM claimed
    """
)

# The token is the fence: whoever lost the lease to somebody else changes nothing, not even the
# attempt. Several results are recorded in one transaction; each passes its own fence. Endpoints are
# locked in the order of their ids, so that two dispatchers cannot wait for each other. What was under
# way when a circuit opened and fails then makes its hold no longer; the one that tries for all does.
SETTLE = text(
    """
    WITH said AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:said AS jsonb)) AS r (
            id uuid, token bigint, number int, state text, wait_s float8, hold_s float8,
            outcome text, status_code int, error text, address text, response_sha256 bytea)
    ), settled AS (
        UPDATE delivery AS d
        SET state = s.state,
            due_at = CASE WHEN s.state = 'pending'
                          THEN now() + make_interval(secs => s.wait_s) ELSE d.due_at END,
            settled_at = CASE WHEN s.state = 'pending' THEN NULL ELSE now() END,
            lease_until = NULL
        FROM said AS s
        WHERE d.id = s.id AND d.token = s.token AND d.state = 'sending'
        RETURNING d.id, d.endpoint_id, s.outcome, s.hold_s
    ), tried AS (
        UPDATE attempt AS a
        SET ended_at = now(), outcome = s.outcome, status_code = s.status_code, error = s.error,
            address = s.address, response_sha256 = s.response_sha256
        FROM said AS s JOIN settled USING (id)
        WHERE a.delivery_id = s.id AND a.number = s.number
    ), went AS MATERIALIZED (
        SELECT endpoint_id, bool_or(outcome = 'delivered') AS well,
               CAST(count(*) FILTER (WHERE outcome = 'failed') AS int) AS failed, max(hold_s) AS hold_s
        FROM settled GROUP BY endpoint_id
    ), locked AS MATERIALIZED (
        SELECT p.id, w.well, w.hold_s,
               CASE WHEN w.well THEN 0
                    WHEN p.held_until > now() THEN p.failures
                    WHEN p.held_until IS NOT NULL THEN p.failures + least(w.failed, 1)
                    ELSE least(p.failures + w.failed, :open_after) END AS failures,
               p.held_until > now() AS is_open
        FROM endpoint AS p JOIN went AS w ON w.endpoint_id = p.id
        WHERE w.failed > 0 OR p.failures > 0 OR p.held_until IS NOT NULL
        ORDER BY p.id
        FOR UPDATE OF p
    ), health AS (
        UPDATE endpoint AS p
        SET failures = l.failures,
            held_until = CASE
                WHEN l.well THEN NULL
                WHEN l.is_open THEN greatest(p.held_until, now() + make_interval(secs => l.hold_s))
                WHEN l.failures >= :open_after OR l.hold_s > 0 THEN
                    now() + make_interval(secs => greatest(l.hold_s, coalesce(
                        (CAST(:holds AS float8[]))[CASE WHEN l.failures >= :open_after
                            THEN least(l.failures - :open_after + 1, :most_holds) END], 0)))
                ELSE p.held_until END
        FROM locked AS l
        WHERE p.id = l.id
    )
    SELECT id FROM settled
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
      AND d.settled_at IS NULL AND d.state = 'sending'
      AND d.attempts - d.attempts_before >= :most AND d.lease_until <= now()
    RETURNING d.id
    """
)


async def claim_due(
    session: Session, *, limit: int, lease_s: float, share: int, suspects: int
) -> Sequence[Found]:
    """
    Claim what is due: pending, and so many of those under a lease that ran out.
    """
    values = {
        "most": MOST_ATTEMPTS,
        "most_rows": limit,
        "lease_s": lease_s,
        "share": share,
        "suspects": suspects,
    }
    return (await session.execute(CLAIM, values)).all()


async def settle(
    session: Session, said: Sequence[tuple[Mapping[str, Any], Step]]
) -> frozenset[UUID]:
    """
    Record how attempts went, and return the deliveries the fence let through.
    """
    lines = [
        {
            **values,
            "state": step.state.value,
            "wait_s": step.wait_s,
            "hold_s": step.hold_s,
            "outcome": step.outcome.value,
        }
        for values, step in said
    ]
    parameters = {
        "said": rows.to_json(lines),
        "open_after": OPEN_AFTER,
        "holds": list(HOLDS_S),
        "most_holds": len(HOLDS_S),
    }
    return frozenset(row.id for row in await session.execute(SETTLE, parameters))


async def retire_spent(session: Session) -> Sequence[UUID]:
    """
    Exhaust what used its last attempt and never came back from it.
    """
    return [row.id for row in await session.execute(RETIRE, {"most": MOST_ATTEMPTS})]
