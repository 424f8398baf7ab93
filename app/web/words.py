"""
The words for the codes of the services, and the small view models that several pages share.
"""

from dataclasses import dataclass
from datetime import datetime

from app.samples.rules import Status
from app.web.language import N_, Language

STATUSES: dict[Status, tuple[int, str]] = {
    Status.SUBMITTED: (1, N_("On its way")),
    Status.RECEIVED: (2, N_("Received, waiting for a screen")),
    Status.SCREENING: (2, N_("Being screened")),
    Status.SCREENED: (3, N_("Screened, waiting for confirmation")),
    Status.CONFIRMING: (3, N_("Being confirmed")),
    Status.CONFIRMED: (4, N_("Confirmed, waiting for review")),
    Status.IN_REVIEW: (4, N_("In review")),
    Status.REPORTED: (5, N_("Reported")),
    Status.ON_HOLD: (2, N_("On hold")),
    Status.WITHDRAWN: (0, N_("Withdrawn by the agency")),
    Status.REJECTED: (0, N_("Refused at the door: it is not what was submitted")),
    Status.STOPPED: (0, N_("Work stopped")),
    Status.CLOSED_SCREEN_ONLY: (3, N_("Closed after the screen, as asked")),
}
"""How many of the five steps are behind a sample, and how people say so."""

BANDS = {
    "very high": N_("Very high risk"),
    "high": N_("High risk"),
    "medium": N_("Medium risk"),
    "low": N_("Low risk"),
}


@dataclass(frozen=True, slots=True)
class StatusView:
    """
    Where a sample stands, for the macro ``status``.
    """

    label: str
    step: int
    of: int = 5


@dataclass(frozen=True, slots=True)
class BandView:
    """
    A band of risk, for the macro ``band``.
    """

    code: str
    label: str


@dataclass(frozen=True, slots=True)
class Step:
    """
    One step of a timeline: ``done``, ``next`` or ``later``.
    """

    what: str
    when: datetime | None
    state: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class FoundView:
    """
    What the laboratory found, for the macro ``found``. Never built from what an agency suspected.
    """

    kind: str
    what: str
    statement: str
    when: datetime
    final: bool
    withdrawn: datetime | None = None
    """When the laboratory took it back. Nobody may rely on it from then on."""


def status_view(status: Status, language: Language) -> StatusView:
    """
    Return how a status is shown.
    """
    step, label = STATUSES[status]
    return StatusView(language.say(label), step)


def band_view(code: str, language: Language) -> BandView:
    """
    Return how a band of risk is shown.
    """
    return BandView(code, language.say(BANDS[code]) if code in BANDS else code)
