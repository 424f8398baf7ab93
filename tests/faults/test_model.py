"""
A model of the life of samples, run against the API: two agencies, one bench, any order of acts (H2, E8).

Hypothesis draws the acts, the table of moves says what each must answer, and what is stored is compared with the model.
The seed is printed; ``ASSAYLINE_TEST_SEED`` repeats a run.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from app.kit import ids
from app.kit.db import Database, Session, as_agency, as_laboratory
from app.samples.repo import moves as moves_repo
from app.samples.repo import queue as queue_repo
from app.samples.rules import CLAIMED_AT, FINAL, HALTED, HELD, Act, Move, Stage, Status, moves_of
from app.samples.service import lapse_expired
from tests.api.queueing import expire
from tests.builders import World, build_world

SEED = int(os.environ.get("ASSAYLINE_TEST_SEED") or random.randrange(2**32))

AGENTS = {"agency": "agent", "other_agency": "other_agent"}
OTHER = {"agency": "other_agency", "other_agency": "agency"}
BENCH = ("technician", "second_technician")

HALTS: dict[str, tuple[Act, str, str]] = {
    "withdrawal": (Act.WITHDRAW, "agent", "plea"),
    "rejection": (Act.REJECT, "technician", "damaged"),
    "hold": (Act.HOLD, "supervisor", "other"),
    "resumption": (Act.RESUME, "technician", "answered"),
    "stop": (Act.STOP, "supervisor", "plea"),
    "reopening": (Act.REOPEN, "supervisor", "other"),
    "closure": (Act.CLOSE, "technician", "screen_only_requested"),
}

WHICH = st.integers(min_value=0, max_value=10_000)


@dataclass
class Sample:
    """
    What the model knows of one sample.
    """

    id: str
    submission_id: str
    agency: str
    status: Status = Status.SUBMITTED
    remembers: Status | None = None
    holder: str | None = None
    token: int = 0
    worked: bool = False
    finding: str | None = None
    released: bool = False
    tokens: list[int] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)


class Life(RuleBasedStateMachine):
    """
    Whatever is done in whatever order, the service answers as the table of moves says and stores nothing else.
    """

    loop: ClassVar[asyncio.AbstractEventLoop]
    app: ClassVar[FastAPI]
    database: ClassVar[Database]
    worker_database: ClassVar[Database]
    counts: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        """
        Begin with nothing.
        """
        super().__init__()
        self.samples: list[Sample] = []
        self.touched: list[Sample] = []

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """
        Run this on the loop that the service runs on.
        """
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def ask(self, who: str, method: str, path: str, **more: Any) -> httpx.Response:
        """
        Call the API.
        """
        answer: httpx.Response = self.run(self.world.as_(who).request(method, path, **more))
        self.counts[f"{answer.status_code}"] += 1
        assert answer.status_code < 500, answer.text
        return answer

    def pick(self, which: int) -> Sample:
        """
        Return one of the samples.
        """
        chosen = self.samples[which % len(self.samples)]
        self.touched = [chosen]
        return chosen

    def agent(self, sample: Sample) -> str:
        """
        Return who acts for a sample's agency.
        """
        return AGENTS[sample.agency]

    @initialize(steps=st.lists(st.integers(0, 7), min_size=2, max_size=2), more=st.booleans())
    def begin(self, steps: list[int], *, more: bool) -> None:
        """
        Two agencies, a laboratory, and a sample of each agency, each some way along its course.
        """
        self.world: World = self.run(build_world(self.app, self.database))
        for at, (agency, count) in enumerate(zip(AGENTS, steps, strict=True)):
            self.submit(agency)
            for step in range(count):
                self.go_on(at, BENCH[step % 2])
                if more and self.samples[at].finding and not self.samples[at].released:
                    self.release(at)

    @rule(agency=st.sampled_from(sorted(AGENTS)))
    def submit(self, agency: str) -> None:
        """
        An agency submits.
        """
        if len(self.samples) >= 4:
            return
        stored = self.run(self.world.submit(by=AGENTS[agency]))
        self.samples.append(Sample(stored["samples"][0]["id"], stored["id"], agency))
        self.counts["submit"] += 1

    @rule(which=WHICH)
    def receive(self, which: int) -> None:
        """
        The counter receives.
        """
        sample = self.pick(which)
        answer = self.ask("counter", "POST", "/v1/lab/receipts", json={"sample_id": sample.id})
        if sample.status is Status.SUBMITTED:
            assert answer.status_code == 201, answer.text
            sample.status = Status.RECEIVED
        else:
            assert answer.status_code == 409, answer.text
        self.counts["receive"] += 1

    @rule(
        which=WHICH,
        who=st.sampled_from(BENCH),
        stage=st.sampled_from((Stage.SCREEN, Stage.CONFIRM)),
    )
    def claim(self, which: int, who: str, stage: Stage) -> None:
        """
        A technician wants one sample.
        """
        sample = self.pick(which)
        answer = self.ask(
            who, "POST", "/v1/lab/claims", json={"sample_id": sample.id, "stage": stage}
        )
        self.counts["claim"] += 1
        if sample.status is not CLAIMED_AT[stage]:
            assert answer.status_code == 409, answer.text
            return
        assert answer.status_code == 201, answer.text
        (taken,) = answer.json()["claims"]
        assert taken["token"] > sample.token, "a token must never come again"
        sample.status = next(
            move.target for move in moves_of(Act.CLAIM) if move.source is sample.status
        )
        sample.holder, sample.token, sample.worked = who, taken["token"], False
        sample.tokens.append(sample.token)

    @rule(which=WHICH, who=st.sampled_from(BENCH))
    def go_on(self, which: int, who: str) -> None:
        """
        The next step of its ordinary course, whatever that is: so that walks lead somewhere.
        """
        sample = self.pick(which)
        if sample.status is Status.SUBMITTED:
            self.receive(which)
        elif sample.status in {Status.RECEIVED, Status.SCREENED}:
            stage = Stage.SCREEN if sample.status is Status.RECEIVED else Stage.CONFIRM
            self.claim(which, who, stage)
        elif sample.status is Status.CONFIRMED:
            self.claim(which, "reviewer", Stage.REVIEW)
        elif sample.status is Status.IN_REVIEW:
            self._report(sample)
        else:
            self.work(which, conclude=True)

    def _report(self, sample: Sample) -> None:
        claim = {"sample": {"id": sample.id}, "token": sample.token}
        for kind in ("technical", "administrative"):
            answer = self.run(self.world.review(claim, kind=kind))
            assert answer.status_code == 201, answer.text
        answer = self.ask(
            "reviewer",
            "POST",
            f"/v1/lab/samples/{sample.id}/reports",
            json={"signature": self.world.signature("reviewer")},
            headers={"If-Match": f'"{sample.token}"'},
        )
        assert answer.status_code == 201, answer.text
        sample.status, sample.holder = Status.REPORTED, None
        self.counts["report"] += 1

    @rule(which=WHICH, conclude=st.booleans())
    def work(self, which: int, *, conclude: bool) -> None:
        """
        Whoever holds it records an analysis, and perhaps concludes.
        """
        sample = self.pick(which)
        if sample.status not in {Status.SCREENING, Status.CONFIRMING} or sample.holder is None:
            return
        claim = {"sample": {"id": sample.id}, "token": sample.token}
        kind = "presumptive" if sample.status is Status.SCREENING else "identified"
        techniques = ("dart_ms",) if kind == "presumptive" else ("gc_ms", "ftir")
        analyses = [
            self.run(self.world.analyze(claim, one, by=sample.holder)) for one in techniques
        ]
        assert all(analyses)
        sample.worked = True
        self.counts["analyze"] += 1
        if not conclude:
            return
        answer = self.run(self.world.conclude(claim, kind, analyses, by=sample.holder))
        assert answer.status_code == 201, answer.text
        if kind == "presumptive":
            sample.finding, sample.released = answer.json()["id"], False
        sample.status = Status.SCREENED if kind == "presumptive" else Status.CONFIRMED
        sample.holder, sample.worked = None, False
        self.counts["conclude"] += 1

    @rule(which=WHICH)
    def release(self, which: int) -> None:
        """
        The presumptive finding goes out, once.
        """
        sample = self.pick(which)
        if sample.finding is None:
            return
        answer = self.ask(
            "technician",
            "POST",
            f"/v1/lab/findings/{sample.finding}/release",
            json={"label_scanned": sample.id},
        )
        may = any(move.source is sample.status for move in moves_of(Act.RELEASE))
        assert answer.status_code == (201 if may and not sample.released else 409), answer.text
        sample.released = sample.released or may
        self.counts["release"] += 1

    @rule(which=WHICH)
    def put_back(self, which: int) -> None:
        """
        The holder gives it back.
        """
        sample = self.pick(which)
        if sample.holder is None:
            return
        held = self.ask(sample.holder, "GET", "/v1/lab/claims").json()["items"]
        claim = next(one for one in held if one["sample_id"] == sample.id)
        answer = self.ask(
            sample.holder,
            "DELETE",
            f"/v1/lab/claims/{claim['id']}",
            params={"reason": "instrument down"},
            headers={"If-Match": f'"{claim["token"]}"'},
        )
        assert answer.status_code == 204, answer.text
        self._free(sample)
        self.counts["put_back"] += 1

    @precondition(lambda self: any(one.holder for one in self.samples))
    @rule()
    def lapse(self) -> None:
        """
        Every lease runs out: what nobody has begun goes back, what is begun stays.
        """
        self.run(expire(self.world))
        self.run(lapse_expired(self.worker_database))
        self.touched = self.samples
        for sample in self.samples:
            if sample.holder is not None and not sample.worked:
                self._free(sample)
        self.counts["lapse"] += 1

    @rule(which=WHICH, what=st.sampled_from(sorted(HALTS)), stale=st.booleans())
    def halt(self, which: int, what: str, *, stale: bool) -> None:
        """
        A sample is taken out of its course, or goes on, by somebody who has read it, now or before.
        """
        sample = self.pick(which)
        act, who, reason = HALTS[what]
        agency = act is Act.WITHDRAW
        version = self.ask(self.agent(sample), "GET", f"/v1/samples/{sample.id}").json()["version"]
        answer = self.ask(
            self.agent(sample) if agency else who,
            "POST",
            f"/v1/{'' if agency else 'lab/'}samples/{sample.id}/{what}",
            json={"reason": reason, "note": "as told"},
            headers={"If-Match": f'"{version - stale}"'},
        )
        self.counts[what] += 1
        move = _move(act, sample)
        if stale:
            assert answer.status_code == 412, answer.text
            assert answer.json()["version_now"] == version
        elif move is None or (act is Act.CLOSE and not sample.released):
            assert answer.status_code == 409, answer.text
        else:
            assert answer.status_code == 200, answer.text
            sample.status = move.target
            sample.remembers = move.remembers
            sample.holder, sample.worked = None, False

    @rule(which=WHICH, who=st.sampled_from(BENCH))
    def come_back_late(self, which: int, who: str) -> None:
        """
        Somebody whose claim has ended tries to record what they did (fault 2).
        """
        sample = self.pick(which)
        old = [token for token in sample.tokens if token != sample.token or sample.holder is None]
        if not old:
            return
        answer = self.ask(
            who,
            "POST",
            f"/v1/lab/samples/{sample.id}/analyses",
            json={
                "technique": "ftir",
                "aliquot": "B",
                "started_at": "2026-03-02T08:00:00Z",
                "ended_at": "2026-03-02T08:05:00Z",
                "result": "not_detected",
                "controls_passed": True,
            },
            headers={"If-Match": f'"{old[-1]}"'},
        )
        assert answer.status_code == 412, answer.text
        self.counts["late"] += 1

    @rule(which=WHICH, stale=st.booleans())
    def correct(self, which: int, *, stale: bool) -> None:
        """
        An agency adds a reference, knowing the present version or an older one.
        """
        sample = self.pick(which)
        path = f"/v1/submissions/{sample.submission_id}"
        version = self.ask(self.agent(sample), "GET", path).json()["version"]
        self.counts["correct"] += 1
        answer = self.ask(
            self.agent(sample),
            "POST",
            f"{path}/corrections",
            json={
                "reason": "new_information",
                "note": "as told",
                "add_references": [{"kind": "court file", "number": str(self.counts["correct"])}],
            },
            headers={"If-Match": f'"{version - stale}"'},
        )
        assert answer.status_code == (412 if stale else 201), answer.text

    @rule(which=WHICH)
    def peep(self, which: int) -> None:
        """
        The other agency asks for it: there is nothing, by id, by list, by act.
        """
        sample = self.pick(which)
        other = AGENTS[OTHER[sample.agency]]
        assert self.ask(other, "GET", f"/v1/samples/{sample.id}").status_code == 404
        listed = self.ask(other, "GET", "/v1/samples").json()["items"]
        assert sample.id not in {one["id"] for one in listed}
        answer = self.ask(
            other,
            "POST",
            f"/v1/samples/{sample.id}/withdrawal",
            json={"reason": "plea", "note": "as told"},
            headers={"If-Match": '"1"'},
        )
        assert answer.status_code == 404
        self.counts["peep"] += 1

    @invariant()
    def as_the_model_says(self) -> None:
        """
        What was just touched stands where the model says, and its version only grows; all others at the end.
        """
        for sample in self.touched:
            found = self.ask(self.agent(sample), "GET", f"/v1/samples/{sample.id}").json()
            assert (found["status"], found["resumes_to"]) == (sample.status, sample.remembers)
            assert not sample.versions or found["version"] >= sample.versions[-1]
            sample.versions.append(found["version"])
            assert (found["halt"] is not None) == (sample.status in HALTED)

    def teardown(self) -> None:
        """
        What is stored is what the model says: queue, claims, ledger, events.
        """
        if self.samples:
            self.touched = self.samples
            self.as_the_model_says()
            self.run(self._compare())
            self.run(self.world.close())

    async def _compare(self) -> None:
        laboratory = as_laboratory(self.world.agencies["laboratory"])
        async with self.database.reading(laboratory) as session:
            queued = set(
                (await session.execute(text("SELECT sample_id FROM queue_task"))).scalars()
            )
            open_claims = await session.execute(
                text("SELECT sample_id FROM claim WHERE ended_at IS NULL")
            )
            held = set(open_claims.scalars())
            told = await session.execute(
                text(
                    "SELECT DISTINCT ON (sample_id) sample_id, CAST(body AS jsonb) -> 'details' ->> 'to' AS now"
                    " FROM entry WHERE sample_id IS NOT NULL AND CAST(body AS jsonb) -> 'details' ? 'to'"
                    " ORDER BY sample_id, sample_version DESC"
                )
            )
            folded = {row.sample_id: row.now for row in told}
        for sample in self.samples:
            key = ids.read("smp", sample.id)
            waits = sample.status not in {Status.SUBMITTED, *FINAL, *HALTED}
            assert (key in queued) == waits, sample
            assert (key in held) == (sample.status in HELD) == (sample.holder is not None), sample
            assert folded.get(key, Status.SUBMITTED) == sample.status, sample
        for agency in AGENTS:
            own = {ids.read("sub", s.submission_id) for s in self.samples if s.agency == agency}
            async with self.database.reading(as_agency(self.world.agencies[agency])) as session:
                seen = await session.execute(text("SELECT DISTINCT submission_id FROM event"))
                assert set(seen.scalars()) == own

    def _free(self, sample: Sample) -> None:
        sample.status = next(
            move.target for move in moves_of(Act.LAPSE) if move.source is sample.status
        )
        sample.holder, sample.worked = None, False


def _move(act: Act, sample: Sample) -> Move | None:
    return next(
        (
            move
            for move in moves_of(act)
            if move.source is sample.status and move.came_from in {None, sample.remembers}
        ),
        None,
    )


async def life(
    application: FastAPI, database: Database, worker_database: Database, *, examples: int
) -> Counter[str]:
    """
    Run the machine beside the loop that the service runs on; return how often each act was made.
    """

    class Here(Life):
        loop = asyncio.get_running_loop()
        app = application
        counts: ClassVar[Counter[str]] = Counter()

    Here.database, Here.worker_database = database, worker_database
    chosen = settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        database=None,
        # A failure is printed with its steps; to shrink it would take minutes of a real database.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    machine = seed(SEED)(Here)
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=chosen)
    return Here.counts


async def test_any_order_of_acts(
    application: FastAPI, database: Database, worker_database: Database
) -> None:
    """
    Every act answers as the table of moves says, for two agencies at one bench, in any order (H2, E8, I2).
    """
    print(f"seed: ASSAYLINE_TEST_SEED={SEED}")  # noqa: T201 - a failing run must be repeatable

    counts = await life(application, database, worker_database, examples=16)

    print(f"counts: {dict(sorted(counts.items()))}")  # noqa: T201 - so that a run that did nothing is seen
    assert {"200", "201", "404", "409", "412"} <= set(counts)
    # What chance may leave out in one run is not asked for; what a run without would prove nothing is.
    assert [act for act in ("claim", "conclude", "peep", "correct") if not counts[act]] == []
    assert sum(counts[what] for what in HALTS) > 0


async def _by_sample_alone(session: Session, *, sample_id: UUID, **_: Any) -> Any:
    lease = text(
        "UPDATE queue_task SET lease_until = now() + interval '1 minute' WHERE sample_id = :id"
        " RETURNING claim_id, stage, lease_until, aged_from"
    )
    return (await session.execute(lease, {"id": sample_id})).one_or_none()


def _from_anywhere(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(moves_repo, "_meets", lambda _, table: f"{table}.id IS NOT NULL")


def _without_the_version(patch: pytest.MonkeyPatch) -> None:
    carry_out = moves_repo.carry_out

    async def carry_on(session: Session, *, version: int | None = None, **more: Any) -> Any:
        del version
        return await carry_out(session, **more)

    patch.setattr(moves_repo, "carry_out", carry_on)


def _without_the_fence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(queue_repo, "extend", _by_sample_alone)


@pytest.mark.parametrize(
    "broken",
    [_from_anywhere, _without_the_version, _without_the_fence],
    ids=lambda one: one.__name__,
)
async def test_a_broken_service_is_found_out(
    application: FastAPI,
    database: Database,
    worker_database: Database,
    monkeypatch: pytest.MonkeyPatch,
    broken: Callable[[pytest.MonkeyPatch], None],
) -> None:
    """
    Negative controls: moves from any status, moves whatever the version, writes without the fencing token (H6).
    """
    broken(monkeypatch)
    moves_repo._statement.cache_clear()
    try:
        with pytest.raises((AssertionError, StopIteration)):
            await life(application, database, worker_database, examples=40)
    finally:
        moves_repo._statement.cache_clear()
