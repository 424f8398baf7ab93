"""
The API as it must not be: it answers first and commits a moment later, as FastAPI's ordinary dependencies do.
"""

import asyncio
from collections.abc import AsyncIterator

from fastapi import FastAPI

from app.access.deps import AnyCaller, write_session
from app.kit.db import Session
from app.kit.http import Here
from app.main import create_app as sound_app

LATE_S = 1.0
_late: set[asyncio.Task[None]] = set()


async def _late_session(here: Here, who: AnyCaller) -> AsyncIterator[Session]:
    transaction = here.database.transaction(who.context)
    yield await transaction.__aenter__()

    async def commit() -> None:
        await asyncio.sleep(LATE_S)
        await transaction.__aexit__(None, None, None)

    task = asyncio.create_task(commit())
    _late.add(task)
    task.add_done_callback(_late.discard)


def create_app() -> FastAPI:
    """
    Build the sound application and break its one promise.
    """
    app = sound_app()
    app.dependency_overrides[write_session] = _late_session
    return app
