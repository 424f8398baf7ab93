"""
What callers send and read about who has a part in a file.
"""

from datetime import datetime

from pydantic import BaseModel, Field

from app.kit.ids import AgencyId, AgencyIdText
from app.kit.instants import Instant
from app.samples.rules import Party
from app.samples.schemas.words import Strict


class PartyIn(Strict):
    """
    An agency that is to have a part in a file: it reads the file and gets its events, until the part expires.
    """

    agency_id: AgencyIdText
    party: Party
    expires_at: Instant | None = Field(
        default=None, description="When its part ends by itself; null: when it is taken back."
    )


class PartyOut(BaseModel):
    """
    One agency's part in a file.
    """

    agency_id: AgencyId
    agency_name: str | None
    party: Party
    granted_at: datetime
    expires_at: datetime | None
    current: bool = Field(description="Whether it reads the file now.")


class PartiesOut(BaseModel):
    """
    Who has, or had, a part in a file. A party sees its own part; the file's agency and the laboratory see all.
    """

    version: int = Field(description="The submission's version: its ETag.")
    items: list[PartyOut]
