"""
The words of a sample's life: its states, what may happen to it, and why it is taken out of its course.
"""

from enum import StrEnum


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
    WITHDRAWN = "withdrawn"
    """Taken back by the agency before work began."""
    REJECTED = "rejected"
    """Refused at intake: the item is not what its label or submission says."""
    ON_HOLD = "on_hold"
    """Paused, and remembers where it goes on: prints or DNA first, or awaiting somebody. Cannot be claimed."""
    STOPPED = "stopped"
    """Work ended before a report, at whatever stage: a plea, charges withdrawn. What was released stays owed."""
    CLOSED_SCREEN_ONLY = "closed_screen_only"
    """Only a screen was asked for, and its presumptive finding is released. No final report follows."""


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
    WITHDRAW = "withdraw"
    REJECT = "reject"
    HOLD = "hold"
    RESUME = "resume"
    STOP = "stop"
    CLOSE = "close"
    REOPEN = "reopen"
    CONTRADICT = "contradict"
    TAKE_BACK = "take_back"
    AMEND = "amend"
    CERTIFY = "certify"


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
    HELD = "held"
    """The sample was put on hold."""
    STOPPED = "stopped"
    """Work on the sample was stopped."""


class WithdrawalReason(StrEnum):
    """
    Why an agency takes a sample back before work begins.
    """

    CHARGES_WITHDRAWN = "charges_withdrawn"
    PLEA = "plea"
    SUBMITTED_IN_ERROR = "submitted_in_error"
    DUPLICATE = "duplicate"
    NO_LONGER_NEEDED = "no_longer_needed"
    OTHER = "other"


class RejectionReason(StrEnum):
    """
    Why an item is refused at intake.
    """

    LABEL_MISMATCH = "label_mismatch"
    SEAL_MISMATCH = "seal_mismatch"
    WEIGHT_MISMATCH = "weight_mismatch"
    NOT_AS_DESCRIBED = "not_as_described"
    DAMAGED = "damaged"
    WRONG_LABORATORY = "wrong_laboratory"
    OTHER = "other"


class HoldReason(StrEnum):
    """
    What a paused sample waits for.
    """

    PRINTS_OR_DNA_FIRST = "prints_or_dna_first"
    AWAITING_AGENCY = "awaiting_agency"
    AWAITING_STANDARD = "awaiting_standard"
    AWAITING_AUTHORIZATION = "awaiting_authorization"
    OTHER = "other"


class ResumptionReason(StrEnum):
    """
    Why a paused sample goes on.
    """

    ANSWERED = "answered"
    """What it waited for has come."""
    HELD_IN_ERROR = "held_in_error"
    OTHER = "other"


class StopReason(StrEnum):
    """
    Why work ends before a report.
    """

    PLEA = "plea"
    CHARGES_WITHDRAWN = "charges_withdrawn"
    DUPLICATE = "duplicate"
    NO_LONGER_NEEDED = "no_longer_needed"
    OTHER = "other"


class ClosureReason(StrEnum):
    """
    Why no confirmation follows a screen.
    """

    SCREEN_ONLY_REQUESTED = "screen_only_requested"


class ReopeningReason(StrEnum):
    """
    Why an ended sample goes on after all.
    """

    ENDED_IN_ERROR = "ended_in_error"
    PROCEEDINGS_RESUMED = "proceedings_resumed"
    OTHER = "other"


HaltReason = (
    WithdrawalReason
    | RejectionReason
    | HoldReason
    | ResumptionReason
    | StopReason
    | ClosureReason
    | ReopeningReason
)
"""Codes, so that they can be counted; the words stand beside them. They are added to, never renamed."""
