"""
The gate before a finding: what may be concluded from which analyses, by the rules R1 to R8.

R1: with a category A technique, at least one other that exploits a different property.
R2: without one, at least three different validated methods, two of them uncorrelated techniques of category B.
R3: the second technique on a separate sampling where the size allows it; otherwise that is remarked, or warned of.
R4: the data of category A and B must be there to be reviewed.
R5: only positive results count; a negative never identifies.
R6: a hyphenated technique counts as two where the results of each were used.
R7: macroscopic and microscopic examination count as one B each, for cannabis alone.
R8: what is inferred from some of many units rests on a random selection; what the scheme cannot tell apart is reported.

R1 to R5, R7 and R8 are paraphrased from SWGDRUG Recommendations (8.1, and the first and second editions); R6, and the
readings that a hyphenated run is no second sampling and that two columns of one kind are correlated until a laboratory
says otherwise, await a drug chemist's confirmation.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from app.results.rules.kinds import AnalysisResult
from app.results.rules.techniques import Part, Technique, catalogue

RULE_SET = catalogue().version
"""What findings say they were judged by."""

METHODS_WITHOUT_A = 3
"""R2: different validated methods."""

_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    One analysis as the rules see it.

    Attributes:
        technique: what was done.
        result: what it showed.
        substances: what it detected.
        controls_passed: whether the blanks and controls of its run passed.
        has_data: whether a reviewer can open its data.
        used: the properties whose results were used; by default the technique's best alone (R6).
        aliquot: which portion it was done on; equal labels are one sampling (R3).
        sample_limited: whether the operator noted that there is too little for a separate sampling.
        on_swab: whether a swab of the item was examined, and not its contents.
        validated: whether this laboratory has validated the method.
        method: the laboratory's own name of the method.
        uncorrelated_with: methods of the same kind that the laboratory has shown to be uncorrelated with this one.
        separates: the groups of isomers the method was validated to tell apart.
        looked_for: what a negative result speaks of.

    """

    technique: Technique
    result: AnalysisResult
    substances: frozenset[str] = frozenset()
    controls_passed: bool = True
    has_data: bool = True
    used: frozenset[str] = frozenset()
    aliquot: str = ""
    sample_limited: bool = False
    on_swab: bool = False
    validated: bool = True
    method: str | None = None
    uncorrelated_with: frozenset[str] = frozenset()
    separates: frozenset[str] = frozenset()
    looked_for: frozenset[str] = frozenset()

    @property
    def parts(self) -> tuple[Part, ...]:
        """
        What of the technique counts.
        """
        used = tuple(part for part in self.technique.parts if part.property in self.used)
        return used or self.technique.parts[:1]

    @property
    def name(self) -> tuple[str, str | None]:
        """
        The method: two analyses of one name are one method.
        """
        return self.technique.code, self.method

    def shows(self, substance: str) -> bool:
        """
        Say whether it is a positive result for this substance (R5).
        """
        return self.result is AnalysisResult.DETECTED and substance in self.substances


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    A rule that is not met, and what is missing.
    """

    rule: str
    text: str
    substance: str | None = None

    def __str__(self) -> str:
        """
        The sentence the bench reads, its rule first.
        """
        return f"{self.rule}: {self.text}"


@dataclass(frozen=True, slots=True)
class Kinds:
    """
    What the catalogue of substances knows about the names in a finding.

    Attributes:
        group: the group of isomers a substance belongs to.
        group_name: how a group is reported when its isomer is not determined.
        material: what kind of material a substance is, where a technique is for that kind alone (R7).

    """

    group: Mapping[str, str] = field(default_factory=dict)
    group_name: Mapping[str, str] = field(default_factory=dict)
    material: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What the gate says.

    Attributes:
        refusals: what is missing; none when the finding may be recorded.
        warnings: what a reviewer must acknowledge.
        remarks: what the report must say besides the result.
        reported: the substances as they are to be reported.
        isomer_not_determined: for each group that the scheme cannot separate, the name that was claimed.

    """

    refusals: tuple[Refusal, ...] = ()
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    reported: tuple[str, ...] = ()
    isomer_not_determined: Mapping[str, str] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """
        Whether anything is missing.
        """
        return bool(self.refusals)


NO_KINDS = Kinds()


