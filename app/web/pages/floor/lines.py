"""
What the floor shows sample by sample: claims, promises, rush requests.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from app.kit import ids
from app.samples.schemas import HeldLine, SampleOut
from app.samples.schemas.clocks import ClockOut
from app.web.language import N_, Language
from app.web.pages.bench import words
from app.web.pages.bench.list_view import left

CLOCKS = {
    "screen": N_("Screen"),
    "confirm": N_("Confirm"),
    "review": N_("Review"),
    "whole": N_("Whole time"),
}


@dataclass(frozen=True, slots=True)
class Hold:
    """
    One claim.
    """

    claim_id: str
    token: int
    who: str
    path: str
    what: str
    stage: str
    taken_at: datetime
    left: str
    kept: str
    """Why it was kept although its time is up; empty when it was not."""


@dataclass(frozen=True, slots=True)
class Promise:
    """
    One open promise that is late, or is next to be.
    """

    path: str
    what: str
    clock: str
    promised_by: datetime
    words: str
    late: bool


@dataclass(frozen=True, slots=True)
class Rush:
    """
    One rush request that waits for an answer.
    """

    request_id: str
    path: str
    what: str
    reason: str
    text: str
    needed_by: date
    answer_by: date
    overdue: bool


def promise(clock: ClockOut, samples: Mapping[UUID, SampleOut], language: Language) -> Promise:
    """
    Return one promise, and how it stands.
    """
    if clock.late:
        said = language.say(
            "late by %(span)s", span=language.span(timedelta(hours=clock.late_by_hours))
        )
    elif clock.predicted_breach:
        said = language.say("will be late at this pace")
    elif clock.paused_at is not None:
        said = language.say("on hold")
    else:
        said = language.say("in time")
    sample = samples.get(clock.sample_id)
    return Promise(
        path=f"/bench/{ids.write('smp', clock.sample_id)}",
        what=f"{sample.agency_file_number} · {sample.exhibit_number}" if sample else "",
        clock=language.say(CLOCKS.get(clock.clock, clock.clock)),
        promised_by=clock.promised_by,
        words=said,
        late=clock.late,
    )


def hold(line: HeldLine, names: Mapping[UUID, str], now: datetime, language: Language) -> Hold:
    """
    Return one claim, and why it was kept, if it was.
    """
    kept = ""
    if line.beyond_lease:
        reason = N_("kept: work is open on it") if line.work_open else N_("kept: it is in hand")
        kept = language.say(reason)
    return Hold(
        claim_id=ids.write("clm", line.id),
        token=line.token,
        who=names.get(line.holder, "?"),
        path=f"/bench/{ids.write('smp', line.sample_id)}",
        what=f"{line.agency_file_number} · {line.exhibit_number}",
        stage=language.say(words.STAGES[line.stage]),
        taken_at=line.taken_at,
        left=left(line.lease_until, now, language),
        kept=kept,
    )
