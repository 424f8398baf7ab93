"""
What PostgreSQL counts, through the one function there that counts across tenants and tells nothing but numbers.
"""

from typing import Any

import structlog
from prometheus_client import Gauge, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.kit.db import KEY_LOOKUP, OPERATOR, Database
from app.kit.metrics import REGISTRY

_log = structlog.get_logger(__name__)

_UP = Gauge("assayline_database_up", "1 when the database answered this scrape.", registry=REGISTRY)
_XMIN = Gauge(
    "assayline_oldest_xmin_age_seconds",
    "Age of the oldest transaction that keeps dead rows from being removed, of those this login may see.",
    registry=REGISTRY,
)

FIGURES = {
    "deliveries_pending": Gauge(
        "assayline_deliveries_pending", "Pushes owed and not yet taken.", registry=REGISTRY
    ),
    "oldest_undelivered_seconds": Gauge(
        "assayline_oldest_undelivered_seconds", "Age of the oldest of them.", registry=REGISTRY
    ),
    "deliveries_exhausted": Gauge(
        "assayline_deliveries_exhausted", "Pushes given up and not replayed.", registry=REGISTRY
    ),
    "ledger_pending": Gauge(
        "assayline_ledger_pending", "Ledger entries that wait for their number.", registry=REGISTRY
    ),
    "oldest_pending_seconds": Gauge(
        "assayline_oldest_ledger_pending_seconds", "Age of the oldest of them.", registry=REGISTRY
    ),
    "corrections_open": Gauge(
        "assayline_corrections_open",
        "Corrections nobody at their recipient has acknowledged.",
        registry=REGISTRY,
    ),
    "oldest_correction_seconds": Gauge(
        "assayline_oldest_correction_open_seconds", "Age of the oldest of them.", registry=REGISTRY
    ),
    "samples_waiting": Gauge(
        "assayline_samples_waiting",
        "Samples nobody holds, by stage.",
        ("stage",),
        registry=REGISTRY,
    ),
    "samples_held": Gauge(
        "assayline_samples_held", "Samples under a claim, by stage.", ("stage",), registry=REGISTRY
    ),
    "dead_rows": Gauge(
        "assayline_dead_rows", "Dead rows of the busy tables.", ("table",), registry=REGISTRY
    ),
}
"""What the database's function ``figures()`` tells, by its name there."""

LABELED = frozenset({"samples_waiting", "samples_held", "dead_rows"})

_FIGURES = text("SELECT name, label, value FROM figures()")
_OLDEST = text(
    "SELECT coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)), 0)"
    " FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()"
)


async def scrape(database: Database) -> bytes:
    """
    Return everything in Prometheus' text form; without the figures when the database does not answer.
    """
    for name in LABELED:
        FIGURES[name].clear()
    try:
        async with database.reading(OPERATOR) as session:
            for row in await session.execute(_FIGURES):
                _set(row)
        async with database.reading(KEY_LOOKUP) as session:
            _XMIN.set(float((await session.execute(_OLDEST)).scalar_one()))
    except (SQLAlchemyError, OSError) as problem:
        _log.warning("figures_missing", error=type(problem).__name__)
        _UP.set(0)
    else:
        _UP.set(1)
    return generate_latest(REGISTRY)


def _set(row: Any) -> None:
    gauge = FIGURES.get(row.name)
    if gauge is not None:
        (gauge.labels(row.label) if row.name in LABELED else gauge).set(float(row.value))
