"""
The record: write what happened, number it, hand it out by number, prove it unchanged.
"""

from app.ledger.service.number import number_pending
from app.ledger.service.prove import Verdict, export, links_of, verify
from app.ledger.service.read import feed_page, feed_top, oldest_pending_age
from app.ledger.service.write import BELL, Fact, record

__all__ = [
    "BELL",
    "Fact",
    "Verdict",
    "export",
    "feed_page",
    "feed_top",
    "links_of",
    "number_pending",
    "oldest_pending_age",
    "record",
    "verify",
]
