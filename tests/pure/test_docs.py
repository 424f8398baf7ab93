"""
What is generated is up to date.
"""

from pathlib import Path

from app.samples import lifecycle

DOCS = Path(__file__).parents[2] / "docs"


def test_the_lifecycle_page_is_what_the_table_of_moves_says() -> None:
    """
    docs/lifecycle.md cannot go stale: ``make docs`` writes it anew.
    """
    written = (DOCS / "lifecycle.md").read_text(encoding="utf-8")

    assert lifecycle.page() == written
