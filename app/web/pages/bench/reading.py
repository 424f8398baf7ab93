"""
From what a form holds to what the services take.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.kit import ids, problems
from app.kit.errors import Invalid
from app.web.forms import Form
from app.web.visit import Visit

In = TypeVar("In", bound=BaseModel)
_DIGITS = 19


def read(schema: type[In], values: Mapping[str, Any]) -> In:
    """
    Return a service's own input, or its own complaints, field by field.

    Raises:
        Invalid: when something is missing or out of range.

    """
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        raise Invalid(errors=problems.field_errors(error.errors())) from error


def held(visit: Visit, sample_id: str, given: Form) -> dict[str, Any]:
    """
    Return what proves a claim to the services: who, which sample, and the token of the form.
    """
    token = given.text("token")
    return {
        "caller": visit.caller,
        "sample_id": ids.read("smp", sample_id),
        # A token that is no number never held anything.
        "token": int(token) if token.isascii() and token.isdigit() and len(token) < _DIGITS else -1,
        "lease_s": visit.here.settings.claim_lease_s,
    }
