"""
Custody through the API: one holder at any instant, two people for a handover, weight kept, an end with two names.
"""

import asyncio
import random
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.kit import ids
from app.kit.db import as_laboratory
from tests.api.asking import fields_of, match
from tests.builders import World


def person(world: World, name: str) -> str:
    """
    Return a person's id, as callers write it.
    """
    return ids.write("cli", world.clients[name])


async def in_hands(world: World) -> str:
    """
    Submit one sample, receive it by the technician, and return its id.
    """
    sample_id: str = (await world.submit())["samples"][0]["id"]
    answer = await world.as_("technician").post("/v1/lab/receipts", json={"sample_id": sample_id})
    assert answer.status_code == 201, answer.text
    return sample_id


async def offer(
    world: World, sample_id: str, *, by: str = "technician", to: str = "second_technician"
) -> httpx.Response:
    """
    Offer an item to somebody.
    """
    body = {"to_client_id": person(world, to), "reason": "for analysis"}
    return await world.as_(by).post(f"/v1/samples/{sample_id}/handovers", json=body)


async def close(world: World, handover: httpx.Response, how: str, *, by: str) -> httpx.Response:
    """
    Accept, refuse or withdraw.
    """
    path = f"/v1/handovers/{handover.json()['id']}/{how}"
    return await world.as_(by).post(path, json={} if how == "acceptance" else None)


async def holders(world: World, sample_id: str) -> list[dict[str, Any]]:
    """
    Return who held an item, as the laboratory reads it.
    """
    found: list[dict[str, Any]] = (
        await world.as_("technician").get(f"/v1/samples/{sample_id}/custody")
    ).json()
    return found


async def place(world: World, code: str, **more: Any) -> httpx.Response:
    """
    Write a storage place.
    """
    return await world.as_("supervisor").put(f"/v1/lab/places/{code}", json={"name": code} | more)


async def store(
    world: World, sample_id: str, code: str, *, by: str = "technician"
) -> httpx.Response:
    """
    Put an item into storage.
    """
    path = f"/v1/lab/samples/{sample_id}/storage"
    return await world.as_(by).post(path, json={"place": code})


async def dispose(
    world: World, sample_id: str, kind: str = "destroyed", *, by: str = "technician"
) -> httpx.Response:
    """
    Propose an item's end.
    """
    body = {"kind": kind, "method": "incinerated", "authority_reference": "O-1"}
    return await world.as_(by).post(f"/v1/lab/samples/{sample_id}/disposals", json=body)


