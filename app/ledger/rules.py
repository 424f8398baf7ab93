"""
What the ledger promises, as pure functions: canonical bytes, hashes, and the check of a chain.

The hashed form is version 1 and is never changed: a new form gets a new version beside it, and
every line ever written stays verifiable. ``offline.py`` says the same a second time, on purpose
without sharing a line, so that a mistake here is not a mistake there.

    digest(label, parts)   SHA-256 of the byte 0x01, then label and parts, each after its length
    entry_hash(body)       digest("assayline.ledger.entry", [body])
    link(prev, seq, body)  digest("assayline.ledger.link", [prev, seq, entry_hash(body)])

Lengths and ``seq`` are eight bytes, the most significant first.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, NoReturn
from uuid import UUID

FORM = 1
"""Version of the hashed form; written into every body as ``form`` and into every hash."""

HASH_BYTES = 32

GENESIS = bytes(HASH_BYTES)
"""What the first link follows. No SHA-256 is known that gives it, so nothing can precede it."""

MAX_INTEGER = 2**53 - 1
"""Beyond it, readers that know only doubles would silently read another number (RFC 7493)."""


class NotCanonical(ValueError):
    """
    A value has no canonical form.
    """


# --- canonical JSON -------------------------------------------------------------------------------


def canonical(value: object) -> bytes:
    """
    Write a value in the one form that is hashed: RFC 8785 without floats.

    Keys are sorted by their UTF-16 code units, there is no white space, and the bytes are UTF-8.
    Ids become their hyphenated form, instants UTC with six decimals and a ``Z``, enums their value.

    Raises:
        NotCanonical: for what two programs might write differently: a float, an integer beyond
            2^53 - 1, a naive instant, a key that is no string, half a surrogate pair; and for any
            type not listed here. The message names the place.

    """
    try:
        return _write(value, "$").encode("utf-8")
    except UnicodeEncodeError as problem:
        message = "a text holds half a surrogate pair, which UTF-8 has no bytes for"
        raise NotCanonical(message) from problem


def _write(value: object, place: str) -> str:
    match value:
        case Enum():
            return _write(value.value, place)
        case Mapping():
            return _write_object(value, place)
        case list() | tuple():
            inner = (_write(item, f"{place}[{number}]") for number, item in enumerate(value))
            return f"[{','.join(inner)}]"
        case float() | Decimal():
            said = f"{value!r} is a measured number; write it as text, with its unit"
            raise NotCanonical(f"{place}: {said}")
        case int() if abs(value) > MAX_INTEGER:
            raise NotCanonical(f"{place}: an integer beyond 2^53 - 1; write it as text")
        case None | bool() | int() | str() | UUID() | date():
            # json writes text as RFC 8785 wants it: short escapes, else \u00xx in lower case.
            return json.dumps(_plain(value, place), ensure_ascii=False)
    raise NotCanonical(f"{place}: a {type(value).__name__} has no canonical form")


def _write_object(value: Mapping[Any, object], place: str) -> str:
    for key in value:
        if not isinstance(key, str):
            raise NotCanonical(f"{place}: the key {key!r} is not a text")
    # Not by code point, which is Python's order: the two differ beyond U+FFFF.
    keys = sorted(value, key=lambda key: str(key).encode("utf-16-be", "surrogatepass"))
    pairs = (f"{_write(key, place)}:{_write(value[key], f'{place}.{key}')}" for key in keys)
    return f"{{{','.join(pairs)}}}"


def _plain(value: object, place: str) -> object:
    """
    Return what of JSON's own kinds stands for this value.
    """
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise NotCanonical(f"{place}: the instant {value} has no zone")
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    return str(value) if isinstance(value, UUID | date) else value


# --- hashes ---------------------------------------------------------------------------------------


def entry_hash(body: bytes) -> bytes:
    """
    Hash one entry's canonical bytes.
    """
    return _digest(b"assayline.ledger.entry", body)


def link(prev_hash: bytes, seq: int, body: bytes) -> bytes:
    """
    Hash one link: what it follows, its number, and the entry it carries.
    """
    return _digest(b"assayline.ledger.link", prev_hash, seq.to_bytes(8, "big"), entry_hash(body))


def _digest(label: bytes, *parts: bytes) -> bytes:
    # Each part after its length: no two lists of parts give the same bytes.
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in (label, *parts))
    return hashlib.sha256(bytes([FORM]) + framed).digest()


# --- the check of a chain -------------------------------------------------------------------------


class Wrong(StrEnum):
    """
    What can be wrong with a chain.
    """

    NO_HEAD = "no_head"
    """The head row, which says where the chain ends, is not there."""
    EDITED = "edited"
    """The entry's body, or the link's hash, is not what was written."""
    ROW_EDITED = "row_edited"
    """The body is genuine, but a column beside it says something else."""
    FORM = "form"
    """The body is not in canonical form: something other than this service wrote it."""
    NO_ENTRY = "no_entry"
    """The link is there; the entry it numbered is gone."""
    MISSING = "missing"
    """A number is skipped: its link was taken out."""
    MISLINKED = "mislinked"
    """The link does not follow the one before it: something was taken out or put in before it."""
    SWAPPED = "swapped"
    """What belongs here stands at another number."""
    FORK = "fork"
    """Two links follow the same one, or bear the same number."""
    CUT = "cut"
    """The chain ends before the head row says it does."""
    BEYOND = "beyond"
    """Links stand after the end that the head row names: put in, or the head was set back."""
    HEAD = "head"
    """The chain ends at the head's number but not with its hash."""
    REWRITTEN = "rewritten"
    """Sound in itself, but not the chain whose hash was written down: rewritten, or a backup."""
    UNNUMBERED = "unnumbered"
    """Entries that neither have a number nor wait for one: put in by hand, or cut off the chain."""


