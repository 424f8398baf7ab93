"""
What those who operate the service read: whether a process lives, whether it can do its work, and its figures.
"""

from enum import StrEnum
from typing import Literal

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from app import nudge
from app.access.deps import require
from app.access.rules import Scope
from app.kit import db, figures
from app.kit.errors import Unavailable
from app.kit.http import PROBLEMS, Here, problems

router = APIRouter(tags=["operator"])


class Alive(BaseModel):
    """
    The process runs.
    """

    status: Literal["ok"]


class Readiness(StrEnum):
    """
    Whether requests are served at full speed, or at full safety only.
    """

    OK = "ok"
    DEGRADED = "degraded"
    """The doorbell is silent: everything is stored and pushed, some of it up to a sweep later."""


class Ready(BaseModel):
    """
    The process can do its work.
    """

    status: Readiness
    doorbell: nudge.Bell


@router.get("/livez")
async def livez() -> Alive:
    """
    Say that the process runs; it asks nobody.
    """
    return Alive(status="ok")


@router.get("/readyz", responses={503: PROBLEMS[503]})
async def readyz(request: Request, here: Here) -> Ready:
    """
    Say that the database can be written, has this program's schema, and keeps what it confirms.

    A silent doorbell only makes it `degraded`: nothing is lost by it, and no process should be ended for it.
    """
    try:
        await db.check_ready(here.database, schema=request.app.state.schema)
    except db.NotReadyError as problem:
        raise Unavailable(str(problem)) from problem
    bell: nudge.Bell = await request.app.state.doorbell.answers()
    silent = bell is nudge.Bell.SILENT
    return Ready(status=Readiness.DEGRADED if silent else Readiness.OK, doorbell=bell)


@router.get(
    "/metrics",
    dependencies=[Depends(require(Scope.OBSERVE))],
    response_class=Response,
    responses={
        **problems(403),
        200: {
            "description": "Prometheus' text format. It counts across tenants and names none.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
    },
)
async def metrics(here: Here) -> Response:
    """
    Tell what is counted and measured, for Prometheus: give it a `monitor` key as its bearer token.
    """
    return Response(
        await figures.scrape(here.database), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )
