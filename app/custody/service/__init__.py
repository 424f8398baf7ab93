"""
Who holds each sample: exactly one holder at any instant, from the agency's first statement to the disposal.
"""

from app.custody.service.disposing import (
    confirm_disposal,
    holds_of,
    lift_hold,
    place_hold,
    propose_disposal,
    withdraw_disposal,
)
from app.custody.service.intake import accept_intake, intake_of, record_intake
from app.custody.service.moving import (
    CustodyRefused,
    accept,
    begin,
    close_handover,
    history,
    in_hand,
    item_of,
    offer,
    receive,
    why_not_analyzed,
)
from app.custody.service.portions import (
    LastOfSample,
    authorize_last_use,
    consume,
    portions_of,
    spend_last_use,
    split,
)
from app.custody.service.storage import places, store, take, write_place

__all__ = [
    "CustodyRefused",
    "LastOfSample",
    "accept",
    "accept_intake",
    "authorize_last_use",
    "begin",
    "close_handover",
    "confirm_disposal",
    "consume",
    "history",
    "holds_of",
    "in_hand",
    "intake_of",
    "item_of",
    "lift_hold",
    "offer",
    "place_hold",
    "places",
    "portions_of",
    "propose_disposal",
    "receive",
    "record_intake",
    "spend_last_use",
    "split",
    "store",
    "take",
    "why_not_analyzed",
    "withdraw_disposal",
    "write_place",
]
