"""
Who has a part in a file: granted by the agency whose file it is, ended by it or by time.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.access import service as access
from app.access.rules import AgencyKind
from app.access.service import Caller
from app.kit import ids
from app.kit.clock import iso
from app.kit.db import DbRole, Session, acting, as_laboratory
from app.kit.errors import FieldError, Forbidden, Invalid, NotFound, Stale
from app.kit.rows import mapping
from app.ledger import service as ledger
from app.samples.repo import files as repo
from app.samples.repo import read as read_repo
from app.samples.schemas import PartiesOut, PartyIn, PartyOut
from app.webhooks import service as webhooks
from app.webhooks.rules import EventType


class NotYourFile(Forbidden):
    """
    Only the agency whose file this is shares or corrects it.
    """

    code = "not-your-file"
    title = "Not your file"


async def parties_of(session: Session, submission_id: UUID | None) -> PartiesOut:
    """
    Return who has a part in a file.

    Raises:
        NotFound: when it is not there for this caller.

    """
    found = await repo.find(session, submission_id) if submission_id else None
    if found is None or submission_id is None:
        raise NotFound
    rows = await repo.parties(session, submission_id)
    async with acting(session, as_laboratory(found.laboratory_id)):
        names = await access.agency_names(session, [row.agency_id for row in rows])
    return PartiesOut(
        version=found.version,
        items=[
            PartyOut.model_validate({**mapping(row), "agency_name": names.get(row.agency_id)})
            for row in rows
        ],
    )


async def share(
    session: Session, *, caller: Caller, submission_id: UUID | None, version: int, body: PartyIn
) -> PartiesOut:
    """
    Give an agency a part in a file, or renew it; every party is told.

    Raises:
        NotFound: when the file is not there for this caller.
        NotYourFile: when it is another agency's.
        Stale: when it has changed since the caller read it.
        Invalid: when there is no such agency, it is one's own, it takes no case files, or the end lies in the past.

    """
    row = await touch(session, submission_id, version)
    wanted = ids.read("agn", body.agency_id)
    await _may_take_part(session, row.laboratory_id, caller, wanted)
    if body.expires_at is not None and body.expires_at <= session.now:
        message = "lies in the past"
        raise Invalid(errors=[FieldError("expires_at", message, "send a later instant, or none")])
    granted = {
        "submission_id": row.id,
        "agency_id": wanted,
        "owner_agency_id": caller.agency_id,
        "laboratory_id": row.laboratory_id,
        "party": body.party,
        "granted_at": session.now,
        "expires_at": body.expires_at,
    }
    await repo.grant(session, granted)
    recipients = await read_repo.parties(session, [row.id])
    notice = webhooks.Notice(
        type=EventType.SUBMISSION_SHARED,
        owner_agency_id=row.agency_id,
        laboratory_id=row.laboratory_id,
        submission_id=row.id,
        sample_id=None,
        sequence=row.version,
        summary={"party": body.party},
    )
    (owed,) = await webhooks.announce(session, [notice], recipients=recipients)
    details = {
        "agency": str(wanted),
        "party": body.party,
        "expires_at": iso(body.expires_at) if body.expires_at else None,
    }
    await _record(session, caller, row, "submission.share", details, owed)
    return await parties_of(session, row.id)


async def unshare(
    session: Session,
    *,
    caller: Caller,
    submission_id: UUID | None,
    version: int,
    agency_id: UUID | None,
) -> PartiesOut:
    """
    End an agency's part in a file at once. What it was told it keeps, and corrections of that still reach it.

    Raises:
        NotFound: when the file, or the part, is not there.
        NotYourFile: when it is another agency's.
        Stale: when it has changed since the caller read it.

    """
    row = await touch(session, submission_id, version)
    if agency_id is None or not await repo.revoke(
        session, submission_id=row.id, agency_id=agency_id
    ):
        raise NotFound("That agency has no part in this file.")
    await _record(session, caller, row, "submission.unshare", {"agency": str(agency_id)})
    return await parties_of(session, row.id)


async def touch(session: Session, submission_id: UUID | None, version: int, **values: Any) -> Any:
    """
    Change a file of the caller's that still has this version: check and act are one statement (E8).

    Raises:
        NotFound: when the file is not there for this caller.
        NotYourFile: when it is another agency's.
        Stale: when it has another version by now.

    """
    found = await repo.find(session, submission_id) if submission_id else None
    if found is None or submission_id is None:
        raise NotFound
    if session.context.role is DbRole.LAB or found.agency_id != session.tenant:
        raise NotYourFile
    changed = await repo.change(session, submission_id=submission_id, version=version, **values)
    if changed is None:
        now = await repo.find(session, submission_id)
        raise Stale(extra={"version_now": now.version if now else None})
    return changed


async def _may_take_part(
    session: Session, laboratory_id: UUID, caller: Caller, wanted: UUID | None
) -> None:
    if wanted == caller.agency_id:
        message = "is your own agency, which has its part already"
        raise Invalid(errors=[FieldError("agency_id", message, "name the other agency")])
    # An agency's name is known to laboratories only; who asks learns no more than that this id can take part.
    async with acting(session, as_laboratory(laboratory_id)):
        found = await access.agency(session, wanted) if wanted else None
    takes = {AgencyKind.SUBMITTING, AgencyKind.PROSECUTION}
    if found is None or found.closed_at is not None or found.kind not in takes:
        message = "is no agency that takes part in files"
        remedy = "ask the other agency for its id; partners and laboratories take no part"
        raise Invalid(errors=[FieldError("agency_id", message, remedy)])


async def _record(
    session: Session,
    caller: Caller,
    row: Any,
    kind: str,
    details: Mapping[str, Any],
    notices: Sequence[tuple[UUID, UUID]] = (),
) -> None:
    fact = ledger.Fact(
        kind=kind,
        agency_id=row.agency_id,
        laboratory_id=row.laboratory_id,
        submission_id=row.id,
        sample_id=None,
        version=row.version,
        actor_id=caller.client_id,
        details=details,
        notices=notices,
    )
    await ledger.record(session, [fact])