def judge_presumptive(
    evidence: Sequence[Evidence], substances: Sequence[str], kinds: Kinds = NO_KINDS
) -> Verdict:
    """
    This function will judge a presumptive finding, which may rest on one technique.
    """
    refusals = _basis(evidence, substances)
    if refusals:
        return Verdict(refusals=tuple(refusals))
    return _reported(evidence, substances, kinds, warnings=[], remarks=[])


def judge_identified(
    evidence: Sequence[Evidence], substances: Sequence[str], kinds: Kinds = NO_KINDS
) -> Verdict:
    """
    This function will judge an identification of each substance on its own.
    """
    refusals = _basis(evidence, substances)
    warnings: list[str] = []
    remarks: list[str] = []
    if not refusals:
        for substance in substances:
            refusal = _missing(evidence, substance, kinds)
            if refusal is not None:
                refusals.append(refusal)
                continue
            counted = _counted(evidence, substance, kinds)
            _sampling(counted, substance, warnings, remarks)
            _contradictions(evidence, substance, warnings)
    if refusals:
        return Verdict(refusals=tuple(refusals))
    return _reported(evidence, substances, kinds, warnings=warnings, remarks=remarks)


def _basis(evidence: Sequence[Evidence], substances: Iterable[str]) -> list[Refusal]:
    # What any finding needs, of whatever kind.
    if not evidence:
        return [Refusal("R5", "cite at least one analysis.")]
    if not all(one.controls_passed for one in evidence):
        return [Refusal("controls", "the controls of a cited run failed: repeat the run.")]
    return [
        Refusal("R5", f"no cited analysis detected {substance}.", substance)
        for substance in substances
        if not any(one.shows(substance) for one in evidence)
    ]


def _counted(
    evidence: Iterable[Evidence],
    substance: str,
    kinds: Kinds,
    *,
    negatives: bool = False,
    unvalidated: bool = False,
    unfit: bool = False,
) -> list[Evidence]:
    # The switches ask what would be, so that a refusal can name the rule that made the difference.
    return [
        one
        for one in evidence
        if (one.shows(substance) or (negatives and one.result is AnalysisResult.NOT_DETECTED))
        and (one.validated or unvalidated)
        and (unfit or _fits(one.technique, substance, kinds))
    ]


def _fits(technique: Technique, substance: str, kinds: Kinds) -> bool:
    return not technique.only_for or kinds.material.get(substance) in technique.only_for


def _missing(evidence: Sequence[Evidence], substance: str, kinds: Kinds) -> Refusal | None:
    counted = _counted(evidence, substance, kinds)
    bare = [one for one in counted if not one.has_data and one.technique.category in {"A", "B"}]
    if bare:
        text = f"attach the data of {bare[0].technique.code} for {substance}, so that it can be reviewed."
        return Refusal("R4", text, substance)
    if _suffices(counted):
        return None
    wanted = _wanted(counted, substance)
    if _suffices(_counted(evidence, substance, kinds, unfit=True)):
        strange = [
            one.technique.code
            for one in evidence
            if one.shows(substance) and not _fits(one.technique, substance, kinds)
        ]
        text = (
            f"{' and '.join(strange)} count for cannabis alone, not for {substance}; {wanted.text}"
        )
        return Refusal("R7", text, substance)
    if _suffices(_counted(evidence, substance, kinds, unvalidated=True)):
        loose = sorted(
            {one.technique.code for one in evidence if one.shows(substance) and not one.validated}
        )
        text = (
            f"only validated methods count, and this laboratory has not validated {', '.join(loose)}:"
            f" keep {substance} as presumptive, or {_lower(wanted.text)}"
        )
        return Refusal("R2", text, substance)
    if _suffices(_counted(evidence, substance, kinds, negatives=True)):
        text = f"a negative result never identifies; {wanted.text}"
        return Refusal("R5", text, substance)
    return wanted


def _suffices(counted: Sequence[Evidence]) -> bool:
    if any(part.category == "A" for one in counted for part in one.parts):
        return len(_properties(counted)) > 1
    return len({one.name for one in counted}) >= METHODS_WITHOUT_A and _two_b(counted)


def _properties(counted: Iterable[Evidence]) -> set[str]:
    return {part.property for one in counted for part in one.parts}


