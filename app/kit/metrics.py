"""
What one process counts and measures, in Prometheus' words: base units, and no agency's or sample's id as a label.

Counters begin again with their process; what PostgreSQL counts is in ``figures.py``.
"""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)


def _counter(name: str, told: str, labels: Sequence[str] = ()) -> Counter:
    return Counter(f"assayline_{name}", told, labels, registry=REGISTRY)


REQUEST_SECONDS = Histogram(
    "assayline_http_request_duration_seconds",
    "How long answers took, by operation and status.",
    ("operation", "status"),
    registry=REGISTRY,
)
POOL_WAIT_SECONDS = Histogram(
    "assayline_database_pool_wait_seconds",
    "How long work waited for a database connection.",
    buckets=(0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 30),
    registry=REGISTRY,
)
UNAVAILABLE = _counter(
    "unavailable_total", "Requests answered 503: the database was away, full or busy."
)
DENIALS = _counter(
    "authz_denials_total", "Requests refused for who sent them, by reason.", ("reason",)
)
IDEMPOTENCY = _counter(
    "idempotency_total",
    "Requests with an Idempotency-Key: stored, replayed, or a key reused for something else.",
    ("outcome",),
)
DOUBLES = _counter("doubles_refused_total", "Submissions refused as doubles by their natural key.")
FENCED = _counter(
    "fenced_writes_total", "Writes of someone whose claim was over, refused.", ("what",)
)
RESCUED = _counter(
    "rescued_leases_total", "Leases that ran out and were taken over or given back.", ("what",)
)
ATTEMPTS = _counter(
    "delivery_attempts_total", "Attempts to push an event, by how they ended.", ("outcome",)
)
ADDRESS_BLOCKS = _counter(
    "webhook_address_blocks_total", "Pushes not sent because their address is a forbidden one."
)
RINGS = _counter("doorbell_rings_total", "Rings of the doorbell, by outcome.", ("outcome",))
BREAKER = Gauge(
    "assayline_doorbell_breaker_open",
    "1 while the doorbell is left alone because Redis failed a moment ago.",
    registry=REGISTRY,
)

# Labels are there from the start, so that an alert on a rate sees the first event too.
for _reason in ("no_key", "forbidden"):
    DENIALS.labels(_reason)
for _outcome in ("stored", "replayed", "reused"):
    IDEMPOTENCY.labels(_outcome)
for _what in ("claim", "delivery"):
    FENCED.labels(_what)
    RESCUED.labels(_what)
for _outcome in ("delivered", "failed", "exhausted"):
    ATTEMPTS.labels(_outcome)
for _outcome in ("rung", "failed"):
    RINGS.labels(_outcome)
