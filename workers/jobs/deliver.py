"""
Push what is owed.
"""

from workers.resources import Resources


async def deliver(resources: Resources) -> None:
    """
    Have the courier look.

    It does not wait for it: a send is never cut short because a job's time is up.
    """
    resources.courier.poke()
