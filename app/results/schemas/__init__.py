"""
What callers send and read about analyses, findings, reviews and reports.
"""

from app.results.schemas.bench import AnalysisIn, AnalysisOut, FindingIn, FindingOut
from app.results.schemas.reporting import ReleaseIn, ReportOut, ReviewIn, ReviewOut

__all__ = [
    "AnalysisIn",
    "AnalysisOut",
    "FindingIn",
    "FindingOut",
    "ReleaseIn",
    "ReportOut",
    "ReviewIn",
    "ReviewOut",
]