class TestHandover:
    """
    From person to person, open until the other accepts.
    """

    async def test_open_until_the_other_accepts(self, world: World) -> None:
        """
        The giver holds until the very person it was offered to accepts; neither the giver nor a third can.
        """
        sample_id = await in_hands(world)

        offered = await offer(world, sample_id)
        before = (await holders(world, sample_id))[-1]
        giver = await close(world, offered, "acceptance", by="technician")
        third = await close(world, offered, "acceptance", by="supervisor")
        accepted = await close(world, offered, "acceptance", by="second_technician")
        again = await close(world, offered, "acceptance", by="second_technician")
        after = (await holders(world, sample_id))[-1]

        assert before["holder_client_id"] == person(world, "technician")
        assert (giver.status_code, third.status_code) == (409, 409)
        assert giver.json()["type"].endswith(":custody")
        assert (accepted.status_code, again.status_code) == (200, 409)
        assert after["holder_client_id"] == person(world, "second_technician")

    async def test_not_to_oneself_and_not_what_one_does_not_hold(self, world: World) -> None:
        """
        A handover needs two people, and only the holder can give; one is open at a time.
        """
        sample_id = await in_hands(world)

        to_self = await offer(world, sample_id, to="technician")
        not_held = await offer(world, sample_id, by="second_technician", to="technician")
        first = await offer(world, sample_id)
        second = await offer(world, sample_id, to="supervisor")

        assert [one.status_code for one in (to_self, not_held, first, second)] == [
            409,
            409,
            201,
            409,
        ]

    @pytest.mark.parametrize(
        ("how", "by"), [("refusal", "second_technician"), ("withdrawal", "technician")]
    )
    async def test_refused_or_withdrawn(self, world: World, how: str, by: str) -> None:
        """
        Then nothing has moved, and the item can be offered again.
        """
        sample_id = await in_hands(world)
        offered = await offer(world, sample_id)

        closed = await close(world, offered, how, by=by)

        assert closed.status_code == 200
        assert len(await holders(world, sample_id)) == 2
        assert (await offer(world, sample_id)).status_code == 201

    async def test_no_analysis_in_transit(self, world: World) -> None:
        """
        While a handover is open nothing is analyzed or split; afterwards it goes on.
        """
        sample_id = await in_hands(world)
        claim = await world.claim(sample_id=sample_id)
        offered = await offer(world, sample_id)
        body = {
            "technique": "ftir",
            "aliquot": "A",
            "started_at": "2026-03-02T08:00:00Z",
            "ended_at": "2026-03-02T08:05:00Z",
            "result": "inconclusive",
            "controls_passed": True,
        }

        refused = await world.as_("technician").post(
            f"/v1/lab/samples/{sample_id}/analyses", json=body, headers=match(claim)
        )
        portion = await world.as_("technician").post(
            f"/v1/lab/samples/{sample_id}/portions", json={"label": "whole"}
        )
        await close(world, offered, "acceptance", by="second_technician")
        await world.analyze(claim)

        assert (refused.status_code, portion.status_code) == (409, 409)
        assert "No analysis starts in transit" in refused.json()["detail"]

    async def test_within_the_agency(self, world: World) -> None:
        """
        Before it is sent, an item passes from agent to agent; its receipt at the laboratory closes what is open.
        """
        stored = await world.submit()
        sample_id = stored["samples"][0]["id"]

        offered = await offer(world, sample_id, by="agent", to="investigator")
        received = await world.as_("technician").post(
            "/v1/lab/receipts", json={"sample_id": sample_id}
        )
        late = await close(world, offered, "withdrawal", by="agent")

        assert (offered.status_code, received.status_code, late.status_code) == (201, 201, 409)
        assert "not open any more" in late.json()["detail"]

    async def test_two_accept_at_once(self, world: World) -> None:
        """
        Twenty acceptances at the same instant make one holder.
        """
        sample_id = await in_hands(world)
        offered = await offer(world, sample_id)

        answers = await asyncio.gather(
            *(close(world, offered, "acceptance", by="second_technician") for _ in range(20))
        )

        assert sorted(one.status_code for one in answers) == [200] + [409] * 19
        assert len(await holders(world, sample_id)) == 3


