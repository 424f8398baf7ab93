"""
At the counter: what is not as it should be is recorded and told, stops work, or is accepted by a name.
"""

from io import BytesIO
from typing import Any

import httpx
import pytest
from pypdf import PdfReader

from app.kit import ids
from tests.api.asking import fields_of
from tests.builders import World


async def receive(world: World, sample_id: str, **body: Any) -> httpx.Response:
    """
    Receive an item by its label.
    """
    return await world.as_("technician").post(
        "/v1/lab/receipts", json={"sample_id": sample_id} | body
    )


async def announced(world: World) -> dict[str, Any]:
    """
    Submit one sample of a parcel of 20 g.
    """
    return await world.submit(route="mail", parcel={"weight_g": 20})


class TestReceipt:
    """
    An item and what it says.
    """

    async def test_as_it_should_be(self, world: World) -> None:
        """
        Intact, as heavy as declared within the tolerance: received, nothing to tell.
        """
        sample_id = (await announced(world))["samples"][0]["id"]

        answer = await receive(
            world, sample_id, seal_number="S1", seal_state="intact", gross_weight_g="20.4"
        )
        read = (await world.as_("agent").get(f"/v1/samples/{sample_id}/intake")).json()

        assert (answer.json()["status"], answer.json()["nonconformances"]) == ("received", [])
        assert (read["seal_state"], read["gross_weight_g"], read["declared_weight_g"]) == (
            "intact",
            "20.4",
            "20.0",
        )

    @pytest.mark.parametrize(
        ("body", "found"),
        [
            ({"seal_state": "broken"}, "broken_seal"),
            ({"seal_as_announced": False}, "seal_mismatch"),
            ({"gross_weight_g": "12"}, "weight_mismatch"),
        ],
    )
    async def test_waits_until_somebody_accepts(
        self, world: World, body: dict[str, Any], found: str
    ) -> None:
        """
        A broken or another seal, or another weight, waits on hold; accepted by a name it goes on, not for court.
        """
        sample_id = (await announced(world))["samples"][0]["id"]

        answer = await receive(world, sample_id, **body)
        accepted = await world.as_("technician").post(
            f"/v1/lab/samples/{sample_id}/intake-acceptance", json={"reason": "screen only"}
        )
        again = await world.as_("technician").post(
            f"/v1/lab/samples/{sample_id}/intake-acceptance", json={"reason": "screen only"}
        )
        claim = await world.claim(sample_id=sample_id)
        finding = await world.conclude(claim, "presumptive", [await world.analyze(claim)])

        assert (answer.json()["status"], answer.json()["nonconformances"]) == ("on_hold", [found])
        assert accepted.json()["accepted_by"] == ids.write("cli", world.clients["technician"])
        assert again.status_code == 409
        assert finding.json()["remarks"][0].startswith("Not for court")

    async def test_accepted_at_once(self, world: World) -> None:
        """
        Whoever receives it may accept it in the same request.
        """
        sample_id = (await announced(world))["samples"][0]["id"]

        answer = await receive(world, sample_id, seal_state="broken", accept_because="urgent")

        assert (answer.json()["status"], answer.json()["not_for_court"]) == ("received", True)

    @pytest.mark.parametrize(
        "body",
        [{"exhibit_number_on_item": "99"}, {"file_number_on_item": "F-x"}, {"missing": True}],
    )
    async def test_another_item_stops_work(self, world: World, body: dict[str, Any]) -> None:
        """
        An identity mismatch or a missing item rejects the sample, told to the agency; no acceptance helps.
        """
        sample_id = (await announced(world))["samples"][0]["id"]

        answer = await receive(world, sample_id, accept_because="never mind", **body)
        custody = (await world.as_("agent").get(f"/v1/samples/{sample_id}/custody")).json()

        assert (answer.status_code, answer.json()["status"]) == (201, "rejected")
        assert (answer.json()["received_at"], answer.json()["not_for_court"]) == (None, False)
        assert len(custody) == 1
        assert (await receive(world, sample_id)).status_code == 409

    async def test_photographs_are_the_samples_own(self, world: World) -> None:
        """
        A photograph must be attached to this very sample.
        """
        sample_id = (await announced(world))["samples"][0]["id"]
        other = (await announced(world))["samples"][0]["id"]
        answer = await world.as_("technician").post(
            f"/v1/samples/{other}/attachments",
            params={"name": "seal", "kind": "photograph"},
            content=b"x",
        )

        refused = await receive(world, sample_id, attachment_ids=[answer.json()["id"]])

        assert fields_of(refused) == ["attachment_ids"]


class TestUnannounced:
    """
    What arrives without a word.
    """

    async def test_registered_and_received_in_one_request(self, world: World) -> None:
        """
        The agency owns the file and sees it; nobody of its people is made its holder; a double is refused.
        """
        body = {
            "agency_id": ids.write("agn", world.agencies["agency"]),
            "submission": {
                "agency_file_number": "F-door",
                "seized_at": "2026-03-01T10:00:00Z",
                "samples": [{"exhibit_number": "1"}, {"exhibit_number": "2"}],
            },
            "seal_state": "intact",
        }
        counter = world.as_("technician")

        answer = await counter.post("/v1/lab/registrations", json=body)
        again = await counter.post("/v1/lab/registrations", json=body)
        seen = await world.as_("agent").get("/v1/samples", params={"file_number": "F-door"})
        wrong = await counter.post(
            "/v1/lab/registrations",
            json=body | {"agency_id": ids.write("agn", world.agencies["laboratory"])},
        )

        assert answer.status_code == 201, answer.text
        assert [one["status"] for one in answer.json()] == ["received", "received"]
        assert len(seen.json()["items"]) == 2
        assert again.status_code == 409
        assert fields_of(wrong) == ["agency_id"]
        custody = await world.as_("agent").get(
            f"/v1/samples/{answer.json()[0]['sample_id']}/custody"
        )
        assert custody.json()[0]["holder_client_id"] is None


class TestLabels:
    """
    What a scanner reads.
    """

    async def test_a_sheet(self, world: World) -> None:
        """
        One label per sample with its exhibit, file number and id, and nothing of what is inside.
        """
        stored = await world.submit(
            samples=[{"exhibit_number": "7A", "suspected": ["carfentanil"]}]
        )

        answer = await world.as_("agent").get(f"/v1/submissions/{stored['id']}/labels.pdf")

        assert answer.headers["content-type"] == "application/pdf"
        text = "".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages)
        assert "7A" in text
        assert stored["agency_file_number"] in text
        assert stored["samples"][0]["id"] in text.replace("\n", "")
        assert "carfentanil" not in text

    async def test_one_for_a_label_printer(self, world: World) -> None:
        """
        The QR code holds the sample's id as a scanner types it; what could be a command is written by its code.
        """
        stored = await world.submit(samples=[{"exhibit_number": "7^XZ~A"}])
        sample_id = stored["samples"][0]["id"]

        answer = await world.as_("technician").get(f"/v1/samples/{sample_id}/label.zpl")

        assert f"^FDQA,{sample_id}^FS" in answer.text
        assert answer.text.count("^XZ") == 1
        assert "7_5EXZ_7EA" in answer.text
