"""
Spreadsheets: one row per submission with one sample, and no cell that is silently lost.
"""

import json
from collections.abc import Sequence
from types import MappingProxyType
from uuid import uuid4

import httpx
import pytest

from app.samples.columns import KNOWN
from tests.api.asking import SUBMIT
from tests.api.batches import BATCH, Outcomes, send, statuses
from tests.builders import World


class TestCsv:
    """
    One row per submission with one sample.
    """

    HEADER = ("agency_file_number", "seized_at", "exhibit_number", "laboratory_id")

    def row(self, world: World, **cells: str) -> list[str]:
        """
        Return a row for this world's laboratory under the shortest header.
        """
        values = {
            "agency_file_number": f"F-{uuid4().hex[:12]}",
            "seized_at": "2026-03-01T10:00:00Z",
            "exhibit_number": "1",
            "laboratory_id": world.laboratory,
        }
        return list((values | cells).values())

    async def send(
        self, world: World, header: Sequence[str], *lines: Sequence[str] | str
    ) -> Outcomes:
        """
        Send a header and rows; a row given as text goes as it is.
        """
        text = [line if isinstance(line, str) else ",".join(line) for line in (header, *lines)]
        return await send(world, "\r\n".join(text).encode(), kind="text/csv; charset=utf-8")

    async def test_rows(self, world: World) -> None:
        """
        Rows become submissions; their numbers are those of the file's lines.
        """
        rows_ = [self.row(world) for _ in range(3)]

        outcomes = await self.send(world, self.HEADER, *rows_)

        assert [(one["line"], one["status"]) for one in outcomes] == [(2, 201), (3, 201), (4, 201)]

    async def test_every_column(self, world: World) -> None:
        """
        Each column lands in its field; several values in a cell are parted by semicolons.
        """
        cells = {
            "agency_file_number": f"F-{uuid4().hex}",
            "seized_at": "2026-03-01T10:00:00Z",
            "country": "US",
            "region": "US-OH",
            "route": "mail",
            "laboratory_id": world.laboratory,
            "exhibit_number": "7A",
            "description": '"powder, ""white"", in\ntwo bags"',
            "form": "powder",
            "colour": "white",
            "markings": "star",
            "packaging": "bag",
            "suspected": "fentanyl; xylazine ;",
            "reported_effects": "unresponsive",
            "hazards": "needle",
            "circumstances": "in_circulation;pill_press",
            "place_name": "mail facility",
            "office": "Cincinnati",
            "locality": "Erlanger",
            "declared_contents": "toys",
            "origin_country": "CN",
            "parcel_weight_g": "18.5",
            "sender_digest": "ab" * 32,
            "quantity_value": "12.25",
            "quantity_unit": "g",
            "quantity_kind": "net",
            "field_tests": "fentanyl_strip:fentanyl=detected; raman=not_detected;ims",
        }
        assert set(cells) == set(KNOWN)

        (outcome,) = await self.send(world, list(cells), list(cells.values()))

        assert outcome["status"] == 201, outcome
        found = (await world.as_("agent").get(f"{SUBMIT}/{outcome['submission']}")).json()
        exhibit = found["samples"][0]["exhibit"]
        assert found["small_parcel"] is True
        assert found["seizure"]["parcel"]["weight_g"] == 18.5
        assert found["seizure"]["place"]["office"] == "Cincinnati"
        assert exhibit["description"] == 'powder, "white", in\ntwo bags'
        assert exhibit["suspected"] == ["fentanyl", "xylazine"]
        assert exhibit["quantity_seized"]["value"] == 12.25
        assert exhibit["circumstances"] == ["in_circulation", "pill_press"]
        told = [
            (test["technique"], test["target"], test["result"]) for test in exhibit["field_tests"]
        ]
        assert told == [
            ("fentanyl_strip", "fentanyl", "detected"),
            ("raman", None, "not_detected"),
            ("ims", None, "inconclusive"),
        ]

    async def test_a_line_break_in_a_cell(self, world: World) -> None:
        """
        A quoted cell may hold line breaks; the numbers go on as the file's lines do.
        """
        header = (*self.HEADER, "description")
        broken = [*self.row(world), '"one\r\ntwo\r\nthree"']

        outcomes = await self.send(world, header, broken, [*self.row(world), "plain"])

        assert [(one["line"], one["status"]) for one in outcomes] == [(2, 201), (5, 201)]

    @pytest.mark.parametrize(
        ("header", "message"),
        [
            (("file_number", "seized_at", "exhibit_number", "laboratory_id"), "file_number"),
            (("Seized_at", "seized_at", "exhibit_number", "laboratory_id"), "Seized_at"),
            (("agency_file_number", "seized_at", "seized_at", "laboratory_id"), "twice"),
        ],
    )
    async def test_a_header_that_is_not_understood(
        self, world: World, header: Sequence[str], message: str
    ) -> None:
        """
        A misspelt or repeated column is refused at every row: what stood in it is never silently lost.
        """
        outcomes = await self.send(world, header, self.row(world), self.row(world))

        assert statuses(outcomes) == [422, 422]
        assert message in outcomes[0]["problem"]["errors"][0]["message"]

    async def test_a_row_of_another_length(self, world: World) -> None:
        """
        A row cut short, or with a cell too many, is refused: it may be the end of a truncated file.
        """
        short, long = self.row(world)[:-1], [*self.row(world), "what is this"]

        outcomes = await self.send(world, self.HEADER, short, self.row(world), long)

        assert statuses(outcomes) == [422, 201, 422]
        assert "3 cells under 4 columns" in outcomes[0]["problem"]["errors"][0]["message"]

    @pytest.mark.parametrize("tail", ['F-1,"2026', 'F-1,"2026\r\nF-2,2026-03-01T10:00:00Z,1,x'])
    async def test_a_quotation_mark_that_is_never_closed(self, world: World, tail: str) -> None:
        """
        What follows it is refused at the end of the stream, never passed over in silence.
        """
        outcomes = await self.send(world, self.HEADER, self.row(world), tail)

        assert [(one["line"], one["status"]) for one in outcomes] == [(2, 201), (3, 422)]

    async def test_a_byte_order_mark_and_another_encoding(self, world: World) -> None:
        """
        A spreadsheet's byte order mark does no harm; a row that is not UTF-8 is refused by itself.
        """
        head = b"\xef\xbb\xbf" + ",".join((*self.HEADER, "description")).encode() + b"\n"
        good = ",".join([*self.row(world), "caf\u00e9"]).encode()
        bad = ",".join([*self.row(world), "caf\u00e9"]).encode("latin-1")

        outcomes = await send(world, head + bad + b"\n" + good, kind="text/csv")

        assert statuses(outcomes) == [422, 201]


