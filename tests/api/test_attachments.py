"""
Files come back as they came, or not at all.
"""

import hashlib

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app import embedded
from app.kit import ids
from tests.api.asking import fields_of, match
from tests.builders import World

SPECTRUM = b"##TITLE=x\r\n##JCAMP-DX=5.01\r\n\x00\xff##END=\r\n"


async def attach(world: World, sample_id: str, *, by: str = "technician", **params: str) -> str:
    """
    Attach the spectrum and return its id.
    """
    answer = await world.as_(by).post(
        f"/v1/samples/{sample_id}/attachments",
        params={"name": "run 7.jdx", "kind": "data"} | params,
        content=SPECTRUM,
        headers={"Content-Type": "chemical/x-jcamp-dx"},
    )
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


class TestAttachments:
    """
    Stored as they are, seen by whom they concern.
    """

    async def test_byte_for_byte(self, world: World) -> None:
        """
        What comes back is what came, as a download, with its hash; the ledger keeps the hash.
        """
        sample_id = await world.received()
        attachment_id = await attach(world, sample_id)

        listed = (await world.as_("reviewer").get(f"/v1/samples/{sample_id}/attachments")).json()
        answer = await world.as_("reviewer").get(f"/v1/attachments/{attachment_id}")

        assert answer.content == SPECTRUM
        assert answer.headers["content-type"] == "chemical/x-jcamp-dx"
        assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''run")
        digest = hashlib.sha256(SPECTRUM).hexdigest()
        assert (listed[0]["sha256"], answer.headers["etag"]) == (digest, f'"{digest}"')

    async def test_who_sees_what(self, world: World) -> None:
        """
        Data are the laboratory's until disclosed; photographs and the agency's own files are seen by both.
        """
        sample_id = await world.received()
        data = await attach(world, sample_id)
        photograph = await attach(world, sample_id, kind="photograph")
        theirs = await attach(world, sample_id, by="agent", kind="photograph")

        agent = (await world.as_("agent").get(f"/v1/samples/{sample_id}/attachments")).json()
        bench = (await world.as_("technician").get(f"/v1/samples/{sample_id}/attachments")).json()
        stranger = await world.as_("other_agent").get(f"/v1/attachments/{theirs}")

        assert [one["id"] for one in agent] == [photograph, theirs]
        assert [one["id"] for one in bench] == [data, photograph, theirs]
        assert (await world.as_("agent").get(f"/v1/attachments/{data}")).status_code == 404
        assert stranger.status_code == 404

    async def test_a_damaged_file_is_not_handed_out(
        self, world: World, servers: embedded.Servers
    ) -> None:
        """
        One byte changed behind the service's back: the read is refused instead of answered.
        """
        attachment_id = await attach(world, await world.received())
        url = servers.admin_database_url.removesuffix("postgres") + "assayline"
        superuser = create_async_engine(url, poolclass=NullPool)
        async with superuser.begin() as connection:
            await connection.execute(
                text("UPDATE attachment SET content = set_byte(content, 3, 0) WHERE id = :id"),
                {"id": ids.read("att", attachment_id)},
            )
        await superuser.dispose()

        answer = await world.as_("technician").get(f"/v1/attachments/{attachment_id}")

        assert answer.status_code == 500
        assert answer.json()["type"].endswith("attachment-damaged")
        assert b"JCAMP" not in answer.content

    @pytest.mark.parametrize(
        ("content", "name", "field"), [(b"", "x", "body"), (b"x", " \n ", "name")]
    )
    async def test_what_is_no_file(
        self, world: World, content: bytes, name: str, field: str
    ) -> None:
        """
        Nothing in it, or no name.
        """
        sample_id = await world.received()

        answer = await world.as_("technician").post(
            f"/v1/samples/{sample_id}/attachments", params={"name": name}, content=content
        )

        assert answer.status_code == 422
        assert fields_of(answer) == [field]

    async def test_an_analysis_cites_its_own_samples_files(self, world: World) -> None:
        """
        A file attached to the sample is reviewable data (R4); another sample's is refused.
        """
        other = await attach(world, await world.received())
        sample_id = await world.received()
        mine = await attach(world, sample_id)
        claim = await world.claim(sample_id=sample_id)
        body = {
            "technique": "ftir",
            "aliquot": "A",
            "started_at": "2026-03-02T08:00:00Z",
            "ended_at": "2026-03-02T08:05:00Z",
            "result": "inconclusive",
            "controls_passed": True,
        }
        path = f"/v1/lab/samples/{sample_id}/analyses"

        answers = [
            await world.as_("technician").post(
                path, json=body | {"attachment_ids": [one]}, headers=match(claim)
            )
            for one in (other, mine)
        ]

        assert [answer.status_code for answer in answers] == [422, 201]
        assert fields_of(answers[0]) == ["attachment_ids"]
        assert answers[1].json()["attachment_ids"] == [mine]
