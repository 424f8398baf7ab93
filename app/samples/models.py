"""
Tables of submissions, samples, who has a part in a file, hearings, assessments, the queue and its claims.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from app.kit.db import metadata
from app.samples.rules import ClaimOutcome, Party, Stage, Status

INSTANT = TIMESTAMP(timezone=True)


def _one_of(column: str, values: type[Status | Stage | ClaimOutcome | Party]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


submission = Table(
    "submission",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, nullable=False),
    Column("laboratory_id", Uuid, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("agency_file_number", Text, nullable=False),
    Column("seized_at", INSTANT, nullable=False),
    Column("submitted_at", INSTANT, nullable=False),
    Column("small_parcel", Boolean, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("id", "agency_id"),
    Index(None, "agency_id", "agency_file_number"),
    Index(None, "agency_id", "id"),
    Index(None, "laboratory_id", "id"),
)

submission_access = Table(
    "submission_access",
    metadata,
    Column("submission_id", Uuid, primary_key=True),
    Column("agency_id", Uuid, primary_key=True),
    Column("owner_agency_id", Uuid, nullable=False),
    Column("laboratory_id", Uuid, nullable=False),
    Column("party", Text, nullable=False),
    Column("granted_at", INSTANT, nullable=False),
    Column("expires_at", INSTANT),
    # Only who owns a file can give a part in it: the database checks whose it is.
    ForeignKeyConstraint(
        ["submission_id", "owner_agency_id"], ["submission.id", "submission.agency_id"]
    ),
    CheckConstraint(_one_of("party", Party), name="party"),
    Index(None, "agency_id", "submission_id"),
    Index(
        "ix_submission_access_shared",
        "agency_id",
        "submission_id",
        postgresql_where=text("agency_id <> owner_agency_id"),
    ),
)

correction = Table(
    "correction",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, nullable=False),
    Column("laboratory_id", Uuid, nullable=False),
    Column("submission_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("changes", JSONB, nullable=False),
    Column("made_by", Uuid, nullable=False),
    Column("made_by_name", Text, nullable=False),
    Column("made_at", INSTANT, nullable=False),
    UniqueConstraint("submission_id", "version"),
    ForeignKeyConstraint(["submission_id", "agency_id"], ["submission.id", "submission.agency_id"]),
)
"""What an agency said wrongly, field by field, before and after. Never changed: a further mistake is a further row."""

hearing = Table(
    "hearing",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, nullable=False),
    Column("laboratory_id", Uuid, nullable=False),
    Column("submission_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("held_on", Date, nullable=False),
    ForeignKeyConstraint(["submission_id", "agency_id"], ["submission.id", "submission.agency_id"]),
    Index(None, "submission_id"),
)
"""Court dates live here and nowhere near the ranking."""

sample = Table(
    "sample",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, nullable=False),
    Column("laboratory_id", Uuid, nullable=False),
    Column("submission_id", Uuid, nullable=False),
    Column("agency_file_number", Text, nullable=False),
    Column("exhibit_number", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("small_parcel", Boolean, nullable=False),
    Column("small_quantity", Boolean, nullable=False),
    Column("status", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("submitted_at", INSTANT, nullable=False),
    Column("received_at", INSTANT),
    Column("screened_at", INSTANT),
    Column("confirmed_at", INSTANT),
    Column("reported_at", INSTANT),
    Column("updated_at", INSTANT, nullable=False),
    Column("assessment_id", Uuid, nullable=False),
    Column("rank_key", BigInteger, nullable=False),
    Column("resumes_to", Text),
    Column("halt_id", Uuid),
    UniqueConstraint("agency_id", "agency_file_number", "exhibit_number"),
    ForeignKeyConstraint(["submission_id", "agency_id"], ["submission.id", "submission.agency_id"]),
    CheckConstraint(_one_of("status", Status), name="status"),
    CheckConstraint("(status = 'submitted') <= (received_at IS NULL)", name="submitted"),
    CheckConstraint(
        "(status IN ('received', 'screening', 'screened', 'confirming', 'confirmed', 'in_review', 'reported'))"
        " <= (received_at IS NOT NULL)",
        name="received",
    ),
    CheckConstraint(
        "(status IN ('confirmed', 'in_review', 'reported')) <= (confirmed_at IS NOT NULL)",
        name="confirmed",
    ),
    CheckConstraint("(status = 'reported') = (reported_at IS NOT NULL)", name="reported"),
    CheckConstraint(
        "(status IN ('withdrawn', 'rejected', 'on_hold', 'stopped', 'closed_screen_only'))"
        " = (resumes_to IS NOT NULL) AND (resumes_to IS NULL) = (halt_id IS NULL)",
        name="halted",
    ),
    CheckConstraint(
        "resumes_to IN ('submitted', 'received', 'screened', 'confirmed')", name="resumes_to"
    ),
    Index(None, "agency_id", "id"),
    Index(None, "agency_id", "status", "id"),
    Index(None, "agency_id", "updated_at", "id"),
    Index(None, "laboratory_id", "id"),
    Index(None, "laboratory_id", "status", "id"),
    Index(None, "submission_id"),
    postgresql_with={"fillfactor": "85"},
)
"""``rank_key`` is the key of the stage at hand, in microseconds since 1970.

