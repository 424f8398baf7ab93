"""
The words of the bench: stages, forms, units, results, and how a quantity is written.
"""

from collections.abc import Mapping
from typing import Any

from app.results.rules import AnalysisResult, FindingOutcome
from app.samples.rules import Stage
from app.web.language import N_, Language

STAGES = {
    Stage.SCREEN: N_("Screen"),
    Stage.CONFIRM: N_("Confirm"),
    Stage.REVIEW: N_("Review"),
}

RESULTS = {
    AnalysisResult.DETECTED: N_("Detected"),
    AnalysisResult.NOT_DETECTED: N_("Not detected"),
    AnalysisResult.INCONCLUSIVE: N_("Inconclusive"),
}

OUTCOMES = {
    FindingOutcome.DETECTED: N_("These substances"),
    FindingOutcome.NOTHING_CONTROLLED: N_("Nothing controlled found"),
    FindingOutcome.INCONCLUSIVE: N_("Inconclusive"),
}

FORMS = {
    "powder": N_("Powder"),
    "crystal": N_("Crystal"),
    "tablet": N_("Tablet"),
    "capsule": N_("Capsule"),
    "liquid": N_("Liquid"),
    "blotter": N_("Blotter"),
    "plant": N_("Plant material"),
    "resin": N_("Resin"),
    "paste": N_("Paste"),
    "patch": N_("Patch"),
    "residue": N_("Residue"),
    "other": N_("Other form"),
    "unknown": N_("Form unknown"),
}

UNITS = {
    "g": N_("g"),
    "mL": N_("mL"),
    "tablet": N_("tablets"),
    "capsule": N_("capsules"),
    "blotter": N_("blotters"),
    "patch": N_("patches"),
    "plant": N_("plants"),
    "item": N_("items"),
    "swab": N_("swabs"),
}

KINDS = {"net": N_("net"), "gross": N_("gross"), "count": N_("counted")}

CIRCUMSTANCES = {
    "in_circulation": N_("In circulation"),
    "intercepted_whole": N_("Intercepted whole"),
    "mailed_to_many": N_("Mailed to many"),
    "linked_overdose": N_("Linked to an overdose"),
    "pill_press": N_("With a pill press"),
    "precursors": N_("With precursors"),
    "clandestine_lab": N_("From a clandestine laboratory"),
    "look_alike_medicine": N_("Looks like a medicine"),
}

TEST_RESULTS = {
    "detected": N_("detected"),
    "not_detected": N_("not detected"),
    "inconclusive": N_("inconclusive"),
}


def form(exhibit: Mapping[str, Any], language: Language) -> str:
    """
    Say what an exhibit looks like.
    """
    code = exhibit.get("form")
    return language.say(FORMS.get(str(code), str(code))) if code else ""


def quantity(value: Mapping[str, Any] | None, language: Language) -> str:
    """
    Write an amount; zero is a trace, or was not weighed.
    """
    if not value or value.get("value") is None:
        return ""
    amount = float(value["value"])
    if amount == 0:
        return language.say("A trace, or not weighed")
    unit = language.say(UNITS.get(str(value.get("unit")), str(value.get("unit"))))
    kind = KINDS.get(str(value.get("kind")))
    whole = f"{language.number(amount)} {unit}"
    if value.get("uncertainty") is not None:
        whole += f" ± {language.number(float(value['uncertainty']))}"
    return f"{whole}, {language.say(kind)}" if kind else whole


def field_test(test: Mapping[str, Any], language: Language) -> str:
    """
    Say what a test before the laboratory showed.
    """
    result = language.say(TEST_RESULTS.get(str(test.get("result")), ""))
    technique = str(test.get("technique", "")).replace("_", " ")
    target = test.get("target")
    return f"{technique}: {target}, {result}" if target else f"{technique}: {result}"
