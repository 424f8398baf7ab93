"""
Which pages there are, and who finds them in the navigation.
"""

from dataclasses import dataclass

from app.access.rules import Scope
from app.access.service import Caller
from app.web.language import N_


@dataclass(frozen=True, slots=True)
class Place:
    """
    One entry of the navigation: shown to whoever has one of these scopes.
    """

    path: str
    label: str
    key: str
    """Pressed after ``g`` it leads there."""
    scopes: frozenset[Scope]


PLACES: tuple[Place, ...] = (
    Place("/bench", N_("Bench"), "b", frozenset({Scope.BENCH, Scope.REVIEW})),
    Place("/floor", N_("Floor"), "f", frozenset({Scope.OVERSEE})),
    Place("/desk", N_("Desk"), "d", frozenset({Scope.FOLLOW})),
    Place("/submit", N_("Submit"), "s", frozenset({Scope.SUBMIT})),
)
"""In the order they are shown. The first that a person may see is where signing in leads."""


def places_for(caller: Caller) -> tuple[Place, ...]:
    """
    Return the entries this person sees.
    """
    return tuple(place for place in PLACES if place.scopes & caller.scopes)


def home_of(caller: Caller) -> str:
    """
    Return where this person begins.
    """
    found = places_for(caller)
    return found[0].path if found else "/account"
