"""
What the tests of reports on paper share: a printer, and a laboratory that is not for practice.
"""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI
from pypdf import PdfReader

from app.kit.db import Database
from app.main import create_app
from app.results import service as results
from app.settings import Settings
from tests.builders import World, build_world

PUBLIC_URL = "https://assayline.example"


async def printed(worker_database: Database) -> int:
    """
    Print whatever waits, as a worker does.
    """
    return await results.print_due(worker_database, public_url=PUBLIC_URL)


async def pdf(
    world: World, sample_id: str, number: str, *, by: str = "agent", language: str = "en"
) -> httpx.Response:
    """
    Ask for a report on paper.
    """
    return await world.as_(by).get(
        f"/v1/samples/{sample_id}/reports/{number}.pdf", params={"language": language}
    )


def words(document: bytes) -> str:
    """
    Return the text of a PDF, its lines joined.
    """
    reader = PdfReader(io.BytesIO(document))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


@asynccontextmanager
async def in_earnest(config: Settings, database: Database) -> AsyncIterator[World]:
    """
    Give a world whose installation is not for practice.
    """
    app: FastAPI = create_app(config.model_copy(update={"practice_clock": False}))
    async with app.router.lifespan_context(app):
        world = await build_world(app, database)
        yield world
        await world.close()


async def amended(
    world: World, number: str, *, by: str = "second_reviewer", **more: Any
) -> httpx.Response:
    """
    Amend a report.
    """
    body = {
        "reason": "the agency corrected its exhibit number",
        "changes": "the exhibit number",
        "signature": world.signature(by),
    }
    return await world.as_(by).post(f"/v1/lab/reports/{number}/amendments", json=body | more)
