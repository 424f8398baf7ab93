"""
Techniques and methods: the shipped table, what this laboratory adds to it, and what to try next.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Table

from app.access.service import Caller
from app.kit.db import Session
from app.kit.errors import Conflict, FieldError, Invalid
from app.results.models import method as method_table
from app.results.models import own_technique
from app.results.repo import methods as repo
from app.results.rules import OWN, RULE_SET, Suggestion, Technique, by_gentleness, catalogue
from app.results.rules.techniques import read as read_technique
from app.results.schemas.methods import (
    MethodIn,
    MethodOut,
    MethodsOut,
    PartIn,
    SuggestionOut,
    SuggestionsOut,
    TechniqueIn,
    TechniqueOut,
    TechniquesOut,
)
from app.samples import service as samples
from app.samples.schemas import SampleOut
from app.substances.data import catalogue as substances

SMALL_SAMPLE_MG = 500
"""What was sent to the laboratory is small up to here, or when nobody weighed it: an assumption of this service."""

_MG = {"g": 1000.0}


@dataclass(frozen=True, slots=True)
class Known:
    """
    What this laboratory works with: its techniques and methods in every version.
    """

    own: Mapping[tuple[str, int], Technique]
    versions: Mapping[str, int]
    methods: Mapping[tuple[str, int], MethodOut]
    current: Mapping[str, MethodOut]

    def technique(self, code: str, version: str | None = None) -> Technique | None:
        """
        Return a technique in the version an analysis names, by default the present one.
        """
        if not code.startswith(OWN):
            return catalogue().techniques.get(code)
        number = int(version.removeprefix(OWN)) if version else self.versions.get(code, 0)
        return self.own.get((code, number))

    def version(self, code: str) -> str:
        """
        Return what an analysis made today names as the version of this technique.
        """
        return f"{OWN}{self.versions[code]}" if code.startswith(OWN) else catalogue().version

    def techniques(self) -> list[Technique]:
        """
        Return every technique in its present version.
        """
        own = [self.own[code, version] for code, version in self.versions.items()]
        return [*catalogue().techniques.values(), *own]

    def of(self, technique: str) -> list[MethodOut]:
        """
        Return the laboratory's methods in use for a technique.
        """
        return [
            one for one in self.current.values() if one.technique == technique and not one.retired
        ]


async def known(session: Session) -> Known:
    """
    Return what this laboratory works with.
    """
    own = await repo.techniques(session)
    read = {(row.code, row.version): read_technique({"code": row.code, **row.body}) for row in own}
    found = Known(read, {row.code: row.version for row in own}, {}, {})
    methods = {
        (row.code, row.version): _method_out(row, found) for row in await repo.methods(session)
    }
    return Known(found.own, found.versions, methods, {one.code: one for one in methods.values()})


async def techniques(session: Session) -> TechniquesOut:
    """
    Return every technique that this laboratory's analyses may name.
    """
    here = await known(session)
    items = [
        TechniqueOut(
            code=one.code,
            version=here.version(one.code),
            name=one.name,
            category=one.category,
            parts=[PartIn.model_validate(part, from_attributes=True) for part in one.parts],
            only_for=sorted(one.only_for),
            validated=one.validated,
            minutes=one.minutes,
            destructive=one.destructive,
        )
        for one in here.techniques()
    ]
    return TechniquesOut(rule_set=RULE_SET, items=items)


async def methods(session: Session) -> MethodsOut:
    """
    Return this laboratory's methods in their present versions.
    """
    return MethodsOut(items=list((await known(session)).current.values()))


async def write_technique(
    session: Session, *, caller: Caller, code: str, body: TechniqueIn
) -> TechniqueOut:
    """
    Write one more version of a laboratory's own technique.

    Raises:
        Conflict: when somebody else has just written it.

    """
    await _write(session, own_technique, caller, code, body.model_dump(mode="json"), {})
    listed = await techniques(session)
    return next(one for one in listed.items if one.code == code)


async def write_method(session: Session, *, caller: Caller, code: str, body: MethodIn) -> MethodOut:
    """
    Write one more version of a method.

    Raises:
        Invalid: when its technique is not known here, or it claims what the technique does not measure.
        Conflict: when somebody else has just written it.

    """
    here = await known(session)
    technique = here.technique(body.technique)
    if technique is None:
        raise Invalid(errors=[unknown_technique()])
    strange = set(body.used) - technique.properties
    if strange:
        message = f"{technique.code} does not measure {', '.join(sorted(strange))}"
        remedy = f"choose from {', '.join(sorted(technique.properties))}"
        raise Invalid(errors=[FieldError("used", message, remedy)])
    groups = set(body.separates) - substances().isomer_groups.keys()
    if groups:
        message = f"no group of isomers: {', '.join(sorted(groups))}"
        remedy = f"choose from {', '.join(sorted(substances().isomer_groups))}"
        raise Invalid(errors=[FieldError("separates", message, remedy)])
    stored = body.model_dump(mode="json", exclude={"technique"})
    await _write(session, method_table, caller, code, stored, {"technique": body.technique})
    return (await known(session)).current[code]


async def suggest(session: Session, sample_id: UUID | None) -> SuggestionsOut:
    """
    Return what may be tried next on a sample: where there is little, what leaves it whole comes first.

    Raises:
        NotFound: when the sample is not there for this caller.

    """
    sample = await samples.look_up(session, sample_id)
    return _suggested(await known(session), sample)


async def suggest_each(session: Session, these: Iterable[SampleOut]) -> dict[UUID, SuggestionsOut]:
    """
    Return the same for several samples that were looked up already.
    """
    here = await known(session)
    return {sample.id: _suggested(here, sample) for sample in these}


def _suggested(here: Known, sample: SampleOut) -> SuggestionsOut:
    small = is_small(sample)
    options: list[Suggestion] = []
    needs: dict[str, float | None] = {}
    for technique in here.techniques():
        mine = here.of(technique.code)
        options += [
            Suggestion(technique.code, one.code, one.destructive, one.minutes, technique.category)
            for one in mine
            if one.validated
        ]
        needs |= {one.code: one.needs_mg for one in mine}
        if not mine and technique.validated and not technique.only_for:
            options.append(
                Suggestion(
                    technique.code,
                    None,
                    technique.destructive,
                    technique.minutes,
                    technique.category,
                )
            )
    items = [
        SuggestionOut(
            technique=one.technique,
            method=one.method,
            category=one.category,
            destructive=one.destructive,
            minutes=one.minutes,
            needs_mg=needs.get(one.method or ""),
        )
        for one in by_gentleness(options, small=small)
    ]
    return SuggestionsOut(small=small, items=items)


def is_small(sample: SampleOut) -> bool:
    """
    Say whether so little was sent that what is used up is missed. What nobody weighed is taken for little.
    """
    sent = sample.exhibit.get("quantity_sent") or sample.exhibit.get("quantity_seized") or {}
    factor = _MG.get(str(sent.get("unit")))
    value = sent.get("value")
    if factor is None or value is None:
        return sent.get("unit") in {None, "g", "swab"} or sample.exhibit.get("form") == "residue"
    return float(value) * factor <= SMALL_SAMPLE_MG


def unknown_technique() -> FieldError:
    """
    Say that a technique is not known here.
    """
    return FieldError(
        "technique", "is not known to this laboratory", "use a code of GET /v1/lab/techniques"
    )


async def _write(
    session: Session,
    table: Table,
    caller: Caller,
    code: str,
    body: Mapping[str, Any],
    more: Mapping[str, Any],
) -> None:
    row = {
        "laboratory_id": session.tenant,
        "code": code,
        "version": await repo.next_version(session, table, code),
        "body": body,
        "recorded_by": caller.client_id,
        "recorded_at": session.now,
        **more,
    }
    if not await repo.add(session, table, row):
        raise Conflict("Somebody has just written another version of this: read it again.")


def _method_out(row: Any, here: Known) -> MethodOut:
    technique = here.technique(row.technique)
    filled = dict(row.body)
    if technique is not None:
        filled["minutes"] = filled["minutes"] or technique.minutes
        if filled["destructive"] is None:
            filled["destructive"] = technique.destructive
    return MethodOut.model_validate(
        {
            **filled,
            "code": row.code,
            "version": row.version,
            "technique": row.technique,
            "recorded_by": row.recorded_by,
            "recorded_at": row.recorded_at,
        }
    )
