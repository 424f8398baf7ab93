"""
The life of a sample: its states, and the one table of moves between them.

``docs/lifecycle.md`` is generated from ``MOVES``. Nothing here reads a clock, a database or a request.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.access.rules import Scope
from app.ranking.assess import Stage
from app.samples.rules.words import Act, ClaimOutcome, Queue, Status


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
        remembers: the status a later ``resume`` or ``reopen`` leads back to.
        came_from: where set, the move is open only to a sample that remembers this status.
        ends_claim: how a claim that holds the sample ends by it, where it does.

    """

    act: Act
    source: Status
    target: Status
    scope: Scope | None
    stamps: str | None = None
    announces: str | None = None
    queue: Queue = Queue.STAYS
    stage: Stage | None = None
    remembers: Status | None = None
    came_from: Status | None = None
    ends_claim: ClaimOutcome | None = None


_S = Status

CLAIMED_AT: dict[Stage, Status] = {
    Stage.SCREEN: Status.RECEIVED,
    Stage.CONFIRM: Status.SCREENED,
    Stage.REVIEW: Status.CONFIRMED,
}
"""The status in which a sample waits for each stage."""

_WAITS_FOR: dict[Status, Stage] = {status: stage for stage, status in CLAIMED_AT.items()}

_GOES_BACK_TO: dict[Status, Status] = {
    _S.SUBMITTED: _S.SUBMITTED,
    _S.RECEIVED: _S.RECEIVED,
    _S.SCREENING: _S.RECEIVED,
    _S.SCREENED: _S.SCREENED,
    _S.CONFIRMING: _S.SCREENED,
    _S.CONFIRMED: _S.CONFIRMED,
    _S.IN_REVIEW: _S.CONFIRMED,
}
"""Where a sample that is halted in this status goes on: never under a claim that has ended."""


def _halts(
    act: Act,
    target: Status,
    scope: Scope,
    announces: str,
    sources: Sequence[Status],
    ends_claim: ClaimOutcome | None = None,
) -> tuple[Move, ...]:
    """
    Return the moves by which a sample is taken out of its course, each remembering where it was.
    """
    return tuple(
        Move(
            act,
            source,
            target,
            scope,
            announces=announces,
            queue=Queue.STAYS if source is _S.SUBMITTED else Queue.LEAVES,
            remembers=_GOES_BACK_TO[source],
            ends_claim=ends_claim if source is not _GOES_BACK_TO[source] else None,
        )
        for source in sources
    )


def _ends_hold(act: Act, target: Status, scope: Scope, announces: str) -> tuple[Move, ...]:
    """
    Return the moves by which a sample on hold is ended; it goes on remembering where it was.
    """
    sources = (
        (_S.SUBMITTED, _S.RECEIVED) if act is Act.WITHDRAW else (_S.SUBMITTED, *CLAIMED_AT.values())
    )
    return tuple(
        Move(act, _S.ON_HOLD, target, scope, announces=announces, remembers=back, came_from=back)
        for back in sources
    )


def _returns(act: Act, source: Status, scope: Scope, backs: Sequence[Status]) -> tuple[Move, ...]:
    """
    Return the moves by which a halted sample goes on where it was, at its old place in the queue.
    """
    return tuple(
        Move(
            act,
            source,
            back,
            scope,
            announces="sample.resumed",
            queue=Queue.ENTERS if back in _WAITS_FOR else Queue.STAYS,
            stage=_WAITS_FOR.get(back),
            came_from=back,
        )
        for back in backs
    )


