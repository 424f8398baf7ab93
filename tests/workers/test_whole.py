"""
What filters and full content change of what is pushed, and what they never may.
"""

import hashlib
import importlib.util
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app import embedded
from app.kit import ids
from app.kit.db import Database
from app.kit.secrets import Key
from app.results.service import announced
from app.webhooks.repo import deliveries
from app.webhooks.rules import Content
from app.webhooks.service import announcing
from tests.api.benchwork import confirmed, release, report, review, screened
from tests.api.test_parties import expire, share
from tests.builders import World
from tests.workers.push import Agency, Receiver, courier, quiet, receiving

MIGRATION = Path(__file__).parents[2] / "alembic/versions/0020_corrections_pass.py"


@asynccontextmanager
async def listening(
    world: World, worker_database: Database, key: Key, who: str, **wishes: Any
) -> AsyncIterator[Receiver]:
    """
    Give one of the world's agencies an endpoint, until the block ends.
    """
    agency = Agency(world.database, worker_database, key, id=world.agencies[who])
    async with receiving() as receiver:
        await agency.listen(receiver, **wishes)
        yield receiver


def told(receiver: Receiver) -> dict[str, Any]:
    """
    Return what arrived, by type.
    """
    bodies = [json.loads(hit.body) for hit in receiver.hits]
    return {body["type"]: body["data"] for body in bodies}


async def take_back(world: World, finding_id: str) -> None:
    """
    Take a released finding back.
    """
    answer = await world.as_("technician").post(
        f"/v1/lab/findings/{finding_id}/withdrawal",
        json={"because": "wrong_item", "note": "read for another item"},
    )
    assert answer.status_code == 200, answer.text


@pytest.fixture(autouse=True)
async def _quiet(worker_database: Database) -> None:
    await quiet(worker_database)


class TestFullContent:
    """
    What an endpoint that asked for content gets besides ids and link.
    """

    async def test_is_what_its_reader_would_fetch(
        self, world: World, worker_database: Database, key: Key
    ) -> None:
        """
        Finding and report as the API answers them, once released; a thin endpoint is told neither.
        """
        async with (
            listening(world, worker_database, key, "agency", content=Content.FULL) as full,
            listening(world, worker_database, key, "agency") as thin,
            courier(worker_database, key) as at_work,
        ):
            sample_id, finding_id = await screened(world)
            await at_work.drain()
            assert not [one for one in full.hits if finding_id in one.body.decode()]
            await release(world, finding_id, sample_id)
            await at_work.drain()
            agent = world.as_("agent")
            findings = (await agent.get(f"/v1/samples/{sample_id}/findings")).json()
            claim = await confirmed(world, sample_id)
            assert (await review(world, claim)).status_code == 201
            await at_work.drain()
            assert "report.released" not in told(full)
            assert (await report(world, claim)).status_code == 201
            await at_work.drain()

        early = told(full)["finding.presumptive"]["content"]
        assert early["findings"] == findings
        assert early["sample"]["id"] == sample_id
        final = told(full)["report.released"]["content"]
        (stored,) = (
            one
            for one in (await agent.get(f"/v1/samples/{sample_id}/reports")).json()
            if one["kind"] == "final"
        )
        assert final["report"] == {key: stored[key] for key in stored if key != "body"}
        text_sha256 = hashlib.sha256(final["report"]["canonical"].encode()).hexdigest()
        assert text_sha256 == stored["sha256"]
        assert {kind for kind, data in told(thin).items() if "content" in data} == set()
        assert set(told(thin)) == set(told(full))

    def test_leaves_out_what_nobody_has_released(self) -> None:
        """
        An amendment may rest on a finding that went out in no other way; control: released, it is there.
        """
        marks = ("contradicted_at", "contradicted_because", "withdrawn_at", "withdrawn_because")
        row = dict.fromkeys((*marks, "withdrawn_by_name", "invalidated_at", "released_at")) | {
            "id": ids.new(),
            "sample_id": ids.new(),
            "kind": "identified",
            "outcome": "detected",
            "substances": ["fentanyl"],
            "statement": "Fentanyl was identified.",
            "rule_set": "1",
            "warnings": [],
            "remarks": [],
            "recorded_at": "2026-03-01T10:00:00Z",
        }
        assert announced.content([_row(row)]) == {}
        shown = announced.content([_row(row | {"released_at": "2026-03-01T10:00:00Z"})])
        assert [one["substances"] for one in shown["findings"]] == [["fentanyl"]]

    @pytest.mark.parametrize(
        ("broken", "leaks"),
        [((), False), (("announced",), False), (("sent",), False), (("announced", "sent"), True)],
        ids=["as it is", "told whole", "sent whole", "both: the control"],
    )
    async def test_never_reaches_who_has_no_part(
        self,
        world: World,
        worker_database: Database,
        key: Key,
        monkeypatch: pytest.MonkeyPatch,
        broken: tuple[str, ...],
        *,
        leaks: bool,
    ) -> None:
        """
        Whoever was told and has no part any more is told of the correction, thin. Two guards, each enough alone.
        """
        async with (
            listening(world, worker_database, key, "other_agency", content=Content.FULL) as other,
            listening(world, worker_database, key, "agency", content=Content.FULL) as owner,
            courier(worker_database, key) as at_work,
        ):
            sample_id, finding_id = await screened(world)
            sample = (await world.as_("agent").get(f"/v1/samples/{sample_id}")).json()
            await share(world, sample["submission_id"])
            await release(world, finding_id, sample_id)
            await at_work.drain()
            assert "content" in told(other)["finding.presumptive"]
            await expire(world)
            _break(monkeypatch, broken)
            await take_back(world, finding_id)
            await at_work.drain()

        assert "content" in told(owner)["finding.withdrawn"]
        assert ("content" in told(other)["finding.withdrawn"]) is leaks

    async def test_stops_with_the_part(
        self, world: World, worker_database: Database, key: Key
    ) -> None:
        """
        What was announced while there was a part, and is sent when there is none, goes thin.
        """
        async with (
            listening(world, worker_database, key, "other_agency", content=Content.FULL) as other,
            courier(worker_database, key) as at_work,
        ):
            sample_id, finding_id = await screened(world)
            sample = (await world.as_("agent").get(f"/v1/samples/{sample_id}")).json()
            await share(world, sample["submission_id"])
            await release(world, finding_id, sample_id)
            await expire(world)
            await at_work.drain()

        assert "content" not in told(other)["finding.presumptive"]
        assert told(other)["finding.presumptive"]["link"] == f"/v1/samples/{sample_id}"