def _two_b(counted: Sequence[Evidence]) -> bool:
    of_b = [(one, part.property) for one in counted for part in one.parts if part.category == "B"]
    return any(
        first != second or _shown_uncorrelated(one, other)
        for (one, first), (other, second) in combinations(of_b, 2)
    )


def _shown_uncorrelated(one: Evidence, other: Evidence) -> bool:
    return one.name != other.name and (
        other.method in one.uncorrelated_with or one.method in other.uncorrelated_with
    )


def _wanted(counted: Sequence[Evidence], substance: str) -> Refusal:
    seen = _properties(counted)
    if any(part.category == "A" for one in counted for part in one.parts):
        examples = _examples(lambda part: part.property not in seen)
        text = f"{substance} needs one more technique exploiting a different property, for example {examples}."
        unused = [one.technique for one in counted if len(one.technique.parts) > len(one.parts)]
        if unused:
            others = [part.property for part in unused[0].parts if part.property not in seen]
            if others:
                text += f" {unused[0].code} counts as two where its {others[0]} was used and is recorded (R6)."
        return Refusal("R1", text, substance)
    if not _two_b(counted):
        of_b = {part.property for one in counted for part in one.parts if part.category == "B"}
        examples = _examples(lambda part: part.category == "B" and part.property not in of_b)
        how_many = "one more" if of_b else "two"
        text = (
            f"without a category A technique, {substance} needs {how_many} category B technique"
            f"{'' if of_b else 's'} uncorrelated with the others, for example {examples}."
        )
        return Refusal("R2", text, substance)
    examples = _examples(lambda part: part.property not in seen)
    text = (
        f"without a category A technique, {substance} needs {METHODS_WITHOUT_A} different validated methods;"
        f" add one more, for example {examples}."
    )
    return Refusal("R2", text, substance)


def _examples(fits: Callable[[Part], bool]) -> str:
    found = sorted(
        (
            technique
            for technique in catalogue().techniques.values()
            if technique.validated and not technique.only_for and fits(technique.parts[0])
        ),
        key=lambda technique: (technique.category, technique.minutes, technique.code),
    )
    # One example of each property, the first of its kind.
    codes: dict[str, str] = {}
    for technique in found:
        codes.setdefault(technique.parts[0].property, technique.code)
    return " or ".join(list(codes.values())[:_EXAMPLES])


def _sampling(
    counted: Sequence[Evidence], substance: str, warnings: list[str], remarks: list[str]
) -> None:
    # R3. Both parts of one hyphenated run are one sampling, and R6 lets them count.
    if len({one.aliquot for one in counted}) > 1 or len(counted) == 1:
        return
    if any(one.sample_limited for one in counted):
        remarks.append(
            f"{substance}: all techniques used one sampling; the sample was too small for a second (R3)."
        )
    else:
        warnings.append(
            f"R3: {substance} was identified from one sampling, and nothing says that there was too little."
        )


def _contradictions(evidence: Iterable[Evidence], substance: str, warnings: list[str]) -> None:
    against = sorted(
        {
            one.technique.code
            for one in evidence
            if one.result is AnalysisResult.NOT_DETECTED and substance in one.looked_for
        }
    )
    if against:
        warnings.append(f"R5: {', '.join(against)} looked for {substance} and did not detect it.")


def _reported(
    evidence: Sequence[Evidence],
    substances: Sequence[str],
    kinds: Kinds,
    *,
    warnings: list[str],
    remarks: list[str],
) -> Verdict:
    reported: list[str] = []
    undetermined: dict[str, str] = {}
    for substance in substances:
        showing = [one for one in evidence if one.shows(substance)]
        group = kinds.group.get(substance)
        if group is None or any(one.validated and group in one.separates for one in showing):
            reported.append(substance)
        else:
            name = f"{kinds.group_name.get(group, group)} (isomer not determined)"
            reported.append(name)
            undetermined[group] = substance
            remarks.append(
                f"{name}: the scheme of analysis was not validated to separate these isomers (R8)."
            )
        if all(one.on_swab for one in showing):
            remarks.append(
                f"{reported[-1]}: detected on a swab; this names the swab, not the contents of the item."
            )
    return Verdict(
        warnings=tuple(dict.fromkeys(warnings)),
        remarks=tuple(dict.fromkeys(remarks)),
        reported=tuple(dict.fromkeys(reported)),
        isomer_not_determined=undetermined,
    )


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
