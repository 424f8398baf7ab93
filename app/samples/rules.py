"""
The life of a sample: its states, and the one table of moves between them.

``docs/lifecycle.md`` is generated from ``MOVES``. Nothing here reads a clock, a database or a request.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.access.rules import Scope
from app.ranking.assess import Stage

__all__ = ["MOVES", "Act", "ClaimOutcome", "Move", "Party", "Queue", "Stage", "Status", "moves_of"]

SMALL_G = 30
"""A small parcel weighs 30 g or less gross as seized; a small quantity is 30 g or less seized in total."""

OLDEST_EVERY = 20
"""Every twentieth start takes the oldest sample: it costs little, and it survives a broken score."""

POST_DAYS = 14
"""A sample ages from its submission, but at most this many days before its receipt."""

BASIS = 20
"""Completions needed before a prediction is given."""


class Party(StrEnum):
    """
    An agency's part in one file.
    """

    SEIZING = "seizing"
    INVESTIGATING = "investigating"
    PROSECUTION = "prosecution"
    CORONER = "coroner"


class Status(StrEnum):
    """
    Where a sample stands. Those in ``HELD`` are under a technician's or reviewer's claim.
    """

    SUBMITTED = "submitted"
    """The agency has told us; the item is on its way. Left by ``receive``."""
    RECEIVED = "received"
    """At the laboratory, in the queue to be screened."""
    SCREENING = "screening"
    """Claimed for a screen. Left by ``screen``, ``put_back`` or ``lapse``."""
    SCREENED = "screened"
    """A presumptive finding is recorded; in the queue to be confirmed."""
    CONFIRMING = "confirming"
    """Claimed for confirmation. Left by ``confirm``, ``put_back`` or ``lapse``."""
    CONFIRMED = "confirmed"
    """A conclusion is recorded; in the queue to be reviewed by somebody else."""
    IN_REVIEW = "in_review"
    """Claimed for review. Left by ``report``, ``return``, ``put_back`` or ``lapse``."""
    REPORTED = "reported"
    """A final report is released. Amended reports supersede it; the status stays."""


class Act(StrEnum):
    """
    What happens to a sample.
    """

    RECEIVE = "receive"
    CLAIM = "claim"
    PUT_BACK = "put_back"
    LAPSE = "lapse"
    SCREEN = "screen"
    RELEASE = "release"
    CONFIRM = "confirm"
    RETURN = "return"
    REPORT = "report"


class Queue(StrEnum):
    """
    What a move does to the sample's place in the queue.
    """

    STAYS = "stays"
    ENTERS = "enters"
    NEXT_STAGE = "next stage"
    LEAVES = "leaves"


class ClaimOutcome(StrEnum):
    """
    How a claim ended.
    """

    DONE = "done"
    PUT_BACK = "put_back"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Move:
    """
    One allowed move.

    Attributes:
        act: what happens.
        source: the status it needs.
        target: the status it leads to.
        scope: what its actor must be allowed; None where the service itself acts.
        stamps: the column that takes the instant.
        announces: the event type every party is owed.
        queue: what happens to the queue.
        stage: the stage the sample is queued for afterwards, where the move enters it or changes it.

    """

    act: Act
    source: Status
    target: Status
    scope: Scope | None
    stamps: str | None = None
    announces: str | None = None
    queue: Queue = Queue.STAYS
    stage: Stage | None = None


_S = Status

MOVES: tuple[Move, ...] = (
    Move(
        Act.RECEIVE,
        _S.SUBMITTED,
        _S.RECEIVED,
        Scope.BENCH,
        "received_at",
        "sample.received",
        Queue.ENTERS,
        Stage.SCREEN,
    ),
    Move(Act.CLAIM, _S.RECEIVED, _S.SCREENING, Scope.BENCH),
    Move(Act.CLAIM, _S.SCREENED, _S.CONFIRMING, Scope.BENCH),
    Move(Act.CLAIM, _S.CONFIRMED, _S.IN_REVIEW, Scope.REVIEW),
    Move(Act.PUT_BACK, _S.SCREENING, _S.RECEIVED, Scope.BENCH),
    Move(Act.PUT_BACK, _S.CONFIRMING, _S.SCREENED, Scope.BENCH),
    Move(Act.PUT_BACK, _S.IN_REVIEW, _S.CONFIRMED, Scope.REVIEW),
    Move(Act.LAPSE, _S.SCREENING, _S.RECEIVED, None),
    Move(Act.LAPSE, _S.CONFIRMING, _S.SCREENED, None),
    Move(Act.LAPSE, _S.IN_REVIEW, _S.CONFIRMED, None),
    Move(
        Act.SCREEN,
        _S.SCREENING,
        _S.SCREENED,
        Scope.BENCH,
        "screened_at",
        None,
        Queue.NEXT_STAGE,
        Stage.CONFIRM,
    ),
    Move(Act.RELEASE, _S.SCREENED, _S.SCREENED, Scope.RELEASE, None, "finding.presumptive"),
    Move(Act.RELEASE, _S.CONFIRMING, _S.CONFIRMING, Scope.RELEASE, None, "finding.presumptive"),
    Move(Act.RELEASE, _S.CONFIRMED, _S.CONFIRMED, Scope.RELEASE, None, "finding.presumptive"),
    Move(
        Act.CONFIRM,
        _S.CONFIRMING,
        _S.CONFIRMED,
        Scope.BENCH,
        "confirmed_at",
        None,
        Queue.NEXT_STAGE,
        Stage.REVIEW,
    ),
    Move(
        Act.RETURN,
        _S.IN_REVIEW,
        _S.SCREENED,
        Scope.REVIEW,
        None,
        None,
        Queue.NEXT_STAGE,
        Stage.CONFIRM,
    ),
    Move(
        Act.REPORT,
        _S.IN_REVIEW,
        _S.REPORTED,
        Scope.REVIEW,
        "reported_at",
        "report.released",
        Queue.LEAVES,
    ),
)
"""The whole life cycle. Another ending is another row here and another value in the CHECK of ``sample.status``."""

HELD = frozenset({Status.SCREENING, Status.CONFIRMING, Status.IN_REVIEW})
FINAL = frozenset({Status.REPORTED})

CLAIMED_AT: dict[Stage, Status] = {
    Stage.SCREEN: Status.RECEIVED,
    Stage.CONFIRM: Status.SCREENED,
    Stage.REVIEW: Status.CONFIRMED,
}
"""The status in which a sample waits for each stage."""


def moves_of(act: Act) -> tuple[Move, ...]:
    """
    Return every move that this act can make.
    """
    return tuple(move for move in MOVES if move.act is act)


def claim_scope(stage: Stage) -> Scope:
    """
    Return what somebody must be allowed in order to claim at this stage.
    """
    return next(
        move.scope
        for move in moves_of(Act.CLAIM)
        if move.source is CLAIMED_AT[stage] and move.scope
    )


def allowed(status: Status, scopes: frozenset[Scope]) -> tuple[Act, ...]:
    """
    Return what a caller with these scopes may do with a sample in this status.
    """
    return tuple(
        dict.fromkeys(move.act for move in MOVES if move.source is status and move.scope in scopes)
    )


def is_small_parcel(route: str | None, parcel: dict[str, Any] | None) -> bool:
    """
    Say whether the parcel is a mail or courier item of 30 g or less gross as seized.

    Never computed from the portion that was sent to the laboratory. An unknown weight is not a small one.
    """
    weight = (parcel or {}).get("weight_g")
    return route in {"mail", "courier"} and weight is not None and float(weight) <= SMALL_G


def is_small_quantity(quantity: dict[str, Any] | None) -> bool:
    """
    Say whether 30 g or less was seized in total, by any route.

    Zero (a trace, or not weighed) is counted as small. A count of units or a volume says nothing about the weight.
    """
    if not quantity or quantity.get("unit") != "g" or quantity.get("value") is None:
        return False
    return float(quantity["value"]) <= SMALL_G


def oldest_starts(starts_before: int, count: int) -> int:
    """
    Return how many of the next ``count`` starts must take the oldest sample.
    """
    return (starts_before + count) // OLDEST_EVERY - starts_before // OLDEST_EVERY
