"""
A correction reaches everybody who was told the result, and stays open until a person says so.
"""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.access import service as access
from app.access.rules import AgencyKind, ClientKind, Role
from app.kit import ids
from app.kit.db import OPERATOR, Database, as_agency, as_laboratory
from app.ledger import service as ledger
from app.webhooks import service as webhooks
from app.webhooks.rules import EventType
from tests.builders import World


async def correct(
    world: World, sample_id: str, *, type_: EventType = EventType.FINDING_CONTRADICTED
) -> dict[UUID, str]:
    """
    Announce a correction of a sample as its laboratory does; return the event of each recipient.
    """
    laboratory_id = world.agencies["laboratory"]
    async with world.database.transaction(as_laboratory(laboratory_id)) as session:
        found = await session.execute(
            text("SELECT submission_id, agency_id, version FROM sample WHERE id = :id"),
            {"id": ids.read("smp", sample_id)},
        )
        row = found.one()
        (pairs,) = await webhooks.announce(
            session,
            [
                webhooks.Notice(
                    type=type_,
                    owner_agency_id=row.agency_id,
                    laboratory_id=laboratory_id,
                    submission_id=row.submission_id,
                    sample_id=ids.read("smp", sample_id),
                    sequence=row.version + 1,
                    summary={"status": "reported"},
                )
            ],
        )
        await ledger.record(
            session,
            [
                ledger.Fact(
                    kind="test.corrected",
                    agency_id=row.agency_id,
                    laboratory_id=laboratory_id,
                    submission_id=row.submission_id,
                    sample_id=ids.read("smp", sample_id),
                    version=row.version + 1,
                    actor_id=None,
                    details={},
                    notices=pairs,
                )
            ],
        )
    return {agency_id: ids.write("evt", event_id) for agency_id, event_id in pairs}


async def with_a_party(world: World, sample_id: str) -> UUID:
    """
    Give a prosecution a part in the file, with a person of its own, and return its agency.
    """
    async with world.database.transaction(OPERATOR) as session:
        party_id = await access.create_agency(
            session, name=f"party {ids.new()}", kind=AgencyKind.PROSECUTION
        )
        for name, kind in (("counsel", ClientKind.PERSON), ("robot", ClientKind.SYSTEM)):
            client_id = await access.create_client(
                session, agency_id=party_id, name=name, kind=kind, roles=[Role.INVESTIGATOR]
            )
            world.keys[name] = await access.create_key(session, client_id=client_id)
    async with world.database.transaction(as_agency(world.agencies["agency"])) as session:
        await session.execute(
            text(
                "INSERT INTO submission_access (submission_id, agency_id, owner_agency_id,"
                " laboratory_id, party, granted_at)"
                " SELECT submission_id, :party, agency_id, laboratory_id, 'prosecution', now()"
                " FROM sample WHERE id = :id"
            ),
            {"party": party_id, "id": ids.read("smp", sample_id)},
        )
    return party_id


async def expire(world: World, party_id: UUID, servers: Any) -> None:
    """
    End a party's part in every file, as if its time had run out.
    """
    await servers.execute(
        "UPDATE submission_access SET granted_at = now() - interval '2 days',"
        f" expires_at = now() - interval '1 day' WHERE agency_id = '{party_id}'"
    )


async def overdue(superuser: Any, event_id: str) -> None:
    """
    Make a reminder due now, as if its wait were over.
    """
    found = ids.read("evt", event_id)
    await superuser.execute(
        "UPDATE acknowledgement SET remind_at = now() - interval '1 second'"
        f" WHERE event_id = '{found}'"
    )


@pytest.fixture
async def superuser(servers: Any) -> Any:
    """
    Somebody who can make time pass in the tables.
    """
    import asyncpg  # noqa: PLC0415 - only these tests speak to it directly

    url = servers.admin_database_url.removesuffix("postgres") + "assayline"
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    yield connection
    await connection.close()


async def reported(world: World) -> str:
    """
    Return a sample with a presumptive finding and a final report behind it.
    """
    sample_id = await world.received()
    await world.reported(sample_id)
    return sample_id


class TestRecipients:
    """
    Who is told.
    """

    async def test_whoever_was_told_the_result_even_when_their_part_has_ended(
        self, world: World, superuser: Any
    ) -> None:
        """
        A prosecution whose access ran out is told all the same; an agency that came later is not.
        """
        sample_id = await world.received()
        party_id = await with_a_party(world, sample_id)
        await world.reported(sample_id)
        await expire(world, party_id, superuser)
        gone = await world.as_("counsel").get(f"/v1/samples/{sample_id}")

        told = await correct(world, sample_id)

        assert gone.status_code == 404
        assert set(told) == {world.agencies["agency"], party_id}
        own = await world.as_("counsel").get(f"/v1/events/{told[party_id]}")
        assert own.json()["type"] == "finding.contradicted"
        assert own.json()["data"]["acknowledge"] == f"/v1/events/{told[party_id]}/acknowledgement"

    async def test_without_the_memory_of_who_was_told_the_party_is_forgotten(
        self, world: World, superuser: Any
    ) -> None:
        """
        Negative control: an ordinary event goes to present parties only, so the test above sees it.
        """
        sample_id = await world.received()
        party_id = await with_a_party(world, sample_id)
        await world.reported(sample_id)
        await expire(world, party_id, superuser)

        told = await correct(world, sample_id, type_=EventType.SAMPLE_RECEIVED)

        assert set(told) == {world.agencies["agency"]}


