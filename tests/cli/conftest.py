"""
A whole service as `assayline serve` runs it, and the command line that talks to it.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from app import cli, settings, supervise
from app.kit import db
from tests.builders import World, build_world

REPOSITORY = Path(__file__).parents[2]


@contextmanager
def folder_for_all() -> Iterator[Path]:
    """
    A folder that the servers' user can pass, unlike pytest's own, which is private.
    """
    folder = Path(tempfile.mkdtemp(prefix="assayline-cli-"))
    folder.chmod(0o711)
    try:
        yield folder.resolve()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def service() -> Iterator[supervise.Service]:
    """
    Private servers, the API and the worker, all of them real.
    """
    with (
        folder_for_all() as folder,
        supervise.running(settings.load(data_dir=folder / "data")) as running,
    ):
        yield running


@dataclass(frozen=True)
class Done:
    """
    A command that has ended.
    """

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Assayline:
    """
    The command line; called, it runs in this process, which is much faster.
    """

    environment: Mapping[str, str] = field(default_factory=dict)

    def with_(self, **environment: str) -> "Assayline":
        """
        The same with these variables too.
        """
        return Assayline({**self.environment, **environment})

    def __call__(self, *arguments: str) -> Done:
        """
        Run one command to its end, here.
        """
        ours = {name: None for name in os.environ if name.startswith("ASSAYLINE_")}
        result = CliRunner().invoke(
            cli.app, arguments, env={**ours, **self.environment}, prog_name="assayline"
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    def process(self, *arguments: str, text: str | None = None) -> Done:
        """
        Run one command to its end, as a process of its own.
        """
        with self.start(*arguments, stdin=subprocess.PIPE) as process:
            said, complained = process.communicate(text, timeout=90)
        return Done(process.returncode, said, complained)

    def start(self, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        """
        Start one that goes on, as a process of its own.
        """
        theirs = {
            name: value for name, value in os.environ.items() if not name.startswith("ASSAYLINE_")
        }
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
        return subprocess.Popen(
            [sys.executable, "-m", "app.cli", *arguments],
            cwd=REPOSITORY,
            env={**theirs, **self.environment},
            text=True,
            **pipes,
        )


@pytest.fixture
def assayline(service: supervise.Service) -> Assayline:
    """
    The command line beside the running service.
    """
    return Assayline({"ASSAYLINE_DATA_DIR": str(service.data_dir)})


class RemoteWorld(World):
    """
    A world whose people call over the network.
    """

    def as_(self, person: str) -> httpx.AsyncClient:
        """
        Return an HTTP client that calls as this person.
        """
        if person not in self._open:
            self._open[person] = httpx.AsyncClient(
                base_url=str(self.app),
                headers={"Authorization": f"Bearer {self.keys[person]}"},
                trust_env=False,
            )
        return self._open[person]


@pytest.fixture
def people(service: supervise.Service) -> World:
    """
    Two laboratories, two agencies and their people on the running service, all new.
    """

    async def build() -> World:
        database = db.connect(str(service.database_url), pool_size=1)
        try:
            return await build_world(None, database)
        finally:
            await database.dispose()

    made = asyncio.run(build())
    return RemoteWorld(service.url, made.database, made.agencies, made.clients, made.keys)
