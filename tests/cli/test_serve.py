"""
`assayline serve`: up in one command, down in order, and nothing left behind.
"""

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest

from app import settings, supervise
from app.settings import Settings
from tests.cli.conftest import REPOSITORY, Assayline, folder_for_all

START_S = 60


@pytest.fixture
def folder() -> Iterator[Path]:
    """
    A data folder not made yet.
    """
    with folder_for_all() as parent:
        yield parent / "data"


@contextlib.contextmanager
def serving(assayline: Assayline, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """
    `assayline serve`, up; yields its process and what it said.
    """
    process = assayline.start("serve", *arguments, stdout=subprocess.DEVNULL)
    assert process.stderr is not None
    said = ""
    try:
        while "Ctrl-C" not in said:
            line = process.stderr.readline()
            assert line, f"ended with {process.wait(10)}: {said}"
            said += line
        yield process, said
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stderr.close()


def below(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """
    All processes it has started.
    """
    return psutil.Process(process.pid).children(recursive=True)


def all_gone(processes: list[psutil.Process], within_s: float) -> bool:
    """
    Whether these processes end within that time.
    """
    _, alive = psutil.wait_procs(processes, timeout=within_s)
    return not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]


class TestPrivate:
    """
    With nothing configured it brings everything.
    """

    def test_up_and_down(self, folder: Path) -> None:
        """
        It serves, is found, refuses a second on its folder, and goes without a trace.
        """
        assayline = Assayline({"ASSAYLINE_DATA_DIR": str(folder)})
        with serving(assayline) as (process, said):
            found = supervise.find(folder)
            assert found is not None
            assert found.pid == process.pid
            assert f"serves at {found.url}" in said
            assert "assayline admin key create" in said
            assert httpx.get(f"{found.url}/readyz", trust_env=False).status_code == 200
            assert (folder / "service.json").stat().st_mode & 0o777 == 0o600
            children = below(process)
            words = [word for child in children for word in child.cmdline()]
            keys = (folder / "keys.json").read_text().split('"')
            assert not [key for key in keys if len(key) > 20 and key in " ".join(words)]

            second = assayline.process("serve")
            assert second.returncode == 2
            assert "already runs" in second.stderr
            assert assayline("admin", "agency", "list").returncode == 0

            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0

        assert all_gone(children, 1)
        assert not (folder / "service.json").exists()

    def test_killed(self, folder: Path) -> None:
        """
        Killed, it takes everything with it; the next one starts on the same folder.
        """
        assayline = Assayline({"ASSAYLINE_DATA_DIR": str(folder)})
        with serving(assayline) as (process, _):
            children = below(process)
            process.kill()
            assert all_gone(children, 20), children

        assert supervise.find(folder) is None
        with serving(assayline) as (process, _):
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0

    def test_stopped_while_starting(self, folder: Path) -> None:
        """
        A signal during the start is a clean stop as well.
        """
        process = Assayline({"ASSAYLINE_DATA_DIR": str(folder)}).start("serve")
        deadline = time.monotonic() + START_S
        while not (folder / "postgres18.log").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        children = below(process)
        process.send_signal(signal.SIGTERM)

        _, said = process.communicate(timeout=30)

        assert process.returncode == 0, said
        assert "Traceback" not in said
        assert all_gone(children, 5)

    def test_taken_port(self, folder: Path, service: supervise.Service) -> None:
        """
        A port asked for and taken is refused; nobody is sent elsewhere without being told.
        """
        port = service.url.rpartition(":")[2]

        done = Assayline({"ASSAYLINE_DATA_DIR": str(folder)}).process("serve", "--port", port)

        assert done.returncode == 2
        assert "is taken" in done.stderr
        assert not folder.exists()


class TestOwnServers:
    """
    With servers named it starts none, and touches no schema.
    """

    @pytest.fixture
    def assayline(self, service: supervise.Service, folder: Path) -> Assayline:
        """
        The command line with servers of one's own.
        """
        assert service.servers is not None
        return Assayline(
            {
                "ASSAYLINE_DATA_DIR": str(folder),
                "ASSAYLINE_DATABASE_URL": str(service.database_url),
                "ASSAYLINE_WORKER_DATABASE_URL": str(service.worker_database_url),
                "ASSAYLINE_REDIS_URL": service.redis_url or "none",
                "ASSAYLINE_SECRET_KEY": service.servers.secret_key,
            }
        )

    def test_starts_nothing(self, assayline: Assayline, folder: Path) -> None:
        """
        Only the API, the worker and its doorbell run below it, and no folder is made.
        """
        with serving(assayline) as (process, said):
            names = [Path(child.exe()).name for child in below(process)]
            assert len(names) >= 2
            assert all(name.startswith("python") for name in names), names
            assert "the one the settings name" in said
            assert not folder.exists()
            process.send_signal(signal.SIGTERM)
            assert process.wait(40) == 0

    def test_schema_missing(self, assayline: Assayline, service: supervise.Service) -> None:
        """
        Without the schema it says how to make it; made, all is well.
        """
        assert service.servers is not None
        url = service.servers.admin_database_url

        async def create() -> None:
            connection = await asyncpg.connect(url.replace("+asyncpg", ""))
            await connection.execute("CREATE DATABASE empty OWNER assayline_owner")
            await connection.close()

        asyncio.run(create())
        urls = {
            name: assayline.environment[name].rpartition("/")[0] + "/empty"
            for name in ("ASSAYLINE_DATABASE_URL", "ASSAYLINE_WORKER_DATABASE_URL")
        }
        owner = str(service.owner_database_url).rpartition("/")[0] + "/empty"
        empty = assayline.with_(**urls)

        before = empty.process("serve")
        migrated = empty.with_(ASSAYLINE_OWNER_DATABASE_URL=owner).process("migrate")

        assert before.returncode == 2
        assert "run `assayline migrate`" in before.stderr
        assert migrated.returncode == 0, migrated.stderr
        with serving(empty) as (process, _):
            process.send_signal(signal.SIGTERM)
            assert process.wait(40) == 0

    def test_database_away(self, assayline: Assayline) -> None:
        """
        A database that does not answer is one sentence, without its password.
        """
        away = assayline.with_(
            ASSAYLINE_DATABASE_URL="postgresql+asyncpg://me:secret@127.0.0.1:1/x"
        )

        for arguments in (("serve",), ("admin", "agency", "list")):
            done = away.process(*arguments)
            assert done.returncode == 2
            assert done.stderr.startswith("error: ")
            assert "secret" not in done.stderr
            assert "Traceback" not in done.stderr


class TestSupervision:
    """
    A part that dies comes back; a part held down stays down.
    """

    @pytest.fixture
    def chosen(self, service: supervise.Service, folder: Path) -> Settings:
        """
        Settings that name the servers which run already.
        """
        assert service.servers is not None
        return settings.load(**service.servers.as_settings(), data_dir=folder)

    def test_comes_back(self, chosen: Settings) -> None:
        """
        The API and the worker are started again by themselves, on the same address.
        """
        with supervise.running(chosen) as service:
            before = service.api.pid, service.worker.pid
            service.api.kill()
            service.worker.kill()
            deadline = time.monotonic() + START_S
            while time.monotonic() < deadline:
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(f"{service.url}/readyz", trust_env=False).status_code == 200:
                        break
                time.sleep(0.1)
            assert httpx.get(f"{service.url}/readyz", trust_env=False).status_code == 200
            assert service.api.pid not in {None, before[0]}
            assert service.worker.pid not in {None, before[1]}

            service.worker.kill(revive=False)
            time.sleep(1)
            assert service.worker.pids == ()
            service.worker.restart()
            assert service.worker.alive

    def test_says_why(self, chosen: Settings) -> None:
        """
        A child that cannot start is told with its last words, and nothing is left running.
        """
        before = set(psutil.Process().children(recursive=True))

        def run() -> None:
            with supervise.running(chosen, env={"ASSAYLINE_STRANGE": "1"}):
                pytest.fail("it runs with a setting that nobody knows")

        with pytest.raises(supervise.SuperviseError, match="ASSAYLINE_STRANGE"):
            run()

        assert set(psutil.Process().children(recursive=True)) <= before


class TestHelp:
    """
    `assayline --help` answers at once, and other commands load what they need alone.
    """

    def test_loads_little(self) -> None:
        """
        Nothing heavy is imported before a command is chosen.
        """
        heavy = "{'sqlalchemy', 'httpx', 'fastapi', 'pydantic', 'structlog', 'alembic', 'psutil'}"
        code = f"import sys, app.cli; sys.exit(' '.join({heavy} & set(sys.modules)) or 0)"

        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize(
        "command",
        [
            "serve",
            "work",
            "submit",
            "watch",
            "queue",
            "rank",
            "ledger",
            "migrate",
            "admin",
            "openapi",
        ],
    )
    def test_every_command(self, command: str) -> None:
        """
        Every command explains itself under the name it is called by.
        """
        done = Assayline()(command, "--help")

        assert done.returncode == 0, done.stderr
        assert f"assayline {command}" in done.stdout


def test_openapi(tmp_path: Path) -> None:
    """
    The snapshot is compared byte for byte, and a stale or missing one ends with 1.
    """
    assayline = Assayline({"ASSAYLINE_DATA_DIR": str(tmp_path / "none")})
    file = tmp_path / "openapi.json"

    missing = assayline.process("openapi", "--check", str(file))
    written = assayline.process("openapi", "--write", str(file))
    current = assayline.process("openapi", "--check", str(file))
    file.write_text(file.read_text().replace('"Assayline"', '"Something else"'))
    stale = assayline.process("openapi", "--check", str(file))

    assert [done.returncode for done in (missing, written, current, stale)] == [1, 0, 0, 1]
    assert "Something else" in stale.stderr
    assert "make openapi" in stale.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["openapi.json"]
