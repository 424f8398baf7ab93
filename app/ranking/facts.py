"""
What the ranking may know about a sample. There is no field here for a court date, a person or a file number.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldTest:
    """
    One test: technique and result are codes, the target is a name in free text.
    """

    technique: str
    target: str | None
    result: str


@dataclass(frozen=True, slots=True)
class Link:
    """
    What the laboratory found in a sample that is linked to this one.
    """

    kind: str
    """How they are linked: a code of the policy's."""
    found: frozenset[str]
    """The hazard classes that were found in it; empty when none was."""


@dataclass(frozen=True, slots=True)
class Record:
    """
    How often an agency's suspicions of lethal opioids held, beside how often such suspicions hold in general.
    """

    resolved: int
    held: int
    usual: float
    """The mean over agencies."""
    strength: float
    """How many suspicions that mean is worth."""


@dataclass(frozen=True, slots=True)
class Facts:
    """
    Everything that bears on the risk of one sample, as given. What is not known is absent, and moves nothing.
    """

    suspected: tuple[str, ...] = ()
    """Free text, as given."""
    form: str | None = None
    colour: str | None = None
    markings: str | None = None
    country: str | None = None
    """ISO 3166-1 alpha-2."""
    region: str | None = None
    """ISO 3166-2."""
    year: int | None = None
    """Of the seizure."""
    route: str | None = None
    origin_country: str | None = None
    quantity_seized: tuple[float, str] | None = None
    """Value and unit; zero means a trace, or not weighed."""
    field_tests: tuple[FieldTest, ...] = ()
    reported_effects: tuple[str, ...] = ()
    circumstances: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    """Results of linked samples, one each."""
    first_seen: tuple[str, int] | None = None
    """A substance this laboratory has hardly met, that this sample may hold, and how often it has met it."""
    record: Record | None = None
    """Of its agency's earlier suspicions."""
    public_safety: bool = False
    """A named supervisor has granted a public-safety request."""
