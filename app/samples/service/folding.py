"""
Folding suspicion and rank reasons away from the bench, and opening them on record.
"""

from uuid import UUID

from app.access.rules import Scope
from app.access.service import Caller
from app.kit.db import Session
from app.ledger import service as ledger
from app.samples.rules import Stage
from app.samples.rules.folding import RISK, SWAYS, folds, folds_at
from app.samples.schemas import (
    DisclosureOut,
    QueueOut,
    SampleDetailOut,
    SampleOut,
    SeenSampleOut,
    SubmissionOut,
)
from app.samples.service.look_up import look_up


def fold(sample: SampleOut, caller: Caller) -> None:
    """
    Fold what would sway this caller, if they work at the bench and the sample is to be confirmed or reviewed.
    """
    if caller.is_laboratory and folds(sample.status, caller.scopes):
        _hide(sample)


def seen(sample: SampleDetailOut, caller: Caller) -> SeenSampleOut:
    """
    Return a sample as this caller may see it.
    """
    found = SeenSampleOut.model_validate(sample, from_attributes=True)
    fold(found, caller)
    if found.folded:
        found.risk = None
    return found


def fold_all(submission: SubmissionOut, caller: Caller) -> SubmissionOut:
    """
    Fold a whole file's samples, and return it.
    """
    for sample in submission.samples:
        fold(sample, caller)
    return submission


def fold_claimed(sample: SampleOut, stage: Stage) -> bool:
    """
    Fold a claimed sample for whoever works at this stage, whatever else they may; say whether it was.
    """
    if folds_at(stage):
        _hide(sample)
    return folds_at(stage)


def fold_queue(queue: QueueOut, caller: Caller) -> QueueOut:
    """
    Fold the reasons of those in line to be confirmed or reviewed, and return the queue.
    """
    if folds_at(queue.stage) and Scope.OVERSEE not in caller.scopes:
        for line in queue.items:
            line.reasons, line.folded = [], True
    return queue


async def disclose(
    session: Session, *, caller: Caller, sample_id: UUID | None, reason: str
) -> DisclosureOut:
    """
    Open what was folded; who opened it, when and why goes into the ledger.

    Raises:
        NotFound: when the sample is not there for this caller.

    """
    sample = await look_up(session, sample_id)
    await ledger.record(
        session,
        [
            ledger.Fact(
                kind="sample.disclosed",
                agency_id=sample.agency_id,
                laboratory_id=sample.laboratory_id,
                submission_id=sample.submission_id,
                sample_id=sample.id,
                version=sample.version,
                actor_id=caller.client_id,
                details={"status": sample.status, "reason": reason, "opened": [*SWAYS, RISK]},
            )
        ],
    )
    return DisclosureOut(
        sample_id=sample.id, exhibit=sample.exhibit, risk=sample.risk, opened_at=session.now
    )


def _hide(sample: SampleOut) -> None:
    present = [name for name in SWAYS if sample.exhibit.get(name)]
    sample.exhibit = {name: value for name, value in sample.exhibit.items() if name not in SWAYS}
    sample.folded = [*present, RISK]
