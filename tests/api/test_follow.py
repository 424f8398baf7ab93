"""
Following a sample: ETags, place and prediction, pages that neither skip nor double.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.kit import ids
from tests.api.asking import FULL, at
from tests.builders import World


async def listed(world: World, path: str = "/v1/samples", **params: Any) -> list[dict[str, Any]]:
    """
    Return every item of a list, page by page.
    """
    found: list[dict[str, Any]] = []
    while True:
        answer = await world.as_("agent").get(path, params=params)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        if page["next"] is None:
            return found
        params["after"] = page["next"]


class TestEtag:
    """
    An unchanged sample costs one row and no body.
    """

    async def test_unchanged_and_changed(self, world: World) -> None:
        """
        A strong ETag; 304 without a body while nothing moves; a move gives another ETag and the new state.
        """
        stored = await world.submit()
        path = f"/v1/samples/{stored['samples'][0]['id']}"
        agent = world.as_("agent")
        first = await agent.get(path)
        held = {"If-None-Match": first.headers["ETag"]}

        unchanged = await agent.get(path, headers=held)
        await world.as_("technician").post(
            "/v1/lab/receipts", json={"sample_id": stored["samples"][0]["id"]}
        )
        changed = await agent.get(path, headers=held)

        assert first.headers["ETag"].startswith('"')
        assert first.headers["Cache-Control"] == "no-store"
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert unchanged.headers["ETag"] == first.headers["ETag"]
        assert changed.status_code == 200
        assert changed.headers["ETag"] != first.headers["ETag"]
        assert (first.json()["status"], changed.json()["status"]) == ("submitted", "received")

    @pytest.mark.parametrize(
        ("held", "status"),
        [('"1"', 304), ('W/"1"', 304), ('"0", "1"', 304), ("*", 304), ('"0"', 200), ("1", 200)],
    )
    async def test_what_a_caller_may_hold(self, world: World, held: str, status: int) -> None:
        """
        One tag, several, a weak one or any.
        """
        stored = await world.submit()

        answer = await world.as_("agent").get(
            f"/v1/samples/{stored['samples'][0]['id']}", headers={"If-None-Match": held}
        )

        assert answer.status_code == status

    async def test_others_moves_change_nothing(self, world: World) -> None:
        """
        When others move in the queue, a sample's body and ETag stay; only its place moves.
        """
        sample_id = await world.received()
        agent = world.as_("agent")
        before = await agent.get(f"/v1/samples/{sample_id}")
        place = (await agent.get(f"/v1/samples/{sample_id}/place")).json()

        await world.received(**FULL)

        after = await agent.get(f"/v1/samples/{sample_id}")
        assert (after.headers["ETag"], after.content) == (before.headers["ETag"], before.content)
        moved = (await agent.get(f"/v1/samples/{sample_id}/place")).json()
        assert (place["place"], moved["place"]) == (1, 2)


class TestPlace:
    """
    Where a sample stands, and when it is expected to be taken.
    """

    async def test_no_prediction_without_a_basis(self, world: World) -> None:
        """
        Nineteen completions are no basis; the twentieth gives a prediction, and it lies in the future.
        """
        start = datetime(2026, 3, 2, 8, tzinfo=UTC)
        for number in range(19):
            await self._screen(world, await world.received(), start + timedelta(hours=number))
        twentieth = await world.received()
        last = await self._place(world, start + timedelta(hours=19), twentieth)
        await self._screen(world, twentieth, start + timedelta(hours=19))
        await world.received()
        waiting = await world.received()
        now = start + timedelta(hours=19)

        found = await self._place(world, now, waiting)

        assert last["predicted_at"] is None
        assert found["place"] == 2
        # Twenty in nineteen hours; two more at that pace.
        predicted = datetime.fromisoformat(found["predicted_at"])
        assert predicted == now + 2 * timedelta(hours=19) / 20
        later = await self._place(world, now + timedelta(hours=19), waiting)
        assert datetime.fromisoformat(later["predicted_at"]) > predicted + timedelta(hours=19)

    async def test_a_reported_sample_waits_for_nothing(self, world: World) -> None:
        """
        After its report there is no stage, no place and no prediction, and no error.
        """
        sample_id = await world.received()
        await world.reported(sample_id)

        found = (await world.as_("agent").get(f"/v1/samples/{sample_id}/place")).json()

        assert [found[name] for name in ("stage", "place", "predicted_at")] == [None] * 3

    async def _place(self, world: World, now: datetime, sample_id: str) -> dict[str, Any]:
        answer = await world.as_("agent").get(f"/v1/samples/{sample_id}/place", headers=at(now))
        found: dict[str, Any] = answer.json()
        return found

    async def _screen(self, world: World, sample_id: str, now: datetime) -> None:
        claim = await world.claim(sample_id=sample_id)
        analysis = await world.analyze(claim)
        answer = await world.as_("technician").post(
            f"/v1/lab/samples/{sample_id}/findings",
            json={
                "kind": "presumptive",
                "outcome": "detected",
                "substances": ["fentanyl"],
                "analysis_ids": [analysis],
            },
            headers=at(now) | {"If-Match": f'"{claim["token"]}"'},
        )
        assert answer.status_code == 201, answer.text


class TestPages:
    """
    Keyset pages (I4).
    """

    @pytest.mark.parametrize("path", ["/v1/samples", "/v1/submissions"])
    async def test_pages_hold_all_once_and_in_order(self, world: World, path: str) -> None:
        """
        Seventeen in pages of five: all, once, the newest first; the last page has no next.
        """
        stored = [await world.submit() for _ in range(17)]
        wanted = [
            one["id"] if path == "/v1/submissions" else one["samples"][0]["id"] for one in stored
        ]

        found = await listed(world, path, limit=5)

        assert [one["id"] for one in found] == wanted[::-1]

    async def test_inserting_meanwhile_neither_skips_nor_doubles(self, world: World) -> None:
        """
        What was there when the first page was read comes exactly once, however much is added in between.
        """
        before = {(await world.submit())["samples"][0]["id"] for _ in range(12)}
        found: list[str] = []
        params: dict[str, Any] = {"limit": 3}
        while True:
            page = (await world.as_("agent").get("/v1/samples", params=params)).json()
            found += [one["id"] for one in page["items"]]
            if page["next"] is None:
                break
            params["after"] = page["next"]
            await world.submit()

        assert len(found) == len(set(found))
        assert set(found) == before

    async def test_filters(self, world: World) -> None:
        """
        By file number, by status, by what has changed since, by small parcel.
        """
        plain = await world.submit()
        parcel = await world.submit(route="mail", parcel={"weight_g": 12})
        received = await world.received()
        seen = (await world.as_("agent").get(f"/v1/samples/{received}")).json()["updated_at"]

        async def ids_of(**params: Any) -> list[str]:
            return [one["id"] for one in await listed(world, **params)]

        assert await ids_of(file_number=plain["agency_file_number"]) == [plain["samples"][0]["id"]]
        assert await ids_of(status="received") == [received]
        assert await ids_of(updated_since=seen) == [received]
        assert await ids_of(small_parcel="true") == [parcel["samples"][0]["id"]]
        assert await ids_of(status="reported") == []
        page = await world.as_("agent").get("/v1/submissions", params={"file_number": "none"})
        assert page.json() == {"items": [], "next": None}

    async def test_a_cursor_is_bound_to_agency_and_question(self, world: World) -> None:
        """
        Another agency, another filter, another list, a changed character: refused, each in the same words.
        """
        for _ in range(3):
            await world.submit()
            await world.submit(by="other_agent")
        agent = world.as_("agent")
        cursor = (await agent.get("/v1/samples", params={"limit": 2})).json()["next"]
        changed = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")

        answers = [
            await world.as_("other_agent").get("/v1/samples", params={"after": cursor}),
            await world.as_("technician").get("/v1/samples", params={"after": cursor}),
            await agent.get("/v1/samples", params={"after": cursor, "status": "received"}),
            await agent.get("/v1/submissions", params={"after": cursor}),
            await agent.get("/v1/samples", params={"after": changed}),
            await agent.get("/v1/samples", params={"after": "\u00e9"}),
            await agent.get("/v1/samples", params={"after": "AAAA"}),
        ]

        assert [answer.status_code for answer in answers] == [422] * 7
        told = [{k: v for k, v in answer.json().items() if k != "trace"} for answer in answers]
        assert all(one == told[0] for one in told)
        assert (await agent.get("/v1/samples", params={"after": cursor})).status_code == 200

    @pytest.mark.parametrize(
        "params",
        [
            {"limit": 0},
            {"limit": 201},
            {"status": "lost"},
            {"updated_since": "2026-03-01T10:00:00"},
            {"file_number": "a\x00b"},
            {"agency_id": "agn_1"},
            {"after": "x" * 401},
        ],
    )
    async def test_a_question_that_cannot_be_asked(
        self, world: World, params: dict[str, Any]
    ) -> None:
        """
        What is no question is refused with its field.
        """
        answer = await world.as_("agent").get("/v1/samples", params=params)

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] in params

    async def test_a_file_number_that_is_no_text(self, world: World) -> None:
        """
        The list of submissions refuses it as the list of samples does.
        """
        answer = await world.as_("agent").get("/v1/submissions", params={"file_number": "\x00"})

        assert answer.status_code == 422


class TestCustody:
    """
    Exactly one holder at any instant.
    """

    async def test_from_the_agency_to_the_laboratory(self, world: World) -> None:
        """
        Custody begins with the submission and passes at the counter; claims do not move it.
        """
        sample_id = await world.received()
        await world.claim()

        found = (await world.as_("investigator").get(f"/v1/samples/{sample_id}/custody")).json()

        assert [one["holder_agency_id"] for one in found] == [
            ids.write("agn", world.agencies["agency"]),
            world.laboratory,
        ]