class TestPrefix:
    """
    An endpoint that asked for some files only.
    """

    @pytest.mark.parametrize("broken", [False, True], ids=["as it is", "filtered: the control"])
    async def test_never_filters_a_correction(
        self,
        world: World,
        worker_database: Database,
        key: Key,
        servers: embedded.Servers,
        *,
        broken: bool,
    ) -> None:
        """
        Of another unit's file it gets nothing but what was taken back, also in a replay.
        """
        async with (
            listening(
                world, worker_database, key, "agency", file_number_prefix="elsewhere-"
            ) as filtered,
            listening(world, worker_database, key, "agency", file_number_prefix="F-") as own,
            courier(worker_database, key) as at_work,
            _filtering(servers, broken=broken),
        ):
            sample_id, finding_id = await screened(world)
            await release(world, finding_id, sample_id)
            await take_back(world, finding_id)
            await at_work.drain()
            agent = world.as_("agent")
            for one in (await agent.get("/v1/webhooks")).json()["items"]:
                if one["file_number_prefix"] == "elsewhere-":
                    again = await agent.post(
                        f"/v1/webhooks/{one['id']}:replay", json={"since": "2026-01-01T00:00:00Z"}
                    )
                    assert again.json()["replayed"] == (0 if broken else 1)
            await at_work.drain()

        assert set(told(filtered)) == (set() if broken else {"finding.withdrawn"})
        assert {"sample.received", "finding.presumptive", "finding.withdrawn"} <= set(told(own))


def _row(values: dict[str, Any]) -> Any:
    return SimpleNamespace(_mapping=values, **values)


def _break(monkeypatch: pytest.MonkeyPatch, guards: tuple[str, ...]) -> None:
    if "announced" in guards:
        make = announcing._event
        monkeypatch.setattr(
            announcing, "_event", lambda *given, whole: make(*given, whole=whole or True)
        )
    if "sent" in guards:
        read = deliveries.read_envelopes

        async def blind(*given: Any) -> list[Any]:
            rows = await read(*given)
            return [SimpleNamespace(**{**row._mapping, "reads": True}) for row in rows]

        monkeypatch.setattr(deliveries, "read_envelopes", blind)


@asynccontextmanager
async def _filtering(servers: embedded.Servers, *, broken: bool) -> AsyncIterator[None]:
    # The functions of before 0020, which filtered everything alike.
    if not broken:
        yield
        return
    spec = importlib.util.spec_from_file_location("corrections_pass", MIGRATION)
    assert spec is not None
    assert spec.loader is not None
    migration = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(migration)
    url = servers.admin_database_url.removesuffix("postgres") + "assayline"
    engine = create_async_engine(url, poolclass=NullPool)

    async def put(more: str) -> None:
        async with engine.begin() as connection:
            for function in (migration.OWE, migration.REPLAY):
                await connection.execute(text(function.format(more=more, tenant=migration.TENANT)))

    try:
        await put("")
        yield
    finally:
        await put(migration.UNFILTERED)
        await engine.dispose()
