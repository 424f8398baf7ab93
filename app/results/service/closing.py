"""
Closing a sample of which only a screen was asked for.
"""

from uuid import UUID

from app.access.service import Caller
from app.kit.db import Session
from app.kit.errors import Conflict, NotFound
from app.results import repo
from app.results.rules import FindingKind
from app.samples import service as samples
from app.samples.rules import Act
from app.samples.schemas import ClosureIn, SampleDetailOut


async def close_after_screen(
    session: Session, *, caller: Caller, sample_id: UUID | None, version: int, body: ClosureIn
) -> SampleDetailOut:
    """
    Close a sample after its screen. Its presumptive finding must have gone out: nothing ends with a result in a drawer.

    Raises:
        NotFound: when the sample is not this laboratory's.
        Stale: when it has changed since the caller read it.
        Conflict: when it is not screened, or its finding is not released.

    """
    if sample_id is None:
        raise NotFound
    closed = await samples.halt(
        session,
        caller=caller,
        act=Act.CLOSE,
        sample_id=sample_id,
        version=version,
        reason=body.reason,
        note=body.note,
    )
    findings = await repo.findings(session, sample_id)
    screened = [row for row in findings if row.kind == FindingKind.PRESUMPTIVE]
    if not screened or screened[-1].released_at is None:
        raise Conflict("Release the presumptive finding first: a screen's result must go out.")
    if screened[-1].withdrawn_at is not None or screened[-1].contradicted_at is not None:
        raise Conflict("The screen's finding does not hold any more: stop the sample, or go on.")
    return closed
