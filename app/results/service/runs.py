"""
Worksheets: one run of many samples with its blanks and controls, and its results from the instrument's own sheet.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.access.service import Caller
from app.kit import ids
from app.kit.db import Session
from app.kit.errors import Conflict, FieldError, Invalid, NotFound
from app.kit.rows import mapping
from app.results import repo as results_repo
from app.results.models.bench import run as run_table
from app.results.repo import bench as repo
from app.results.rules import WithdrawalBecause
from app.results.rules.sheets import Columns, Read, controls_pass, read_sheet
from app.results.schemas import AnalysisIn, FindingWithdrawalIn
from app.results.schemas.worksheets import ImportIn, ImportLineOut, ImportOut, RunIn, RunOut
from app.results.service.analyses import write
from app.results.service.methods import known, unknown_technique
from app.results.service.standing import withdraw_finding
from app.samples import service as samples


class SheetRefused(Invalid):
    """
    Some lines of the sheet do not fit the worksheet: nothing was stored. Each line says what is wrong.
    """

    code = "sheet-refused"
    title = "Nothing was imported"


async def open_run(session: Session, *, caller: Caller, lease_s: int, body: RunIn) -> RunOut:
    """
    Open a worksheet. Every sample on it must be held by the caller.

    Raises:
        NotFound: when a sample is not this laboratory's.
        Stale: when a claim no longer holds its sample.
        Invalid: when the technique is not known here.

    """
    here = await known(session)
    if here.technique(body.technique) is None:
        raise Invalid(errors=[unknown_technique()])
    for line in body.lines:
        if line.sample_id is not None and line.token is not None:
            await samples.hold(
                session,
                caller=caller,
                sample_id=ids.read("smp", line.sample_id),
                token=line.token,
                lease_s=lease_s,
                opens=True,
            )
    row: dict[str, Any] = {
        "id": ids.new(),
        "laboratory_id": caller.agency_id,
        "technique": body.technique,
        "method": body.method,
        "instrument": body.instrument,
        "operator_id": caller.client_id,
        "lines": [{**line.model_dump(mode="json"), "used": body.used} for line in body.lines],
        "opened_at": session.now,
        "closed_at": None,
        "controls_passed": None,
        "failed_because": None,
    }
    await results_repo.add(session, run_table, row)
    return _out(row)


async def run_of(session: Session, run_id: UUID | None) -> RunOut:
    """
    Return a worksheet.

    Raises:
        NotFound: when there is no such run here.

    """
    row = await repo.look_at_run(session, run_id) if run_id else None
    if row is None:
        raise NotFound
    return _out(mapping(row))


async def import_sheet(
    session: Session, *, caller: Caller, run_id: UUID | None, lease_s: int, body: ImportIn
) -> ImportOut:
    """
    Read an instrument's sheet against its worksheet: a preview, or everything stored, or nothing.

    Raises:
        NotFound: when there is no such run here.
        Conflict: when it has its results already, or is somebody else's.
        SheetRefused: when a line does not fit, and this is no preview.
        Stale: when a claim no longer holds its sample.

    """
    row = await repo.find_run(session, run_id) if run_id else None
    if row is None:
        raise NotFound
    if row.closed_at is not None:
        raise Conflict("This run has its results already.")
    if row.operator_id != caller.client_id:
        raise Conflict("This is somebody else's run: its operator imports its results.")
    if body.ended_at < body.started_at:
        message = "lies before started_at"
        raise Invalid(errors=[FieldError("ended_at", message, "check both")])
    on_sheet = {line["label"]: line for line in row.lines}
    given = body.columns
    columns = Columns(given.label, given.result, given.substances, given.separator, given.words)
    read = read_sheet(body.csv, columns, list(on_sheet))
    bad = [one for one in read if one.problem]
    passed = not bad and all(
        controls_pass(on_sheet[one.label]["kind"], one, on_sheet[one.label]["expected"])
        for one in read
    )
    if body.preview:
        lines = [_told(one, on_sheet) for one in read]
        return ImportOut(stored=False, controls_passed=None if bad else passed, lines=lines)
    if bad:
        errors = [
            FieldError(
                f"csv line {one.line}", f"{one.label}: {one.problem}", "mend it and import again"
            )
            for one in bad
        ]
        raise SheetRefused(errors=errors)
    stored = await _store(session, caller, row, read, on_sheet, body, lease_s, passed=passed)
    await repo.change_run(session, row.id, closed_at=session.now, controls_passed=passed)
    lines = [_told(one, on_sheet, stored) for one in read]
    return ImportOut(stored=True, controls_passed=passed, lines=lines)


async def fail(session: Session, *, caller: Caller, run_id: UUID | None, reason: str) -> RunOut:
    """
    Note that a run's controls are not to be relied upon: its findings are invalidated, released ones taken back.

    Raises:
        NotFound: when there is no such run here.
        Conflict: when it has no results yet, or has failed already.

    """
    row = await repo.find_run(session, run_id) if run_id else None
    if row is None:
        raise NotFound
    if row.closed_at is None or row.failed_because is not None:
        raise Conflict("This run has no results yet, or has failed already.")
    await repo.change_run(session, row.id, controls_passed=False, failed_because=reason)
    analyses = await repo.fail_analyses(session, row.id)
    for finding in await repo.invalidate(session, analyses, because=reason):
        if finding.released_at is not None and finding.withdrawn_at is None:
            told = FindingWithdrawalIn(because=WithdrawalBecause.CONTROL_FAILED, note=reason)
            await withdraw_finding(session, caller=caller, finding_id=finding.id, body=told)
            continue
        sample = await samples.look_up(session, finding.sample_id)
        await samples.unlearn(session, sample=samples.row_of(sample), actor_id=caller.client_id)
    return await run_of(session, row.id)


async def _store(
    session: Session,
    caller: Caller,
    row: Any,
    read: Sequence[Read],
    on_sheet: Mapping[str, Any],
    body: ImportIn,
    lease_s: int,
    *,
    passed: bool,
) -> dict[str, UUID]:
    here = await known(session)
    stored: dict[str, UUID] = {}
    for one in read:
        line = on_sheet[one.label]
        if line["kind"] != "sample" or one.result is None:
            continue
        held = await samples.hold(
            session,
            caller=caller,
            sample_id=ids.read("smp", line["sample_id"]),
            token=line["token"],
            lease_s=lease_s,
            opens=True,
        )
        analysis = AnalysisIn(
            technique=row.technique,
            method=row.method,
            used=line["used"],
            aliquot=line["aliquot"] or one.label,
            instrument=row.instrument,
            started_at=body.started_at,
            ended_at=body.ended_at,
            result=one.result,
            substances=list(one.substances),
            controls_passed=passed,
            data_reference=body.data_reference or f"run {ids.write('run', row.id)}, {one.label}",
        )
        found = await write(
            session, caller=caller, held=held, here=here, body=analysis, run_id=row.id
        )
        stored[one.label] = found.id
    return stored


def _told(
    one: Read, on_sheet: Mapping[str, Any], stored: Mapping[str, UUID] | None = None
) -> ImportLineOut:
    return ImportLineOut(
        line=one.line,
        label=one.label,
        outcome="refused" if one.problem else "fits" if stored is None else "stored",
        kind=on_sheet[one.label]["kind"] if one.label in on_sheet else None,
        result=one.result,
        substances=list(one.substances),
        problem=one.problem,
        analysis_id=(stored or {}).get(one.label),
    )


def _out(row: Mapping[str, Any]) -> RunOut:
    return RunOut.model_validate(dict(row))
