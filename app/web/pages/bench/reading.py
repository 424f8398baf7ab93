"""
From what a form holds to what the services take.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.kit import problems
from app.kit.errors import Invalid

In = TypeVar("In", bound=BaseModel)


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
