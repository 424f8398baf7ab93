"""
Benches: what each one does, and how often it takes the oldest.
"""

from app.access.service import Caller
from app.kit.db import Session
from app.kit.errors import FieldError, Invalid
from app.kit.rows import mapping
from app.samples.repo import ranking as repo
from app.samples.rules import Stage
from app.samples.schemas import BenchIn, BenchList, BenchOut

_ORDER = list(Stage)


async def declare(session: Session, *, caller: Caller, name: str, body: BenchIn) -> BenchOut:
    """
    Declare what a bench does: screens, confirms, or both.

    Raises:
        Invalid: when it would review, which a person does and no bench.

    """
    if Stage.REVIEW in body.stages:
        message = "cannot be a bench's: a person reviews"
        raise Invalid(errors=[FieldError("stages", message, "name screen, confirm, or both")])
    row = {
        "laboratory_id": session.tenant,
        "name": name,
        # Screens first: a few minutes there are worth more than hours anywhere else.
        "stages": [str(one) for one in sorted(set(body.stages), key=_ORDER.index)],
        "oldest_every": body.oldest_every,
        "declared_by": caller.client_id,
        "declared_at": session.now,
    }
    await repo.declare(session, row)
    return BenchOut.model_validate(row)


async def everything(session: Session) -> BenchList:
    """
    Return the declared benches.
    """
    return BenchList(
        items=[BenchOut.model_validate(mapping(row)) for row in await repo.benches(session)]
    )
