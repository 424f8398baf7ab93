"""
What the tests of the bench share: a sample taken to where a test begins.
"""

from typing import Any

import httpx

from tests.api.asking import match
from tests.builders import World


async def screened(world: World, technique: str = "dart_ms", **more: Any) -> tuple[str, str]:
    """
    Take a new sample through its screen; return it and its presumptive finding, not yet released.
    """
    sample_id = await world.received()
    claim = await world.claim(sample_id=sample_id)
    finding = await world.conclude(
        claim, "presumptive", [await world.analyze(claim, technique)], **more
    )
    assert finding.status_code == 201, finding.text
    return sample_id, finding.json()["id"]


async def release(
    world: World, finding_id: str, label: str, *, by: str = "technician"
) -> httpx.Response:
    """
    Release a finding with a scanned label.
    """
    path = f"/v1/lab/findings/{finding_id}/release"
    return await world.as_(by).post(path, json={"label_scanned": label})


async def confirmed(world: World, sample_id: str) -> dict[str, Any]:
    """
    Confirm a screened sample and take it for review.
    """
    claim = await world.claim(sample_id=sample_id, stage="confirm")
    analyses = [await world.analyze(claim, technique) for technique in ("gc_ms", "ftir")]
    finding = await world.conclude(claim, "identified", analyses)
    assert finding.status_code == 201, finding.text
    return await world.claim("reviewer", sample_id=sample_id, stage="review")


async def review(
    world: World, claim: dict[str, Any], *, by: str = "reviewer", **body: Any
) -> httpx.Response:
    """
    Review what a claim holds, technically and then administratively; accept it unless told otherwise.
    """
    answer = await world.review(claim, by=by, kind="technical", **body)
    if answer.status_code != 201 or answer.json()["decision"] == "return":
        return answer
    return await world.review(claim, by=by, kind="administrative", **body)


async def report(
    world: World, claim: dict[str, Any], *, by: str = "reviewer", **body: Any
) -> httpx.Response:
    """
    Release the report of what a claim holds.
    """
    path = f"/v1/lab/samples/{claim['sample']['id']}/reports"
    return await world.as_(by).post(
        path, json={"signature": world.signature(by)} | body, headers=match(claim)
    )