class TestStorage:
    """
    A tree of places with room for so many.
    """

    async def test_in_and_out(self, world: World) -> None:
        """
        One person puts it in and another takes it out; the agency sees that it is there, not where.
        """
        await place(world, "SAFE")
        await place(world, "BOX", parent="SAFE")
        sample_id = await in_hands(world)

        stored = await store(world, sample_id, "BOX")
        agency = (await world.as_("agent").get(f"/v1/samples/{sample_id}/custody")).json()
        taken = await world.as_("second_technician").delete(f"/v1/lab/samples/{sample_id}/storage")

        assert (stored.status_code, stored.json()[-1]["place"]) == (200, "BOX")
        assert (agency[-1]["place"], agency[-1]["holder_client_id"]) == (None, None)
        assert taken.json()[-1]["holder_client_id"] == person(world, "second_technician")

    async def test_a_full_place_takes_nothing_more(self, world: World) -> None:
        """
        Room counts everything below a place, and two at the same instant do not overfill it.
        """
        await place(world, "SAFE", capacity=1)
        await place(world, "A", parent="SAFE")
        await place(world, "B", parent="SAFE", capacity=9)
        samples = [await in_hands(world) for _ in range(3)]

        answers = await asyncio.gather(
            *(store(world, sample_id, code) for sample_id, code in zip(samples, "ABA", strict=True))
        )
        listed = (await world.as_("technician").get("/v1/lab/places")).json()

        assert sorted(one.status_code for one in answers) == [200, 409, 409]
        assert {one["code"]: one["items"] for one in listed}["SAFE"] == 1
        refused = next(one for one in answers if one.status_code == 409)
        assert "SAFE is full" in refused.json()["detail"]

    async def test_what_a_place_cannot(self, world: World) -> None:
        """
        A place that holds something is not closed or made too small; none is moved, or put into one that is not there.
        """
        await place(world, "SAFE")
        await store(world, await in_hands(world), "SAFE")

        closed = await place(world, "SAFE", closed=True)
        small = await place(world, "SAFE", capacity=0)
        nowhere = await place(world, "BOX", parent="NONE")
        moved = await place(world, "SAFE", parent="SAFE")
        unknown = await store(world, await in_hands(world), "NONE")

        assert (closed.status_code, small.status_code) == (409, 409)
        assert (fields_of(nowhere), fields_of(moved)) == (["parent"], ["parent"])
        assert fields_of(unknown) == ["place"]
        assert (await place(world, "SAFE", capacity=1)).status_code == 200


class TestPortions:
    """
    Weight is kept, and the last of a sample needs a supervisor.
    """

    async def split(self, world: World, sample_id: str, **body: Any) -> httpx.Response:
        """
        Record a portion.
        """
        return await world.as_("technician").post(
            f"/v1/lab/samples/{sample_id}/portions", json=body
        )

    async def use(self, world: World, sample_id: str, portion: str, amount: str) -> httpx.Response:
        """
        Use some of a portion.
        """
        return await world.as_("technician").post(
            f"/v1/lab/samples/{sample_id}/consumptions",
            json={"portion": portion, "amount": amount},
        )

    async def test_parts_and_uses_never_exceed_the_whole(self, world: World) -> None:
        """
        Parts and what was used stay within the parent and its stated tolerance.
        """
        sample_id = await in_hands(world)

        answers = [
            await self.split(world, sample_id, label="whole", amount="100", tolerance="0.5"),
            await self.split(world, sample_id, label="A", parent="whole", amount="60"),
            await self.split(world, sample_id, label="B", parent="whole", amount="40.6"),
            await self.split(world, sample_id, label="B", parent="whole", amount="40.5"),
            await self.use(world, sample_id, "A", "50"),
            await self.use(world, sample_id, "A", "10.1"),
            await self.split(world, sample_id, label="A", parent="whole", amount="1"),
            await self.split(world, sample_id, label="second whole"),
            await self.split(world, sample_id, label="C", parent="none", amount="1"),
            await self.split(world, sample_id, label="C", parent="A", amount="1", unit="uL"),
        ]

        codes = [one.status_code for one in answers]
        assert codes == [201, 201, 409, 201, 201, 409, 409, 409, 422, 422]
        left = {one["label"]: one["left"] for one in answers[4].json()}
        assert left == {"whole": "0", "A": "10", "B": "40.5"}
        assert "0.5" in answers[2].json()["detail"]

    async def test_the_last_of_a_sample(self, world: World) -> None:
        """
        A use that leaves nothing is refused until a supervisor has authorized it, and the authorization is for one use.
        """
        sample_id = await in_hands(world)
        path = f"/v1/lab/samples/{sample_id}/last-use-authorizations"
        await self.split(world, sample_id, label="whole", amount="5")
        claim = await world.claim(sample_id=sample_id)
        body = {
            "technique": "gc_ms",
            "aliquot": "whole",
            "consumed": "5",
            "started_at": "2026-03-02T08:00:00Z",
            "ended_at": "2026-03-02T08:05:00Z",
            "result": "inconclusive",
            "controls_passed": True,
        }
        analyses = f"/v1/lab/samples/{sample_id}/analyses"

        bare = await world.as_("technician").post(analyses, json=body, headers=match(claim))
        by_technician = await world.as_("technician").post(path, json={"reason": "x"})
        granted = await world.as_("supervisor").post(path, json={"reason": "nothing else left"})
        twice = await world.as_("supervisor").post(path, json={"reason": "again"})
        used = await world.as_("technician").post(analyses, json=body, headers=match(claim))
        more = await world.as_("technician").post(
            analyses, json=body | {"consumed": None, "uses_up": True}, headers=match(claim)
        )

        assert bare.status_code == 409
        assert bare.json()["type"].endswith(":last-of-sample")
        assert (by_technician.status_code, granted.status_code, twice.status_code) == (
            403,
            201,
            409,
        )
        assert (used.status_code, more.status_code) == (201, 409)

    async def test_at_the_same_instant(self, world: World) -> None:
        """
        Ten uses at the same instant, of which five fit: five are recorded.
        """
        sample_id = await in_hands(world)
        await self.split(world, sample_id, label="whole", amount="6")

        answers = await asyncio.gather(
            *(self.use(world, sample_id, "whole", "1") for _ in range(10))
        )

        # The sixth would leave nothing, and nobody has authorized that.
        assert sorted(one.status_code for one in answers) == [201] * 5 + [409] * 5


