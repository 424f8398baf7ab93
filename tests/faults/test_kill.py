"""
Nothing acknowledged is lost and nothing owed is forgotten, whatever process is killed (A1, B2, B3, B9).

kill -9 does not prove that a commit survives the loss of power: ``/readyz`` checks the settings that promise it.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.storm import Storm, nemesis, storm

pytestmark = pytest.mark.timeout(240)

CLIENTS = 4
SEEDS = (20261123, 7)


@pytest.fixture
def folder() -> Iterator[Path]:
    """
    A folder that the private servers' user can pass.
    """
    made = Path(tempfile.mkdtemp(prefix="assayline-storm-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


async def load(running: Storm, *, stop: asyncio.Event, client_number: int) -> None:
    """
    Submit until told to stop; whatever is not acknowledged is tried again until it is.
    """
    unknown: list[str] = []
    count = 0
    headers = {"Authorization": f"Bearer {running.key}"}
    async with httpx.AsyncClient(base_url=running.url, headers=headers, timeout=5) as client:
        while not stop.is_set() or unknown:
            number = (
                unknown.pop()
                if unknown and (count % 2 or stop.is_set())
                else f"{client_number}-{count}"
            )
            count += 1
            if not await running.submit(client, number):
                unknown.append(number)
                await asyncio.sleep(0.1)


@pytest.mark.parametrize("seed", SEEDS)
async def test_nothing_is_lost_when_processes_are_killed(
    folder: Path, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    API, worker and doorbell are killed at random under load: acknowledged ⊆ stored, every event comes, bytes the same.
    """
    async with storm(folder) as running:
        stop = asyncio.Event()
        bell = running.servers.valkey

        def kill_api() -> None:
            running.api.kill()
            running.api.start()

        def kill_worker() -> None:
            running.worker.kill()
            running.worker.start()

        def kill_bell() -> None:
            if bell is not None:
                bell.kill()
                bell.start()

        async with asyncio.TaskGroup() as tasks:
            for number in range(CLIENTS):
                tasks.create_task(load(running, stop=stop, client_number=number))
            victims = {"api": kill_api, "worker": kill_worker, "doorbell": kill_bell}
            await nemesis(victims, seed=seed, rounds=10, every_s=(0.3, 1.5))
            stop.set()
        verdict = await running.verdict(within_s=60)

    with capsys.disabled():
        seen = running.history
        print(  # noqa: T201 - the seed and the counts belong to the result
            f"\nkill test, seed {seed}: {len(seen.acknowledged)} acknowledged, {len(verdict.stored)} stored,"
            f" {len(verdict.owed)} events owed, {sum(map(len, seen.came.values()))} requests came;"
            f" API killed {running.api.kills}, worker {running.worker.kills}"
        )
    assert not verdict.broken()
    assert verdict.stored == running.history.sent
    assert len(verdict.stored) > 50


async def test_the_check_sees_an_answer_before_its_commit(folder: Path) -> None:
    """
    Negative control: an API that answers before it commits loses what it has acknowledged.
    """
    async with storm(folder, api="tests.faults.broken_api:create_app") as running:
        headers = {"Authorization": f"Bearer {running.key}"}
        async with httpx.AsyncClient(base_url=running.url, headers=headers) as client:
            for number in range(5):
                await running.submit(client, f"late-{number}")
            running.api.kill()
        verdict = await running.verdict(within_s=3)

    assert any("acknowledged but not stored" in one for one in verdict.broken())


async def test_the_check_sees_a_record_before_its_delivery(folder: Path) -> None:
    """
    Negative control: a worker that records a delivery before it has made it loses events when it is killed.
    """
    async with storm(folder, worker="tests.faults.broken_worker") as running:
        headers = {"Authorization": f"Bearer {running.key}"}
        async with httpx.AsyncClient(base_url=running.url, headers=headers) as client:
            for number in range(20):
                await running.submit(client, f"hasty-{number}")
        async with asyncio.timeout(30):
            while not await running.recorded():  # noqa: ASYNC110 - another process cannot set an Event
                await asyncio.sleep(0.05)
        running.worker.kill()
        running.worker.start()
        verdict = await running.verdict(within_s=6)

    assert any("owed but never delivered" in one for one in verdict.broken()), verdict.broken()