``body`` is the exhibit as the agency described it. ``resumes_to`` is where a halted sample goes on, ``halt_id`` why it
is halted."""

halt = Table(
    "halt",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, nullable=False),
    Column("laboratory_id", Uuid, nullable=False),
    Column("submission_id", Uuid, nullable=False),
    Column("sample_id", Uuid, nullable=False),
    Column("act", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("made_by", Uuid, nullable=False),
    Column("made_by_name", Text, nullable=False),
    Column("made_by_agency_id", Uuid, nullable=False),
    Column("made_at", INSTANT, nullable=False),
    CheckConstraint(
        "act IN ('withdraw', 'reject', 'hold', 'resume', 'stop', 'close', 'reopen')", name="act"
    ),
    Index(None, "sample_id", "made_at"),
)
"""Every pause, ending and return, with its reason, its words and the name of who made it. Never changed."""

assessment = Table(
    "assessment",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, nullable=False),
    Column("laboratory_id", Uuid, nullable=False),
    Column("submission_id", Uuid, nullable=False),
    Column("sample_id", Uuid, nullable=False),
    Column("policy", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("assessed_at", INSTANT, nullable=False),
    Column("band", Text, nullable=False),
    Column("p_lethal_opioid", Double, nullable=False),
    Column("harm_per_day", Double, nullable=False),
    Column("harm_per_bench_day", Double, nullable=False),
    Column("head_start_us", BigInteger, nullable=False),
    Column("detail", JSONB, nullable=False),
    Column("laboratory_only", Boolean, nullable=False, server_default=text("false")),
    CheckConstraint(_one_of("stage", Stage), name="stage"),
    Index(None, "sample_id", "assessed_at"),
)
"""Never changed: a new fact or policy adds a row. ``detail`` holds the probabilities and every reason.

One that rests on what the laboratory found is ``laboratory_only``: agencies read what is released, and the assessment
of what they themselves told."""

queue_task = Table(
    "queue_task",
    metadata,
    Column("sample_id", Uuid, primary_key=True),
    Column("laboratory_id", Uuid, nullable=False),
    Column("stage", Text, nullable=False),
    Column("rank_key", BigInteger, nullable=False),
    Column("aged_from", INSTANT, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("claim_id", Uuid),
    Column("holder", Uuid),
    Column("lease_until", INSTANT),
    Column("open_since", INSTANT),
    Column("kept_since", INSTANT),
    CheckConstraint(_one_of("stage", Stage), name="stage"),
    CheckConstraint(
        "(holder IS NULL) = (lease_until IS NULL) AND (holder IS NULL) = (claim_id IS NULL)",
        name="lease",
    ),
    Index("ix_queue_task_rank", "laboratory_id", "stage", "rank_key", "sample_id"),
    Index("ix_queue_task_oldest", "laboratory_id", "stage", "aged_from", "sample_id"),
    postgresql_with={"fillfactor": "70", "autovacuum_vacuum_scale_factor": "0.01"},
)
"""One narrow row per open sample. No lease column is in any index, so that heartbeats stay in place (C8).

``open_since``: an analysis is recorded under the present claim, so it does not lapse; ``kept_since``: its lease ran
out, and the sweep has left it."""

bench_turn = Table(
    "bench_turn",
    metadata,
    Column("laboratory_id", Uuid, primary_key=True),
    Column("stage", Text, primary_key=True),
    Column("starts", BigInteger, nullable=False),
    postgresql_with={"fillfactor": "50"},
)
"""How many tasks this laboratory has started at this stage: every twentieth takes the oldest."""

claim = Table(
    "claim",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("laboratory_id", Uuid, nullable=False),
    Column("sample_id", Uuid, nullable=False),
    Column("stage", Text, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("holder", Uuid, nullable=False),
    Column("taken_at", INSTANT, nullable=False),
    Column("taken_as_oldest", Boolean, nullable=False),
    Column("ended_at", INSTANT),
    Column("outcome", Text),
    Column("reason", Text),
    CheckConstraint(_one_of("outcome", ClaimOutcome), name="outcome"),
    CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name="ended"),
    UniqueConstraint("sample_id", "token"),
    Index("uq_claim_open", "sample_id", unique=True, postgresql_where=text("ended_at IS NULL")),
    Index(
        "ix_claim_done",
        "laboratory_id",
        "stage",
        "ended_at",
        postgresql_where=text("outcome = 'done'"),
    ),
)
