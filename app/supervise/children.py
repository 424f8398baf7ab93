"""
One part of the service as a child process: start, stop, kill, start again when it dies.

No child outlives this process, however it ends: its standard input is a pipe whose other end only
this process has, and it goes when the pipe closes (`__main__`). That holds on every platform and
for children started from any thread; the death signal that `app.embedded` asks Linux for is tied to
the thread that asked.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
import structlog

import app

_POLL_S: Final = 0.05
_FIRST_WAIT_S: Final = 0.2
_LONGEST_WAIT_S: Final = 5.0
_STEADY_S: Final = 30.0
"""
A child that lived this long begins anew with short waits.
"""
_LOG_BYTES: Final = 20_000_000
_ROOT: Final = Path(app.__file__).parents[1]

_log = structlog.get_logger(__name__)


class SuperviseError(Exception):
    """
    The service cannot run; the message names the remedy.
    """


@dataclass(frozen=True, slots=True)
class Program:
    """
    What distinguishes one child from another.
    """

    name: str
    arguments: Sequence[str]
    """
    A module and its arguments. Others can read them: never a secret.
    """
    environment: Mapping[str, str] = field(repr=False)
    log: Path | None
    """
    None leaves its words on standard error.
    """
    ready: Callable[[], str | None]
    """
    What is still missing, or None when it does its work.
    """
    stop_s: float
    """
    How long it may take to finish what it has begun.
    """
    start_s: float = 60


class Process:
    """
    A child, started again when it dies. May be used from any thread.
    """

    def __init__(self, program: Program) -> None:
        """
        Keep the program; nothing is started yet.
        """
        self._program = program
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._begun = 0.0
        self._wait_s = _FIRST_WAIT_S
        self._again_at: float | None = None
        self._log_begin = 0
        self.starts = 0
        """How often it was started; more than once means that it died."""

    @property
    def alive(self) -> bool:
        """
        Whether the process exists.
        """
        process = self._process
        return process is not None and process.poll() is None

    @property
    def pid(self) -> int | None:
        """
        Its process id while it runs.
        """
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def pids(self) -> tuple[int, ...]:
        """
        Its process id and those of its own children, while it runs.
        """
        pid = self.pid
        if pid is None:
            return ()
        try:
            below = psutil.Process(pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return ()
        return (pid, *(child.pid for child in below))

    def start(self) -> None:
        """
        Start it and wait until it does its work; nothing is started when it already runs.

        Raises:
            SuperviseError: If it ends instead, or takes too long.
        """
        with self._lock:
            if not self.alive:
                self._spawn()
            self._wanted = True
            self._again_at = None
        deadline = time.monotonic() + self._program.start_s
        while (missing := self._program.ready()) is not None or not self.alive:
            if not self.alive and self._again_at is None:
                self._wanted = False
                raise SuperviseError(f"{self._program.name} did not start{self._last_words()}")
            if time.monotonic() > deadline:
                raise SuperviseError(f"{self._program.name} is not ready: {missing}")
            time.sleep(_POLL_S)

    def kill(self, *, revive: bool = True) -> None:
        """
        End it as a crash would. It comes back by itself, unless told not to: then by `restart`.
        """
        with self._lock:
            self._wanted = self._wanted and revive
            if self._process is not None:
                self._process.kill()
                self._process.wait()

    def restart(self) -> None:
        """
        Start it anew at once and wait until it does its work.

        Raises:
            SuperviseError: If it does not.
        """
        self.stop()
        self.start()

    def terminate(self) -> None:
        """
        Ask it to finish; it will not come back.
        """
        with self._lock:
            self._wanted = False
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()

    def stop(self) -> None:
        """
        Let it finish what it has begun; by force if it takes too long. It will not come back.
        """
        self.terminate()
        process = self._process
        if process is None:
            return
        try:
            process.wait(self._program.stop_s)
        except subprocess.TimeoutExpired:
            _tell("killed", child=self._program.name, after_s=self._program.stop_s)
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def tend(self) -> None:
        """
        Start it again when it died, each time a little later while it keeps dying.
        """
        with self._lock:
            if not self._wanted or self.alive:
                return
            now = time.monotonic()
            if self._again_at is None:
                if now - self._begun > _STEADY_S:
                    self._wait_s = _FIRST_WAIT_S
                code = self._process.returncode if self._process is not None else None
                _tell("died", child=self._program.name, exit_code=code, again_in_s=self._wait_s)
                self._again_at = now + self._wait_s
                self._wait_s = min(self._wait_s * 2, _LONGEST_WAIT_S)
            elif now >= self._again_at:
                try:
                    self._spawn()
                except OSError as problem:
                    # No process to be had at this moment: the next round tries again.
                    _tell("not_started", child=self._program.name, error=type(problem).__name__)
                    self._again_at = now + self._wait_s
                else:
                    self._again_at = None

    def _spawn(self) -> None:
        program = self._program
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        with contextlib.ExitStack() as stack:
            log = None
            if program.log is not None:
                _keep_short(program.log)
                log = stack.enter_context(open(program.log, "ab", opener=_private))
                self._log_begin = log.seek(0, os.SEEK_END)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app.supervise", *program.arguments],
                stdin=subprocess.PIPE,
                stdout=log or sys.stderr.fileno(),
                stderr=log or sys.stderr.fileno(),
                # Where the packages lie, wherever this program was called from.
                cwd=_ROOT,
                env=program.environment,
                # Ctrl-C in the terminal is for this process, which then stops its children.
                start_new_session=True,
            )
        self._begun = time.monotonic()
        self.starts += 1

    def _last_words(self) -> str:
        if self._program.log is None:
            return "; what it said stands above"
        with self._program.log.open("rb") as lines:
            lines.seek(self._log_begin)
            said = lines.read().decode(errors="replace").strip()
        # A traceback ends with what went wrong; the whole of it is in the log.
        last = said.splitlines()[-1][:500] if said else "it said nothing"
        return f": {last} (see {self._program.log})"


@contextmanager
def tended(processes: Sequence[Process]) -> Iterator[None]:
    """
    Start these again when they die, until the block ends; then let them finish, all at once.
    """
    over = threading.Event()

    def tend() -> None:
        while not over.wait(_POLL_S):
            for process in processes:
                process.tend()

    thread = threading.Thread(target=tend, name="tend", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        for process in processes:
            process.terminate()
        for process in processes:
            process.stop()


class Stopped(SystemExit):
    """
    A signal asked for a clean stop: not an error.
    """


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """
    Make SIGTERM and SIGINT leave the block in order, so that everything in it is stopped.

    Only the first one counts: a second must not cut short the stop itself.
    """
    numbers = (signal.SIGTERM, signal.SIGINT)

    def leave(_number: int, _frame: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise Stopped(0)

    before = {number: signal.signal(number, leave) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(event: str, **facts: object) -> None:
    # Whoever read standard error may be gone; the service goes on without being heard.
    with contextlib.suppress(OSError, ValueError):
        _log.warning(event, **facts)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _keep_short(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.old"))
