"""
What tests of the bench share: texts of its forms, filled in.
"""

from tests.builders import World

ANALYSIS = {
    "technique": "dart_ms",
    "aliquot": "A1",
    "result": "detected",
    "substance": "fentanyl",
    "controls_passed": "passed",
    "data_reference": "run 7, vial 3",
}


async def token_of(world: World, sample_id: str, *, by: str = "technician") -> str:
    """
    Return the token of the claim that this person holds on a sample.
    """
    answer = await world.as_(by).get("/v1/lab/claims")
    (found,) = (one["token"] for one in answer.json()["items"] if one["sample_id"] == sample_id)
    return str(found)
