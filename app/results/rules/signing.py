"""
What a signature means, and in which order a record is reviewed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class ReviewKind(StrEnum):
    """
    Which eyes a review lends to a record.
    """

    TECHNICAL = "technical"
    """The data, the controls and the conclusion drawn from them."""
    ADMINISTRATIVE = "administrative"
    """The file: numbers, custody, completeness, wording. Only after the technical review."""


class Meaning(StrEnum):
    """
    What a person says by signing.
    """

    TECHNICAL_REVIEW = "technical_review"
    ADMINISTRATIVE_REVIEW = "administrative_review"
    RETURN = "return"
    RELEASE = "release"
    AMENDMENT = "amendment"
    CERTIFICATE = "certificate"


MEANINGS: dict[Meaning, tuple[str, str]] = {
    Meaning.TECHNICAL_REVIEW: (
        "I reviewed the data, the controls and the conclusion, and accept them.",
        "J'ai examiné les données, les contrôles et la conclusion, et je les accepte.",
    ),
    Meaning.ADMINISTRATIVE_REVIEW: (
        "I reviewed the file for completeness, custody and wording, and accept it.",
        "J'ai vérifié l'intégralité du dossier, la garde et la rédaction, et je les accepte.",
    ),
    Meaning.RETURN: (
        "I return this record to the bench, for the reasons in my remarks.",
        "Je renvoie ce dossier au laboratoire, pour les motifs indiqués dans mes remarques.",
    ),
    Meaning.RELEASE: (
        "I authorize the release of this report.",
        "J'autorise la diffusion de ce rapport.",
    ),
    Meaning.AMENDMENT: (
        "I authorize the release of this report, which replaces an earlier one.",
        "J'autorise la diffusion de ce rapport, qui en remplace un antérieur.",
    ),
    Meaning.CERTIFICATE: (
        "I am the designated analyst whose analyses this certificate states.",
        "Je suis l'analyste désigné dont ce certificat énonce les analyses.",
    ),
}
"""In English and in French; the code is what is stored, the words are what is printed."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """
    One review as the order of reviews sees it.
    """

    kind: ReviewKind
    accepted: bool
    record_sha256: bytes | None
    reviewer: object
    claim: object


def technical_review(reviews: Sequence[Reviewed], record_sha256: bytes) -> Reviewed | None:
    """
    Return the technical review that accepted this very record, or None.

    A review of an earlier state of the record does not count: something changed since.
    """
    return _last(reviews, ReviewKind.TECHNICAL, record_sha256)


def administrative_review(
    reviews: Sequence[Reviewed], record_sha256: bytes, *, claim: object
) -> Reviewed | None:
    """
    Return the administrative review that accepted this very record under this claim, or None.
    """
    under = [one for one in reviews if one.claim == claim]
    return _last(under, ReviewKind.ADMINISTRATIVE, record_sha256)


def _last(reviews: Sequence[Reviewed], kind: ReviewKind, record_sha256: bytes) -> Reviewed | None:
    found = [
        one
        for one in reviews
        if one.kind is kind and one.accepted and one.record_sha256 == record_sha256
    ]
    return found[-1] if found else None
