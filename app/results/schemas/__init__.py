"""
What callers send and read about analyses, findings, reviews and reports.
"""

from app.results.schemas.bench import AnalysisIn, AnalysisOut, FindingIn, FindingOut
from app.results.schemas.mending import ContradictionIn, FindingWithdrawalIn
from app.results.schemas.reporting import (
    AmendmentIn,
    CertificateIn,
    FileOut,
    Language,
    ReleaseIn,
    ReportIn,
    ReportOut,
    ReviewIn,
    ReviewLine,
    ReviewOut,
    SignatureOut,
    VerifiedOut,
)

__all__ = [
    "AmendmentIn",
    "AnalysisIn",
    "AnalysisOut",
    "CertificateIn",
    "ContradictionIn",
    "FileOut",
    "FindingIn",
    "FindingOut",
    "FindingWithdrawalIn",
    "Language",
    "ReleaseIn",
    "ReportIn",
    "ReportOut",
    "ReviewIn",
    "ReviewLine",
    "ReviewOut",
    "SignatureOut",
    "VerifiedOut",
]
