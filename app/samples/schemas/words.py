"""
The words callers may use: texts that can be stored, and the codes, which are added to and never renamed.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints


def _storable(text: str) -> str:
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        message = "holds a character that is no text; remove NUL characters and broken surrogates"
        raise ValueError(message)
    return text


_Clean = AfterValidator(_storable)
Short = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), _Clean
]
Number = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), _Clean
]
Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), _Clean
]
Note = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), _Clean
]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), _Clean]


class Route(StrEnum):
    """
    How the seized item travelled or where it was found.
    """

    MAIL = "mail"
    COURIER = "courier"
    TRAVELLER = "traveller"
    VEHICLE = "vehicle"
    CARGO = "cargo"
    SEARCH = "search"
    STREET = "street"
    OVERDOSE_SCENE = "overdose_scene"
    CUSTODY_FACILITY = "custody_facility"
    FOUND = "found"
    OTHER = "other"
    UNKNOWN = "unknown"


class Form(StrEnum):
    """
    What the exhibit looks like.
    """

    POWDER = "powder"
    CRYSTAL = "crystal"
    TABLET = "tablet"
    CAPSULE = "capsule"
    LIQUID = "liquid"
    BLOTTER = "blotter"
    PLANT = "plant"
    RESIN = "resin"
    PASTE = "paste"
    PATCH = "patch"
    RESIDUE = "residue"
    OTHER = "other"
    UNKNOWN = "unknown"


class Unit(StrEnum):
    """
    What a quantity counts.
    """

    GRAM = "g"
    MILLILITRE = "mL"
    TABLET = "tablet"
    CAPSULE = "capsule"
    BLOTTER = "blotter"
    PATCH = "patch"
    PLANT = "plant"
    ITEM = "item"
    SWAB = "swab"


class QuantityKind(StrEnum):
    """
    How a quantity was taken.
    """

    NET = "net"
    GROSS = "gross"
    COUNT = "count"


class FieldTechnique(StrEnum):
    """
    A test made before the laboratory.
    """

    FENTANYL_STRIP = "fentanyl_strip"
    NITAZENE_STRIP = "nitazene_strip"
    BENZODIAZEPINE_STRIP = "benzodiazepine_strip"
    COLOUR_TEST = "colour_test"
    FTIR = "ftir"
    RAMAN = "raman"
    IMS = "ims"
    HANDHELD_MS = "handheld_ms"
    DART_MS = "dart_ms"
    OTHER = "other"


class FieldResult(StrEnum):
    """
    What a field test showed.
    """

    DETECTED = "detected"
    NOT_DETECTED = "not_detected"
    INCONCLUSIVE = "inconclusive"


class Circumstance(StrEnum):
    """
    What bears on the risk besides the substance.
    """

    IN_CIRCULATION = "in_circulation"
    INTERCEPTED_WHOLE = "intercepted_whole"
    MAILED_TO_MANY = "mailed_to_many"
    LINKED_OVERDOSE = "linked_overdose"
    PILL_PRESS = "pill_press"
    PRECURSORS = "precursors"
    CLANDESTINE_LAB = "clandestine_lab"
    LOOK_ALIKE_MEDICINE = "look_alike_medicine"


class Strict(BaseModel):
    """
    An input: unknown fields are refused, so that a misspelt one is never silently lost.
    """

    model_config = ConfigDict(extra="forbid")