@dataclass(frozen=True, slots=True)
class Link:
    """
    One row of the chain with its entry; ``body`` is None when the entry is gone.

    ``columns`` are those that repeat parts of the body, by the names they have in it.
    """

    seq: int
    prev_hash: bytes
    hash: bytes
    body: bytes | None
    columns: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Flaw:
    """
    The first thing wrong: at which number, of what kind, in words.
    """

    seq: int
    wrong: Wrong
    message: str


class Checker:
    """
    Follows a chain link by link, in the order of their numbers, and remembers only the last one.
    """

    def __init__(self, remembered: Mapping[int, bytes] | None = None) -> None:
        """
        Start before the first link; ``remembered`` are hashes kept outside the database, by number.
        """
        self.seq = 0
        self.hash = GENESIS
        self._before = b""
        self._remembered = dict(remembered or {})

    def follow(self, one: Link) -> Flaw | None:
        """
        Check the next link; after a flaw nothing further is meaningful.
        """
        flaw = self._place(one) or self._content(one)
        if flaw is None:
            self.seq, self._before, self.hash = one.seq, self.hash, one.hash
        return flaw

    def _place(self, one: Link) -> Flaw | None:
        due = self.seq + 1
        if one.seq > due:
            return Flaw(due, Wrong.MISSING, f"link {due} is not there; the next is {one.seq}")
        if one.seq < due:
            return Flaw(one.seq, Wrong.FORK, f"the number {one.seq} stands where {due} is due")
        if one.prev_hash == self.hash:
            return None
        if one.prev_hash == self._before:
            return Flaw(due, Wrong.FORK, f"link {due} follows what link {self.seq} already follows")
        return Flaw(due, Wrong.MISLINKED, f"link {due} does not follow link {self.seq}")

    def _content(self, one: Link) -> Flaw | None:
        if one.body is None:
            return Flaw(one.seq, Wrong.NO_ENTRY, f"the entry that link {one.seq} numbered is gone")
        if link(self.hash, one.seq, one.body) != one.hash:
            said = f"link {one.seq}: the entry or the hash is not what was written"
            return Flaw(one.seq, Wrong.EDITED, said)
        if (content := _read(one.body)) is None:
            return Flaw(one.seq, Wrong.FORM, f"link {one.seq}: its body is not in canonical form")
        if column := _contradicted(content, one.columns):
            message = f"link {one.seq}: the column {column} contradicts the entry's body"
            return Flaw(one.seq, Wrong.ROW_EDITED, message)
        if self._remembered.get(one.seq, one.hash) != one.hash:
            said = f"link {one.seq} is not the one whose hash was remembered"
            return Flaw(one.seq, Wrong.REWRITTEN, said)
        return None

    def finish(self, head: tuple[int, bytes]) -> Flaw | None:
        """
        Compare where the chain ended with where its head says it does.
        """
        seq, digest = head
        if self.seq < seq:
            said = f"the chain ends at {self.seq}, its head says {seq}"
            return Flaw(self.seq + 1, Wrong.CUT, said)
        if self.seq > seq:
            said = f"the head says the chain ends at {seq}, it ends at {self.seq}"
            return Flaw(seq + 1, Wrong.BEYOND, said)
        if digest != self.hash:
            return Flaw(seq, Wrong.HEAD, f"link {seq} has another hash than the head")
        later = min((number for number in self._remembered if number > seq), default=None)
        if later is not None:
            said = f"the chain ends at {seq}, but the hash of link {later} was remembered"
            return Flaw(seq + 1, Wrong.REWRITTEN, said)
        return None


