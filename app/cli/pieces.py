"""
Cuts a file of submissions into pieces to be sent one after the other.

A piece is never larger than what a server surely takes in before it has to answer: sending more
while nobody reads the answers, both sides could wait for each other for ever. One line alone may be
larger, since a line is only answered when all of it is there.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Final

PIECE_BYTES: Final = 60_000
LINE_BYTES: Final = 262_144
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Piece:
    """
    Some lines, and where in the file each stands.
    """

    header: bytes = b""
    lines: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    size: int = 0
    """
    How much of the file it stands for, blank lines included.
    """

    @property
    def body(self) -> bytes:
        """
        What is sent.
        """
        return self.header + b"".join(self.lines)


def cut(file: IO[bytes], *, is_csv: bool) -> Iterator[Piece]:
    """
    Cut a file into pieces, in order; each of a CSV file's begins with its line of column names.
    """
    header = b""
    piece, sent = Piece(), 0
    for number, record, size in _records(file, is_csv=is_csv):
        if not record.strip():
            piece.size += size
            continue
        if is_csv and not header:
            header = record
            piece.size += size
            piece.header, sent = header, len(header)
            continue
        if piece.lines and sent + len(record) > PIECE_BYTES:
            yield piece
            piece, sent = Piece(header), len(header)
        piece.lines.append(record)
        sent += len(record)
        piece.numbers.append(number)
        piece.size += size
    if piece.lines or piece.size:
        yield piece


def _records(file: IO[bytes], *, is_csv: bool) -> Iterator[tuple[int, bytes, int]]:
    """
    Yield each record with the number of its first line and its size in the file.
    """
    held, quoted = b"", False
    begun = 1
    for number, raw in enumerate(_lines(file), start=1):
        line = raw.removeprefix(_BOM) if number == 1 else raw
        if not held:
            begun = number
        held += line
        quoted ^= line.count(b'"') % 2 == 1
        # A quoted cell may hold line ends: the record goes on while a quote is open.
        if is_csv and quoted and len(held) <= LINE_BYTES:
            continue
        whole = held if held.endswith(b"\n") else held + b"\n"
        yield begun, whole, len(held)
        held, quoted = b"", False
    if held:
        yield begun, held + b"\n", len(held)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    # A file without line ends must not be read into memory whole: its rest is cut off and refused.
    while line := file.readline(LINE_BYTES + 2):
        if len(line) == LINE_BYTES + 2 and not line.endswith(b"\n"):
            while (rest := file.readline(LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield line + b"\n"
        else:
            yield line
