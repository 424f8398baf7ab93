"""
What supervisors write, and the bench reads, about techniques and methods.
"""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, StrictBool, StringConstraints, model_validator

from app.kit.ids import ClientId
from app.results.rules import OWN
from app.samples.schemas import Number, Short, Strict

OwnCode = Annotated[str, StringConstraints(pattern=rf"^{OWN}[a-z0-9_]{{1,40}}$")]
MethodCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")]
Minutes = Annotated[int, Field(ge=1, le=10_000)]


class PartIn(Strict):
    """
    One chemical or physical property that a technique exploits.
    """

    property: Number
    category: Literal["A", "B", "C"] = Field(description="SWGDRUG category.")


class TechniqueIn(Strict):
    """
    A laboratory's own technique, beside those of the shipped table.
    """

    name: Short
    parts: Annotated[list[PartIn], Field(min_length=1, max_length=4)] = Field(
        description="One; a hyphenated technique has two."
    )
    only_for: Annotated[list[Literal["cannabis"]], Field(max_length=1)] = Field(
        default=[], description="The material it may count for; empty for all."
    )
    validated: StrictBool = False
    minutes: Minutes
    destructive: StrictBool


class TechniqueOut(BaseModel):
    """
    A technique that analyses may name.
    """

    code: str
    version: str = Field(description="Of the shipped table, or of the laboratory's own entry.")
    name: str
    category: str
    parts: list[PartIn]
    only_for: list[str]
    validated: bool = Field(
        description="Before the laboratory registers methods of its own for it."
    )
    minutes: int
    destructive: bool


class TechniquesOut(BaseModel):
    """
    Every technique this laboratory may use, under its rule set.
    """

    rule_set: str
    items: list[TechniqueOut]


class MethodIn(Strict):
    """
    A written procedure of this laboratory: one technique, and what it was validated for.
    """

    technique: Number
    title: Short
    validated: StrictBool = Field(description="Whether this laboratory has validated it.")
    validated_on: date | None = None
    reference: Short | None = Field(default=None, description="The procedure's number and edition.")
    used: Annotated[list[Number], Field(max_length=4)] = Field(
        default=[],
        description="The properties whose results it always uses: a hyphenated technique counts as two only then.",
    )
    separates: Annotated[list[Number], Field(max_length=30)] = Field(
        default=[], description="Groups of isomers it was validated to tell apart."
    )
    uncorrelated_with: Annotated[list[MethodCode], Field(max_length=30)] = Field(
        default=[],
        description="Methods of the same kind shown to be uncorrelated with it, such as another column.",
    )
    detection_limit: Short | None = None
    needs_mg: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] | None = None
    minutes: Minutes | None = None
    destructive: StrictBool | None = None
    retired: StrictBool = False

    @model_validator(mode="after")
    def _dated(self) -> Self:
        if self.validated_on is not None and not self.validated:
            message = "validated_on belongs to a validated method; set validated, or leave it out"
            raise ValueError(message)
        return self


class MethodOut(BaseModel):
    """
    One version of a method. Earlier ones stay: analyses name the version they were made by.
    """

    code: str
    version: int
    technique: str
    title: str
    validated: bool
    validated_on: date | None
    reference: str | None
    used: list[str]
    separates: list[str]
    uncorrelated_with: list[str]
    detection_limit: str | None
    needs_mg: float | None
    minutes: int
    destructive: bool
    retired: bool
    recorded_by: ClientId
    recorded_at: datetime


class MethodsOut(BaseModel):
    """
    The laboratory's methods in their present versions.
    """

    items: list[MethodOut]


class SuggestionOut(BaseModel):
    """
    What may be tried next on a sample.
    """

    technique: str
    method: str | None
    category: str
    destructive: bool
    minutes: int
    needs_mg: float | None


class SuggestionsOut(BaseModel):
    """
    What may be tried next, in the order to try it.
    """

    small: bool = Field(
        description="There is so little that what leaves the sample whole comes first."
    )
    items: list[SuggestionOut]
