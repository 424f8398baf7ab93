"""
Benches that take samples in some order, in simulated time: eight servers, no idling while anything waits.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from app.ranking.assess import assess
from app.ranking.assessment import Stage
from app.ranking.facts import Link
from app.ranking.harm import DAY_US
from app.ranking.intake import laboratory_tests
from app.ranking.policy import Policy
from app.substances.catalogue import resolve
from bench.ranking.world import Load, Sample

SCREEN_DAYS = 0.025
"""Nine bench-minutes."""
OLDEST_EVERY = 20

Key = Callable[[Sample], float]
"""Lower is sooner; ties by number, which is the order of arrival."""


@dataclass(slots=True)
class Outcome:
    """
    What happened to everybody.
    """

    found: dict[int, float] = field(default_factory=dict)
    """When the first finding left, by number."""
    done: dict[int, float] = field(default_factory=dict)
    """When all work was done."""
    starts: list[int] = field(default_factory=list)
    """Who was taken, in order, at the last stage."""
    oldest: list[int] = field(default_factory=list)
    """Which of the starts took the oldest."""
    head_starts: dict[int, float] = field(default_factory=dict)
    """In days, at the last stage, by number."""


class _Line:
    """
    One stage's queue: by key, and by age for every twentieth start.
    """

    def __init__(self, every: int) -> None:
        self._by_key: list[tuple[float, int]] = []
        self._by_age: list[tuple[float, int]] = []
        self._key: dict[int, float] = {}
        self._every = every
        self._starts = 0

    def __len__(self) -> int:
        return len(self._key)

    def put(self, sample: Sample, key: float) -> None:
        if sample.number not in self._key:
            heapq.heappush(self._by_age, (sample.arrived, sample.number))
        if self._key.get(sample.number) != key:
            self._key[sample.number] = key
            heapq.heappush(self._by_key, (key, sample.number))

    def __contains__(self, number: int) -> bool:
        return number in self._key

    def take(self) -> tuple[int, bool]:
        self._starts += 1
        oldest = bool(self._every) and self._starts % self._every == 0
        heap = self._by_age if oldest else self._by_key
        while True:
            key, number = heapq.heappop(heap)
            if number in self._key and (oldest or self._key[number] == key):
                del self._key[number]
                return number, oldest


def one_stage(samples: Sequence[Sample], load: Load, key: Key, *, every: int = 0) -> Outcome:
    """
    Serve each sample once, for all its work.
    """
    out = Outcome()
    line = _Line(every)
    free = [0.0] * load.benches
    heapq.heapify(free)
    at = 0
    while True:
        now = free[0]
        if now >= load.days:
            return out
        while at < len(samples) and samples[at].arrived <= now:
            line.put(samples[at], key(samples[at]))
            at += 1
        if not len(line):
            if at >= len(samples):
                return out
            heapq.heapreplace(free, max(samples[at].arrived, now + 1e-12))
            continue
        number, oldest = line.take()
        over = now + samples[number].work
        heapq.heapreplace(free, over)
        out.found[number] = out.done[number] = over
        out.starts.append(number)
        if oldest:
            out.oldest.append(number)


@dataclass(frozen=True, slots=True)
class Screen:
    """
    How good the screen is.
    """

    sensitivity: float = 0.98
    specificity: float = 0.98
    siblings: bool = True
    every: int = OLDEST_EVERY


def two_stages(
    samples: Sequence[Sample], load: Load, policy: Policy, screen: Screen, seed: int
) -> Outcome:
    """
    Screen what arrives, riskiest first; confirm the rest of the time, by the key the screen's result gives.
    """
    return _TwoStages(samples, load, policy, screen, seed).run()


class _TwoStages:
    def __init__(
        self, samples: Sequence[Sample], load: Load, policy: Policy, screen: Screen, seed: int
    ) -> None:
        self.samples, self.load, self.policy, self.screen = samples, load, policy, screen
        self.random = Random(seed)
        self.out = Outcome()
        self.to_screen = _Line(screen.every)
        self.to_confirm = _Line(screen.every)
        self.groups: dict[int, list[int]] = {}
        for sample in samples:
            self.groups.setdefault(sample.group, []).append(sample.number)
        self.facts = {sample.number: sample.facts for sample in samples}
        self.screened: dict[int, list[str]] = {}

    def run(self) -> Outcome:
        """
        Go on until the end.
        """
        samples, load = self.samples, self.load
        free = [0.0] * load.benches
        results: list[tuple[float, int]] = []
        at = 0
        while free[0] < load.days:
            now = free[0]
            while results and results[0][0] <= now:
                self._learn(*heapq.heappop(results))
            while at < len(samples) and samples[at].arrived <= now:
                self.to_screen.put(samples[at], self._key(samples[at], Stage.SCREEN))
                at += 1
            if len(self.to_screen):
                number, _ = self.to_screen.take()
                heapq.heapreplace(free, now + SCREEN_DAYS)
                heapq.heappush(results, (now + SCREEN_DAYS, number))
            elif len(self.to_confirm):
                self._confirm(free, now)
            else:
                upcoming = [samples[at].arrived] if at < len(samples) else []
                upcoming += [results[0][0]] if results else []
                if not upcoming:
                    break
                heapq.heapreplace(free, max(min(upcoming), now + 1e-9))
        return self.out

    def _confirm(self, free: list[float], now: float) -> None:
        number, oldest = self.to_confirm.take()
        over = now + max(self.samples[number].work - SCREEN_DAYS, 0.005)
        heapq.heapreplace(free, over)
        self.out.found.setdefault(number, over)
        self.out.done[number] = over
        self.out.starts.append(number)
        if oldest:
            self.out.oldest.append(number)

    def _key(self, sample: Sample, stage: Stage) -> float:
        judged = assess(self.facts[sample.number], self.policy, stage)
        days = judged.head_start_us / DAY_US
        if stage is Stage.CONFIRM:
            self.out.head_starts[sample.number] = days
        return sample.arrived - days

    def _learn(self, now: float, number: int) -> None:
        sample = self.samples[number]
        found = self._screen(sample)
        if sample.hazard and sample.hazard in found:
            self.out.found[number] = now
        told = self.facts[number]
        results = laboratory_tests(
            [{"technique": "dart_ms", "target": name, "result": "detected"} for name in found]
            or [{"technique": "dart_ms", "target": None, "result": "not_detected"}]
        )
        self.facts[number] = replace(told, field_tests=(*told.field_tests, *results))
        self.to_confirm.put(sample, self._key(sample, Stage.CONFIRM))
        if self.screen.siblings:
            for other in self.groups[sample.group]:
                if other != number:
                    self._tell(other, found)

    def _screen(self, sample: Sample) -> list[str]:
        found = []
        if sample.hazard and self.random.random() < self.screen.sensitivity:
            found.append(sample.hazard)
        if self.random.random() > self.screen.specificity:
            found.append("fentanyl")
        return found

    def _tell(self, other: int, found: list[str]) -> None:
        hazards = frozenset(str(h) for name in found if (h := resolve(name).hazard) is not None)
        told = self.facts[other]
        self.facts[other] = replace(told, links=(*told.links, Link("same_submission", hazards)))
        for line, stage in ((self.to_screen, Stage.SCREEN), (self.to_confirm, Stage.CONFIRM)):
            if other in line:
                line.put(self.samples[other], self._key(self.samples[other], stage))
