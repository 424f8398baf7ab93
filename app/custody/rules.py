"""
Who may hand what to whom: the rules of custody, over plain values.

Exactly one holder at any instant, a person or a storage place. A handover from person to person is open until the other
one accepts, and until then the giver answers for the item; it is then in transit, and nothing is analyzed. Between a
person and a storage place one is enough. What was destroyed has no holder and goes nowhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID


class Purpose(StrEnum):
    """
    Why somebody holds an item.
    """

    SEIZED = "seized"
    ANALYSIS = "analysis"
    STORAGE = "storage"
    TRANSFER = "transfer"
    RETURNED = "returned"


class HandoverOutcome(StrEnum):
    """
    How a handover ended.
    """

    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    """The laboratory received the item while it was open."""


class DisposalKind(StrEnum):
    """
    What becomes of an item in the end.
    """

    RETURNED = "returned"
    DESTROYED = "destroyed"


class PortionUnit(StrEnum):
    """
    What a portion's amount counts.
    """

    MILLIGRAM = "mg"
    MICROLITRE = "uL"
    UNIT = "unit"


@dataclass(frozen=True, slots=True)
class Holder:
    """
    Who has an item: a person of an agency, a storage place of a laboratory, or an agency whose person is not known.
    """

    agency_id: UUID
    client_id: UUID | None = None
    place_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Transit:
    """
    An open handover. ``receiver`` is None where any person of the receiving agency may accept.
    """

    giver: UUID
    to_agency_id: UUID
    receiver: UUID | None


@dataclass(frozen=True, slots=True)
class Item:
    """
    Where an item is: its holder, None once it is destroyed, and its open handover, if there is one.
    """

    holder: Holder | None
    transit: Transit | None = None
    disposal_open: bool = False


@dataclass(frozen=True, slots=True)
class Actor:
    """
    An authenticated person and their agency.
    """

    client_id: UUID
    agency_id: UUID


GONE = "This item was destroyed: it goes nowhere."
IN_TRANSIT = "This item is in transit: its handover must be accepted, refused or withdrawn first."


def why_not_moved(item: Item, actor: Actor) -> str | None:
    """
    Say why this person cannot pass the item on, to a person or into storage; None when they can.
    """
    if item.holder is None:
        return GONE
    if item.transit is not None:
        return IN_TRANSIT
    if item.disposal_open:
        return "Its disposal is waiting for its second person: confirm or withdraw that first."
    nobody_named = item.holder.client_id is None and item.holder.place_id is None
    if nobody_named and item.holder.agency_id == actor.agency_id:
        return None
    if item.holder.client_id != actor.client_id:
        return "Only its present holder can pass this item on."
    return None


def why_not_offered(item: Item, actor: Actor, receiver: UUID | None) -> str | None:
    """
    Say why this person cannot offer the item to that one.
    """
    if receiver == actor.client_id:
        return "A handover needs a second person: name somebody else."
    return why_not_moved(item, actor)


def why_not_accepted(item: Item, actor: Actor) -> str | None:
    """
    Say why this person cannot accept the open handover.
    """
    transit = item.transit
    if item.holder is None:
        return GONE
    if transit is None:
        return "This handover is not open any more."
    if actor.client_id == transit.giver:
        return "Whoever hands over cannot accept: the other person must."
    if actor.agency_id != transit.to_agency_id or transit.receiver not in {None, actor.client_id}:
        return "This item was offered to somebody else."
    return None


def why_not_taken(item: Item, actor: Actor) -> str | None:
    """
    Say why this person cannot take the item out of storage.
    """
    if item.holder is None:
        return GONE
    if item.disposal_open:
        return "Its disposal is waiting for its second person: confirm or withdraw that first."
    if item.holder.place_id is None or item.holder.agency_id != actor.agency_id:
        return "This item is not in a storage place of yours."
    return None


def why_not_stored(free: Sequence[tuple[str, int | None]], *, closed: bool) -> str | None:
    """
    Say why nothing more goes into a place.

    Args:
        free: the place and everything it lies in, each with the room left; None where it has no limit.
        closed: whether one of them is closed.

    """
    if closed:
        return "This storage place is closed."
    full = next((code for code, room in free if room is not None and room < 1), None)
    return f"The storage place {full} is full." if full else None


def why_not_analyzed(item: Item, laboratory_id: UUID) -> str | None:
    """
    Say why an analysis cannot start.
    """
    if item.holder is None:
        return GONE
    if item.transit is not None:
        return f"{IN_TRANSIT} No analysis starts in transit."
    if item.holder.agency_id != laboratory_id:
        return "This item is not in the laboratory's custody."
    return None


def why_not_disposed(item: Item, actor: Actor, holds: int) -> str | None:
    """
    Say why this person cannot propose an item's return or destruction.
    """
    if item.holder is None:
        return GONE
    if item.transit is not None:
        return IN_TRANSIT
    if item.disposal_open:
        return "Its disposal is proposed already."
    if item.holder.agency_id != actor.agency_id:
        return "This item is not in your laboratory's custody."
    if item.holder.client_id not in {None, actor.client_id}:
        return "Somebody else holds this item: they must pass it on first."
    return _held_by_law(holds)


def why_not_confirmed(
    item: Item,
    kind: DisposalKind,
    *,
    performer: UUID,
    owner_agency_id: UUID,
    actor: Actor,
    holds: int,
) -> str | None:
    """
    Say why this person cannot be the second name under a disposal.
    """
    if item.holder is None:
        return GONE
    if actor.client_id == performer:
        return "A disposal needs a second person: whoever performs it cannot also confirm it."
    wanted = owner_agency_id if kind is DisposalKind.RETURNED else item.holder.agency_id
    if actor.agency_id != wanted:
        if kind is DisposalKind.RETURNED:
            return "A return is confirmed by a person of the agency that receives the item."
        return "A destruction is confirmed by a witness at the laboratory."
    return _held_by_law(holds)


def _held_by_law(holds: int) -> str | None:
    return (
        f"{holds} legal hold(s) lie on this file: each party must lift its own first."
        if holds
        else None
    )


def why_not_split(
    *, parent: Decimal | None, taken: Decimal, wanted: Decimal | None, tolerance: Decimal
) -> str | None:
    """
    Say why a part, or a use, of this amount cannot come from a portion: parts and what was used never exceed it.

    Args:
        parent: the portion's amount; None where nobody measured it.
        taken: what its parts and its uses took before.
        wanted: what is to be taken now; None where nobody measured it.
        tolerance: by how much the sum may exceed the parent, as stated when it was measured.

    """
    if parent is None or wanted is None or taken + wanted <= parent + tolerance:
        return None
    left = max(parent - taken, Decimal(0))
    return (
        f"This portion has {left.normalize():f} left (within {tolerance.normalize():f}),"
        f" less than {wanted.normalize():f}."
    )


def uses_up(*, whole: Decimal | None, used: Decimal, wanted: Decimal, tolerance: Decimal) -> bool:
    """
    Say whether this use leaves nothing of the whole sample that could be measured again.
    """
    return whole is not None and used + wanted >= whole - tolerance


class SealState(StrEnum):
    """
    How the seal was found.
    """

    INTACT = "intact"
    BROKEN = "broken"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class Nonconformance(StrEnum):
    """
    What was not as it should be when an item came.
    """

    WRONG_LABEL = "wrong_label"
    MISSING_ITEM = "missing_item"
    BROKEN_SEAL = "broken_seal"
    SEAL_MISMATCH = "seal_mismatch"
    WEIGHT_MISMATCH = "weight_mismatch"


STOPS = frozenset({Nonconformance.WRONG_LABEL, Nonconformance.MISSING_ITEM})
"""It is not this item: work stops, and nobody at the laboratory can accept it."""

WEIGHT_TOLERANCE = Decimal("0.05")
"""By which share of the declared gross weight two balances may differ: an assumption of this service."""
LEAST_TOLERANCE_G = Decimal("0.5")


def nonconformances(
    *,
    label_fits: bool,
    missing: bool,
    seal: SealState,
    seal_fits: bool,
    declared_g: Decimal | None,
    weighed_g: Decimal | None,
) -> tuple[Nonconformance, ...]:
    """
    Name what is not as it should be. What was not declared or not weighed contradicts nothing.
    """
    found = []
    if not label_fits:
        found.append(Nonconformance.WRONG_LABEL)
    if missing:
        found.append(Nonconformance.MISSING_ITEM)
    if seal in {SealState.BROKEN, SealState.ABSENT}:
        found.append(Nonconformance.BROKEN_SEAL)
    if not seal_fits:
        found.append(Nonconformance.SEAL_MISMATCH)
    if declared_g is not None and weighed_g is not None:
        allowed = max(declared_g * WEIGHT_TOLERANCE, LEAST_TOLERANCE_G)
        if abs(declared_g - weighed_g) > allowed:
            found.append(Nonconformance.WEIGHT_MISMATCH)
    return tuple(found)
