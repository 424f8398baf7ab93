"""
What the tests of batches share: sending a stream and reading its outcomes.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

from tests.builders import World

BATCH = "/v1/submissions:batch"

Outcomes = list[dict[str, Any]]


async def send(
    world: World, content: bytes | AsyncIterator[bytes], *, kind: str = "application/x-ndjson"
) -> Outcomes:
    """
    Send a stream and return the outcome of each line.
    """
    answer = await world.as_("agent").post(BATCH, content=content, headers={"Content-Type": kind})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.content.splitlines()]


def ndjson(*bodies: dict[str, Any] | bytes) -> bytes:
    """
    Write bodies as lines; bytes as they are.
    """
    return b"\n".join(b if isinstance(b, bytes) else json.dumps(b).encode() for b in bodies) + b"\n"


def statuses(outcomes: Outcomes) -> list[int]:
    """
    Return each line's status.
    """
    return [one["status"] for one in outcomes]


def fields(outcome: dict[str, Any]) -> list[str]:
    """
    Return the fields a refused line names.
    """
    return [error["field"] for error in outcome["problem"]["errors"]]


def scope_of(world: World) -> dict[str, Any]:
    """
    Return a request to send a batch as the server hands it over.
    """
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": BATCH,
        "raw_path": BATCH.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"authorization", f"Bearer {world.keys['agent']}".encode())],
    }
