"""
What is folded away from whom, so that the confirming analyst and the reviewer see the item and not the suspicion.

Hazards are never folded.
"""

from app.access.rules import Scope
from app.ranking.assess import Stage
from app.samples.rules.words import Status

SWAYS = ("suspected", "field_tests", "reported_effects", "circumstances")
"""Parts of an exhibit that say what somebody else takes it for."""

RISK = "risk"

_FOLDED_AT = frozenset({Stage.CONFIRM, Stage.REVIEW})
_FOLDED_IN = frozenset({Status.SCREENED, Status.CONFIRMING, Status.CONFIRMED, Status.IN_REVIEW})


def folds_at(stage: Stage) -> bool:
    """
    Say whether suspicion and reasons are folded for whoever works at this stage.

    A screen is directed by what is suspected; what confirms and reviews must stand without it.
    """
    return stage in _FOLDED_AT


def folds(status: Status, scopes: frozenset[Scope]) -> bool:
    """
    Say whether suspicion and reasons of a sample in this status are folded for a caller of the laboratory.

    A supervisor, who decides about order and not about results, sees them.
    """
    return status in _FOLDED_IN and Scope.OVERSEE not in scopes
