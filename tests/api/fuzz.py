"""
Asks a served API what its OpenAPI document allows and what it does not, in every role (H1).

``python -m tests.api.fuzz --seconds 300`` is the long run (``make fuzz``); the suite makes a short one.
"""

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from app import embedded, settings
from app.kit import db
from app.main import create_app
from app.migrations import upgrade
from tests.api import matrix
from tests.builders import build_world
from tests.ports import free_port

ROLES = ("agent", "investigator", "technician", "reviewer", "supervisor")
PHASES = "examples,coverage,fuzzing,stateful"
SERVER = (
    *("uvicorn", "app.main:create_app", "--factory", "--no-access-log"),
    *("--log-level", "warning"),
)
CONFIG = Path(__file__).with_name("schemathesis.toml")


@dataclass(frozen=True, slots=True)
class Found:
    """
    What one run found.
    """

    role: str
    clean: bool
    told: str

    @property
    def summary(self) -> str:
        """
        What was tried, and with which seed.
        """
        start = self.told.find("= SUMMARY")
        return self.told[start:] if start >= 0 else self.told[-3000:]


@contextmanager
def served() -> Iterator[tuple[str, dict[str, str]]]:
    """
    Serve a world with one thing of every kind, durably, and yield its address and everybody's keys.
    """
    folder = Path(tempfile.mkdtemp(prefix="assayline-fuzz-"))
    folder.chmod(0o711)
    process = None
    try:
        with embedded.running(folder / "data", valkey=False) as servers:
            upgrade(servers.owner_database_url)
            here = settings.load(**servers.as_settings())
            keys = asyncio.run(_furnished(here))
            port = free_port()
            with (folder / "api.log").open("wb") as log:
                process = subprocess.Popen(
                    [
                        sys.executable,
                        "-m",
                        "uvicorn",
                        "app.main:create_app",
                        "--factory",
                        "--port",
                        str(port),
                        "--no-access-log",
                        "--log-level",
                        "warning",
                    ],
                    env=settings.for_child(here),
                    stderr=log,
                )
            url = f"http://127.0.0.1:{port}"
            _wait_for(url)
            yield url, keys
            process.terminate()
            process.wait(30)
    finally:
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


async def _furnished(here: settings.Settings) -> dict[str, str]:
    app = create_app(here)
    database = db.connect(str(here.database_url))
    async with app.router.lifespan_context(app):
        world = await build_world(app, database)
        await matrix.furnish(world)
        await world.close()
    await database.dispose()
    return world.keys


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            if httpx.get(f"{url}/livez", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the API did not start")


def fuzz(
    url: str, keys: dict[str, str], roles: Sequence[str], *, seconds: int, examples: int, seed: int
) -> list[Found]:
    """
    Run schemathesis in each role, all at once, with every check and no operation left out.
    """
    with tempfile.TemporaryDirectory() as folder:
        running = {role: _start(url, keys[role], folder, seconds, examples, seed) for role in roles}
        return [
            Found(role, process.wait() == 0, Path(log).read_text(errors="replace"))
            for role, (process, log) in running.items()
        ]


def _start(
    url: str, key: str, folder: str, seconds: int, examples: int, seed: int
) -> tuple[subprocess.Popen[bytes], str]:
    number, log = tempfile.mkstemp(dir=folder)
    with os.fdopen(number, "wb") as out:
        process = subprocess.Popen(
            [
                *(
                    str(Path(sys.executable).with_name("schemathesis")),
                    "--config-file",
                    str(CONFIG),
                ),
                *("run", f"{url}/v1/openapi.json", "--header", f"Authorization: Bearer {key}"),
                *("--phases", PHASES, "--checks", "all", "--seed", str(seed), "--no-shrink"),
                *("--max-examples", str(examples), "--max-time", str(seconds), "--no-color"),
                *("--continue-on-failure", "--generation-database", "none"),
            ],
            stdout=out,
            stderr=out,
            cwd=folder,
        )
    return process, log


def main() -> int:
    """
    Run in every role and say what was found.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--examples", type=int, default=50)
    parser.add_argument("--seed", type=int, default=20261125)
    chosen = parser.parse_args()
    with served() as (url, keys):
        found = fuzz(
            url, keys, ROLES, seconds=chosen.seconds, examples=chosen.examples, seed=chosen.seed
        )
    for one in found:
        sys.stdout.write(f"--- as {one.role}\n{one.summary if one.clean else one.told}\n")
    return 0 if all(one.clean for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
