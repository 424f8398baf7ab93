"""
What the OpenAPI document allows is answered as it says, and what it does not is refused (H1).

Every check of schemathesis, every operation, four phases; what is expected otherwise stands with its reason in
``schemathesis.toml``. The long run is ``make fuzz``.
"""

import asyncio
import re

import pytest
import schemathesis
from fastapi import FastAPI
from schemathesis.core.failures import FailureGroup

from tests.api.fuzz import CONFIG, fuzz, served

pytestmark = pytest.mark.timeout(300)

SEED = 20261125


def _run() -> list[str]:
    with served() as (url, keys):
        found = fuzz(url, keys, ("agent", "technician"), seconds=20, examples=2, seed=SEED)
    wrong = [f"as {one.role}:\n{one.told[-8000:]}" for one in found if not one.clean]
    tried = [int(number) for one in found for number in re.findall(r"(\d+) generated", one.summary)]
    assert len(tried) == len(found), found
    assert min(tried) > 40, tried
    return wrong


async def test_no_finding_in_a_short_run() -> None:
    """
    As an agent and as a technician, side by side: no finding, and enough cases each even on a slow machine.
    """
    wrong = await asyncio.to_thread(_run)

    assert not wrong, "\n".join(wrong)


def test_no_operation_is_left_out() -> None:
    """
    The file of expectations excludes nothing, and gives each of its sections a reason.
    """
    text = CONFIG.read_text()

    assert "exclude" not in text.replace("Nothing is excluded", "")
    assert "enabled = false" not in text
    sections = re.findall(r"^(.*)\n\[", text, re.MULTILINE)
    assert [line for line in sections if not line.startswith("#") and line] == []
    for section in re.split(r"\n\n", text)[1:]:
        assert section.lstrip().startswith("#") or section.startswith("[checks.positive"), section


def test_a_broken_api_is_found_out() -> None:
    """
    Negative control: a route that fails on what its document allows is found by the same checks (H6).
    """
    app = FastAPI()

    @app.get("/broken")
    def broken(number: int) -> dict[str, int]:
        return {"half": 1 // (number - number)}

    del broken
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    operation = schema["/broken"]["GET"]
    case = operation.Case(query={"number": 1})

    with pytest.raises((FailureGroup, ZeroDivisionError)):
        case.call_and_validate()
