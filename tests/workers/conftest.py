"""
What the tests of pushing share.
"""

from collections.abc import Callable

import pytest

from app.kit.db import Database
from app.kit.secrets import Key
from app.settings import Settings
from tests.workers.push import Agency, key_of, quiet

NewAgency = Callable[[], Agency]


@pytest.fixture
def key(config: Settings) -> Key:
    """
    The key that seals webhook secrets.
    """
    return key_of(config)


@pytest.fixture
async def new_agency(database: Database, worker_database: Database, key: Key) -> NewAgency:
    """
    Make agencies; whatever earlier tests left owing is settled first.
    """
    await quiet(worker_database)
    return lambda: Agency(database, worker_database, key)
