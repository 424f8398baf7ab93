"""
From the counts to submissions: one body for each cell, as an agency would have written it.

The counts hold margins only: how often what was expected held what, by form or by colour or by infrared result, never
by two of them at once, and by no year. So each margin is put through on its own; how they combine cannot be checked.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

NAMES = {
    "benzo": "benzodiazepine",
    "opioid_rx": "opioid tablet",
    "unknown_opioid": "Down (unknown opioid)",
    "scra": "spice",
    "zdrug": "zopiclone",
    "gabapentinoid": "pregabalin",
    "cathinone": "mephedrone",
    "psychedelic": "LSD",
    "steroid": "testosterone",
    "other": "other drugs",
    "ghb": "GHB",
    "mdma": "MDMA",
}
"""How an agency would have written the expected class; the rest is written as it is."""
TEXTS = {
    "oxy": "oxycodone",
    "tramad": "tramadol",
    "codei": "codeine",
    "tapent": "tapentadol",
    "morph": "morphine",
    "diaz|val": "Valium",
    "alpraz|xan": "Xanax",
    "zopic": "zopiclone",
    "heroin": "heroin",
}
FORMS = {
    "crystalline": "crystal",
    "granules": "powder",
    "solid": "other",
    "plant matter": "plant",
    "blotter paper": "blotter",
    "": "unknown",
}
REGIONS = {"Wales": "GB-WLS", "Scotland": "GB-SCT", "Northern Ireland": "GB-NIR"}
WHERE = {
    "wedinos": ("GB", None, "2024-06-01"),
    "drugcheckingbc": ("CA", "CA-BC", "2019-06-01"),
    "drugsdata": ("US", None, "2015-06-01"),
}
"""Country, region, and a day in the middle of the period counted."""
TESTS = {
    "fentanyl_detected": "detected",
    "fentanyl_not_detected": "not_detected",
    "no_library_match": "inconclusive",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """
    So many samples that look alike, and how many of them held a lethal opioid.
    """

    source: str
    margin: str
    key: str
    of: int
    lethal: int
    body: dict[str, Any]


def cells() -> list[Cell]:
    """
    Read every cell of the counts.
    """
    with (HERE / "counts.csv").open(encoding="utf-8") as file:
        return [
            Cell(
                source=row["source"],
                margin=row["by"],
                key=row["key"],
                of=int(row["n"]),
                lethal=int(row["lethal_opioid"]),
                body=body(row["source"], row["by"], row["key"]),
            )
            for row in csv.DictReader(file)
        ]


def body(source: str, margin: str, key: str) -> dict[str, Any]:
    """
    Write what an agency would have sent.
    """
    country, region, day = WHERE[source]
    sample: dict[str, Any] = {"exhibit_number": "1"}
    seizure: dict[str, Any] = {
        "agency_file_number": f"{source}-{margin}-{key}"[:100],
        "seized_at": f"{day}T00:00:00Z",
        "country": country,
        "samples": [sample],
    }
    expected, _, detail = key.partition("|")
    if margin == "expected_text":
        sample["suspected"] = [TEXTS[key]]
    elif margin == "reported_effect":
        # Over everything that was expected: nothing is said of the substance.
        sample["reported_effects"] = [] if key == "(none given)" else [key]
    else:
        sample["suspected"] = [NAMES.get(expected, expected)]
    if margin.endswith("+form"):
        sample["form"] = FORMS.get(detail, detail)
    if margin.endswith("+colour") and detail:
        sample["colour"] = detail
    if margin.endswith("+field_test"):
        sample["field_tests"] = [
            {"technique": "ftir", "target": "fentanyl", "result": TESTS[detail]}
        ]
    if margin.endswith("+region"):
        region = REGIONS.get(detail, "GB-ENG" if detail else None)
    if region:
        seizure["region"] = region
    return seizure