def _read(body: bytes) -> Mapping[str, object] | None:
    """
    Read a body back, or return None when these are not the bytes that its content gives.
    """
    try:
        said = _DECODER.decode(body.decode())
        if not isinstance(said, dict):
            return None
        # Nearly every body passes this, ten times as fast; only keys beyond U+FFFF sort otherwise.
        quick = _ENCODER.encode(said).encode()
        return said if quick == body or canonical(said) == body else None
    except ValueError:
        return None


def _refused(number: str) -> NoReturn:
    raise NotCanonical(number)


def _integer(digits: str) -> int:
    number = int(digits)
    return number if abs(number) <= MAX_INTEGER else _refused(digits)


# Made once: a million bodies are read and written in one check.
_DECODER = json.JSONDecoder(parse_float=_refused, parse_constant=_refused, parse_int=_integer)
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _contradicted(said: Mapping[str, object], columns: Mapping[str, object]) -> str | None:
    differs = (name for name, value in columns.items() if said.get(name) != _plain(value, name))
    return next(differs, None)


class Search:
    """
    Looks through the whole chain once more, after a flaw, for what would explain it better.
    """

    def __init__(self, flaw: Flaw, at: Link, due: bytes) -> None:
        """
        Take the flaw, the link it was found at, and the hash that link should have followed.
        """
        self.flaw, self._at, self._due = flaw, at, due

    def see(self, one: Link) -> Flaw | None:
        """
        Return the better explanation if this link, anywhere in the chain, gives one.
        """
        seq = self.flaw.seq
        if one.seq == self._at.seq:
            return None
        if self.flaw.wrong is Wrong.EDITED and one.body is not None:
            if link(self._due, seq, one.body) == self._at.hash:
                return Flaw(seq, Wrong.SWAPPED, f"link {seq}: its entry stands at link {one.seq}")
        elif self.flaw.wrong is Wrong.MISLINKED:
            if one.prev_hash == self._due and one.seq > seq:
                said = f"the link that belongs at {seq} stands at {one.seq}"
                return Flaw(seq, Wrong.SWAPPED, said)
            if one.hash == self._at.prev_hash and one.seq < seq:
                return Flaw(seq, Wrong.FORK, f"link {seq} follows link {one.seq}, as another does")
        return None


def first(links: Sequence[Link], head: tuple[int, bytes]) -> Flaw | None:
    """
    Check a whole chain that is at hand; the service does the same in pages.
    """
    checker = Checker()
    for one in links:
        if flaw := checker.follow(one):
            search = Search(flaw, one, checker.hash)
            return next((better for other in links if (better := search.see(other))), flaw)
    return checker.finish(head)
