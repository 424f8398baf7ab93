"""
What the laboratory records, concludes, reviews and reports.
"""

from app.results.service.amend import amend
from app.results.service.analyses import analyses_of, record_analysis
from app.results.service.certify import CertificateRules, certify
from app.results.service.closing import close_after_screen
from app.results.service.files import attach, attachments_of
from app.results.service.findings import record_finding
from app.results.service.floor import floor
from app.results.service.look_up import document_of, file_of, findings_of, reports_of, verify
from app.results.service.methods import (
    methods,
    suggest,
    suggest_each,
    techniques,
    write_method,
    write_technique,
)
from app.results.service.packet import open_packet
from app.results.service.printing import print_due
from app.results.service.release import release_finding
from app.results.service.review import record_review, release_report
from app.results.service.standing import contradict, state_contradiction, withdraw_finding

__all__ = [
    "CertificateRules",
    "amend",
    "analyses_of",
    "attach",
    "attachments_of",
    "certify",
    "close_after_screen",
    "contradict",
    "document_of",
    "file_of",
    "findings_of",
    "floor",
    "methods",
    "open_packet",
    "print_due",
    "record_analysis",
    "record_finding",
    "record_review",
    "release_finding",
    "release_report",
    "reports_of",
    "state_contradiction",
    "suggest",
    "suggest_each",
    "techniques",
    "verify",
    "withdraw_finding",
    "write_method",
    "write_technique",
]
