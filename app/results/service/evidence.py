"""
From stored analyses to what the rules read.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.kit import ids
from app.kit.db import Session
from app.kit.errors import FieldError, Invalid
from app.results import repo
from app.results.rules import AnalysisResult, Evidence, Kinds
from app.results.service.methods import Known
from app.samples.rules import Stage
from app.substances.catalogue import find, isomer_group, resolve
from app.substances.classes import ExpectedClass, HazardClass


async def cited_by(session: Session, sample_id: UUID, analysis_ids: Sequence[str]) -> list[Any]:
    """
    Return the analyses a finding cites, each of this very sample.

    Raises:
        Invalid: when one is not.

    """
    known = {row.id: row for row in await repo.analyses(session, sample_id)}
    wanted = [ids.read("ana", text) for text in analysis_ids]
    strange = [text for text, key in zip(analysis_ids, wanted, strict=True) if key not in known]
    if strange:
        message = f"{strange[0]} is no analysis of this sample"
        raise Invalid(errors=[FieldError("analysis_ids", message, "cite this sample's analyses")])
    return [known[key] for key in dict.fromkeys(wanted) if key is not None]


def evidence(row: Any, here: Known) -> Evidence:
    """
    Return one analysis as the rules see it, judged by the method's version it was made by.

    Raises:
        Invalid: when its technique is known no more.

    """
    technique = here.technique(row.technique, row.catalogue)
    if technique is None:
        message = f"the technique {row.technique} of a cited analysis is not known any more"
        raise Invalid(errors=[FieldError("analysis_ids", message, "cite another analysis")])
    method = here.methods.get((row.method, row.method_version)) if row.method else None
    return Evidence(
        technique=technique,
        result=AnalysisResult(row.result),
        substances=frozenset(row.substances),
        controls_passed=row.controls_passed,
        has_data=bool(row.data_reference or row.data_sha256 or row.attachment_ids),
        used=frozenset(row.used or ()),
        aliquot=row.aliquot,
        sample_limited=bool(row.sample_limited),
        on_swab=bool(row.on_swab),
        validated=method.validated if method else technique.validated,
        method=row.method,
        uncorrelated_with=frozenset(method.uncorrelated_with if method else ()),
        separates=frozenset(method.separates if method else ()),
        looked_for=frozenset(row.looked_for or ()),
    )


async def recorded_at(
    session: Session, sample_id: UUID, stage: Stage, here: Known
) -> list[Evidence]:
    """
    Return every analysis of this stage whose run stands, cited or not.

    What an earlier stage showed may be contradicted by this one; that is told to everybody, not refused.
    """
    rows = [row for row in await repo.analyses(session, sample_id) if row.stage == stage]
    return [evidence(row, here) for row in rows if row.controls_passed]


def harmless(recorded: Sequence[Evidence]) -> set[str]:
    """
    Return the substances among these of which the catalogue knows that nothing controls them.
    """
    names = set().union(*(one.substances for one in recorded)) if recorded else set()
    return {name for name in names if resolve(name).hazard is HazardClass.NOTHING_CONTROLLED}


def kinds_of(substances: Sequence[str]) -> Kinds:
    """
    Return what the catalogue knows about these names: their groups of isomers, and which are cannabis.
    """
    groups = {name: found for name in substances if (found := isomer_group(name))}
    return Kinds(
        group={name: key for name, (key, _) in groups.items()},
        group_name=dict(groups.values()),
        material={name: "cannabis" for name in substances if _is_cannabis(name)},
    )


def as_field_tests(cited: Sequence[Any], here: Known) -> list[dict[str, Any]]:
    """
    Return what was found in the one form of evidence that the ranking knows: a technique, a target, a result.
    """
    return [
        {
            "technique": technique.field_code
            if (technique := here.technique(row.technique, row.catalogue))
            else "other",
            "target": target,
            "result": row.result,
        }
        for row in cited
        for target in (row.substances or [None])
    ]


def _is_cannabis(name: str) -> bool:
    known = find(name)
    expected = known.expected if known else resolve(name).expected
    return expected is ExpectedClass.CANNABIS
