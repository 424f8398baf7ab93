"""
Repairing what an agency said: before and after are kept, every party is told, and what bears on risk moves the queue.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.access.service import Caller
from app.kit import ids
from app.kit.db import Session, acting, as_laboratory
from app.kit.errors import Conflict, FieldError, Invalid, NotFound
from app.kit.rows import mapping
from app.ledger import service as ledger
from app.samples.repo import evidence as evidence_repo
from app.samples.repo import files as repo
from app.samples.repo import read as read_repo
from app.samples.repo import submit as submit_repo
from app.samples.rules import Status, is_small_parcel, is_small_quantity
from app.samples.schemas import CorrectionIn, CorrectionLine, CorrectionOut, MovedOut
from app.samples.service.learn import concerning, keep, known, links_of
from app.samples.service.moves import digest
from app.samples.service.parties import touch
from app.samples.service.rerank import Reranked, rerank
from app.samples.service.submit import AlreadyThere, not_in_the_future
from app.webhooks import service as webhooks
from app.webhooks.rules import EventType

_UNBEGUN = {Status.SUBMITTED, Status.RECEIVED, Status.WITHDRAWN, Status.REJECTED}

_NEVER_EMPTY = frozenset(
    {
        "agency_file_number",
        "seized_at",
        "route",
        "exhibit_number",
        "suspected",
        "form",
        "field_tests",
        "reported_effects",
        "hazards",
        "circumstances",
    }
)
"""Fields that always have a value: null leaves them as they are."""

_TELLS_NOTHING_OF_RISK = frozenset(
    {"agency_file_number", "exhibit_number", "references", "hearings", "description", "place"}
)
"""Fields the ranking never looks at: their correction moves nobody."""

_LINKS = frozenset({"parcel", "markings", "form"})


class TooLateForKeys(Conflict):
    """
    Work on this file has begun: its labels and documents carry the number. Add a reference instead.
    """

    code = "number-in-use"
    title = "The number is in use"


@dataclass(slots=True)
class _Plan:
    """
    What a correction changes.
    """

    changes: list[dict[str, Any]] = field(default_factory=list)
    samples: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    """The samples whose own row changes, as it should read."""
    risky: set[UUID] = field(default_factory=set)
    """Those a fact of which changed that may bear on the risk."""
    linked: set[UUID] = field(default_factory=set)
    """Those that may be linked to others now than before."""

    def note(self, name: str, before: Any, after: Any, sample_id: UUID | None = None) -> None:
        """
        Keep one field before and after.
        """
        written = str(sample_id) if sample_id else None
        self.changes.append({"field": name, "sample_id": written, "before": before, "after": after})


async def correct(
    session: Session,
    *,
    caller: Caller,
    submission_id: UUID | None,
    version: int,
    body: CorrectionIn,
) -> CorrectionOut:
    """
    Correct a submission and its samples, all or nothing.

    Raises:
        NotFound: when the file is not there for this caller.
        NotYourFile: when it is another agency's.
        Stale: when it has changed since the caller read it.
        Invalid: when nothing would change, or a sample is not of this file.
        TooLateForKeys: when a number is to change that labels and documents carry already.
        AlreadyThere: when the corrected number is another exhibit's.

    """
    # The version is checked and taken by this statement; whoever comes with the same one after us is stale.
    row = await touch(session, submission_id, version)
    async with acting(session, as_laboratory(row.laboratory_id)):
        # Tasks before samples, as everybody locks them.
        wanted = [one.id for one in await repo.samples_of(session, row.id)]
        await evidence_repo.lock(session, wanted, skip=False)
    samples = await repo.samples_of(session, row.id)
    plan = _Plan()
    seizure = _seizure(plan, session, row, samples, body)
    _exhibits(plan, samples, body)
    if not plan.changes:
        raise Invalid("Nothing would change: every field reads so already.")
    await _write(session, row, seizure, plan)
    await _relink(session, row, seizure["body"], plan)
    moved = await rerank(
        session,
        laboratory_id=row.laboratory_id,
        sample_ids=sorted(plan.risky),
        cause="correction",
        actor_id=caller.client_id,
    )
    kept = {
        "id": ids.new(),
        "agency_id": row.agency_id,
        "laboratory_id": row.laboratory_id,
        "submission_id": row.id,
        "version": row.version,
        "reason": body.reason,
        "note": body.note,
        "changes": plan.changes,
        "made_by": caller.client_id,
        "made_by_name": caller.name,
        "made_at": session.now,
    }
    await repo.add(session, kept, hearings=_hearings(row, body))
    await _tell(session, caller, row, kept, plan)
    return CorrectionOut.model_validate({**kept, "ranked_anew": _moved(moved)})


async def corrections_of(session: Session, submission_id: UUID | None) -> list[CorrectionLine]:
    """
    Return what was corrected in a file, first to last.

    Raises:
        NotFound: when it is not there for this caller.

    """
    if submission_id is None or await repo.find(session, submission_id) is None:
        raise NotFound
    rows = await repo.corrections(session, submission_id)
    return [CorrectionLine.model_validate(mapping(row)) for row in rows]


def _sent(model: Any) -> dict[str, Any]:
    """
    Return the fields that were sent and say something.
    """
    if model is None:
        return {}
    told: dict[str, Any] = model.model_dump(mode="json")
    return {
        name: told[name]
        for name in model.model_fields_set
        if told[name] is not None or name not in _NEVER_EMPTY
    }


def _seizure(
    plan: _Plan, session: Session, row: Any, samples: Sequence[Any], body: CorrectionIn
) -> dict[str, Any]:
    told = _sent(body.seizure)
    if body.seizure is not None and body.seizure.seized_at is not None:
        not_in_the_future(body.seizure.seized_at, session.now, "seizure.seized_at")
    new: dict[str, Any] = dict(row.body)
    number = told.pop("agency_file_number", row.agency_file_number)
    if number != row.agency_file_number:
        _may_rename(samples)
        plan.note("agency_file_number", row.agency_file_number, number)
    changed = {name for name, value in told.items() if new.get(name) != value}
    for name in sorted(changed):
        plan.note(name, new.get(name), told[name])
        new[name] = told[name]
    _add(plan, new, body)
    seized_at = body.seizure.seized_at if body.seizure else None
    small = is_small_parcel(new["route"], new["parcel"])
    if number != row.agency_file_number or small != row.small_parcel:
        for one in samples:
            _of(plan, one).update(agency_file_number=number, small_parcel=small)
    if changed - _TELLS_NOTHING_OF_RISK:
        plan.risky |= {one.id for one in samples}
    if changed & _LINKS:
        plan.linked |= {one.id for one in samples}
    return {
        "body": new,
        "agency_file_number": number,
        "seized_at": seized_at or row.seized_at,
        "small_parcel": small,
    }


def _add(plan: _Plan, seizure: dict[str, Any], body: CorrectionIn) -> None:
    before = seizure.get("references", [])
    added = [one.model_dump(mode="json") for one in body.add_references]
    fresh = [one for one in added if one not in before]
    if fresh:
        seizure["references"] = [*before, *fresh]
        plan.note("references", before, seizure["references"])
    if body.add_hearings:
        plan.note("hearings", None, [one.model_dump(mode="json") for one in body.add_hearings])


def _of(plan: _Plan, one: Any) -> dict[str, Any]:
    return plan.samples.setdefault(
        one.id,
        {
            "id": one.id,
            "body": one.body,
            "exhibit_number": one.exhibit_number,
            "agency_file_number": one.agency_file_number,
            "small_parcel": one.small_parcel,
            "small_quantity": one.small_quantity,
        },
    )


def _exhibits(plan: _Plan, samples: Sequence[Any], body: CorrectionIn) -> None:
    known_samples = {one.id: one for one in samples}
    for at, change in enumerate(body.samples):
        wanted = ids.read("smp", change.sample_id)
        one = known_samples.get(wanted) if wanted else None
        if one is None:
            message = "is no sample of this file"
            raise Invalid(
                errors=[FieldError(f"samples.{at}.sample_id", message, "name one of this file's")]
            )
        told = _sent(change.exhibit)
        changed = {name for name, value in told.items() if one.body.get(name) != value}
        if not changed:
            continue
        if "exhibit_number" in changed:
            _may_rename([one])
        for name in sorted(changed):
            plan.note(name, one.body.get(name), told[name], one.id)
        fresh = _of(plan, one)
        fresh["body"] = {**one.body, **told}
        fresh["exhibit_number"] = fresh["body"]["exhibit_number"]
        fresh["small_quantity"] = is_small_quantity(fresh["body"]["quantity_seized"])
        if changed - _TELLS_NOTHING_OF_RISK:
            plan.risky.add(one.id)
        if changed & _LINKS:
            plan.linked.add(one.id)


def _may_rename(samples: Iterable[Any]) -> None:
    for one in samples:
        if Status(one.resumes_to or one.status) not in _UNBEGUN:
            raise TooLateForKeys(extra={"status_now": one.status})


async def _write(session: Session, row: Any, seizure: Mapping[str, Any], plan: _Plan) -> None:
    fresh = list(plan.samples.values())
    keys = {(one["agency_file_number"], one["exhibit_number"]): one["id"] for one in fresh}
    if len(keys) < len(fresh):
        raise AlreadyThere("Two samples of this file would have the same exhibit number.")
    for one in await submit_repo.existing(session, agency_id=row.agency_id, keys=list(keys)):
        if one["id"] not in plan.samples:
            raise AlreadyThere(extra={"existing": [_existing(one)]})
    try:
        await repo.rewrite(session, fresh)
    except IntegrityError as problem:
        # Somebody else stored the same number at the same instant.
        raise AlreadyThere from problem
    await repo.write(session, row.id, **seizure)


def _existing(one: Mapping[str, Any]) -> dict[str, str]:
    return {
        "exhibit_number": one["exhibit_number"],
        "sample": f"/v1/samples/{ids.write('smp', one['id'])}",
        "submission": f"/v1/submissions/{ids.write('sub', one['submission_id'])}",
    }


async def _relink(session: Session, row: Any, seizure: Mapping[str, Any], plan: _Plan) -> None:
    """
    Link the samples to those they share something with by the corrected facts, and to no others.
    """
    linked = [one for one in await repo.samples_of(session, row.id) if one.id in plan.linked]
    if not linked:
        return
    async with acting(session, as_laboratory(row.laboratory_id)):
        await repo.unlink(session, [one.id for one in linked], at=session.now)
        knows = await known(
            session,
            agency_id=row.agency_id,
            laboratory_id=row.laboratory_id,
            bodies=[(seizure, one.body) for one in linked],
        )
        samples = [mapping(one) for one in linked]
        links = [link for one in samples for link in links_of(session, seizure, one)]
        await evidence_repo.link(session, links)
        told = [fact for one in samples for fact in concerning(session, knows, seizure, one)]
        await keep(session, laboratory_id=row.laboratory_id, told=told)


def _hearings(row: Any, body: CorrectionIn) -> list[dict[str, Any]]:
    return [
        {
            "id": ids.new(),
            "agency_id": row.agency_id,
            "laboratory_id": row.laboratory_id,
            "submission_id": row.id,
            "kind": one.kind,
            "held_on": one.date,
        }
        for one in body.add_hearings
    ]


async def _tell(
    session: Session, caller: Caller, row: Any, kept: Mapping[str, Any], plan: _Plan
) -> None:
    recipients = await read_repo.parties(session, [row.id])
    names = sorted({change["field"] for change in plan.changes})
    notice = webhooks.Notice(
        type=EventType.SUBMISSION_CORRECTED,
        owner_agency_id=row.agency_id,
        laboratory_id=row.laboratory_id,
        submission_id=row.id,
        sample_id=None,
        sequence=row.version,
        summary={"fields": names, "samples": len(plan.samples)},
    )
    (owed,) = await webhooks.announce(session, [notice], recipients=recipients)
    # The ledger proves what was changed without repeating it: personal data stay outside the chain.
    told = json.dumps(plan.changes, sort_keys=True, ensure_ascii=False).encode()
    common: dict[str, Any] = {
        "agency_id": row.agency_id,
        "laboratory_id": row.laboratory_id,
        "submission_id": row.id,
        "actor_id": caller.client_id,
    }
    details = {
        "correction": str(kept["id"]),
        "reason": str(kept["reason"]),
        "fields": names,
        "changes_sha256": digest(told),
    }
    now = {one.id: one.version for one in await repo.samples_of(session, row.id)}
    await ledger.record(
        session,
        [
            ledger.Fact(
                kind="submission.correct",
                sample_id=None,
                version=row.version,
                details=details,
                notices=owed,
                **common,
            ),
            *(
                ledger.Fact(
                    kind="sample.correct",
                    sample_id=sample_id,
                    version=now[sample_id],
                    details={"correction": str(kept["id"])},
                    **common,
                )
                for sample_id in plan.samples
            ),
        ],
    )


def _moved(done: Sequence[Reranked]) -> list[MovedOut]:
    return [
        MovedOut(
            sample_id=one.sample_id,
            band_before=str(one.before["band"]),
            band_after=one.after.band,
            moved=one.key_before != one.key_after,
        )
        for one in done
    ]
