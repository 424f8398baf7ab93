"""
Structured logs: one JSON object per line, UTC, an event name; never a secret, never case content.
"""

import logging
import sys

import structlog


def configure(*, level: str = "INFO") -> None:
    """
    Log as JSON to standard error, this process's own lines and the libraries' alike.
    """
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
