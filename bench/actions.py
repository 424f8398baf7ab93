"""
Measures what a technician waits for: claim, record and finish, one request each, at a long queue.

`python -m bench.actions` prints a table of the three, as one technician at work sees them over HTTP.
"""

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from app import embedded, settings
from app.embedded import places
from app.main import create_app
from app.migrations import upgrade
from bench.world import built, process

STARTED, ENDED = "2026-03-02T08:00:00Z", "2026-03-02T08:05:00Z"

ANALYSIS = {
    "technique": "dart_ms",
    "aliquot": "A",
    "started_at": STARTED,
    "ended_at": ENDED,
    "result": "detected",
    "substances": ["fentanyl"],
    "controls_passed": True,
    "data_reference": "simulated",
}
FINDING = {"kind": "presumptive", "outcome": "detected", "substances": ["fentanyl"]}


async def measure(
    servers: embedded.Servers, open_samples: int, rounds: int
) -> dict[str, list[float]]:
    """
    Work through so many samples and return how long each action took, in milliseconds.
    """
    app = create_app(settings.load(**servers.as_settings()))
    env = {
        f"{settings.PREFIX}{name.upper()}": value for name, value in servers.as_settings().items()
    }
    took: dict[str, list[float]] = {"claim": [], "record": [], "finish": []}
    async with (
        app.router.lifespan_context(app),
        built(app, servers, open_samples) as world,
    ):
        with process("ours", env=env) as ours:
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{ours.port}",
                headers={"Authorization": f"Bearer {world.technicians[0]}"},
                timeout=30,
            ) as technician:
                for number in range(rounds + 20):
                    if number == 20:  # warm by now
                        for measured in took.values():
                            measured.clear()
                    await _work(technician, took)
    return took


async def _work(technician: httpx.AsyncClient, took: dict[str, list[float]]) -> None:
    claim = (await _timed(technician, took["claim"], "/v1/lab/claims", {}))["claims"][0]
    token = {"If-Match": f'"{claim["token"]}"'}
    path = f"/v1/lab/samples/{claim['sample']['id']}"
    analysis = await _timed(technician, took["record"], f"{path}/analyses", ANALYSIS, token)
    finding = FINDING | {"analysis_ids": [analysis["id"]]}
    await _timed(technician, took["finish"], f"{path}/findings", finding, token)


async def _timed(
    technician: httpx.AsyncClient,
    took: list[float],
    path: str,
    body: dict[str, Any],
    headers: dict[str, str] | None = None,
) -> Any:
    began = time.perf_counter()
    answer = await technician.post(path, json=body, headers=headers)
    took.append((time.perf_counter() - began) * 1000)
    return answer.raise_for_status().json()


def main() -> None:
    """
    Read the command line, measure and print.
    """
    parser = argparse.ArgumentParser(
        prog="python -m bench.actions", description=(__doc__ or "").strip().splitlines()[0]
    )
    parser.add_argument("--open", type=int, default=100_000, help="samples in the queue")
    parser.add_argument("--rounds", type=int, default=300)
    chosen = parser.parse_args()
    busy = psutil.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="assayline-bench-"))
    folder.chmod(0o711)  # the server may run as another user
    try:
        with embedded.running(folder / "data") as servers:
            upgrade(servers.owner_database_url)
            took = asyncio.run(measure(servers, chosen.open, chosen.rounds))
    finally:
        places.remove(folder / "data")
        shutil.rmtree(folder, ignore_errors=True)
    print(
        f"{chosen.open:,} in the queue, {chosen.rounds} samples worked, load at start {busy:.1f}\n"
    )
    print("| action | requests | p50 ms | p95 ms | p99 ms |\n|---|--:|--:|--:|--:|")
    for name, measured in took.items():
        cuts = statistics.quantiles(measured, n=100)
        print(f"| {name} | 1 | {cuts[49]:.1f} | {cuts[94]:.1f} | {cuts[98]:.1f} |")


if __name__ == "__main__":
    main()
