"""
What was concluded lately, for the measure of how well the ranking judges.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text

from app.kit.db import Session

_CONCLUDED = text(
    """
    SELECT DISTINCT ON (r.sample_id) r.sample_id, f.substances
    FROM (SELECT sample_id FROM report
          WHERE laboratory_id = :laboratory_id AND kind = 'final'
          ORDER BY released_at DESC LIMIT :most) AS r
    JOIN finding AS f ON f.sample_id = r.sample_id AND f.kind = 'identified' AND f.invalidated_at IS NULL
    WHERE f.outcome <> 'inconclusive'
    ORDER BY r.sample_id, f.recorded_at DESC
    """
)


async def concluded(session: Session, *, most: int) -> Sequence[Row[Any]]:
    """
    Return what was found in the samples of the last final reports.
    """
    values = {"laboratory_id": session.tenant, "most": most}
    return (await session.execute(_CONCLUDED, values)).all()
