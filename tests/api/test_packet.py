"""
The packet: disclosure in one call, checked by a tool that everybody has.
"""

import asyncio
import hashlib
import io
import json
import zipfile
from pathlib import Path

import httpx

from app.kit.db import Database
from app.ledger import rules as ledger_rules
from app.ledger import service as ledger
from tests.api.benchwork import release, screened
from tests.api.papers import printed
from tests.builders import World


async def packet(world: World, sample_id: str, *, by: str = "agent") -> httpx.Response:
    """
    Ask for a sample's packet.
    """
    return await world.as_(by).get(f"/v1/samples/{sample_id}/packet.zip")


class TestPacket:
    """
    Everything a report rests on.
    """

    async def test_it_checks_out(
        self, world: World, worker_database: Database, tmp_path: Path
    ) -> None:
        """
        ``sha256sum -c`` accepts the manifest, which names every file; the record's hash is the one that was signed.
        """
        sample_id = await world.received()
        attached = await world.as_("technician").post(
            f"/v1/samples/{sample_id}/attachments",
            params={"kind": "photograph", "name": "../of the bag.png"},
            content=b"not really an image",
            headers={"Content-Type": "image/png"},
        )
        assert attached.status_code == 201, attached.text
        final = await world.reported(sample_id)
        waiting = await packet(world, sample_id)
        await printed(worker_database)
        await ledger.number_pending(worker_database)

        answer = await packet(world, sample_id)

        assert (waiting.status_code, waiting.headers["Retry-After"]) == (503, "1")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            names = set(archive.namelist())
            archive.extractall(tmp_path)
        check = await asyncio.create_subprocess_exec(
            "sha256sum",
            "--check",
            "--strict",
            "SHA256SUMS",
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await check.communicate()
        assert check.returncode == 0, said
        manifest = (tmp_path / "SHA256SUMS").read_text().splitlines()
        assert {line.split("  ", 1)[1] for line in manifest} == names - {"SHA256SUMS"}
        assert {
            f"reports/{final['number']}.json",
            f"reports/{final['number']}-en.pdf",
            f"reports/{final['number']}-fr.pdf",
            "record.json",
            "reviews.json",
            "methods.json",
            "custody.json",
            "ledger.ndjson",
            "README.txt",
        } <= names
        assert any(name.startswith("data/") for name in names)
        record = (tmp_path / "record.json").read_bytes()
        reviews = json.loads((tmp_path / "reviews.json").read_text())
        assert {one["record_sha256"] for one in reviews} == {hashlib.sha256(record).hexdigest()}
        text = (tmp_path / f"reports/{final['number']}.json").read_bytes()
        assert hashlib.sha256(text).hexdigest() == final["sha256"]
        links = [json.loads(line) for line in (tmp_path / "ledger.ndjson").read_text().splitlines()]
        assert "head" in links[-1]
        assert len(links) > 8
        for one in links[:-1]:
            made = ledger_rules.link(
                bytes.fromhex(one["prev_hash"]), one["seq"], one["body"].encode()
            )
            assert made.hex() == one["hash"]

    async def test_a_changed_file_is_seen(
        self, world: World, worker_database: Database, tmp_path: Path
    ) -> None:
        """
        Negative control: one byte changed, and the manifest no longer holds.
        """
        sample_id = await world.received()
        await world.reported(sample_id)
        await printed(worker_database)
        with zipfile.ZipFile(io.BytesIO((await packet(world, sample_id)).content)) as archive:
            archive.extractall(tmp_path)
        custody = tmp_path / "custody.json"
        custody.write_text(custody.read_text().replace("analysis", "analysys"))

        check = await asyncio.create_subprocess_exec(
            "sha256sum",
            "--check",
            "SHA256SUMS",
            cwd=tmp_path,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )

        assert await check.wait() == 1

    async def test_an_agency_gets_it_with_the_final_report(
        self, world: World, worker_database: Database
    ) -> None:
        """
        Before, what a report rests on is the laboratory's alone; a stranger's answer is that of nothing.
        """
        sample_id, finding_id = await screened(world)
        await release(world, finding_id, sample_id)
        await printed(worker_database)

        early = await packet(world, sample_id)
        own = await packet(world, sample_id, by="supervisor")
        strange = await packet(world, sample_id, by="other_agent")

        assert (early.status_code, own.status_code, strange.status_code) == (409, 200, 404)
