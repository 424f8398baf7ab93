"""
Taking seizures in: stored, ranked, announced and owed, in one transaction.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.access import service as access
from app.access.rules import ClientKind
from app.access.service import Caller
from app.custody import service as custody
from app.kit import ids, metrics, rows
from app.kit.db import Session
from app.kit.errors import Conflict, FieldError, Invalid
from app.ledger import service as ledger
from app.ranking.assess import Assessment, Stage
from app.samples.repo import evidence as evidence_repo
from app.samples.repo import submit as repo
from app.samples.rules import Party, Status, is_small_parcel, is_small_quantity
from app.samples.schemas import SubmissionIn, SubmittedOut
from app.samples.service import risk
from app.samples.service.learn import Known, concerning, keep, known, links_of
from app.samples.service.look_up import places_of, risk_out
from app.samples.service.moves import digest
from app.webhooks import service as webhooks
from app.webhooks.rules import EventType

_CLOCKS_DIFFER = timedelta(hours=1)
"""How far an agency's clock may run ahead before a seizure counts as lying in the future."""


class AlreadyThere(Conflict):
    """
    You have already submitted this exhibit under this file number; the existing one is linked.
    """

    code = "already-submitted"
    title = "Already submitted"


@dataclass(frozen=True, slots=True)
class _Prepared:
    """
    One submission, ready to be stored.
    """

    submission: dict[str, Any]
    access: dict[str, Any]
    hearings: list[dict[str, Any]]
    samples: list[dict[str, Any]]
    assessments: list[rows.Row]
    shown: list[Assessment]
    """What the agency is answered: each sample by what it told itself."""
    links: list[rows.Row]
    """What its samples share with others."""
    told: list[rows.Row]
    """What the laboratory already knows that concerns them."""


async def submit(
    session: Session, *, caller: Caller, bodies: Sequence[SubmissionIn], placed: bool = True
) -> list[SubmittedOut]:
    """
    Store these seizures, all or none.

    Args:
        session: the open transaction.
        caller: who submits.
        bodies: the seizures.
        placed: whether to look up each sample's place in line, which a batch does not need.

    Raises:
        AlreadyThere: when an exhibit is already known under its file number.
        Invalid: when a seizure lies in the future or names no laboratory that exists.

    """
    laboratories: dict[str | None, UUID] = {}
    for name in {body.laboratory_id for body in bodies}:
        wanted = ids.read("agn", name) if name else None
        laboratories[name] = await access.choose_laboratory(session, wanted)
    knowing = await _knowing(session, caller, bodies, laboratories)
    prepared = [
        _prepare(session, caller, body, laboratory_id, knowing[laboratory_id])
        for body in bodies
        for laboratory_id in (laboratories[body.laboratory_id],)
    ]
    await _store(session, caller, prepared)
    await custody.begin(
        session,
        [sample for one in prepared for sample in one.samples],
        # A program submits, but holds nothing: then any person of the agency may hand the items over.
        client_id=caller.client_id if caller.kind is ClientKind.PERSON else None,
    )
    await _announce(session, caller, prepared)
    found = {}
    if placed:
        found = await places_of(session, [s["id"] for one in prepared for s in one.samples])
    return [_answer(one, found) for one in prepared]


