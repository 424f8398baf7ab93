"""
Looking behind the fold: what was suspected, and why a sample stands where it stands, before the data are judged.
"""

from uuid import UUID

from app.access.service import Caller
from app.kit.db import Session
from app.ledger import service as ledger
from app.samples import service as samples


async def disclose(session: Session, *, caller: Caller, sample_id: UUID | None) -> None:
    """
    Write down that this person looked at what was suspected. Whoever may see the sample may look; nobody unseen.

    Raises:
        NotFound: when the sample is not there for this caller.

    """
    sample = await samples.look_up(session, sample_id)
    fact = ledger.Fact(
        kind="sample.disclosure",
        agency_id=sample.agency_id,
        laboratory_id=sample.laboratory_id,
        submission_id=sample.submission_id,
        sample_id=sample.id,
        version=sample.version,
        actor_id=caller.client_id,
        details={"what": "suspicion and rank reasons", "status": sample.status},
    )
    await ledger.record(session, [fact])
