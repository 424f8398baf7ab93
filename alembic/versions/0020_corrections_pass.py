"""
A correction of a result, and a reminder of one, reaches every endpoint of its recipient, whatever files it asked for.

Revision: 0020; after: 0019; 2026-11-25
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TENANT = "NULLIF(current_setting('assayline.tenant', true), '')::uuid"
UNFILTERED = "OR e.type IN ('report.amended', 'finding.contradicted', 'finding.withdrawn', 'event.unacknowledged')"

OWE = """
    CREATE OR REPLACE FUNCTION owe_deliveries(event_ids uuid[], only_endpoint uuid DEFAULT NULL)
    RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
        WITH owed AS (
            INSERT INTO delivery
                (id, agency_id, event_id, endpoint_id, state, attempts, due_at, token, created_at, challenge)
            SELECT gen_random_uuid(), e.agency_id, e.id, p.id, 'pending', 0, now(), 0, now(),
                   e.type = 'webhook.challenge'
            FROM event AS e
            LEFT JOIN submission AS s ON s.id = e.submission_id
            JOIN endpoint AS p ON p.agency_id = e.agency_id AND p.disabled_at IS NULL
             AND CASE WHEN only_endpoint IS NULL
                      THEN p.verified_at IS NOT NULL
                       AND (p.event_types IS NULL OR e.type = ANY (p.event_types))
                       AND (p.file_number_prefix IS NULL OR e.type = 'webhook.secret_rotated' {more}
                            OR starts_with(s.agency_file_number, p.file_number_prefix))
                      ELSE p.id = only_endpoint END
            WHERE e.id = ANY (event_ids)
            ON CONFLICT (event_id, endpoint_id) DO NOTHING
            RETURNING 1)
        SELECT count(*) FROM owed
    $$
"""

REPLAY = """
    CREATE OR REPLACE FUNCTION replay_deliveries(
        to_endpoint uuid, event_ids uuid[], since timestamptz, until timestamptz, only_exhausted boolean, most integer)
    RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
        WITH chosen AS MATERIALIZED (
            SELECT e.id, e.agency_id, p.id AS endpoint_id
            FROM endpoint AS p
            JOIN event AS e ON e.agency_id = p.agency_id
            LEFT JOIN submission AS s ON s.id = e.submission_id
            LEFT JOIN delivery AS d ON d.event_id = e.id AND d.endpoint_id = p.id
            WHERE p.id = to_endpoint AND p.agency_id = {tenant}
              AND p.disabled_at IS NULL AND p.verified_at IS NOT NULL
              AND e.type NOT IN ('webhook.challenge', 'webhook.test')
              AND (event_ids IS NULL OR e.id = ANY (event_ids))
              AND (since IS NULL OR e.occurred_at >= since)
              AND (until IS NULL OR e.occurred_at < until)
              AND (NOT only_exhausted OR d.state = 'exhausted')
              AND (d.id IS NOT NULL OR
                   ((p.event_types IS NULL OR e.type = ANY (p.event_types))
                    AND (p.file_number_prefix IS NULL {more}
                         OR starts_with(s.agency_file_number, p.file_number_prefix))))
              AND d.state IS DISTINCT FROM 'sending'
            ORDER BY e.id
            LIMIT most
        ), again AS (
            INSERT INTO delivery
                (id, agency_id, event_id, endpoint_id, state, attempts, due_at, token, created_at)
            SELECT gen_random_uuid(), agency_id, id, endpoint_id, 'pending', 0, now(), 0, now()
            FROM chosen
            ON CONFLICT (event_id, endpoint_id) DO UPDATE
                SET state = 'pending', settled_at = NULL, due_at = now(), lease_until = NULL,
                    token = delivery.token + 1, attempts_before = delivery.attempts
                WHERE delivery.state <> 'sending'
            RETURNING 1)
        SELECT count(*) FROM again
    $$
"""


def upgrade() -> None:
    """
    Let them pass the filter by file number, when they happen and when they are sent again.
    """
    _replace(UNFILTERED)


def downgrade() -> None:
    """
    Filter them like everything else.
    """
    _replace("")


def _replace(more: str) -> None:
    op.execute(OWE.format(more=more))
    op.execute(REPLAY.format(more=more, tenant=TENANT))
