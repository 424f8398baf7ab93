"""
What the laboratory records, concludes, reviews and reports.
"""

from app.results.service.analyses import record_analysis
from app.results.service.closing import close_after_screen
from app.results.service.files import attach, attachments_of
from app.results.service.findings import record_finding
from app.results.service.look_up import findings_of, reports_of
from app.results.service.methods import (
    methods,
    suggest,
    techniques,
    write_method,
    write_technique,
)
from app.results.service.release import release_finding
from app.results.service.review import record_review, release_report

__all__ = [
    "attach",
    "attachments_of",
    "close_after_screen",
    "findings_of",
    "methods",
    "record_analysis",
    "record_finding",
    "record_review",
    "release_finding",
    "release_report",
    "reports_of",
    "suggest",
    "techniques",
    "write_method",
    "write_technique",
]