class TestDisposal:
    """
    An end with two names, an authority, and no legal hold.
    """

    async def confirm(self, world: World, disposal: httpx.Response, *, by: str) -> httpx.Response:
        """
        Confirm as the second person.
        """
        return await world.as_(by).post(f"/v1/disposals/{disposal.json()['id']}/confirmation")

    async def test_destroyed_is_gone(self, world: World) -> None:
        """
        It takes two; then the item has no holder and goes nowhere.
        """
        sample_id = await in_hands(world)

        proposed = await dispose(world, sample_id)
        alone = await self.confirm(world, proposed, by="technician")
        agency = await self.confirm(world, proposed, by="agent")
        moved = await offer(world, sample_id)
        done = await self.confirm(world, proposed, by="supervisor")
        after = await offer(world, sample_id)

        assert (alone.status_code, agency.status_code, moved.status_code) == (409, 409, 409)
        assert (done.status_code, done.json()["outcome"]) == (200, "done")
        assert (await holders(world, sample_id))[-1]["until"] is not None
        assert "destroyed" in after.json()["detail"]

    async def test_returned_to_the_agency(self, world: World) -> None:
        """
        A return is confirmed by the agency's own person, who then holds it.
        """
        sample_id = await in_hands(world)
        proposed = await dispose(world, sample_id, "returned")

        laboratory = await self.confirm(world, proposed, by="supervisor")
        taken = await self.confirm(world, proposed, by="agent")

        assert (laboratory.status_code, taken.status_code) == (409, 200)
        assert (await holders(world, sample_id))[-1]["holder_client_id"] == person(world, "agent")
        assert (await dispose(world, sample_id)).status_code == 409

    async def test_a_hold_of_any_party(self, world: World) -> None:
        """
        A party's hold stops the proposal, and one laid later stops the second person; only that party lifts it.
        """
        sample_id = await in_hands(world)
        path = f"/v1/samples/{sample_id}/legal-holds"
        laid = await world.as_("agent").post(path, json={"reason": "appeal"})
        lift = f"/v1/legal-holds/{laid.json()['id']}/lifting"

        held = await dispose(world, sample_id)
        by_laboratory = await world.as_("supervisor").post(lift)
        lifted = await world.as_("investigator").post(lift)
        proposed = await dispose(world, sample_id)
        await world.as_("supervisor").post(path, json={"reason": "audit"})
        late = await self.confirm(world, proposed, by="supervisor")

        assert (held.status_code, by_laboratory.status_code, lifted.status_code) == (409, 403, 200)
        assert (proposed.status_code, late.status_code) == (201, 409)
        assert len((await world.as_("agent").get(path)).json()) == 2

    async def test_a_proposal_can_be_withdrawn(self, world: World) -> None:
        """
        Until it is confirmed it can be withdrawn, and then the item can move.
        """
        sample_id = await in_hands(world)
        proposed = await dispose(world, sample_id)
        path = f"/v1/disposals/{proposed.json()['id']}/withdrawal"

        withdrawn = await world.as_("supervisor").post(path)
        late = await self.confirm(world, proposed, by="supervisor")

        assert (withdrawn.json()["outcome"], late.status_code) == ("withdrawn", 409)
        assert (await offer(world, sample_id)).status_code == 201