class TestAcknowledging:
    """
    A named person says it was read.
    """

    async def test_by_a_person_once_and_for_all(self, world: World) -> None:
        """
        The first stands, with name and instant; the second is told who it was.
        """
        sample_id = await reported(world)
        (event_id,) = (await correct(world, sample_id)).values()
        path = f"/v1/events/{event_id}/acknowledgement"
        open_ = (await world.as_("investigator").get("/v1/events/unacknowledged")).json()["items"]

        first = await world.as_("investigator").post(path, json={"action": "passed_on"})
        second = await world.as_("agent").post(path, json={"action": "noted"})

        assert [one["event_id"] for one in open_] == [event_id]
        assert first.status_code == 201, first.text
        assert first.json()["acknowledged_by"] == "investigator"
        assert second.status_code == 200
        assert second.json() == first.json()
        after = await world.as_("agent").get("/v1/events/unacknowledged")
        assert after.json()["items"] == []
        read = await world.as_("agent").get(f"/v1/events/{event_id}")
        assert read.json()["acknowledgement"]["action"] == "passed_on"

    async def test_each_recipient_for_itself(self, world: World) -> None:
        """
        One agency's acknowledgement does not close another's.
        """
        sample_id = await world.received()
        party_id = await with_a_party(world, sample_id)
        await world.reported(sample_id)
        told = await correct(world, sample_id)
        own = told[world.agencies["agency"]]

        theirs = await world.as_("counsel").post(
            f"/v1/events/{own}/acknowledgement", json={"action": "noted"}
        )
        await world.as_("agent").post(f"/v1/events/{own}/acknowledgement", json={"action": "noted"})

        assert theirs.status_code == 404
        left = (await world.as_("supervisor").get("/v1/lab/unacknowledged")).json()["items"]
        assert [(one["event_id"], one["level"]) for one in left] == [(told[party_id], "open")]
        assert left[0]["agency_name"].startswith("party ")

    async def test_never_by_a_program(self, world: World) -> None:
        """
        A system's key is refused: nobody has read it.
        """
        sample_id = await world.received()
        party_id = await with_a_party(world, sample_id)
        await world.reported(sample_id)
        told = await correct(world, sample_id)

        refused = await world.as_("robot").post(
            f"/v1/events/{told[party_id]}/acknowledgement", json={"action": "noted"}
        )

        assert refused.status_code == 403
        open_ = await world.as_("counsel").get("/v1/events/unacknowledged")
        assert len(open_.json()["items"]) == 1

    async def test_only_corrections(self, world: World) -> None:
        """
        Nothing else is acknowledged, and the answer says what is.
        """
        sample_id = await world.received()
        async with world.database.reading(as_agency(world.agencies["agency"])) as session:
            row = await session.execute(
                text("SELECT id FROM event WHERE sample_id = :id LIMIT 1"),
                {"id": ids.read("smp", sample_id)},
            )
            event_id = ids.write("evt", row.scalar_one())

        answer = await world.as_("agent").post(
            f"/v1/events/{event_id}/acknowledgement", json={"action": "noted"}
        )

        assert answer.status_code == 409
        assert answer.json()["type"].endswith("nothing-to-acknowledge")

    async def test_it_stands_in_the_record(self, world: World) -> None:
        """
        Who, when, what was done and the hash of what was read, and no name.
        """
        sample_id = await reported(world)
        (event_id,) = (await correct(world, sample_id)).values()
        await world.as_("agent").post(
            f"/v1/events/{event_id}/acknowledgement", json={"action": "file_reopened"}
        )

        async with world.database.reading(as_agency(world.agencies["agency"])) as session:
            found = await session.execute(
                text("SELECT body, actor_id FROM entry WHERE kind = 'event.acknowledged'")
            )
            (entry,) = found.all()

        assert entry.actor_id == world.clients["agent"]
        assert event_id in entry.body
        assert "body_sha256" in entry.body


class TestEscalating:
    """
    Nobody answers.
    """

    async def test_is_repeated_and_then_telephoned(
        self, world: World, worker_database: Database, superuser: Any
    ) -> None:
        """
        Each reminder is an event of its own, counted; the second asks the laboratory to telephone.
        """
        sample_id = await reported(world)
        (event_id,) = (await correct(world, sample_id)).values()
        levels = []
        for _ in range(3):
            await overdue(superuser, event_id)
            assert await webhooks.remind_due(worker_database) == 1
            (line,) = (await world.as_("reviewer").get("/v1/lab/unacknowledged")).json()["items"]
            levels.append((line["reminders"], line["level"]))
        assert await webhooks.remind_due(worker_database) == 0, "not before the next step"
        await ledger.number_pending(worker_database)

        feed = (await world.as_("agent").get("/v1/events", params={"limit": 200})).json()["items"]

        assert levels == [(1, "reminded"), (2, "telephone"), (3, "telephone")]
        told = [one for one in feed if one["type"] == "event.unacknowledged"]
        assert [one["data"]["summary"]["reminder"] for one in told] == [1, 2, 3]
        assert {one["data"]["about"] for one in told} == {event_id}

    async def test_ends_when_somebody_acknowledges(
        self, world: World, worker_database: Database, superuser: Any
    ) -> None:
        """
        No reminder follows, not even one that was due.
        """
        sample_id = await reported(world)
        (event_id,) = (await correct(world, sample_id)).values()
        await overdue(superuser, event_id)
        await world.as_("agent").post(
            f"/v1/events/{event_id}/acknowledgement", json={"action": "noted"}
        )

        assert await webhooks.remind_due(worker_database) == 0

    async def test_two_workers_remind_once(
        self, world: World, worker_database: Database, superuser: Any
    ) -> None:
        """
        What one worker read as due and another reminded meanwhile is not reminded again (C5).
        """
        sample_id = await reported(world)
        (event_id,) = (await correct(world, sample_id)).values()
        await overdue(superuser, event_id)

        counts = [await webhooks.remind_due(worker_database) for _ in range(2)]

        assert counts == [1, 0]
