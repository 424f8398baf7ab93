"""
The receivers of ``docs/receiver/``, run as their readers would run them.
"""

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from app.kit.clock import utc_now
from app.webhooks import signing
from tests.ports import free_port

HERE = Path(__file__).parents[2] / "docs" / "receiver"
SECRET = signing.write_secret(b"s" * 32)


def signed(body: bytes, event_id: str, *, secret: str = SECRET, late_s: int = 0) -> dict[str, str]:
    """
    Return the headers of a push.
    """
    now = int(utc_now().timestamp()) - late_s
    return signing.sign([secret], message_id=event_id, timestamp=now, body=body)


def told(sequence: int, type_: str = "sample.received") -> bytes:
    """
    Return the body of an event about one sample.
    """
    return b'{"type":"%s","data":{"sample_id":"smp_1","sequence":%d,"challenge":"said back"}}' % (
        type_.encode(),
        sequence,
    )


async def test_the_python_one(tmp_path: Path) -> None:
    """
    It verifies, says the challenge back, drops a double, and is not turned back by an older event.
    """
    port, database = free_port(), tmp_path / "received.db"
    environment = {
        **os.environ,
        "ASSAYLINE_WEBHOOK_SECRET": SECRET,
        "RECEIVER_DB": str(database),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / "receiver.py"),
        str(port),
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

            async def push(body: bytes, headers: dict[str, str]) -> httpx.Response:
                async with asyncio.timeout(20):
                    while True:
                        try:
                            return await client.post("/", content=body, headers=headers)
                        except httpx.ConnectError:
                            await asyncio.sleep(0.05)

            challenge = await push(
                told(0, "webhook.challenge"), signed(told(0, "webhook.challenge"), "evt_0")
            )
            answers = [
                await push(told(5), signed(told(5), "evt_2")),
                await push(told(5), signed(told(5), "evt_2")),
                await push(
                    told(3, "submission.accepted"), signed(told(3, "submission.accepted"), "evt_1")
                ),
            ]
            refused = [
                await push(
                    told(9), signed(told(9), "evt_3", secret=signing.write_secret(b"x" * 32))
                ),
                await push(told(9), signed(told(8), "evt_3")),
                await push(told(9), signed(told(9), "evt_3", late_s=400)),
                await push(told(9), {}),
            ]
    finally:
        process.kill()
        await process.wait()

    assert (challenge.status_code, challenge.text) == (200, "said back")
    assert [one.status_code for one in answers] == [204, 204, 204]
    assert [one.status_code for one in refused] == [401] * 4
    rows = sqlite3.connect(database)
    assert rows.execute("SELECT id FROM seen ORDER BY id").fetchall() == [("evt_1",), ("evt_2",)]
    assert rows.execute("SELECT * FROM latest").fetchall() == [("smp_1", 5, "sample.received")]
    rows.close()


@pytest.mark.parametrize(
    ("secret", "body", "fits"),
    [
        (SECRET, told(1), True),
        (signing.write_secret(b"x" * 32), told(1), False),
        (SECRET, told(2), False),
    ],
)
def test_the_one_with_openssl(secret: str, body: bytes, fits: bool) -> None:  # noqa: FBT001 - a parametrized value
    """
    One signature among several fits, or none does; another secret or body is refused.
    """
    headers = signed(told(1), "evt_1")

    ended = subprocess.run(
        [
            str(HERE / "verify.sh"),
            secret,
            headers["webhook-id"],
            headers["webhook-timestamp"],
            f"v2,abc {headers['webhook-signature']}",
        ],
        input=body,
        check=False,
    )

    assert (ended.returncode == 0) is fits
