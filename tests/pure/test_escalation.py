"""
The schedule by which an unacknowledged correction escalates.
"""

from datetime import timedelta
from itertools import pairwise

from app.webhooks import escalation
from app.webhooks.escalation import Level


def test_it_never_falls_silent() -> None:
    """
    After one, three and seven days, then every week, for ever.
    """
    at = [sum((escalation.wait_before(n + 1) for n in range(k)), timedelta()) for k in range(1, 60)]

    assert [one.days for one in at[:5]] == [1, 3, 7, 14, 21]
    assert all(later - sooner <= timedelta(days=7) for sooner, later in pairwise(at))


def test_levels_only_rise() -> None:
    """
    Open, reminded, then the laboratory telephones, and it stays so.
    """
    levels = [escalation.level(count) for count in range(6)]

    assert levels == [Level.OPEN, Level.REMINDED, *[Level.TELEPHONE] * 4]
