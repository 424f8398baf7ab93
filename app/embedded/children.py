"""
One server as a child process: start, stop, kill, start again on the same port.
"""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from app.embedded.places import Account, EmbeddedError

_PR_SET_PDEATHSIG: Final = 1
_POLL_S: Final = 0.01
_TRIES: Final = 8
# The server's folders and messages must not depend on who started it, and it is handed no secret.
_ENVIRONMENT: Final[Mapping[str, str]] = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}


class TryAgainError(Exception):
    """
    This start failed for a passing reason: the port was taken, or old processes are leaving.
    """


@dataclass(frozen=True, slots=True)
class Server:
    """
    What distinguishes one kind of server from another.
    """

    name: str
    folder: Path
    log: Path
    account: Account | None
    command: Callable[[int], Sequence[str | Path]]
    """
    The arguments, given the port.
    """
    ready: Callable[[int, int], bool]
    """
    Whether the process with this id answers on this port.
    """
    failure: Callable[[str], Exception]
    """
    What the end of the log says about a start that failed.
    """
    stop_signals: Sequence[tuple[signal.Signals, float]]
    """
    Gentle first, each with the seconds it is given.
    """
    before: Callable[[], None] = lambda: None
    """
    Clears away what a killed run left, before each start.
    """
    configuration: Callable[[int], bytes] | None = None
    """
    Written to its standard input: a password in the arguments would show in any process list.
    """
    start_s: float = 120
    """
    Long, because recovery after a crash is part of a start.
    """


@dataclass(slots=True)
class Child:
    """
    A private server; its port stays the same from one start to the next.
    """

    _server: Server = field(repr=False)
    _port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def port(self) -> int:
        """
        Where it answers, on the loopback address.
        """
        return self._port

    @property
    def pid(self) -> int | None:
        """
        Its process id while it runs.
        """
        return self._process.pid if self._process is not None and self.alive else None

    @property
    def alive(self) -> bool:
        """
        Whether the process exists.
        """
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """
        Start it and wait until it answers; nothing happens when it already runs.

        Raises:
            EmbeddedError: If it does not come up.
        """
        if self.alive:
            return
        for last in (*[False] * (_TRIES - 1), True):
            # A port that was free a moment ago may be taken; one already handed out stays.
            port = self._port or _free_port()
            try:
                self._process = self._launch(port)
            except TryAgainError as error:
                if last:
                    raise EmbeddedError(str(error)) from error
                time.sleep(0.5)
            else:
                self._port = port
                return

    def stop(self) -> None:
        """
        End it in order, by force if it must be; nothing happens when it does not run.
        """
        if self._process is None:
            return
        for number, patience_s in self._server.stop_signals:
            if not self.alive:
                break
            self._process.send_signal(number)
            try:
                self._process.wait(patience_s)
            except subprocess.TimeoutExpired:
                continue
        self.kill()

    def kill(self) -> None:
        """
        End it as a crash would.
        """
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _launch(self, port: int) -> subprocess.Popen[bytes]:
        server = self._server
        server.before()
        with open(server.log, "ab", opener=_private) as log:
            begin = log.seek(0, os.SEEK_END)
            process = _spawn(server, server.command(port), log.fileno())
        try:
            if server.configuration is not None:
                _hand_over(process, server.configuration(port))
            _wait_ready(server, process, port, begin)
        except BaseException:
            process.kill()
            process.wait()
            raise
        return process


def run(
    command: Sequence[str | Path], *, account: Account | None, cwd: Path, text: str = ""
) -> None:
    """
    Run a tool of the server to its end, as the server's user.

    Raises:
        EmbeddedError: With what the tool said.
    """
    done = subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=_ENVIRONMENT,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    if done.returncode != 0:
        raise EmbeddedError(f"{Path(command[0]).name} failed: {done.stderr.strip()[-2000:]}")


def stop_orphan(
    process: psutil.Process, stop_signals: Sequence[tuple[signal.Signals, float]]
) -> None:
    """
    End a server that outlived its supervisor, in order, by force if it must be.

    The caller has made sure that it is one of ours; psutil compares the start time once more before
    it sends anything, so that a number given to somebody else in the meantime is not hit.
    """
    for number, patience_s in (*stop_signals, (signal.SIGKILL, 10.0)):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
            process.send_signal(number)
            process.wait(patience_s)
        if not process.is_running():
            return


def _private(path: str, flags: int) -> int:
    # A server's log may repeat a statement, and with it what it says about a case.
    return os.open(path, flags, 0o600)


def _spawn(server: Server, command: Sequence[str | Path], log: int) -> subprocess.Popen[bytes]:
    account = server.account
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL if server.configuration is None else subprocess.PIPE,
        stdout=log,
        stderr=log,
        cwd=server.folder,
        env=_ENVIRONMENT,
        # Ctrl-C in the terminal is for the supervisor, which then stops its servers in order.
        start_new_session=True,
        preexec_fn=_die_with_parent(server.stop_signals[0][0]),  # noqa: PLW1509 - see there
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def _die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    # Linux tells a child when the *thread* that made it ends, so only the main thread may ask for
    # it. Elsewhere an orphan is found and stopped by the next start on its folder.
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up before the fork, called after it
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died in between, and nobody would ever tell
            os._exit(1)

    return ask


def _hand_over(process: subprocess.Popen[bytes], configuration: bytes) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(configuration)
        process.stdin.close()
    except BrokenPipeError:
        pass  # it has already ended; the log says why


def _wait_ready(server: Server, process: subprocess.Popen[bytes], port: int, begin: int) -> None:
    deadline = time.monotonic() + server.start_s
    while not server.ready(process.pid, port):
        if process.poll() is not None:
            raise server.failure(_tail(server.log, begin))
        if time.monotonic() > deadline:
            raise EmbeddedError(f"{server.name} did not answer in time; see {server.log}")
        time.sleep(_POLL_S)


def _tail(log: Path, begin: int) -> str:
    with log.open("rb") as lines:
        lines.seek(begin)
        return lines.read().decode(errors="replace")[-2000:]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
