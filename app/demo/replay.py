"""
The run itself: day by virtual day, arrivals first, then the bench; every step a call to the API.

What must follow one another does: a day's seizures are received before the bench takes its screens, and those before
the next day's are received. The work under a claim changes nothing about who is next, so it runs beside.
"""

import asyncio
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.demo import cast
from app.demo.bench import RELEASE, Day, Slot
from app.demo.calls import Api
from app.demo.cast import Cast
from app.demo.compare import Start
from app.demo.receivers import Receiver, Town
from app.demo.seizures import RECEIVED, Arrival

SUBSCRIBED = ("sample.received", "finding.presumptive", "report.released")
"""What the agencies have pushed. That a submission was accepted they know from its answer; the feed has it too."""

AHEAD = 6
"""Days whose seizures may be submitted before they are received: submitting enters no queue."""

OUTAGE_AT = 0.4
"""Of the sessions, after how many one receiver goes down."""
OUTAGE_S = 1.2
"""How long it stays down after the first push it turned away, in real time: the first retry comes 2.5 to 5 seconds
after a failure and finds it up again. The second would come after five minutes, longer than anybody watches."""
_OUTAGE_MOST_S = 20.0
_LOOK_EVERY_S = 0.05

WATCHED = 4
"""Samples that the investigator follows at a time; one is asked after each day."""

REVIEW_TAKES = timedelta(minutes=30)


@dataclass
class File:
    """
    One seizure as the run knows it, beyond what was drawn: what the service answered.
    """

    arrival: Arrival
    sample_id: str
    claim: dict[str, Any] | None = None
    """The claim for its screen, with the risk and its reasons."""
    found_at: datetime | None = None
    """When its presumptive finding was released, by the service's own answer."""
    reported_at: datetime | None = None


@dataclass
class Polls:
    """
    What one investigator saw by asking again and again.
    """

    changed: int = 0
    unchanged: int = 0
    following: dict[str, str | None] = field(default_factory=dict)
    """Sample ids with the ETag last seen."""


@dataclass(frozen=True, slots=True)
class Outage:
    """
    Whose receiver was down, for how long, and how many pushes it turned away meanwhile.
    """

    agency: str
    seconds: float
    turned_away: int


@dataclass
class Run:
    """
    Everything that happened, as it happens.
    """

    days: Sequence[Day]
    day: int = 0
    files: dict[int, File] = field(default_factory=dict)
    by_sample: dict[str, File] = field(default_factory=dict)
    received: int = 0
    starts: list[Start] = field(default_factory=list)
    """Screens in the order the service handed them out."""
    confirmed: int = 0
    polls: Polls = field(default_factory=Polls)
    outage: Outage | None = None

    @property
    def now(self) -> datetime:
        """
        The virtual day that is being worked on.
        """
        return self.days[min(self.day, len(self.days) - 1)].at(RECEIVED)

    @property
    def screened(self) -> int:
        """
        Samples with a released presumptive finding.
        """
        return sum(file.found_at is not None for file in self.files.values())

    @property
    def reported(self) -> int:
        """
        Samples with a released final report.
        """
        return sum(file.reported_at is not None for file in self.files.values())


