"""
Reports are signed, printed once and for all, amended, certified, and verified by anyone who holds one.

Revision: 0011; after: 0010; 2026-11-25
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TENANT = "NULLIF(current_setting('assayline.tenant', true), '')::uuid"
MINE = f"agency_id = {TENANT}"
OURS = f"laboratory_id = {TENANT}"
ALL = "true"
INSTANT = postgresql.TIMESTAMP(timezone=True)


def shared(table: str) -> str:
    """
    Return the condition under which an agency may read a file's row.
    """
    return (
        f"{MINE} OR EXISTS (SELECT 1 FROM submission_access AS a"
        f" WHERE a.submission_id = {table}.submission_id AND a.agency_id = {TENANT}"
        " AND (a.expires_at IS NULL OR a.expires_at > now()))"
    )


RULES = {
    "signature": {
        # A review's signature is the laboratory's own; a report's is part of what the parties hold.
        "agency": ("SELECT", f"record = 'report' AND ({shared('signature')})", ""),
        "lab": ("SELECT, INSERT", OURS, OURS),
    },
    "report_document": {
        "agency": ("SELECT", shared("report_document"), ""),
        "lab": ("SELECT, INSERT", OURS, OURS),
        "lookup": ("SELECT (report_id, language, sha256)", ALL, ""),
    },
    "print_task": {
        "lab": ("SELECT, INSERT, DELETE", OURS, OURS),
        "worker": ("SELECT, UPDATE (due_at, attempts)", ALL, ALL),
    },
    "analyst_designation": {
        "lab": ("SELECT", OURS, ""),
        "operator": ("SELECT, INSERT, DELETE", ALL, ALL),
    },
}

FUNCTIONS = (
    (
        "owner_of_key(text, bytea)",
        "assayline_agency, assayline_lab",
        """
        CREATE FUNCTION owner_of_key(wanted text, secret bytea) RETURNS uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
            SELECT c.id
            FROM api_key AS k
            JOIN api_client AS c ON c.id = k.client_id
            JOIN agency AS g ON g.id = c.agency_id
            WHERE k.key_id = wanted AND k.secret_sha256 = secret
              AND k.revoked_at IS NULL AND c.revoked_at IS NULL AND g.closed_at IS NULL
              AND (k.expires_at IS NULL OR k.expires_at > now())
        $$
        """,
    ),
    (
        "verify_report(uuid)",
        "assayline_app",
        # A preliminary report is overtaken by a final one; a certificate by what replaces the report it rests on.
        """
        CREATE FUNCTION verify_report(wanted uuid)
        RETURNS TABLE (number text, sha256 bytea, documents jsonb, replaced boolean)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
            SELECT r.number, r.sha256,
                   (SELECT coalesce(jsonb_object_agg(d.language, encode(d.sha256, 'hex')), '{}')
                    FROM report_document AS d WHERE d.report_id = r.id),
                   EXISTS (SELECT 1 FROM report AS later
                           WHERE later.replaces_id = r.id OR later.replaces_id = r.certifies_id
                              OR (r.kind = 'preliminary' AND later.kind = 'final'
                                  AND later.sample_id = r.sample_id))
            FROM report AS r WHERE r.id = wanted
        $$
        """,
    ),
)


def upgrade() -> None:
    """
    Create what is missing; what was reported and reviewed before counts as neither practice nor signed.
    """
    op.add_column("agency", sa.Column("address", sa.Text(), nullable=True))
    op.add_column("agency", sa.Column("accreditation", sa.Text(), nullable=True))
    op.add_column(
        "review", sa.Column("kind", sa.Text(), nullable=False, server_default="technical")
    )
    op.alter_column("review", "kind", server_default=None)
    op.add_column("review", sa.Column("record_sha256", sa.LargeBinary(), nullable=True))
    op.create_check_constraint(
        op.f("ck_review_kind"), "review", "kind IN ('technical', 'administrative')"
    )
    op.add_column(
        "report", sa.Column("practice", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.alter_column("report", "practice", server_default=None)
    op.add_column("report", sa.Column("certifies_id", sa.Uuid(), nullable=True))
    op.create_unique_constraint(op.f("uq_report_replaces_id"), "report", ["replaces_id"])
    _kinds("'preliminary', 'final', 'certificate'")
    op.create_check_constraint(
        op.f("ck_report_certifies"),
        "report",
        "(kind = 'certificate') = (certifies_id IS NOT NULL)"
        " AND NOT (kind = 'certificate' AND practice)",
    )
    op.create_table(
        "signature",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("record_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("signer_id", sa.Uuid(), nullable=False),
        sa.Column("signer_name", sa.Text(), nullable=False),
        sa.Column("meaning", sa.Text(), nullable=False),
        sa.Column("proved_by", sa.Text(), nullable=False),
        sa.Column("signed_at", INSTANT, nullable=False),
        sa.CheckConstraint("record IN ('review', 'report')", name=op.f("ck_signature_record")),
        sa.CheckConstraint(
            "meaning IN ('technical_review', 'administrative_review', 'return', 'release', 'amendment', 'certificate')",
            name=op.f("ck_signature_meaning"),
        ),
        sa.CheckConstraint(
            "octet_length(record_sha256) = 32", name=op.f("ck_signature_record_sha256")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_signature"),
    )
    op.create_index("ix_signature_record_id", "signature", ["record_id"])
    op.create_index("ix_signature_sample_id_signed_at", "signature", ["sample_id", "signed_at"])
    op.create_table(
        "report_document",
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("pdf", sa.LargeBinary(), nullable=False),
        sa.Column("printed_at", INSTANT, nullable=False),
        sa.CheckConstraint("language IN ('en', 'fr')", name=op.f("ck_report_document_language")),
        sa.ForeignKeyConstraint(["report_id"], ["report.id"], name="fk_report_document_report_id"),
        sa.PrimaryKeyConstraint("report_id", "language", name="pk_report_document"),
    )
    op.create_table(
        "print_task",
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["report_id"], ["report.id"], name="fk_print_task_report_id"),
        sa.PrimaryKeyConstraint("report_id", name="pk_print_task"),
    )
    op.create_index("ix_print_task_due_at", "print_task", ["due_at"])
    op.create_table(
        "analyst_designation",
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("statute", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("designated_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["laboratory_id"], ["agency.id"], name="fk_analyst_designation_laboratory_id"
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["api_client.id"], name="fk_analyst_designation_client_id"
        ),
        sa.PrimaryKeyConstraint("client_id", "statute", name="pk_analyst_designation"),
    )
    for table, roles in RULES.items():
        _secure(table, roles)
    # The function that verifies reads these columns of a report and no others.
    op.execute(
        "GRANT SELECT (id, number, sha256, kind, sample_id, replaces_id, certifies_id)"
        " ON report TO assayline_lookup"
    )
    op.execute("CREATE POLICY lookup ON report TO assayline_lookup USING (true) WITH CHECK (false)")
    for signature, callers, definition in FUNCTIONS:
        op.execute(definition)
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {callers}")
        op.execute("GRANT CREATE ON SCHEMA public TO assayline_lookup")
        op.execute(f"ALTER FUNCTION {signature} OWNER TO assayline_lookup")
        op.execute("REVOKE CREATE ON SCHEMA public FROM assayline_lookup")


def downgrade() -> None:
    """
    Drop it. Certificates cannot be kept: the schema before has no word for them.
    """
    for signature, *_ in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
    op.execute("DROP POLICY lookup ON report")
    op.execute(
        "REVOKE SELECT (id, number, sha256, kind, sample_id, replaces_id, certifies_id)"
        " ON report FROM assayline_lookup"
    )
    for table in RULES:
        op.drop_table(table)
    op.drop_constraint(op.f("ck_report_certifies"), "report")
    # Forced row-level security hides every row from the owner too.
    op.execute("ALTER TABLE report NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM report WHERE kind = 'certificate'")
    op.execute("ALTER TABLE report FORCE ROW LEVEL SECURITY")
    _kinds("'preliminary', 'final'")
    op.drop_constraint(op.f("uq_report_replaces_id"), "report")
    op.drop_column("report", "certifies_id")
    op.drop_column("report", "practice")
    op.drop_constraint(op.f("ck_review_kind"), "review")
    op.drop_column("review", "record_sha256")
    op.drop_column("review", "kind")
    op.drop_column("agency", "accreditation")
    op.drop_column("agency", "address")


def _kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_report_kind"), "report")
    op.create_check_constraint(op.f("ck_report_kind"), "report", f"kind IN ({kinds})")


def _secure(table: str, roles: dict[str, tuple[str, str, str]]) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for short, (verbs, seen, written) in roles.items():
        role = f"assayline_{short}"
        op.execute(f"GRANT {verbs} ON {table} TO {role}")
        op.execute(
            f"CREATE POLICY {short} ON {table} TO {role}"
            f" USING ({seen}) WITH CHECK ({written or 'false'})"
        )
