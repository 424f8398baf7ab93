"""
Submissions, samples, the queue and its claims, over HTTP.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response, status

from app.access.deps import (
    FollowCaller,
    QueueCaller,
    ReadSession,
    SubmitCaller,
    WriteSession,
    reading,
    still,
)
from app.kit import ids, paging
from app.kit.http import ClaimToken, Here, Limit, Wait, not_modified, problems
from app.kit.idempotency import Guard
from app.kit.waiting import until
from app.samples import service
from app.samples.rules import Stage
from app.samples.schemas import (
    ClaimIn,
    ClaimsOut,
    DisclosureIn,
    DisclosureOut,
    HeartbeatOut,
    HeldOut,
    Number,
    PlaceOut,
    QueueOut,
    Reason,
    SampleOut,
    SamplePage,
    SampleQuery,
    SeenSampleOut,
    StatusesOut,
    StatusIn,
    SubmissionIn,
    SubmissionOut,
    SubmissionPage,
    SubmittedOut,
)

router = APIRouter()

After = Annotated[str | None, Query(max_length=400, description="The ``next`` of the page before.")]
FileNumber = Annotated[Number | None, Query()]


@router.post(
    "/submissions",
    status_code=status.HTTP_201_CREATED,
    response_model=SubmittedOut,
    responses=problems(403, 409, 413),
    tags=["agency"],
)
async def submit(
    request: Request,
    response: Response,
    body: SubmissionIn,
    who: SubmitCaller,
    session: WriteSession,
    idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
) -> Any:
    """
    Submit one seizure with 1 to 500 samples.

    The answer says, per sample, its risk with every reason and its place in line. A repeated submission is refused
    with a link to the existing one; with an Idempotency-Key it is answered as the first time.
    """
    guard = None
    if idempotency_key is not None:
        guard = Guard.of(
            agency_id=who.agency_id,
            client_id=who.client_id,
            route="POST /v1/submissions",
            key=idempotency_key,
            body=await request.body(),
        )
        replay = await guard.seen(session)
        if replay is not None:
            return Response(
                replay.body,
                status_code=replay.status_code,
                media_type="application/json",
                headers={"Location": replay.location or "", "Idempotent-Replayed": "true"},
            )
    (stored,) = await service.submit(session, caller=who, bodies=[body])
    location = f"/v1/submissions/{ids.write('sub', stored.id)}"
    if guard is None:
        response.headers["Location"] = location
        return stored
    answer = stored.model_dump_json().encode()
    await guard.keep(session, status_code=201, location=location, body=answer)
    return Response(
        answer, status_code=201, media_type="application/json", headers={"Location": location}
    )


@router.get("/submissions", responses=problems(403), tags=["agency", "investigator"])
async def submissions(
    here: Here,
    who: FollowCaller,
    session: ReadSession,
    file_number: FileNumber = None,
    after: After = None,
    limit: Limit = 50,
) -> SubmissionPage:
    """
    List submissions, newest first.
    """
    scope = f"submissions:{who.agency_id}:{file_number!r}"
    before = _before(here.cursor_key, scope, after)
    items, more = await service.submission_page(
        session, file_number=file_number, before=before, limit=limit
    )
    return SubmissionPage(items=items, next=_next(here.cursor_key, scope, items, more=more))


@router.get(
    "/submissions/{submission_id}", responses=problems(403, 404), tags=["agency", "investigator"]
)
async def submission(
    submission_id: str, response: Response, who: FollowCaller, session: ReadSession
) -> SubmissionOut:
    """
    Read one submission with its samples. Its ETag is what a correction, or a change of its parties, sends as If-Match.
    """
    found = await service.submission(session, ids.read("sub", submission_id))
    response.headers["ETag"] = f'"{found.version}"'
    return service.fold_all(found, who)


@router.get("/samples", responses=problems(403), tags=["agency", "investigator", "technician"])
async def samples(
    here: Here,
    request: Request,
    who: FollowCaller,
    filters: Annotated[SampleQuery, Query()],
) -> SamplePage:
    """
    List samples, newest first, by file number, status, or what has changed since.

    With `wait` an empty answer is held back until there is something on it.
    """
    chosen = service.Filters(
        file_number=filters.file_number,
        status=filters.status,
        updated_since=filters.updated_since,
        small_parcel=filters.small_parcel,
    )
    scope = f"samples:{who.agency_id}:{chosen.as_scope()}"
    before = _before(here.cursor_key, scope, filters.after)

    async def look() -> tuple[list[SampleOut], bool] | None:
        present = await still(request) if filters.wait else who
        async with reading(request, present) as session:
            found = await service.page(session, filters=chosen, before=before, limit=filters.limit)
        return found if found[0] else None

    items, more = await until(here.waker, look, within_s=filters.wait) or ([], False)
    for item in items:
        service.fold(item, who)
    return SamplePage(items=items, next=_next(here.cursor_key, scope, items, more=more))


@router.post("/samples:status", responses=problems(403), tags=["agency", "investigator"])
async def samples_status(body: StatusIn, who: FollowCaller, session: ReadSession) -> StatusesOut:
    """
    Ask for the status of up to 1,000 samples at once. What is not yours is not there.
    """
    del who
    return await service.statuses(session, sample_ids=body.sample_ids)


@router.get(
    "/samples/{sample_id}",
    response_model=SeenSampleOut,
    responses={**problems(403, 404), 304: {"description": "You already hold this version."}},
    tags=["agency", "investigator", "technician"],
)
async def sample(
    *,
    sample_id: str,
    here: Here,
    request: Request,
    response: Response,
    who: FollowCaller,
    wait: Wait = 0,
) -> Any:
    """
    Read one sample. Send its ETag as If-None-Match and an unchanged sample costs one row and no body.

    With `wait` and If-None-Match the answer is held back until the sample has changed.
    """
    key = ids.read("smp", sample_id)
    unchanged: Response | None = None

    async def look() -> SeenSampleOut | None:
        nonlocal unchanged
        present = await still(request) if wait else who
        async with reading(request, present) as session:
            if "if-none-match" in request.headers:
                unchanged = not_modified(request, f'"{await service.version_of(session, key)}"')
                if unchanged is not None:
                    return None
            return service.seen(await service.look_up(session, key), present)

    found = await until(here.waker, look, within_s=wait)
    if found is None:
        return unchanged
    response.headers["ETag"] = f'"{found.version}"'
    return found


@router.get(
    "/samples/{sample_id}/place", responses=problems(403, 404), tags=["agency", "investigator"]
)
async def place(sample_id: str, who: FollowCaller, session: ReadSession) -> PlaceOut:
    """
    Read a sample's place in line, which changes when others move.
    """
    del who
    return await service.place_of(session, ids.read("smp", sample_id))


@router.get("/lab/queue", responses=problems(403), tags=["technician"])
async def queue(
    who: QueueCaller, session: ReadSession, stage: Stage = Stage.SCREEN, limit: Limit = 20
) -> QueueOut:
    """
    See the head of the queue at one stage, in order, each with its strongest reasons.
    """
    head = await service.queue_head(session, stage=stage, limit=limit)
    return service.fold_queue(head, who)


@router.post(
    "/lab/samples/{sample_id}/disclosures",
    status_code=status.HTTP_201_CREATED,
    responses=problems(403, 404),
    tags=["technician", "reviewer"],
)
async def disclose(
    sample_id: str, body: DisclosureIn, who: QueueCaller, session: WriteSession
) -> DisclosureOut:
    """
    Open what is folded: what the agency suspects, and why the sample ranks where it does. The opening is logged.
    """
    return await service.disclose(
        session, caller=who, sample_id=ids.read("smp", sample_id), reason=body.reason
    )


@router.post(
    "/lab/claims",
    status_code=status.HTTP_201_CREATED,
    responses=problems(403, 404, 409),
    tags=["technician", "reviewer"],
)
async def claim(here: Here, body: ClaimIn, who: QueueCaller, session: WriteSession) -> ClaimsOut:
    """
    Take the next sample at a stage, several, or a named one.
    """
    lease_s = here.settings.claim_lease_s
    if body.sample_id is not None:
        claims = await service.claim_named(
            session,
            caller=who,
            sample_id=ids.read("smp", body.sample_id),
            stage=body.stage,
            lease_s=lease_s,
        )
    elif body.bench is not None:
        claims = await service.claim_at(
            session, caller=who, bench=body.bench, count=body.count, lease_s=lease_s
        )
    else:
        claims = await service.claim_next(
            session, caller=who, stage=body.stage, count=body.count, lease_s=lease_s
        )
    return ClaimsOut(claims=claims)


@router.get("/lab/claims", responses=problems(403), tags=["technician", "reviewer", "supervisor"])
async def held(
    who: QueueCaller,
    session: ReadSession,
    *,
    beyond_lease: Annotated[
        bool, Query(description="Only claims that stayed although their lease ran out.")
    ] = False,
) -> HeldOut:
    """
    See what you hold; as a supervisor, what everybody holds, with the token that puts it back.

    A claim with an analysis open, or whose holder has the item in their hands, does not lapse: a supervisor finds it
    here with ``beyond_lease``, and decides.
    """
    return await service.held(session, caller=who, beyond_lease=beyond_lease)


@router.put(
    "/lab/claims/{claim_id}",
    responses=problems(403, 404, 412, 428),
    tags=["technician", "reviewer"],
)
async def heartbeat(
    here: Here, claim_id: str, token: ClaimToken, who: QueueCaller, session: WriteSession
) -> HeartbeatOut:
    """
    Say that you are still at work on it.
    """
    return await service.heartbeat(
        session,
        caller=who,
        claim_id=ids.read("clm", claim_id),
        token=token,
        lease_s=here.settings.claim_lease_s,
    )


@router.delete(
    "/lab/claims/{claim_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(403, 404, 412, 428),
    tags=["technician", "reviewer"],
)
async def put_back(
    claim_id: str,
    token: ClaimToken,
    reason: Annotated[Reason, Query()],
    who: QueueCaller,
    session: WriteSession,
) -> None:
    """
    Put a sample back, with a reason. It keeps its place.
    """
    await service.put_back(
        session,
        caller=who,
        claim_id=ids.read("clm", claim_id),
        token=token,
        reason=reason,
    )


def _before(key: bytes, scope: str, after: str | None) -> UUID | None:
    return UUID(paging.read(key, scope=scope, cursor=after)[0]) if after else None


def _next(key: bytes, scope: str, items: Any, *, more: bool) -> str | None:
    return paging.write(key, scope=scope, values=[str(items[-1].id)]) if more else None
