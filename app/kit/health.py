"""
Whether this process lives, and whether it can do its work.
"""

from fastapi import APIRouter

from app.kit import db
from app.kit.errors import Unavailable
from app.kit.http import PROBLEMS, Here

router = APIRouter(tags=["operator"])


@router.get("/livez")
async def livez() -> dict[str, str]:
    """
    Say that the process runs; it asks nobody.
    """
    return {"status": "ok"}


@router.get("/readyz", responses={503: PROBLEMS[503]})
async def readyz(here: Here) -> dict[str, str]:
    """
    Say that the database answers and keeps what it confirms (A1). A silent doorbell does not matter here.
    """
    try:
        await db.check_durable(here.database)
    except db.NotDurableError as problem:
        raise Unavailable(str(problem)) from problem
    return {"status": "ok"}
