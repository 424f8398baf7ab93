"""
Reports on paper: from the stored text of a report to PDF/A, offline, with fonts embedded, in English and in French.

Nothing here reads a clock, a database or a request: what is printed comes from the stored report alone.
"""

from app.results.paper.layout import Signed, Source, lay_out
from app.results.paper.render import PrintingError, render

__all__ = ["PrintingError", "Signed", "Source", "lay_out", "render"]