class TestAnyWalk:
    """
    Whatever people try, in any order.
    """

    async def propose_and_withdraw(self, world: World, sample_id: str, *, by: str) -> None:
        """
        Propose a disposal, see that nothing moves meanwhile, and withdraw it.
        """
        proposed = await dispose(world, sample_id, by=by)
        if proposed.is_success:
            assert not (await offer(world, sample_id, by=by, to="reviewer")).is_success
            path = f"/v1/disposals/{proposed.json()['id']}/withdrawal"
            assert (await world.as_(by).post(path)).is_success

    @pytest.mark.parametrize("seed", range(2))
    async def test_one_holder_at_any_instant(self, world: World, seed: int) -> None:
        """
        Eighty random acts by everybody: the holdings follow one another without gap or overlap (6.6).
        """
        dice = random.Random(seed)
        await place(world, "SAFE", capacity=1)
        sample_id = await in_hands(world)
        at_bench = ("technician", "second_technician", "supervisor")
        offers: list[httpx.Response] = []
        has, receiver, moved = "technician", "technician", 0
        acts = ["offer", "accept", "accept", "withdraw", "store", "take", "dispose"]

        for _ in range(80):
            # Half of the time by somebody who may.
            stranger = dice.choice(at_bench)
            who, by = dice.choice([stranger, has]), dice.choice([stranger, receiver])
            match dice.choice(acts):
                case "offer":
                    to = dice.choice(at_bench)
                    offered = await offer(world, sample_id, by=who, to=to)
                    offers, receiver = ([offered], to) if offered.is_success else (offers, receiver)
                case "accept" if offers:
                    done = (await close(world, offers[0], "acceptance", by=by)).is_success
                    has, moved = (by, moved + 1) if done else (has, moved)
                case "withdraw" if offers:
                    await close(world, offers[0], "withdrawal", by=who)
                case "store":
                    moved += (await store(world, sample_id, "SAFE", by=who)).is_success
                case "take":
                    path = f"/v1/lab/samples/{sample_id}/storage"
                    done = (await world.as_(who).delete(path)).is_success
                    has, moved = (who, moved + 1) if done else (has, moved)
                case "dispose":
                    await self.propose_and_withdraw(world, sample_id, by=who)

        held = await holders(world, sample_id)
        assert moved > 4
        assert len(held) == moved + 2
        assert [one["until"] for one in held[:-1]] == [one["since"] for one in held[1:]]
        assert held[-1]["until"] is None

    async def test_the_database_knows_it_too(self, world: World) -> None:
        """
        Negative control: a second present holder, written past the service, is refused by the table itself (H6).
        """
        sample_id = await in_hands(world)
        second = text(
            "INSERT INTO holding SELECT gen_random_uuid(), agency_id, laboratory_id, submission_id, sample_id,"
            " holder_agency_id, holder_client_id, now(), NULL, 'analysis' FROM holding"
            " WHERE sample_id = :id AND until IS NULL"
        )

        with pytest.raises(Exception, match="uq_holding_now"):
            async with world.database.transaction(
                as_laboratory(world.agencies["laboratory"])
            ) as session:
                await session.execute(second, {"id": ids.read("smp", sample_id)})
