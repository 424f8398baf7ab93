"""
Verify an exported ledger with nothing but Python: no database, no installation, no network.

    python offline.py export.ndjson [--expect NUMBER:HASH ...]

Each line is one link, ``{"seq", "prev_hash", "hash", "body"}`` with hashes in hexadecimal and the
body as the very text that was hashed; the last line is ``{"head": {"seq", "hash"}}``, so that an
export that was cut short is noticed. ``--expect`` takes a hash kept from an earlier day, which is
what tells an honest ledger from one rewritten as a whole.

Ends with 0 when all is well, 1 when something is wrong, 2 when it cannot tell.

This is the second implementation of the rules, written apart from the first (``rules.py``) and
sharing nothing with it. It must stay a single file that imports the standard library only.
"""

import argparse
import hashlib
import json
import struct
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

GOOD, BAD, CANNOT_TELL = 0, 1, 2
HASH_BYTES = 32
NOTHING_BEFORE = "00" * HASH_BYTES
LARGEST = 9_007_199_254_740_991
SHORT = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
CONTROLS = 32


class BadError(Exception):
    """
    The ledger is not what was written; the message names the link.
    """


class UnreadableError(Exception):
    """
    The file is no export, or not all of one: nothing can be said about the ledger.
    """


def hash_link(prev_hash: str, seq: int, body: str) -> str:
    """
    Return the hash of a link, in hexadecimal.
    """
    text = body.encode()
    entry = hashlib.sha256(b"\x01" + _part(b"assayline.ledger.entry") + _part(text)).digest()
    link = hashlib.sha256(b"\x01")
    link.update(_part(b"assayline.ledger.link"))
    link.update(_part(bytes.fromhex(prev_hash)))
    link.update(_part(struct.pack(">Q", seq)))
    link.update(_part(entry))
    return link.hexdigest()


def _part(content: bytes) -> bytes:
    return struct.pack(">Q", len(content)) + content


def rewrite(value: Any) -> str:
    """
    Write what was read from JSON in the ledger's one form.

    Raises:
        BadError: for a number that the form does not have.

    """
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int):
        if not -LARGEST <= value <= LARGEST:
            raise BadError("an integer beyond 2^53 - 1")
        return f"{value:d}"
    if isinstance(value, list):
        return "[" + ",".join([rewrite(item) for item in value]) + "]"
    if isinstance(value, dict):
        names = sorted(value, key=_code_units)
        return "{" + ",".join([_quoted(name) + ":" + rewrite(value[name]) for name in names]) + "}"
    raise BadError(f"a {type(value).__name__}, which the form does not have")


def _quoted(text: str) -> str:
    return '"' + "".join([_escaped(letter) for letter in text]) + '"'


def _escaped(letter: str) -> str:
    code = ord(letter)
    if code in SHORT:
        return SHORT[code]
    return f"\\u{code:04x}" if code < CONTROLS else letter


def _code_units(text: str) -> list[int]:
    units = []
    for letter in text:
        code = ord(letter)
        if code > 0xFFFF:  # noqa: PLR2004 - the last code point that is one UTF-16 unit
            code -= 0x10000
            units += [0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF)]
        else:
            units.append(code)
    return units


def check(lines: Iterable[str], expected: dict[int, str] | None = None) -> tuple[int, str]:
    """
    Check a whole export and return its last number and hash.

    Raises:
        BadError: at the first link that is wrong.
        UnreadableError: when the file is not, or not all of, an export.

    """
    seq, last = 0, NOTHING_BEFORE
    left = dict(expected or {})
    head: dict[str, Any] | None = None
    for number, line in enumerate(lines, start=1):
        if head is not None:
            raise UnreadableError(f"line {number}: something follows the last line")
        item = _read(line, number)
        if "head" in item:
            head = item["head"]
            continue
        _check_link(item, seq, last)
        seq, last = item["seq"], item["hash"]
        if left.pop(seq, last) != last:
            raise BadError(f"link {seq}: not the one whose hash was kept")
    if head is None:
        raise UnreadableError("the last line is missing: the file was cut short")
    _check_end(head, seq, last, left)
    return seq, last


def _read(line: str, number: int) -> dict[str, Any]:
    try:
        item: dict[str, Any] = json.loads(line)
        hashes = [item["head"]["hash"]] if "head" in item else [item["prev_hash"], item["hash"]]
        seq = item["head"]["seq"] if "head" in item else item["seq"]
        good = (
            all(len(bytes.fromhex(digest)) == HASH_BYTES for digest in hashes)
            and isinstance(seq, int)
            # Encoding fails for half a surrogate pair, which cannot have been exported.
            and ("head" in item or bool(item["body"].encode()))
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise UnreadableError(f"line {number}: not a line of an export") from problem
    if not good:
        raise UnreadableError(f"line {number}: not a line of an export")
    return item


def _check_link(item: dict[str, Any], seq: int, last: str) -> None:
    due = seq + 1
    if item["seq"] > due:
        raise BadError(f"link {due}: not there; the next is {item['seq']}")
    if item["seq"] < due:
        raise BadError(f"link {item['seq']}: the number is given more than once")
    if item["prev_hash"] != last:
        raise BadError(f"link {due}: does not follow link {seq}")
    if hash_link(last, due, item["body"]) != item["hash"]:
        raise BadError(f"link {due}: the entry or the hash is not what was written")
    _check_form(item["body"], due)


def _check_form(body: str, seq: int) -> None:
    try:
        same = rewrite(json.loads(body)) == body
    except (ValueError, BadError, RecursionError) as problem:
        raise BadError(f"link {seq}: its body is not in the ledger's form: {problem}") from problem
    if not same:
        raise BadError(f"link {seq}: its body is not in the ledger's form")


def _check_end(head: dict[str, Any], seq: int, last: str, left: dict[int, str]) -> None:
    if seq < head["seq"]:
        raise BadError(f"link {seq + 1}: the chain ends before it; its head says {head['seq']}")
    if seq > head["seq"]:
        raise BadError(f"link {head['seq'] + 1}: stands after the end that the head names")
    if last != head["hash"]:
        raise BadError(f"link {seq}: has another hash than the head")
    if left:
        raise BadError(f"link {min(left)}: its hash was kept, but the chain ends before it")


def _expectation(text: str) -> tuple[int, str]:
    number, _, digest = text.partition(":")
    return int(number), bytes.fromhex(digest).hex()


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Verify the file named on the command line, say what was found, and return the exit code.
    """
    parser = argparse.ArgumentParser(description="Verify an exported ledger.")
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--expect",
        type=_expectation,
        action="append",
        default=[],
        metavar="NUMBER:HASH",
        help="a hash kept from an earlier day; may be given more than once",
    )
    options = parser.parse_args(arguments)
    try:
        with options.file.open(encoding="utf-8", newline="\n") as lines:
            seq, last = check(lines, dict(options.expect))
    except BadError as problem:
        print(f"BAD  {problem}")  # noqa: T201 - this file is a program, and may import no console
        return BAD
    except (UnreadableError, OSError, UnicodeDecodeError) as problem:
        print(f"CANNOT TELL  {problem}")  # noqa: T201 - as above
        return CANNOT_TELL
    print(f"GOOD  {seq} links; to be kept: {seq}:{last}")  # noqa: T201 - as above
    return GOOD


if __name__ == "__main__":
    sys.exit(main())
