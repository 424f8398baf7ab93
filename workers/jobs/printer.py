"""
Print what was released.
"""

from app.results import service as results
from workers.resources import Resources


async def print_reports(resources: Resources) -> None:
    """
    Print every report that waits; bell or no bell.
    """
    await results.print_due(resources.database, public_url=resources.settings.public_url)
