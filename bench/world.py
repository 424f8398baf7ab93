"""
The servers and the data that are measured: one agency, one laboratory, eight people of each, one long queue.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import psutil
from fastapi import FastAPI

from app import embedded
from app.access import service as access
from app.access.rules import AgencyKind, ClientKind, Role
from app.kit import ids
from app.kit.db import OPERATOR, Database
from bench.load import NUMBER

CLIENTS = 8
WATCHED = 1_000
"""Samples that are polled; they wait in no queue, so that no claim moves them."""

SUBMISSION: dict[str, Any] = {
    "agency_file_number": f"BENCH-{NUMBER.decode()}",
    "seized_at": "2026-03-01T10:00:00Z",
    "country": "US",
    "region": "US-CA",
    "place": {"office": "Los Angeles Field Office"},
    "route": "mail",
    "parcel": {"declared_contents": "cosmetics", "origin_country": "NL", "weight_g": 21.5},
    "hearings": [{"kind": "first appearance", "date": "2026-12-01"}],
    "samples": [
        {
            "exhibit_number": "1",
            "description": "Pale powder in a folded paper inside a make-up case",
            "suspected": ["fentanyl"],
            "form": "powder",
            "colour": "white",
            "quantity_seized": {"value": 2.1, "unit": "g", "kind": "net"},
            "field_tests": [
                {"technique": "fentanyl_strip", "target": "fentanyl", "result": "detected"}
            ],
            "circumstances": ["in_circulation"],
        }
    ],
}


@dataclass
class World:
    """
    Whom the load speaks for, and an administrator's connection for what no API does.
    """

    agency_id: UUID
    laboratory_id: UUID
    agents: list[str]
    technicians: list[str]
    admin: asyncpg.Connection
    watched: list[str]
    finished: int = 0

    @property
    def fixed(self) -> set[str]:
        """
        The ids that every request has in common.
        """
        return {str(self.agency_id), str(self.laboratory_id)}


def client(app: FastAPI, key: str) -> httpx.AsyncClient:
    """
    Return an HTTP client inside this process.
    """
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://bench",
        headers={"Authorization": f"Bearer {key}"},
    )


@contextlib.asynccontextmanager
async def built(app: FastAPI, servers: embedded.Servers, open_samples: int) -> AsyncIterator[World]:
    """
    Create the people, submit and receive one sample over the API, and copy it many times by SQL.
    """
    database: Database = app.state.resources.database
    people: dict[Role, list[str]] = {Role.AGENT: [], Role.TECHNICIAN: []}
    async with database.transaction(OPERATOR) as session:
        agency_id = await access.create_agency(session, name="Agency", kind=AgencyKind.SUBMITTING)
        laboratory_id = await access.create_agency(
            session, name="Laboratory", kind=AgencyKind.LABORATORY
        )
        for role, owner in ((Role.AGENT, agency_id), (Role.TECHNICIAN, laboratory_id)):
            for number in range(CLIENTS):
                client_id = await access.create_client(
                    session,
                    agency_id=owner,
                    name=f"{role} {number}",
                    kind=ClientKind.PERSON,
                    roles=[role],
                )
                people[role].append(await access.create_key(session, client_id=client_id))
    login, _, _ = servers.admin_database_url.rpartition("/")
    admin = await asyncpg.connect(f"{login.replace('+asyncpg', '')}/assayline")
    try:
        first = await _first_sample(app, people)
        watched = await _copy(admin, first, open_samples)
        yield World(
            agency_id, laboratory_id, people[Role.AGENT], people[Role.TECHNICIAN], admin, watched
        )
    finally:
        await admin.close()


async def _first_sample(app: FastAPI, people: dict[Role, list[str]]) -> UUID | None:
    async with client(app, people[Role.AGENT][0]) as agent:
        answer = (await agent.post("/v1/submissions", json=SUBMISSION)).raise_for_status()
    sample_id = answer.json()["samples"][0]["id"]
    async with client(app, people[Role.TECHNICIAN][0]) as technician:
        answer = await technician.post("/v1/lab/receipts", json={"sample_id": sample_id})
        answer.raise_for_status()
    return ids.read("smp", sample_id)


async def _copy(admin: asyncpg.Connection, first: UUID | None, open_samples: int) -> list[str]:
    """
    Copy the first sample with its file until so many wait; return some more that wait in no queue.
    """
    await admin.execute(
        """
        CREATE TEMP TABLE fresh AS
        SELECT n, uuidv7() AS submission_id, uuidv7() AS id, uuidv7() AS assessment_id,
               s.rank_key + (random() * 1e13)::bigint AS rank_key
        FROM sample AS s, generate_series(1, $copies) AS n WHERE s.id = '$first'
        """.replace("$copies", str(open_samples - 1 + WATCHED)).replace("$first", str(first))
    )
    # Changed ids, and the rest as the API wrote it: no column list that could go stale.
    copies = {
        "submission": ("t.id = s.submission_id", "'id', f.submission_id", "file"),
        "submission_access": ("t.submission_id = s.submission_id", "", ""),
        "assessment": ("t.id = s.assessment_id", "'id', f.assessment_id, 'sample_id', f.id", ""),
        "sample": (
            "t.id = s.id",
            "'id', f.id, 'assessment_id', f.assessment_id, 'rank_key', f.rank_key",
            "file",
        ),
        "holding": (
            "t.sample_id = s.id AND t.until IS NULL",
            "'id', gen_random_uuid(), 'sample_id', f.id",
            "",
        ),
        "queue_task": (
            f"t.sample_id = s.id AND f.n > {WATCHED}",
            "'sample_id', f.id, 'rank_key', f.rank_key",
            "",
        ),
    }
    for table, (condition, changed, file) in copies.items():
        parts = [part for part in (changed, "'submission_id', f.submission_id") if part]
        if file:
            parts.append("'agency_file_number', 'COPY-' || f.n")
        await admin.execute(
            f"INSERT INTO {table} SELECT r.* FROM fresh AS f, sample AS s, {table} AS t,"  # noqa: S608 - our own names
            f" LATERAL jsonb_populate_record(t, jsonb_build_object({', '.join(parts)})) AS r"
            f" WHERE s.id = $1 AND {condition}",
            first,
        )
    await admin.execute("VACUUM ANALYZE")
    found = await admin.fetch("SELECT id FROM fresh WHERE n <= $1 ORDER BY n", WATCHED)
    return [ids.write("smp", UUID(str(row["id"]))) for row in found]


async def keep_finishing(world: World) -> None:
    """
    Finish what was claimed twice a second, and queue it anew far behind: so many stay open, few are held.
    """
    while True:
        await asyncio.sleep(0.5)
        await finish(world)


async def finish(world: World) -> None:
    """
    End every open claim and put its sample at the end of the line.
    """
    status = await world.admin.execute(
        """
        WITH held AS (
            SELECT q.sample_id, q.claim_id FROM queue_task AS q
            WHERE q.sample_id IN (SELECT sample_id FROM claim WHERE ended_at IS NULL)
              AND q.holder IS NOT NULL FOR UPDATE SKIP LOCKED),
        ended AS (
            UPDATE claim SET ended_at = now(), outcome = 'put_back'
            FROM held WHERE claim.id = held.claim_id),
        moved AS (
            UPDATE sample SET status = 'received', version = version + 1
            FROM held WHERE sample.id = held.sample_id)
        UPDATE queue_task AS q
        SET holder = NULL, claim_id = NULL, lease_until = NULL,
            rank_key = q.rank_key + 20000000000000, aged_from = now()
        FROM held WHERE q.sample_id = held.sample_id
        """
    )
    world.finished += int(status.split()[-1])


@dataclass(frozen=True, slots=True)
class Serving:
    """
    A server that answers.
    """

    port: int
    process: psutil.Process

    def cpu_s(self) -> float:
        """
        Return how long it has kept a core busy until now.
        """
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def process(
    kind: str, *, body: bytes = b"", env: dict[str, str] | None = None
) -> Iterator[Serving]:
    """
    Run `bench.serve` until the block ends.
    """
    server = subprocess.Popen(
        [sys.executable, "-m", "bench.serve", kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **(env or {})},
    )
    try:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(body)
        server.stdin.close()
        yield Serving(int(server.stdout.readline()), psutil.Process(server.pid))
    finally:
        server.terminate()
        server.wait(20)