class Replay:
    """
    Plays the agencies, the technicians, the reviewer and one investigator.
    """

    def __init__(self, api: Api, people: Cast, town: Town, days: Sequence[Day]) -> None:
        """
        Prepare to replay these days.
        """
        self.run = Run(days)
        self._api = api
        self._people = people
        self._town = town
        self._screens: list[asyncio.Task[None]] = []
        self._others: list[asyncio.Task[None]] = []
        self._submitted: list[asyncio.Event] = [asyncio.Event() for _ in days]
        self._room = asyncio.Semaphore(AHEAD)
        self._outage_day = int(len(days) * OUTAGE_AT)

    async def play(self) -> Run:
        """
        Replay everything.

        Raises:
            ExceptionGroup: with the call that went wrong.

        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._submit_all())
            for number, day in enumerate(self.run.days):
                self.run.day = number
                if number == self._outage_day:
                    self._others.append(tasks.create_task(self._outage()))
                await self._submitted[number].wait()
                self._room.release()
                await self._receive(day, number)
                await self._confirm(tasks, day, number)
                await self._screen(tasks, day, number)
                self._others.append(tasks.create_task(self._poll()))
                self._others = [task for task in self._others if not task.done()]
        return self.run

    # --- the agencies ---

    async def _submit_all(self) -> None:
        for number, day in enumerate(self.run.days):
            await self._room.acquire()
            by_agency: dict[str, list[Arrival]] = {}
            for arrival in day.arrivals:
                by_agency.setdefault(arrival.seizure.agency, []).append(arrival)
            await asyncio.gather(
                *(self._submit(agency, some) for agency, some in by_agency.items())
            )
            self._submitted[number].set()

    async def _submit(self, agency: str, arrivals: Sequence[Arrival]) -> None:
        answers = await self._api.batch(
            [arrival.body() for arrival in arrivals],
            key=self._people.key(agency, cast.AGENT),
            at=arrivals[0].submitted_at,
        )
        for arrival, answer in zip(arrivals, answers, strict=True):
            file = File(arrival, answer["samples"][0]["id"])
            self.run.files[arrival.row] = file
            self.run.by_sample[file.sample_id] = file

    # --- the bench, simulated ---

    def _bench(self, number: int) -> str:
        return self._people.key(cast.LABORATORY, cast.technician(number))

    async def _receive(self, day: Day, number: int) -> None:
        key = self._bench(number)

        async def one(arrival: Arrival) -> None:
            label = {"sample_id": self.run.files[arrival.row].sample_id}
            await self._api.post("/v1/lab/receipts", label, key=key, at=day.at(RECEIVED))
            self.run.received += 1

        await asyncio.gather(*(one(arrival) for arrival in day.arrivals))

    async def _claim(
        self, stage: str, slots: Sequence[Slot], *, key: str
    ) -> list[tuple[File, dict[str, Any], Slot]]:
        body = {"stage": stage, "count": len(slots)}
        answer = await self._api.post("/v1/lab/claims", body, key=key, at=slots[0].start)
        return [
            (self.run.by_sample[claim["sample"]["id"]], claim, slot)
            for claim, slot in zip(answer["claims"], slots, strict=True)
        ]

    async def _screen(self, tasks: asyncio.TaskGroup, day: Day, number: int) -> None:
        if not day.screens:
            return
        key = self._bench(number)
        for file, claim, slot in await self._claim("screen", day.screens, key=key):
            file.claim = claim
            self.run.starts.append(Start(file.arrival.row, slot.end + RELEASE))
            work = self._screen_one(file, claim, slot, key=key)
            self._screens.append(tasks.create_task(work))

    async def _screen_one(self, file: File, claim: dict[str, Any], slot: Slot, *, key: str) -> None:
        finding = await self._conclude(file, claim, slot, ("dart_ms",), "presumptive", key=key)
        released = await self._api.post(
            f"/v1/lab/findings/{finding['id']}/release",
            {"label_scanned": file.sample_id},
            key=key,
            at=slot.end + RELEASE,
        )
        file.found_at = datetime.fromisoformat(released["released_at"])

    async def _conclude(
        self,
        file: File,
        claim: dict[str, Any],
        slot: Slot,
        techniques: Sequence[str],
        kind: str,
        *,
        key: str,
    ) -> Any:
        # The file has no laboratory results: what was booked is taken for the truth.
        substance = file.arrival.seizure.substance
        found = [substance] if substance else []
        token = {"If-Match": f'"{claim["token"]}"'}
        analyses = [
            await self._api.post(
                f"/v1/lab/samples/{file.sample_id}/analyses",
                {
                    "technique": technique,
                    "aliquot": f"for {technique}",
                    "instrument": "simulated: takes the drug as booked for truth",
                    "started_at": slot.start.isoformat(),
                    "ended_at": slot.end.isoformat(),
                    "result": "detected" if found else "inconclusive",
                    "substances": found,
                    "controls_passed": True,
                    "data_reference": "none: simulated",
                },
                key=key,
                at=slot.end,
                headers=token,
            )
            for technique in techniques
        ]
        return await self._api.post(
            f"/v1/lab/samples/{file.sample_id}/findings",
            {
                "kind": kind,
                "outcome": "detected" if found else "inconclusive",
                "substances": found,
                "analysis_ids": [analysis["id"] for analysis in analyses],
            },
            key=key,
            at=slot.end,
            headers=token,
        )

    async def _confirm(self, tasks: asyncio.TaskGroup, day: Day, number: int) -> None:
        # Somebody else than who screens on this day; and only what earlier days have screened is taken.
        await _all(self._screens)
        self._screens.clear()
        if not day.confirmations:
            return
        key = self._bench(number + 1)
        for file, claim, slot in await self._claim("confirm", day.confirmations, key=key):
            work = self._confirm_one(file, claim, slot, key=key)
            self._others.append(tasks.create_task(work))

    async def _confirm_one(
        self, file: File, claim: dict[str, Any], slot: Slot, *, key: str
    ) -> None:
        await self._conclude(file, claim, slot, ("gc_ms", "ftir"), "identified", key=key)
        self.run.confirmed += 1
        reviewer = self._people.key(cast.LABORATORY, cast.REVIEWER)
        taken = slot.end + REVIEW_TAKES
        answer = await self._api.post(
            "/v1/lab/claims",
            {"stage": "review", "sample_id": file.sample_id},
            key=reviewer,
            at=slot.end,
        )
        token = {"If-Match": f'"{answer["claims"][0]["token"]}"'}
        path = f"/v1/lab/samples/{file.sample_id}"
        signature = {"proof": reviewer}
        for kind in ("technical", "administrative"):
            opened = await self._api.call("GET", f"{path}/file", key=reviewer, at=taken)
            body = {
                "kind": kind,
                "decision": "accept",
                "record_sha256": opened.json()["record_sha256"],
                "signature": signature,
            }
            await self._api.post(f"{path}/reviews", body, key=reviewer, at=taken, headers=token)
        report = await self._api.post(
            f"{path}/reports", {"signature": signature}, key=reviewer, at=taken, headers=token
        )
        file.reported_at = datetime.fromisoformat(report["released_at"])

    # --- the investigator ---

    async def _poll(self) -> None:
        polls, agency = self.run.polls, next(iter(self._town.receivers))
        if len(polls.following) < WATCHED:
            candidates = self.run.days[self.run.day].arrivals
            polls.following |= {
                self.run.files[one.row].sample_id: None
                for one in candidates[:1]
                if one.seizure.agency == agency
            }
        if not polls.following:
            return
        sample_id, etag = next(iter(polls.following.items()))
        del polls.following[sample_id]
        answer = await self._api.call(
            "GET",
            f"/v1/samples/{sample_id}",
            key=self._people.key(agency, cast.INVESTIGATOR),
            headers={"If-None-Match": etag} if etag else {},
            wanted=(200, 304),
        )
        if answer.status_code == 200:  # noqa: PLR2004 - the status
            polls.changed += 1
            if answer.json()["status"] in {"screened", "confirming", "confirmed", "reported"}:
                return  # it has its first finding: another sample's turn
        else:
            polls.unchanged += 1
        polls.following[sample_id] = answer.headers["etag"]

    # --- the outage ---

    async def _outage(self) -> None:
        receiver = list(self._town.receivers.values())[-1]
        begun = time.monotonic()
        receiver.down = True
        until = begun + _OUTAGE_MOST_S
        while not receiver.turned_away and time.monotonic() < until:  # noqa: ASYNC110 - it counts in another thread
            await asyncio.sleep(_LOOK_EVERY_S)
        await asyncio.sleep(OUTAGE_S)
        receiver.down = False
        self.run.outage = Outage(receiver.agency, time.monotonic() - begun, receiver.turned_away)


async def _all(work: Sequence[Awaitable[None]]) -> None:
    if work:
        await asyncio.gather(*work)


def receivers(agencies: Sequence[str], *, drops: int = 0) -> dict[str, Receiver]:
    """
    Make a receiver for each agency; the first one drops this many pushes, which only a test wants.
    """
    return {
        agency: Receiver(agency, drops=drops if place == 0 else 0)
        for place, agency in enumerate(agencies)
    }


_PROVED_WITHIN_S = 60
"""A challenge that came before its secret is known is retried within five seconds."""


async def subscribe(api: Api, people: Cast, town: Town) -> dict[str, str]:
    """
    Have each agency register its receiver, and return the endpoints' ids once each is proved.

    Raises:
        TimeoutError: when one of them has not answered its challenge in time.
    """
    made = {}
    for agency, receiver in town.receivers.items():
        answer = await api.post(
            "/v1/webhooks",
            {
                "url": receiver.url,
                "description": "receiver of the replay",
                "event_types": list(SUBSCRIBED),
            },
            key=people.key(agency, cast.AGENT),
        )
        receiver.secret = answer["secret"]
        made[agency] = answer["endpoint"]["id"]
    async with asyncio.timeout(_PROVED_WITHIN_S):
        for agency, endpoint in made.items():
            path, key = f"/v1/webhooks/{endpoint}", people.key(agency, cast.AGENT)
            while (await api.call("GET", path, key=key)).json()["verified_at"] is None:  # noqa: ASYNC110 - another process cannot set an Event
                await asyncio.sleep(0.05)
    return made
