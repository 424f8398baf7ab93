"""
What the laboratory records, concludes, reviews and reports.
"""

from app.results.service.bench import record_analysis, record_finding
from app.results.service.look_up import findings_of, reports_of
from app.results.service.release import release_finding
from app.results.service.review import record_review, release_report

__all__ = [
    "findings_of",
    "record_analysis",
    "record_finding",
    "record_review",
    "release_finding",
    "release_report",
    "reports_of",
]
