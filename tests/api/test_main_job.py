"""
One sample through every layer: submit, rank, receive, claim, screen, release, confirm, review, report, follow.
"""

from tests.builders import World


async def test_one_sample_goes_through_every_layer(world: World) -> None:
    """
    What an agency submits comes back to it as a reviewed report, with every state on the way visible.
    """
    sample_id = await world.received(samples=[{"exhibit_number": "1", "suspected": ["fentanyl"]}])

    report = await world.reported(sample_id)

    agent = world.as_("agent")
    sample = (await agent.get(f"/v1/samples/{sample_id}")).json()
    reports = (await agent.get(f"/v1/samples/{sample_id}/reports")).json()
    findings = (await agent.get(f"/v1/samples/{sample_id}/findings")).json()
    assert sample["status"] == "reported"
    assert [one["kind"] for one in reports] == ["preliminary", "final"]
    assert reports[1]["sha256"] == report["sha256"]
    assert [one["kind"] for one in findings] == ["presumptive", "identified"]
    assert report["body"]["result"]["substances"] == ["fentanyl"]
