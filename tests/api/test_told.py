"""
An agency learns what the laboratory found when somebody releases it: never earlier, as a risk or a reason.
"""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app import embedded
from app.kit import ids
from app.kit.db import as_agency
from tests.builders import World

STRIP = {"technique": "fentanyl_strip", "result": "detected"}
SENDER = "cd" * 32
READ = ("/v1/samples/{}", "/v1/samples/{}/assessment", "/v1/samples/{}/assessments")


async def screened(world: World, sample_id: str) -> str:
    """
    Screen a sample, find fentanyl, release nothing; return the finding's id.
    """
    claim = await world.claim(sample_id=sample_id, stage="screen")
    answer = await world.conclude(claim, "presumptive", [await world.analyze(claim)])
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


async def seen(world: World, sample_id: str, *, by: str = "agent") -> list[Any]:
    """
    Return what somebody reads about the risk of a sample, everywhere it can be read.
    """
    bodies = []
    for path in READ:
        answer = await world.as_(by).get(path.format(sample_id))
        assert answer.status_code == 200, answer.text
        bodies.append(answer.json())
    detail, why, history = bodies
    return [
        detail["risk"],
        {name: why[name] for name in ("band", "reasons", "cause", "ranks_as_if_received")},
        history["items"],
    ]


class TestUnreleased:
    """
    A screen that nobody has released.
    """

    async def test_shows_in_nothing_its_agency_reads(self, world: World) -> None:
        """
        Band, probability, reasons and history are to the letter what they were before the screen.
        """
        sample_id = await world.received(
            samples=[{"exhibit_number": "1", "suspected": ["caffeine"]}]
        )
        before = await seen(world, sample_id)

        await screened(world, sample_id)

        assert before == await seen(world, sample_id)
        assert before == await seen(world, sample_id, by="investigator")
        findings = await world.as_("agent").get(f"/v1/samples/{sample_id}/findings")
        assert findings.json() == []

    async def test_ranks_all_the_same(self, world: World) -> None:
        """
        The laboratory's own view has moved: the result is a reason of its order.
        """
        sample_id = await world.received(
            samples=[{"exhibit_number": "1", "suspected": ["caffeine"]}]
        )
        before = await seen(world, sample_id, by="supervisor")

        await screened(world, sample_id)

        after = await seen(world, sample_id, by="supervisor")
        assert after[0]["p_lethal_opioid"] > before[0]["p_lethal_opioid"]
        assert after[0]["p_lethal_opioid"] > (await seen(world, sample_id))[0]["p_lethal_opioid"]

    async def test_is_hidden_by_the_database_too(
        self, world: World, servers: embedded.Servers
    ) -> None:
        """
        With its own role and tenant an agency reads no row that rests on the screen; without the policy it would (H6).
        """
        sample_id = await world.received()
        await screened(world, sample_id)
        count = text("SELECT count(*) FROM assessment WHERE sample_id = :id AND stage = 'confirm'")
        values = {"id": ids.read("smp", sample_id)}
        async with world.database.reading(as_agency(world.agencies["agency"])) as session:
            assert (await session.execute(count, values)).scalar_one() == 0

        url = servers.admin_database_url.removesuffix("postgres") + "assayline"
        engine = create_async_engine(url, poolclass=NullPool)
        async with engine.connect() as connection:
            tenant = "NULLIF(current_setting('assayline.tenant', true), '')::uuid"
            await connection.execute(
                text(f"ALTER POLICY agency ON assessment USING (agency_id = {tenant})")
            )
            await connection.execute(text("SET LOCAL ROLE assayline_agency"))
            await connection.execute(
                text("SELECT set_config('assayline.tenant', :tenant, true)"),
                {"tenant": str(world.agencies["agency"])},
            )
            assert (await connection.execute(count, values)).scalar_one() == 1
            await connection.rollback()
        await engine.dispose()

    async def test_does_not_show_in_what_new_evidence_moves(self, world: World) -> None:
        """
        The answer to a field test sets the agency's own facts side by side, and the new view is kept.
        """
        sample_id = await world.received(
            samples=[{"exhibit_number": "1", "suspected": ["caffeine"]}]
        )
        await screened(world, sample_id)

        answer = await world.as_("agent").post(
            f"/v1/samples/{sample_id}/evidence", json={"field_test": STRIP}
        )

        assert answer.status_code == 201, answer.text
        told = answer.json()
        assert [one["bits_before"] for one in told["moved_by"] if "strip" in one["text"]] == [None]
        assert "DART" not in answer.text
        risk, why, history = await seen(world, sample_id)
        assert risk == told["risk"]
        assert why["cause"] == "evidence: field_test"
        assert [one["cause"] for one in history] == ["evidence: field_test", "submitted"]


class TestLinked:
    """
    What was found in one agency's sample and moves another's.
    """

    async def test_moves_it_without_a_word(self, world: World) -> None:
        """
        A parcel of the same sender ranks higher, whether it was there before or comes later; its agency reads no more.
        """
        parcel = {"route": "mail", "parcel": {"sender_digest": SENDER}}
        plain = [{"exhibit_number": "1", "suspected": ["caffeine"]}]
        theirs = (await world.submit(by="other_agent", samples=plain, **parcel))["samples"][0]
        before = await seen(world, theirs["id"], by="other_agent")
        at_first = await seen(world, theirs["id"], by="supervisor")
        found_in = await world.received(samples=plain, **parcel)

        await screened(world, found_in)

        assert before == await seen(world, theirs["id"], by="other_agent")
        moved = await seen(world, theirs["id"], by="supervisor")
        assert moved[0]["p_lethal_opioid"] > at_first[0]["p_lethal_opioid"]
        later = (await world.submit(by="other_agent", samples=plain, **parcel))["samples"][0]
        assert later["risk"] == theirs["risk"]
        ranked = await seen(world, later["id"], by="supervisor")
        assert ranked[0]["p_lethal_opioid"] > at_first[0]["p_lethal_opioid"]
