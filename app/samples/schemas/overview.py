"""
What those read who look at the bench as a whole.
"""

from datetime import datetime

from pydantic import BaseModel

from app.kit.ids import ClaimId, ClientId, SampleId
from app.samples.rules import Stage


class ClaimLine(BaseModel):
    """
    The open claim on a sample.
    """

    id: ClaimId
    token: int
    stage: Stage
    sample_id: SampleId
    holder: ClientId
    taken_at: datetime
    lease_until: datetime
