"""
What stands where on a printed report: from the stored record to headings, pairs, tables and paragraphs in one language.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.results.paper.words import Words, words_of
from app.results.rules.signing import MEANINGS, Meaning

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Signed:
    """
    One signature as it is printed.
    """

    name: str
    at: str
    meaning: str
    proved_by: str
    record_sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """
    A stored report with its signatures, and where the public may verify it.
    """

    body: Mapping[str, Any]
    sha256: str
    signatures: Sequence[Signed]
    verify_url: str


def lay_out(source: Source, language: str) -> dict[str, Any]:
    """
    Return the whole document in one language, ready to be printed.
    """
    body, words = source.body, words_of(language)
    kind = body["kind"]
    return {
        "language": language,
        "title": words[f"title_{kind}"],
        "number": body["number"],
        "issued": instant(body["released_at"]),
        "laboratory": {
            "name": body["laboratory"]["name"],
            "lines": _letterhead(body["laboratory"], words),
        },
        "watermark": words["practice"] if body["practice"] else None,
        "banners": _banners(body, words, language),
        "sections": [one for one in _sections(source, words, language) if one is not None],
        "signatures": [_signature(one, words, language) for one in source.signatures],
        "verify": {
            "url": source.verify_url,
            "words": words.say("verify", url=source.verify_url),
        },
        "words": {name: words[name] for name in ("number", "page", "issued", "end", "signatures")},
    }


def instant(text: str | None) -> str:
    """
    Write a stored instant so that people of either language read it alike.
    """
    return f"{text[:10]} {text[11:16]} UTC" if text else ""


def _letterhead(laboratory: Mapping[str, Any], words: Words) -> list[str]:
    lines = [line for line in (laboratory["address"] or "").splitlines() if line]
    if laboratory["accreditation"]:
        lines.append(words.say("accreditation", text=laboratory["accreditation"]))
    return lines


def _banners(body: Mapping[str, Any], words: Words, language: str) -> list[str]:
    found = []
    if body["practice"]:
        found.append(words["practice_banner"])
    replaces = body["replaces"]
    if replaces:
        found.append(
            words.say("amendment", number=replaces["number"], reason=replaces["reason"])
            + " "
            + words.say("amended", changes=replaces["changes"])
        )
    if body["kind"] == "certificate":
        found += body["certificate"].get(f"draft_{language}", [])
    else:
        found.append(words[f"notice_{body['kind']}"])
    return found


def _signature(signed: Signed, words: Words, language: str) -> dict[str, str]:
    return {
        "name": signed.name,
        "at": instant(signed.at),
        "meaning": MEANINGS[Meaning(signed.meaning)][0 if language == "en" else 1],
        "record": words.say(
            "signed_record",
            proved_by=words[f"proved_{signed.proved_by}"],
            sha256=signed.record_sha256,
        ),
    }


def section(
    heading: str,
    *,
    pairs: Sequence[Pair] = (),
    paragraphs: Sequence[str] = (),
    columns: Sequence[str] = (),
    rows: Sequence[Sequence[str]] = (),
    mark: str | None = None,
    large: str | None = None,
) -> dict[str, Any]:
    """
    Make one section.

    Args:
        heading: its heading.
        pairs: labels and their values.
        paragraphs: plain text.
        columns: the heads of a table.
        rows: its rows.
        mark: set off and marked so, as what a customer supplied must be (ISO/IEC 17025 7.8.2.2).
        large: one line that stands out.

    """
    return {
        "heading": heading,
        "mark": mark,
        "pairs": [list(pair) for pair in pairs],
        "table": {"columns": list(columns), "rows": [list(row) for row in rows]} if rows else None,
        "paragraphs": list(paragraphs),
        "large": large,
    }


def _sections(source: Source, words: Words, language: str) -> list[dict[str, Any] | None]:
    body = source.body
    last = section(
        words["hash_heading"],
        paragraphs=[words.say("hash", sha256=source.sha256), words["copies"]],
    )
    if body["kind"] == "certificate":
        text = body["certificate"][f"text_{language}"]
        return [section(words["title_certificate"], paragraphs=text), last]
    return [
        _customer(body, words),
        _described(body, words),
        _received(body, words),
        _result(body, words, language),
        _reliability(body, words),
        _methods(body, words),
        _extra(body, words, language),
        section(words["sampling"], paragraphs=body["sampling"][language]),
        section(
            words["deviations"],
            paragraphs=[body["deviations"] or words["deviations_none"], words["external_none"]],
        ),
        section(words["remarks"], paragraphs=[body["remarks"]]) if body["remarks"] else None,
        _authorized(body, words),
        last,
    ]


def _customer(body: Mapping[str, Any], words: Words) -> dict[str, Any]:
    customer = body["customer"]
    pairs = [(words["customer_name"], customer["name"])]
    if customer["address"]:
        pairs.append((words["address"], customer["address"]))
    return section(words["customer"], pairs=pairs)


def _described(body: Mapping[str, Any], words: Words) -> dict[str, Any]:
    supplied = body["supplied_by_agency"]
    pairs = [
        (words[name], supplied[name])
        for name in ("agency_file_number", "exhibit_number", "description", "quantity")
        if supplied.get(name)
    ]
    pairs.append((words["seized_at"], instant(supplied["seized_at"])))
    return section(words["item_described"], pairs=pairs, mark=words["supplied"])


def _received(body: Mapping[str, Any], words: Words) -> dict[str, Any]:
    received, unknown = body["received"], words["not_recorded"]
    performed = words.say(
        "from_to", start=instant(body["performed_from"]), end=instant(body["performed_to"])
    )
    return section(
        words["item_received"],
        pairs=[
            (words["sample_id"], body["sample_id"]),
            (words["received_at"], instant(received["at"])),
            (words["condition"], received["condition"] or unknown),
            (words["seal_number"], received["seal_number"] or unknown),
            (words["performed"], performed),
            (words["place"], words["place_here"]),
            (words["issued_at"], instant(body["released_at"])),
        ],
    )


def _result(body: Mapping[str, Any], words: Words, language: str) -> dict[str, Any]:
    result = body["result"]
    heading = words["result_preliminary" if body["kind"] == "preliminary" else "result"]
    said = result["statement_fr"] if language == "fr" else result["statement"]
    return section(heading, large=said, pairs=[(words["rule_set"], result["rule_set"])])


def _reliability(body: Mapping[str, Any], words: Words) -> dict[str, Any] | None:
    if body["kind"] != "preliminary":
        return None
    said = []
    for one in body["agreement"]:
        technique = words.technique(one["technique"])
        if one["total"] < one["needed"]:
            said.append(
                words.say(
                    "unmeasured",
                    technique=technique,
                    total=words.count(one["total"]),
                    needed=words.count(one["needed"]),
                )
            )
            continue
        share = words.share(one["agreed"], one["total"])
        said.append(
            words.say("measured", technique=technique, share=share, total=words.count(one["total"]))
        )
    return section(words["reliability"], paragraphs=said)


def _methods(body: Mapping[str, Any], words: Words) -> dict[str, Any]:
    columns = [
        words[name]
        for name in ("technique", "method", "aliquot", "when", "operator", "observed", "controls")
    ]
    rows = [
        [
            words.technique(one["technique"]),
            one["method"] or "",
            one["aliquot"],
            instant(one["performed_to"]),
            one["operator"] or "",
            _observed(one, words),
            words["passed" if one["controls_passed"] else "failed"],
        ]
        for one in body["analyses"]
    ]
    return section(words["methods"], columns=columns, rows=rows)


def _observed(analysis: Mapping[str, Any], words: Words) -> str:
    if analysis["result"] != "not_detected":
        return words.say(analysis["result"], substances=", ".join(analysis["substances"]))
    # A negative says what was looked for and how well, never that there is nothing.
    limit = analysis["detection_limit"] or words["not_recorded"]
    looked_for = ", ".join(analysis["looked_for"])
    name = "not_detected_named" if looked_for else "not_detected"
    return words.say(name, looked_for=looked_for, limit=limit)


def _extra(body: Mapping[str, Any], words: Words, language: str) -> dict[str, Any] | None:
    said = body["quantitation"][language]
    return section(words["quantitation"], paragraphs=said) if said else None


def _authorized(body: Mapping[str, Any], words: Words) -> dict[str, Any]:
    pairs = [
        (words[f"review_{one['kind']}"], f"{one['by']}, {instant(one['at'])}")
        for one in body["reviews"]
    ]
    label = "released_by" if body["kind"] == "preliminary" else "authorized_by"
    pairs.append((words[label], f"{body['authorized_by']}, {instant(body['released_at'])}"))
    return section(words["reviewed"], pairs=pairs)
