"""
What may be done with submissions and samples. Other domains call these functions and nothing below them.
"""

from app.samples.service import benches, policies, quality, rush
from app.samples.service.bench import claim_at, claim_named, claim_next, queue_head
from app.samples.service.correcting import TooLateForKeys, correct, corrections_of
from app.samples.service.custody import check_in_hand, custody_of, row_of
from app.samples.service.evidence import give, history, why
from app.samples.service.folding import disclose, fold, fold_all, fold_queue, seen
from app.samples.service.halting import HeldByAnother, halt
from app.samples.service.holding import (
    Held,
    finish,
    heartbeat,
    held,
    hold,
    lapse_expired,
    put_back,
    return_to_bench,
)
from app.samples.service.intake import intake_of, not_for_court, receive, register
from app.samples.service.learn import learn, unlearn
from app.samples.service.look_up import (
    Filters,
    look_up,
    look_up_several,
    page,
    place_of,
    statuses,
    submission,
    submission_page,
    version_of,
)
from app.samples.service.moves import Moved, apply, digest
from app.samples.service.overdue import clocks_of, open_clocks, raise_overdue
from app.samples.service.overview import claim_of, first_risks, overview
from app.samples.service.parties import NotYourFile, parties_of, share, unshare
from app.samples.service.rerank import Reranked, rerank, rerank_due
from app.samples.service.submit import AlreadyThere, submit

__all__ = [
    "AlreadyThere",
    "Filters",
    "Held",
    "HeldByAnother",
    "Moved",
    "NotYourFile",
    "Reranked",
    "TooLateForKeys",
    "apply",
    "benches",
    "check_in_hand",
    "claim_at",
    "claim_named",
    "claim_next",
    "claim_of",
    "clocks_of",
    "correct",
    "corrections_of",
    "custody_of",
    "digest",
    "disclose",
    "finish",
    "first_risks",
    "fold",
    "fold_all",
    "fold_queue",
    "give",
    "halt",
    "heartbeat",
    "held",
    "history",
    "hold",
    "intake_of",
    "lapse_expired",
    "learn",
    "look_up",
    "look_up_several",
    "not_for_court",
    "open_clocks",
    "overview",
    "page",
    "parties_of",
    "place_of",
    "policies",
    "put_back",
    "quality",
    "queue_head",
    "raise_overdue",
    "receive",
    "register",
    "rerank",
    "rerank_due",
    "return_to_bench",
    "row_of",
    "rush",
    "seen",
    "share",
    "statuses",
    "submission",
    "submission_page",
    "submit",
    "unlearn",
    "unshare",
    "version_of",
    "why",
]
