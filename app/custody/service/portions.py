"""
Portions of a sample by weight: parts and what was used never exceed the whole.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.custody import repo, rules
from app.custody.models import consumption, last_use
from app.custody.models import portion as portion_table
from app.custody.rules import PortionUnit
from app.custody.service.moving import refuse
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import Conflict, FieldError, Invalid


class LastOfSample(Conflict):
    """
    This would use up the last of the sample: a supervisor must authorize it first.
    """

    code = "last-of-sample"
    title = "The last of the sample"


async def portions_of(session: Session, sample_id: UUID) -> list[dict[str, Any]]:
    """
    Return a sample's portions with what was taken of each and what is left.
    """
    found = await repo.portions(session, sample_id)
    used = await repo.used(session, sample_id)
    labels = {row.id: row.label for row in found}
    return [
        {
            "label": row.label,
            "parent": labels.get(row.parent_id),
            "amount": row.amount,
            "unit": row.unit,
            "tolerance": row.tolerance,
            "parts": _parts(found, row.id),
            "used": used.get(row.id, Decimal(0)),
            "left": None
            if row.amount is None
            else max(row.amount - _parts(found, row.id) - used.get(row.id, Decimal(0)), Decimal(0)),
            "made_by": row.made_by,
            "made_at": row.made_at,
        }
        for row in found
    ]


async def split(
    session: Session,
    sample: Mapping[str, Any],
    *,
    client_id: UUID,
    label: str,
    parent: str | None,
    amount: Decimal | None,
    unit: PortionUnit,
    tolerance: Decimal,
) -> None:
    """
    Record the whole of a sample as weighed, or a part of a portion.

    Raises:
        Invalid: when the portion it comes from is not there, or counts another unit.
        Conflict: when the label is taken, or the whole is recorded already.
        CustodyRefused: when the parts would exceed what they come from.

    """
    await repo.one_at_a_time(session, f"portions {sample['id']}")
    found = await repo.portions(session, sample["id"])
    if any(row.label == label for row in found):
        raise Conflict(f"There already is a portion {label} of this sample.")
    above = _named(found, parent) if parent is not None else None
    if above is None and found:
        raise Conflict(
            "The whole of this sample is recorded already: name the portion it is part of."
        )
    if above is not None:
        if above.unit != unit:
            message = f"is {unit}, and the portion {above.label} counts {above.unit}"
            raise Invalid(errors=[FieldError("unit", message, "use the same unit")])
        used = await repo.used(session, sample["id"])
        taken = _parts(found, above.id) + used.get(above.id, Decimal(0))
        refuse(
            rules.why_not_split(
                parent=above.amount, taken=taken, wanted=amount, tolerance=above.tolerance
            )
        )
    await repo.insert(
        session,
        portion_table,
        {
            "id": ids.new(),
            "laboratory_id": session.tenant,
            "sample_id": sample["id"],
            "parent_id": above.id if above else None,
            "label": label,
            "amount": None if amount is None else str(amount),
            "unit": unit,
            "tolerance": str(tolerance),
            "made_by": client_id,
            "made_at": session.now,
        },
    )


async def consume(
    session: Session,
    sample_id: UUID,
    *,
    client_id: UUID,
    label: str,
    amount: Decimal,
    analysis_id: UUID | None,
) -> None:
    """
    Record what an analysis used of a portion. The last of a sample needs a supervisor's authorization, which is spent.

    Raises:
        Invalid: when there is no such portion.
        CustodyRefused: when it does not have that much left.
        LastOfSample: when this would use up the sample and nobody has authorized it.

    """
    await repo.one_at_a_time(session, f"portions {sample_id}")
    found = await repo.portions(session, sample_id)
    portion = _named(found, label)
    used = await repo.used(session, sample_id)
    taken = _parts(found, portion.id) + used.get(portion.id, Decimal(0))
    refuse(
        rules.why_not_split(
            parent=portion.amount, taken=taken, wanted=amount, tolerance=portion.tolerance
        )
    )
    whole = next(row for row in found if row.parent_id is None)
    spent = sum(used.values(), Decimal(0))
    last = rules.uses_up(whole=whole.amount, used=spent, wanted=amount, tolerance=whole.tolerance)
    if last:
        await spend_last_use(session, sample_id, client_id=client_id)
    await repo.insert(
        session,
        consumption,
        {
            "id": ids.new(),
            "laboratory_id": session.tenant,
            "sample_id": sample_id,
            "portion_id": portion.id,
            "analysis_id": analysis_id,
            "amount": str(amount),
            "used_up": "the sample" if last else None,
            "recorded_by": client_id,
            "recorded_at": session.now,
        },
    )


async def spend_last_use(session: Session, sample_id: UUID, *, client_id: UUID) -> None:
    """
    Spend a supervisor's authorization to use up the last of a sample.

    Raises:
        LastOfSample: when there is none.

    """
    if await repo.spend_last_use(session, sample_id, by=client_id) is None:
        raise LastOfSample


async def authorize_last_use(
    session: Session, sample: Mapping[str, Any], *, client_id: UUID, reason: str
) -> dict[str, Any]:
    """
    Authorize that what is left of a sample be used up, once, by somebody else.

    Raises:
        Conflict: when it is authorized already.

    """
    await repo.one_at_a_time(session, f"portions {sample['id']}")
    if await repo.open_last_use(session, sample["id"]) is not None:
        raise Conflict("This is authorized already, and nobody has used it yet.")
    row: dict[str, Any] = {
        "id": ids.new(),
        "laboratory_id": session.tenant,
        "sample_id": sample["id"],
        "reason": reason,
        "granted_by": client_id,
        "granted_at": session.now,
    }
    await repo.insert(session, last_use, row)
    return row


def _parts(found: Sequence[Any], parent_id: UUID) -> Decimal:
    return sum(
        (row.amount for row in found if row.parent_id == parent_id and row.amount is not None),
        Decimal(0),
    )


def _named(found: Sequence[Any], label: str) -> Any:
    named = next((row for row in found if row.label == label), None)
    if named is None:
        known = ", ".join(row.label for row in found)
        remedy = f"use one of {known}" if known else "record the whole of the sample first"
        raise Invalid(errors=[FieldError("portion", f"there is no portion {label}", remedy)])
    return named