async def _knowing(
    session: Session,
    caller: Caller,
    bodies: Sequence[SubmissionIn],
    laboratories: dict[str | None, UUID],
) -> dict[UUID, Known]:
    told: dict[UUID, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    for body in bodies:
        document = body.model_dump(mode="json", include={"parcel", "samples"})
        told.setdefault(laboratories[body.laboratory_id], []).extend(
            (document, exhibit) for exhibit in document["samples"]
        )
    return {
        laboratory_id: await known(
            session, agency_id=caller.agency_id, laboratory_id=laboratory_id, bodies=pairs
        )
        for laboratory_id, pairs in told.items()
    }


def not_in_the_future(seized_at: datetime, now: datetime, name: str) -> None:
    """
    Refuse a seizure that has not happened yet.

    Raises:
        Invalid: when it lies further ahead than clocks differ.

    """
    if seized_at > now + _CLOCKS_DIFFER:
        message = "lies in the future"
        raise Invalid(errors=[FieldError(name, message, "check the date and the time zone")])


def _prepare(
    session: Session, caller: Caller, body: SubmissionIn, laboratory_id: UUID, knows: Known
) -> _Prepared:
    not_in_the_future(body.seized_at, session.now, "seized_at")
    document = body.model_dump(
        mode="json", exclude={"samples", "hearings", "laboratory_id", "agency_file_number"}
    )
    owner = {"agency_id": caller.agency_id, "laboratory_id": laboratory_id}
    submission = {
        "id": ids.new(),
        **owner,
        "client_id": caller.client_id,
        "agency_file_number": body.agency_file_number,
        "seized_at": body.seized_at,
        "submitted_at": session.now,
        "small_parcel": is_small_parcel(document["route"], document["parcel"]),
        "body": document,
        "version": 1,
    }
    samples, assessments, shown = [], [], []
    links: list[rows.Row] = []
    told: list[rows.Row] = []
    for sample_in in body.samples:
        sample, both, judged, concerns = _sample(
            session, submission, sample_in.model_dump(mode="json"), knows
        )
        links += links_of(session, document, sample)
        told += concerns
        samples.append(sample)
        assessments += both
        shown.append(judged.told)
    return _Prepared(
        submission=submission,
        access={
            "submission_id": submission["id"],
            "agency_id": caller.agency_id,
            "owner_agency_id": caller.agency_id,
            "laboratory_id": laboratory_id,
            "party": Party.SEIZING,
            "granted_at": session.now,
        },
        hearings=[
            {
                "id": ids.new(),
                **owner,
                "submission_id": submission["id"],
                "kind": hearing.kind,
                "held_on": hearing.date,
            }
            for hearing in body.hearings
        ],
        samples=samples,
        assessments=assessments,
        shown=shown,
        links=links,
        told=told,
    )


def _sample(
    session: Session, submission: dict[str, Any], exhibit: dict[str, Any], knows: Known
) -> tuple[dict[str, Any], list[rows.Row], risk.Judged, list[dict[str, Any]]]:
    sample = {
        "id": ids.new(),
        "agency_id": submission["agency_id"],
        "laboratory_id": submission["laboratory_id"],
        "submission_id": submission["id"],
        "agency_file_number": submission["agency_file_number"],
        "exhibit_number": exhibit["exhibit_number"],
        "body": exhibit,
        "small_parcel": submission["small_parcel"],
        "small_quantity": is_small_quantity(exhibit["quantity_seized"]),
        "status": Status.SUBMITTED,
        "version": 1,
        "submitted_at": session.now,
        "updated_at": session.now,
    }
    concerns = concerning(session, knows, submission["body"], sample)
    judged = risk.judge_both(
        submission["body"],
        exhibit,
        concerns,
        record=knows.record,
        policy=knows.policy,
        stage=Stage.SCREEN,
    )
    sample["rank_key"] = risk.key_of(judged.ranked, session.now)
    both = risk.as_rows(judged, sample=sample, cause="submitted", at=session.now)
    sample["assessment_id"] = risk.id_of(both[0])
    return sample, both, judged, concerns


def _all(prepared: Sequence[_Prepared], part: str) -> list[Any]:
    return [row for one in prepared for row in getattr(one, part)]


async def _store(session: Session, caller: Caller, prepared: Sequence[_Prepared]) -> None:
    samples = _all(prepared, "samples")
    stored = await repo.add(
        session,
        submissions=[one.submission for one in prepared],
        accesses=[one.access for one in prepared],
        hearings=_all(prepared, "hearings"),
        assessments=_all(prepared, "assessments"),
        samples=samples,
    )
    if len(stored) == len(samples):
        await evidence_repo.link(session, _all(prepared, "links"))
        for one in prepared:
            await keep(session, laboratory_id=one.submission["laboratory_id"], told=one.told)
        return
    doubles = [sample for sample in samples if sample["id"] not in stored]
    raise await _already_there(session, caller, prepared, doubles)


async def _already_there(
    session: Session,
    caller: Caller,
    prepared: Sequence[_Prepared],
    doubles: Sequence[dict[str, Any]],
) -> AlreadyThere:
    keys = [_key(double) for double in doubles]
    said = {
        _key(sample): (one.submission["body"], sample["body"])
        for one in prepared
        for sample in one.samples
    }
    known = await repo.existing(session, agency_id=caller.agency_id, keys=keys)
    same = {_key(row): said[_key(row)] == (row["seizure"], row["body"]) for row in known}
    existing = [
        {
            "exhibit_number": row["exhibit_number"],
            "sample": f"/v1/samples/{ids.write('smp', row['id'])}",
            "submission": f"/v1/submissions/{ids.write('sub', row['submission_id'])}",
            "same": same[_key(row)],
        }
        for row in known
    ]
    # Whoever takes the refusal for "it is all there" must be told what is not.
    not_stored = sorted(exhibit for _, exhibit in said.keys() - set(keys))
    errors = [_double(key, same=same.get(key, True)) for key in keys] + [
        FieldError(
            "samples.exhibit_number",
            f"{exhibit} is not stored: a submission is stored whole or not at all",
            "submit it again without the exhibits that are known",
        )
        for exhibit in not_stored
    ]
    headers = {"Link": f'<{existing[0]["submission"]}>; rel="duplicate"'} if existing else {}
    metrics.DOUBLES.inc()
    extra = {"existing": existing, "not_stored": not_stored}
    return AlreadyThere(errors=errors, extra=extra, headers=headers)


def _key(sample: Mapping[str, Any]) -> tuple[str, str]:
    return sample["agency_file_number"], sample["exhibit_number"]


def _double(key: tuple[str, str], *, same: bool) -> FieldError:
    file, exhibit = key
    if same:
        return FieldError(
            "samples.exhibit_number",
            f"{exhibit} is already known under file {file}",
            "use the linked sample, or another exhibit_number",
        )
    return FieldError(
        "samples.exhibit_number",
        f"{exhibit} is already known under file {file}, with other content",
        "read the linked sample; correct its submission if that is wrong, or use another exhibit_number",
    )


async def _announce(session: Session, caller: Caller, prepared: Sequence[_Prepared]) -> None:
    notices = [
        webhooks.Notice(
            type=EventType.SUBMISSION_ACCEPTED,
            owner_agency_id=caller.agency_id,
            laboratory_id=one.submission["laboratory_id"],
            submission_id=one.submission["id"],
            sample_id=None,
            sequence=1,
            summary={"samples": len(one.samples)},
        )
        for one in prepared
    ]
    recipients = {one.submission["id"]: [caller.agency_id] for one in prepared}
    owed = await webhooks.announce(session, notices, recipients=recipients)
    await ledger.record(
        session,
        [
            fact
            for one, pairs in zip(prepared, owed, strict=True)
            for fact in _facts(one, caller, pairs)
        ],
    )


def _facts(one: _Prepared, caller: Caller, pairs: Sequence[tuple[UUID, UUID]]) -> list[ledger.Fact]:
    submission = one.submission
    common = {
        "agency_id": submission["agency_id"],
        "laboratory_id": submission["laboratory_id"],
        "submission_id": submission["id"],
        "version": 1,
        "actor_id": caller.client_id,
    }

    def fact(kind: str, row: dict[str, Any], sample_id: UUID | None) -> ledger.Fact:
        # The ledger proves what was said without repeating it: personal data stay outside the chain.
        told = json.dumps(row["body"], sort_keys=True, ensure_ascii=False).encode()
        notices = pairs if sample_id is None else ()
        return ledger.Fact(
            kind=kind,
            sample_id=sample_id,
            details={"body_sha256": digest(told)},
            notices=notices,
            **common,
        )

    return [
        fact("submission.submit", submission, None),
        *(fact("sample.submit", sample, sample["id"]) for sample in one.samples),
    ]


def _answer(one: _Prepared, places: dict[UUID, Any]) -> SubmittedOut:
    submission = one.submission
    return SubmittedOut.model_validate(
        {
            **submission,
            "samples": [
                {
                    **sample,
                    "risk": risk_out(shown.as_json()),
                    "place": places.get(sample["id"]),
                }
                for sample, shown in zip(one.samples, one.shown, strict=True)
            ],
        }
    )
