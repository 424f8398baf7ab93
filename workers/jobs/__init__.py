"""
The jobs.

Thin, without arguments, each a call of a service. The sweep and the doorbell call the same
functions.
"""

from collections.abc import Awaitable, Callable, Mapping

from app import nudge
from workers.jobs import deliver, printer, sweep
from workers.resources import Resources

Job = Callable[[Resources], Awaitable[None]]

ON_RING: Mapping[str, Job] = {
    nudge.DELIVER: deliver.deliver,
    nudge.NUMBER: sweep.number,
    nudge.OVERDUE: sweep.overdue,
    nudge.PRINT: printer.print_reports,
}
"""What each bell makes a worker look at."""

ON_SWEEP: tuple[Job, ...] = (
    deliver.deliver,
    sweep.number,
    printer.print_reports,
    sweep.lapse,
    sweep.rerank,
    sweep.overdue,
    sweep.apply_policies,
    sweep.judge,
    sweep.retire,
    sweep.remind,
)
"""
What is looked at on every sweep, bell or no bell. Each has its own loop: a slow one holds up none.
"""
