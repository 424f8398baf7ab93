"""
What the tests of faults share: how long they run, and what a long run says.
"""

import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from app.kit.db import Database
from app.kit.secrets import Key
from app.settings import Settings
from tests.faults.crew import Story
from tests.workers.push import Agency, key_of, quiet, receiving

SOAK = bool(os.environ.get("SOAK"))
"""Set by ``make soak``: the long variants."""

Rounds = Callable[[int, int], int]
Tell = Callable[[str], None]


@pytest.fixture
def rounds() -> Rounds:
    """
    Choose between a few rounds in the suite and many in a soak.
    """
    return lambda few, many: many if SOAK else few


@pytest.fixture
def tell(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Tell:
    """
    Say seeds and counts: they belong to the result. A soak also writes them where SOAK names a file.
    """

    def say(line: str) -> None:
        name = request.node.name
        with capsys.disabled():
            sys.stdout.write(f"\n{name}: {line}\n")
        if SOAK and os.environ["SOAK"] != "1":
            with Path(os.environ["SOAK"]).open("a", encoding="utf-8") as file:
                file.write(f"| `{name}` | {line} |\n")

    return say


@pytest.fixture
async def story(
    config: Settings, database: Database, worker_database: Database
) -> AsyncIterator[Story]:
    """
    A new agency whose events go to a sound receiver; whatever earlier tests left owing is settled first.
    """
    await quiet(worker_database)
    key: Key = key_of(config)
    async with receiving() as receiver:
        agency = await Agency(database, worker_database, key).listen(receiver)
        yield Story(agency, receiver)
