"""
What callers read about attached files.
"""

from datetime import datetime

from pydantic import BaseModel, Field

from app.attachments.rules import AttachmentKind, Side
from app.kit.ids import AttachmentId, ClientId, SampleId


class AttachmentOut(BaseModel):
    """
    A file, without its content.
    """

    id: AttachmentId
    sample_id: SampleId | None
    side: Side = Field(description="Who attached it.")
    kind: AttachmentKind
    name: str
    media_type: str
    size: int
    sha256: str
    stored_by: ClientId
    stored_at: datetime