_UNBEGUN = (_S.SUBMITTED, _S.RECEIVED)
_WAITING = (_S.SUBMITTED, _S.RECEIVED, _S.SCREENED, _S.CONFIRMED)

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
    # What a screen has shown is owed to those in danger, also when the file is paused or has ended.
    Move(Act.RELEASE, _S.ON_HOLD, _S.ON_HOLD, Scope.RELEASE, None, "finding.presumptive"),
    Move(Act.RELEASE, _S.STOPPED, _S.STOPPED, Scope.RELEASE, None, "finding.presumptive"),
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
    *_halts(Act.WITHDRAW, _S.WITHDRAWN, Scope.SUBMIT, "sample.withdrawn", _UNBEGUN),
    *_ends_hold(Act.WITHDRAW, _S.WITHDRAWN, Scope.SUBMIT, "sample.withdrawn"),
    *_halts(Act.REJECT, _S.REJECTED, Scope.BENCH, "sample.rejected", _UNBEGUN),
    *_halts(
        Act.HOLD,
        _S.ON_HOLD,
        Scope.HALT,
        "sample.on_hold",
        tuple(_GOES_BACK_TO),
        ClaimOutcome.HELD,
    ),
    *_returns(Act.RESUME, _S.ON_HOLD, Scope.HALT, _WAITING),
    *_halts(
        Act.STOP,
        _S.STOPPED,
        Scope.OVERSEE,
        "sample.stopped",
        tuple(_GOES_BACK_TO),
        ClaimOutcome.STOPPED,
    ),
    *_ends_hold(Act.STOP, _S.STOPPED, Scope.OVERSEE, "sample.stopped"),
    *_halts(Act.CLOSE, _S.CLOSED_SCREEN_ONLY, Scope.HALT, "sample.closed", (_S.SCREENED,)),
    *_returns(Act.REOPEN, _S.WITHDRAWN, Scope.OVERSEE, _UNBEGUN),
    *_returns(Act.REOPEN, _S.REJECTED, Scope.OVERSEE, _UNBEGUN),
    *_returns(Act.REOPEN, _S.STOPPED, Scope.OVERSEE, _WAITING),
    *_returns(Act.REOPEN, _S.CLOSED_SCREEN_ONLY, Scope.OVERSEE, (_S.SCREENED,)),
    # What was released and does not hold is told wherever the sample stands: after a report, a plea, a withdrawal.
    *(
        Move(Act.CONTRADICT, status, status, None, announces="finding.contradicted")
        for status in _S
        if status not in _UNBEGUN
    ),
    *(
        Move(Act.TAKE_BACK, status, status, Scope.HALT, announces="finding.withdrawn")
        for status in _S
        if status not in _UNBEGUN
    ),
    Move(Act.AMEND, _S.REPORTED, _S.REPORTED, Scope.REVIEW, None, "report.amended"),
    Move(Act.CERTIFY, _S.REPORTED, _S.REPORTED, Scope.BENCH, None, "report.released"),
)
"""The whole life cycle. Another ending is another row here and another value in the CHECK of ``sample.status``."""

HELD = frozenset({Status.SCREENING, Status.CONFIRMING, Status.IN_REVIEW})
"""Under somebody's claim."""

HALTED = frozenset({move.target for move in MOVES if move.remembers})
"""Taken out of its course with a reason and a name; remembers where it was."""

ENDED = HALTED - {Status.ON_HOLD}
"""Over before a report, unless a supervisor reopens it."""

FINAL = ENDED | {Status.REPORTED}
"""Nothing more is waited for. Only ``reopen`` leads out of it, and never out of ``reported``."""


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


def stage_of(status: Status, remembers: Status | None = None) -> Stage | None:
    """
    Return the stage a sample is at or will be assessed for; None when nothing more is waited for.

    Args:
        status: where it stands.
        remembers: where it goes on, if it is on hold.

    """
    if status is Status.ON_HOLD and remembers is not None:
        return stage_of(remembers)
    if status is Status.SUBMITTED:
        return Stage.SCREEN
    return _WAITS_FOR.get(_GOES_BACK_TO.get(status, status))


def scope_of(act: Act) -> Scope | None:
    """
    Return what somebody must be allowed in order to make this act, where all its moves need the same.
    """
    (scope,) = {move.scope for move in moves_of(act)}
    return scope


def allowed(status: Status, scopes: frozenset[Scope]) -> tuple[Act, ...]:
    """
    Return what a caller with these scopes may do with a sample in this status.
    """
    return tuple(
        dict.fromkeys(move.act for move in MOVES if move.source is status and move.scope in scopes)
    )
