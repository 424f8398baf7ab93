"""
Every way to spoil one field, read off the OpenAPI document, so that a new operation is tried without being listed.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
Place = tuple[str | int, ...]

LONG = 200_000
"""Characters in a text where the document names no limit of its own."""


@dataclass(frozen=True, slots=True)
class Spoiled:
    """
    A body with one thing wrong.
    """

    how: str
    field: str
    """What the refusal has to name."""
    body: Any


class Document:
    """
    An OpenAPI document whose references are followed.
    """

    def __init__(self, document: Schema) -> None:
        """
        Keep it.
        """
        self._document = document

    def resolved(self, schema: Schema) -> Schema:
        """
        Follow a reference.
        """
        while "$ref" in schema:
            found: Any = self._document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema

    def body_of(self, operation: Schema) -> Schema | None:
        """
        Return the schema of an operation's JSON body.
        """
        content = operation.get("requestBody", {}).get("content", {})
        found = content.get("application/json", {}).get("schema")
        return self.resolved(found) if found else None

    def answer_of(self, operation: Schema) -> set[str]:
        """
        Return the fields of what an operation answers when it goes well.
        """
        found: set[str] = set()
        for status, answer in operation.get("responses", {}).items():
            schema = answer.get("content", {}).get("application/json", {}).get("schema")
            if status.startswith("2") and schema:
                found |= set(self.resolved(schema).get("properties", ()))
        return found

    def variants(self, schema: Schema) -> list[Schema]:
        """
        Return what a field may be, the absence of a value aside.
        """
        schema = self.resolved(schema)
        several = schema.get("anyOf") or schema.get("oneOf")
        if not several:
            return [schema]
        return [one for part in several for one in self.variants(part) if one.get("type") != "null"]

    def spoiled(self, schema: Schema, body: Any, at: Place = ()) -> Iterator[Spoiled]:
        """
        Yield the body with one thing wrong, for each thing and each way.
        """
        for name, declared in schema.get("properties", {}).items():
            here = (*at, name)
            dotted = ".".join(str(part) for part in here)
            for how, value in self._wrong(declared):
                yield Spoiled(how, dotted, _set(body, here, value))
            if name in schema.get("required", ()):
                yield Spoiled("missing", dotted, _without(body, here))
            yield from self._below(declared, body, here)
        strange = (*at, "strange_field")
        if schema.get("additionalProperties") is False:
            yield Spoiled("extra", "strange_field", _set(body, strange, "x"))

    def _below(self, declared: Schema, body: Any, here: Place) -> Iterator[Spoiled]:
        value = _get(body, here)
        for one in self.variants(declared):
            if isinstance(value, Mapping) and "properties" in one:
                yield from self.spoiled(one, body, here)
            elif isinstance(value, list) and value and isinstance(value[0], Mapping):
                yield from self.spoiled(self.resolved(one["items"]), body, (*here, 0))

    def _wrong(self, declared: Schema) -> Iterator[tuple[str, Any]]:
        kinds = {str(one.get("type", "any")) for one in self.variants(declared)}
        if "any" in kinds:
            return
        yield (
            "wrong type",
            next(
                value
                for kind, value in (
                    ("object", {"no": "such"}),
                    ("array", ["no such"]),
                    ("boolean", True),
                )
                if kind not in kinds
            ),
        )
        only = self.variants(declared)
        if len(only) != 1:
            return
        (one,) = only
        if "enum" in one:
            yield "unknown word", "no such word"
        elif one.get("type") == "string":
            yield "a text without end", "x" * (one.get("maxLength", LONG) + 1)
            yield "a NUL", "x\0y"
            if one.get("format") == "date-time":
                yield "no instant", "yesterday"
                yield "a number for an instant", 1_767_225_600
                yield "no time zone", "2026-03-01T10:00:00"
        if one.get("type") in {"number", "integer"}:
            least = one.get("minimum", one.get("exclusiveMinimum"))
            if least is not None:
                yield ("negative" if least >= 0 else "too small"), least - 1
            if "maximum" in one:
                yield "too large", one["maximum"] + 1
        if one.get("type") == "array" and "maxItems" in one:
            yield "too many", [_sample(one, self)] * (one["maxItems"] + 1)


def _sample(array: Schema, document: Document) -> Any:
    items = document.resolved(array["items"])
    return items["enum"][0] if "enum" in items else {} if "properties" in items else "x"


def _get(body: Any, at: Place) -> Any:
    for part in at:
        if isinstance(body, Mapping) and part not in body:
            return None
        body = body[part]
    return body


def _set(body: Any, at: Place, value: Any) -> Any:
    copy = deepcopy(body)
    inner = copy
    for part in at[:-1]:
        inner = inner[part]
    inner[at[-1]] = value
    return copy


def _without(body: Any, at: Place) -> Any:
    copy = _set(body, at, None)
    inner = copy
    for part in at[:-1]:
        inner = inner[part]
    del inner[at[-1]]
    return copy
