"""
Taking seizures in: what is needed, what is refused, what is decided here, and what never moves the rank.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.kit import ids
from tests.api.asking import FULL, SUBMIT, at, fields_of, queue_of, rows
from tests.builders import World


class TestBody:
    """
    Few fields are needed; unknown is not absent; what is not known is never silently lost.
    """

    async def test_three_facts_are_enough(self, world: World) -> None:
        """
        A file number, an instant and one exhibit number make a submission; the answer ranks and places it.
        """
        body = world.body()

        answer = await world.as_("agent").post(SUBMIT, json=body)

        assert answer.status_code == 201
        stored = answer.json()
        assert answer.headers["Location"] == f"{SUBMIT}/{stored['id']}"
        assert stored["agency_file_number"] == body["agency_file_number"]
        (sample,) = stored["samples"]
        assert sample["status"] == "submitted"
        assert sample["risk"]["policy"]
        assert sample["place"]["place"] == 1
        assert (await world.as_("agent").get(answer.headers["Location"])).status_code == 200

    async def test_what_was_said_comes_back(self, world: World) -> None:
        """
        Every field of the body is stored and given back in the agency's own words.
        """
        stored = await world.submit(**FULL)

        found = (await world.as_("agent").get(f"{SUBMIT}/{stored['id']}")).json()

        assert found["seized_at"] == "2026-02-28T04:10:00Z"
        assert found["hearings"] == FULL["hearings"]
        for name in ("country", "region", "route", "references"):
            assert found["seizure"][name] == FULL[name]
        for part in ("place", "parcel"):
            assert found["seizure"][part] | FULL[part] == found["seizure"][part]
        exhibit = found["samples"][0]["exhibit"]
        for name, said in FULL["samples"][0].items():
            if isinstance(said, str | list) and name != "field_tests":
                assert exhibit[name] == said
        assert exhibit["quantity_seized"]["value"] == 12.25

    async def test_unknown_is_not_absent(self, world: World) -> None:
        """
        "unknown" is a word that can be said; what was not said is null or empty, not "unknown substance".
        """
        stored = await world.submit(
            samples=[{"exhibit_number": "1", "form": "unknown", "suspected": ["unknown"]}],
            route="unknown",
        )
        bare = await world.submit()

        said, silent = [
            (await world.as_("agent").get(f"{SUBMIT}/{one['id']}")).json() for one in (stored, bare)
        ]

        assert said["samples"][0]["exhibit"]["suspected"] == ["unknown"]
        assert silent["samples"][0]["exhibit"]["suspected"] == []
        assert silent["samples"][0]["exhibit"]["quantity_seized"] is None
        assert silent["seizure"]["parcel"] is None

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"agency_file_no": "1"}, "agency_file_no"),
            ({"samples": [{"exhibit_number": "1", "weight": 2}]}, "samples.0.weight"),
            ({"samples": [{"exhibit_number": "1", "status": "reported"}]}, "samples.0.status"),
            ({"agency_id": "agn_1"}, "agency_id"),
            ({"submitted_at": "2020-01-01T00:00:00Z"}, "submitted_at"),
            ({"parcel": {"sender_name": "a person"}}, "parcel.sender_name"),
            ({"parcel": {"sender_digest": "John Doe"}}, "parcel.sender_digest"),
            ({"samples": []}, "samples"),
            ({"samples": [{}]}, "samples.0.exhibit_number"),
            ({"samples": [{"exhibit_number": "  "}]}, "samples.0.exhibit_number"),
            ({"seized_at": "2026-03-01T10:00:00"}, "seized_at"),
            ({"seized_at": "0026-03-01T10:00:00Z"}, "seized_at"),
            ({"seized_at": "2126-03-01T10:00:00Z"}, "seized_at"),
            ({"route": "pigeon"}, "route"),
            ({"country": "USA"}, "country"),
            ({"hearings": [{"kind": "trial", "date": "soon"}]}, "hearings.0.date"),
            ({"laboratory_id": "agn_00000000000000000000000000"}, "laboratory_id"),
            ({"agency_file_number": "a\x00b"}, "agency_file_number"),
            (
                {"samples": [{"exhibit_number": "1", "quantity_seized": {"value": 1}}]},
                "samples.0.quantity_seized.unit",
            ),
            (
                {
                    "samples": [
                        {"exhibit_number": "1", "quantity_seized": {"value": -1, "unit": "g"}}
                    ]
                },
                "samples.0.quantity_seized.value",
            ),
        ],
    )
    async def test_a_refusal_names_the_field(
        self, world: World, change: dict[str, Any], field: str
    ) -> None:
        """
        What cannot be accepted is refused whole, with the field, the reason and the remedy; nothing is stored.
        """
        answer = await world.as_("agent").post(SUBMIT, json=world.body() | change)

        assert answer.status_code == 422
        assert field in fields_of(answer)
        assert set((await rows(world)).values()) == {0}

    async def test_two_exhibits_of_one_number(self, world: World) -> None:
        """
        One submission cannot name an exhibit twice.
        """
        body = world.body(samples=[{"exhibit_number": "1"}, {"exhibit_number": " 1 "}])

        answer = await world.as_("agent").post(SUBMIT, json=body)

        assert answer.status_code == 422
        assert "listed twice" in answer.text

    async def test_another_agency_is_no_laboratory(self, world: World) -> None:
        """
        An agency that is no laboratory answers exactly like one that does not exist.
        """
        told = []
        for wanted in (world.agencies["other_agency"], ids.new()):
            body = world.body() | {"laboratory_id": ids.write("agn", wanted)}
            told.append((await world.as_("agent").post(SUBMIT, json=body)).json()["errors"])

        assert told[0] == told[1]

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'{"a": NaN}',
            b'{"\\ud800": 1}',
            b'{"agency_file_number": "\\ud800"}',
            b"\xff\xfe",
            b"[" * 50_000,
        ],
    )
    async def test_what_is_no_body(self, world: World, raw: bytes) -> None:
        """
        Whatever bytes come, the answer is a problem of the caller's (I1), never ours.
        """
        answer = await world.as_("agent").post(
            SUBMIT, content=raw, headers={"Content-Type": "application/json"}
        )

        assert answer.status_code in {400, 422}
        assert answer.headers["content-type"] == "application/problem+json"

    async def test_a_body_that_is_too_large(self, world: World) -> None:
        """
        More than the limit is refused as a problem, announced or not.
        """

        async def stream() -> AsyncIterator[bytes]:
            for _ in range(300):
                yield b" " * 1024

        for content in (b" " * 300_000, stream()):
            answer = await world.as_("agent").post(
                SUBMIT, content=content, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code == 413
            assert answer.headers["content-type"] == "application/problem+json"


class TestSmall:
    """
    Small parcel and small quantity are decided here, from what was seized, never from what was sent.
    """

    @pytest.mark.parametrize(
        ("route", "parcel", "small"),
        [
            ("mail", {"weight_g": 30}, True),
            ("courier", {"weight_g": 0}, True),
            ("mail", {"weight_g": 30.1}, False),
            ("mail", {"declared_contents": "toys"}, False),
            ("mail", None, False),
            ("traveller", {"weight_g": 5}, False),
        ],
    )
    async def test_small_parcel(
        self, world: World, route: str, parcel: dict[str, Any] | None, *, small: bool
    ) -> None:
        """
        A mail or courier item of 30 g or less gross; an unknown weight is not a small one.
        """
        samples = [{"exhibit_number": "1", "quantity_sent": {"value": 1, "unit": "g"}}]
        stored = await world.submit(route=route, parcel=parcel, samples=samples)

        assert stored["samples"][0]["small_parcel"] is small

    @pytest.mark.parametrize(
        ("seized", "small"),
        [
            ({"value": 30, "unit": "g"}, True),
            ({"value": 0, "unit": "g"}, True),
            ({"value": 30.001, "unit": "g"}, False),
            ({"value": 10, "unit": "tablet", "kind": "count"}, False),
            ({"value": 0, "unit": "tablet", "kind": "count"}, False),
            ({"value": 5, "unit": "mL"}, False),
            (None, False),
        ],
    )
    async def test_small_quantity(
        self, world: World, seized: dict[str, Any] | None, *, small: bool
    ) -> None:
        """
        30 g or less seized in total, by any route; a zero is a trace; a count says nothing; the portion sent never.
        """
        sent = {"value": 1, "unit": "g"}
        stored = await world.submit(
            samples=[{"exhibit_number": "1", "quantity_seized": seized, "quantity_sent": sent}]
        )

        assert stored["samples"][0]["small_quantity"] is small


class TestRank:
    """
    What the rank depends on, and what it does not.
    """

    async def test_a_hearing_never_moves_the_key(self, world: World) -> None:
        """
        The same body with, without and with another hearing date gives identical keys.
        """
        now = datetime(2026, 3, 2, 9, tzinfo=UTC)
        dates: list[list[dict[str, str]]] = [
            [],
            [{"kind": "trial", "date": "2026-03-03"}],
            [{"kind": "trial", "date": "2031-01-01"}],
        ]
        for hearings in dates:
            body = world.body(**(FULL | {"hearings": hearings}))
            answer = await world.as_("agent").post(SUBMIT, json=body, headers=at(now))
            sample_id = answer.json()["samples"][0]["id"]
            await world.as_("technician").post(
                "/v1/lab/receipts", json={"sample_id": sample_id}, headers=at(now)
            )

        lines = await queue_of(world)

        assert len(lines) == 3
        assert len({line["rank_key"] for line in lines}) == 1

    async def test_equal_scores_give_fifo(self, world: World) -> None:
        """
        Where all scores are equal, the order is exactly that of submission, whatever the order of receipt.
        """
        start = datetime(2026, 3, 2, 9, tzinfo=UTC)
        order = [3, 0, 4, 1, 2]
        ids_by_age = {}
        for hours in order:
            now = start + timedelta(hours=hours)
            answer = await world.as_("agent").post(SUBMIT, json=world.body(), headers=at(now))
            ids_by_age[hours] = answer.json()["samples"][0]["id"]
        for hours in sorted(order, reverse=True):
            await world.as_("technician").post(
                "/v1/lab/receipts",
                json={"sample_id": ids_by_age[hours]},
                headers=at(start + timedelta(days=1)),
            )

        lines = await queue_of(world)

        assert [line["sample_id"] for line in lines] == [ids_by_age[hours] for hours in range(5)]
        assert [line["aged_from"] for line in lines] == sorted(line["aged_from"] for line in lines)

    @pytest.mark.parametrize(("days_in_post", "counted"), [(0, 0), (13, 13), (14, 14), (60, 14)])
    async def test_the_post_counts_for_fourteen_days_at_most(
        self, world: World, days_in_post: int, counted: int
    ) -> None:
        """
        A sample ages from its submission, or from fourteen days before its receipt, whichever is later.
        """
        submitted = datetime(2026, 1, 5, 12, tzinfo=UTC)
        received = submitted + timedelta(days=days_in_post)
        body = world.body(seized_at="2026-01-01T00:00:00Z")
        stored = (await world.as_("agent").post(SUBMIT, json=body, headers=at(submitted))).json()
        sample_id = stored["samples"][0]["id"]

        await world.as_("technician").post(
            "/v1/lab/receipts", json={"sample_id": sample_id}, headers=at(received)
        )

        (line,) = await queue_of(world)
        aged_from = datetime.fromisoformat(line["aged_from"])
        assert aged_from == received - timedelta(days=counted)
        ranks_as = datetime.fromisoformat(line["ranks_as_if_received"])
        assert line["rank_key"] == (ranks_as - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
            microseconds=1
        )
        assert ranks_as <= aged_from

    async def test_a_dangerous_sample_overtakes(self, world: World) -> None:
        """
        A later submission with a positive fentanyl strip stands before an earlier one with nothing known.
        """
        plain = await world.received()
        urgent = await world.received(**FULL)

        assert [line["sample_id"] for line in await queue_of(world)] == [urgent, plain]

    async def test_only_received_samples_stand_in_the_queue(self, world: World) -> None:
        """
        What is still on its way is not in the bench's queue, and cannot be claimed.
        """
        stored = await world.submit()
        sample_id = stored["samples"][0]["id"]

        claimed = await world.as_("technician").post(
            "/v1/lab/claims", json={"sample_id": sample_id}
        )

        assert await queue_of(world) == []
        assert claimed.status_code == 409
        assert (await world.as_("technician").post("/v1/lab/claims", json={})).json() == {
            "claims": []
        }

    async def test_an_item_is_received_once(self, world: World) -> None:
        """
        A second receipt answers 409; another laboratory's counter answers as if there were nothing.
        """
        sample_id = await world.received()

        again = await world.as_("technician").post(
            "/v1/lab/receipts", json={"sample_id": sample_id}
        )
        elsewhere = await world.as_("other_technician").post(
            "/v1/lab/receipts", json={"sample_id": sample_id}
        )
        custody = (await world.as_("agent").get(f"/v1/samples/{sample_id}/custody")).json()

        assert (again.status_code, elsewhere.status_code) == (409, 404)
        assert [one["purpose"] for one in custody] == ["seized", "analysis"]
        assert [one["until"] is None for one in custody] == [False, True]
        assert custody[0]["until"] == custody[1]["since"]