class TestColumnMap:
    """
    A file keeps its own column names; a map tells ours.
    """

    FILE = b"Case No,Officer,Item,Date\nF-map-1,left out,1,2026-03-01T10:00:00Z\n"
    NAMES = MappingProxyType(
        {
            "Case No": "agency_file_number",
            "Officer": "",
            "Item": "exhibit_number",
            "Date": "seized_at",
        }
    )

    async def sent(self, world: World, names: object) -> httpx.Response:
        """
        Send the file with a map.
        """
        return await world.as_("agent").post(
            BATCH,
            params={"column_map": names if isinstance(names, str) else json.dumps(names)},
            content=self.FILE.replace(b"Date\n", b"Date,laboratory_id\n").replace(
                b"00Z\n", b"00Z," + world.laboratory.encode() + b"\n"
            ),
            headers={"Content-Type": "text/csv"},
        )

    async def test_own_names(self, world: World) -> None:
        """
        Mapped columns land in their fields; one mapped to nothing is passed over, and its cells are nowhere stored.
        """
        answer = await self.sent(world, dict(self.NAMES))

        (outcome,) = [json.loads(line) for line in answer.content.splitlines()]
        assert outcome["status"] == 201, outcome
        found = await world.as_("agent").get(f"/v1/submissions/{outcome['submission']}")
        assert found.json()["agency_file_number"] == "F-map-1"
        assert "left out" not in found.text

    async def test_a_map_that_cannot_be_used(self, world: World) -> None:
        """
        No JSON, no object, an unknown column: refused at once. A column the file does not have: refused at every row.
        """
        for names in ("{", "[]", '{"Item": 1}', '{"Item": "exhibit"}'):
            answer = await self.sent(world, names)
            assert answer.status_code == 422, names
            assert answer.json()["errors"][0]["field"] == "column_map"
        absent = await self.sent(world, {**self.NAMES, "Serial": "markings"})
        (outcome,) = [json.loads(line) for line in absent.content.splitlines()]
        assert "Serial" in outcome["problem"]["errors"][0]["message"]
