"""
The two vocabularies that never mix: what somebody says it is, and what makes it dangerous.
"""

from enum import StrEnum


class HazardClass(StrEnum):
    """
    What makes a sample dangerous. Listed from the most harmful to the least: the first one present leads.
    """

    SUPER_POTENT = "super_potent"
    """Carfentanil and its like."""
    NITAZENE = "nitazene"
    OTHER_NOVEL_OPIOID = "other_novel_opioid"
    """Orphines, chlorphines, brorphine, U-47700 and opioids not named yet."""
    FENTANYL_CLASS = "fentanyl_class"
    NOVEL_BENZODIAZEPINE = "novel_benzodiazepine"
    ALPHA2_AGONIST = "alpha2_agonist"
    """Xylazine, medetomidine."""
    PRECURSOR = "precursor"
    OTHER_CONTROLLED = "other_controlled"
    NOTHING_CONTROLLED = "nothing_controlled"
    """Nothing listed. It may still be toxic."""


LETHAL_OPIOIDS = (
    HazardClass.SUPER_POTENT,
    HazardClass.NITAZENE,
    HazardClass.OTHER_NOVEL_OPIOID,
    HazardClass.FENTANYL_CLASS,
)
"""The classes that ``p_lethal_opioid`` counts."""


class ExpectedClass(StrEnum):
    """
    What somebody says it is. Never a finding.
    """

    FENTANYL = "fentanyl"
    HEROIN = "heroin"
    OPIOID_RX = "opioid_rx"
    BENZODIAZEPINE = "benzodiazepine"
    ZDRUG = "zdrug"
    COCAINE = "cocaine"
    CRACK = "crack"
    METHAMPHETAMINE = "methamphetamine"
    AMPHETAMINE = "amphetamine"
    MDMA = "mdma"
    KETAMINE = "ketamine"
    PSYCHEDELIC = "psychedelic"
    CANNABIS = "cannabis"
    CATHINONE = "cathinone"
    KHAT = "khat"
    GHB = "ghb"
    NITAZENE = "nitazene"
    SYNTHETIC_CANNABINOID = "synthetic_cannabinoid"
    ALPHA2_AGONIST = "alpha2_agonist"
    STEROID = "steroid"
    GABAPENTINOID = "gabapentinoid"
    PRECURSOR = "precursor"
    OTHER = "other"
    UNKNOWN = "unknown"
