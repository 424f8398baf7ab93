"""
What was measured, in words and figures.
"""

import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil

from bench import push

RESULTS = Path(__file__).with_name("RESULTS.md")


@dataclass
class Operation:
    """
    One operation of ours beside its limit, round by round.
    """

    name: str
    limit_name: str
    ours: list[float] = field(default_factory=list)
    limit: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    """Of the API process, for each answer."""
    note: str = ""

    @property
    def ratios(self) -> list[float]:
        """
        Ours by its limit, each round against the one measured right after it.
        """
        return [ours / limit for ours, limit in zip(self.ours, self.limit, strict=True)]

    def line(self) -> str:
        """
        Write a line of the table.
        """
        ratio = statistics.median(self.ratios)
        cells = (
            self.name,
            f"{statistics.median(self.ours):,.0f}",
            f"{statistics.median(self.limit):,.0f}",
            f"**{ratio:.2f}** [{min(self.ratios):.2f}-{max(self.ratios):.2f}]",
            f"{statistics.median(self.p50_ms):.2f}",
            f"{statistics.median(self.p99_ms):.2f}",
            f"{statistics.median(self.cpu_ms):.2f}",
            self.limit_name,
        )
        return f"| {' | '.join(cells)} |"


HEAD = """\
| operation | ours, per second | limit, per second | ratio [min-max] | p50 ms | p99 ms | CPU ms | the limit |
|---|--:|--:|--:|--:|--:|--:|---|"""


def table(operations: Sequence[Operation]) -> str:
    """
    Write the table.
    """
    return "\n".join((HEAD, *(operation.line() for operation in operations)))


def write(
    operations: Sequence[Operation],
    pushed: Sequence[push.Figure],
    *,
    command: str,
    server: str,
    how: str,
    load: float,
    path: Path = RESULTS,
) -> None:
    """
    Write `RESULTS.md` anew.

    Args:
        operations: what was measured.
        pushed: the figures of the push.
        command: what was typed.
        server: the database's version.
        how: rounds, seconds and sizes.
        load: how many processes wanted a core before it began.
        path: where to write.

    """
    notes = "\n".join(f"* **{one.name}**: {one.note}" for one in operations if one.note)
    text = f"""\
# What it does in a second, and what it could

Written by `{command}` on {datetime.now(UTC):%Y-%m-%d}. Every ratio is of two measurements made in the same run, one
right after the other; the figures themselves say as much about the machine as about the service.

{table(operations)}

CPU is what the API process kept a core busy for, for each answer.

{push.table(pushed)}

{how}

Machine: {psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.system()}; {server};
Python {platform.python_version()}. Load when it began: {load:.1f}; above 1 something else was at work too. Client,
server, limit and database share these cores.

## What is measured

One API process (uvicorn, uvloop, no access log) on the private PostgreSQL of the default profile with durable settings
(`fsync`, `synchronous_commit`, `full_page_writes` on), with its doorbell. The client keeps 8 connections, each in a
closed loop with a key of its own, and speaks HTTP by hand, so that it is not what is measured. Rates are medians of the
rounds, latencies medians of each round's percentile, ratios medians of the rounds' ratios.

{notes}

{push.NOTES}

## What the limits leave out, and what is weak here

* pgbench sends the statements recorded from the service at work in this run, `BEGIN` and `COMMIT` included, as prepared
  statements, over as many connections. It does not read a request, check a key (the service asks for each key again
  every half second), judge a risk, ring the doorbell, or write an answer.
* So that no transaction repeats another's ids, pgbench passes some parameters through `replace()`: a little work that
  the service's own statements do not have. It makes the limit slightly lower than it is. Its submissions and the
  service's go into the same tables, which grow during the run, on both sides alike.
* The bare endpoint answers bytes that lie ready: no validation, no serialization, no database, no key. Nothing that
  reads a row can reach it.
* Load and server share the cores: with more cores the service, which is one process here, would have one to itself.
* A closed loop hides what a queue of waiting callers would see: the latencies are those of 8 callers, not of a rate.
* But for the push, no worker runs meanwhile: nothing is numbered in the ledger and nothing is pushed, on either side.
"""
    path.write_text(text, encoding="utf-8")
