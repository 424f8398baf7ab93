"""
The hashed form never changes, and no tampering with a chain goes unseen.
"""

import ast
import dataclasses
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.ledger import offline, rules
from app.ledger.rules import GENESIS, Link, NotCanonical, Wrong

ENTRY_HASH = "ae9f598856a86ffaabe36da9ad43867c27d4631cd3d59b5d9bd7a9631dbb5b14"
FIRST_LINK = "49c43a30749a03370d97e1355f24270224ecc432bcda76631f0a538155719a79"
SECOND_LINK = "9cddde0b63024e533d13c35b125d8cdc5132ddfbfe9f0f3a27791adafff068a2"

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-rules.MAX_INTEGER, max_value=rules.MAX_INTEGER)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def chain_of(bodies: Sequence[object]) -> list[Link]:
    """
    Make an honest chain.
    """
    links: list[Link] = []
    for seq, body in enumerate(bodies, start=1):
        before = links[-1].hash if links else GENESIS
        text = rules.canonical(body)
        links.append(Link(seq, before, rules.link(before, seq, text), text))
    return links


def head_of(links: Sequence[Link]) -> tuple[int, bytes]:
    """
    Return the head that belongs to an honest chain.
    """
    return (links[-1].seq, links[-1].hash) if links else (0, GENESIS)


def exported(links: Sequence[Link], head: tuple[int, bytes]) -> list[str]:
    """
    Write a chain as the export does.
    """
    lines = [
        json.dumps(
            {
                "seq": one.seq,
                "prev_hash": one.prev_hash.hex(),
                "hash": one.hash.hex(),
                "body": (one.body or b"").decode(),
            }
        )
        for one in links
    ]
    return [*lines, json.dumps({"head": {"seq": head[0], "hash": head[1].hex()}})]


def found_at(links: Sequence[Link], head: tuple[int, bytes]) -> tuple[int, Wrong]:
    """
    Return where and what both implementations find; the offline one must name the same link.
    """
    flaw = rules.first(links, head)
    assert flaw is not None
    with pytest.raises(offline.BadError, match=rf"^link {flaw.seq}: "):
        offline.check(exported(links, head))
    return flaw.seq, flaw.wrong


CHAINS = st.integers(3, 12).map(lambda n: chain_of([{"entry": number} for number in range(n)]))


class Kind(StrEnum):
    """
    Some enum.
    """

    SEEN = "seen"


class TestCanonical:
    """
    Canonical bytes: one value, one form.
    """

    @pytest.mark.parametrize(
        ("value", "written"),
        [
            (None, "null"),
            ({"b": True, "a": [False, -1, 0]}, '{"a":[false,-1,0],"b":true}'),
            (
                '\b\t\n\f\r"\\/\x00\x1f\x7fé€\u2028',
                '"\\b\\t\\n\\f\\r\\"\\\\/\\u0000\\u001f\x7fé€\u2028"',
            ),
            (Kind.SEEN, '"seen"'),
            ({Kind.SEEN: ()}, '{"seen":[]}'),
            (date(2026, 1, 2), '"2026-01-02"'),
            (
                datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=1))),
                '"2026-01-02T02:04:05.000000Z"',
            ),
            (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
            (2**53 - 1, "9007199254740991"),
        ],
    )
    def test_golden(self, value: object, written: str) -> None:
        """
        What is written today is written for ever.
        """
        assert rules.canonical(value).decode() == written

    def test_keys_sort_by_utf16(self) -> None:
        """
        The example of RFC 8785, section 3.2.3; the smiley sorts before U+FB33.
        """
        keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]

        written = json.loads(rules.canonical(dict.fromkeys(keys)), object_pairs_hook=list)

        order = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
        assert [key for key, _ in written] == order

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            ({"weight": [1, 2.0]}, r"\$\.weight\[1\]: 2\.0 is a measured number; write it as text"),
            (Decimal("1.5"), "measured number"),
            (float("nan"), "measured number"),
            (2**53, "beyond"),
            pytest.param(-(10**5000), "beyond", id="too long to print"),
            (datetime(2026, 1, 2), "has no zone"),  # noqa: DTZ001 - that it has no zone is the point
            ({1: 2}, "the key 1 is not a text"),
            ("\ud800", "surrogate"),
            ({"\ud800": 1}, "surrogate"),
            (b"raw", "a bytes has no canonical form"),
            ({1, 2}, "a set has no canonical form"),
        ],
    )
    def test_refused(self, value: object, said: str) -> None:
        """
        What two programs might write differently is refused, and the message says where.
        """
        with pytest.raises(NotCanonical, match=said):
            rules.canonical(value)

    @given(ANY_JSON)
    def test_two_implementations_agree(self, value: Any) -> None:
        """
        The offline verifier writes the same, and reading it back loses nothing.
        """
        written = rules.canonical(value)

        assert offline.rewrite(value).encode() == written
        assert json.loads(written) == value

    @given(st.dictionaries(st.text(), ANY_JSON), st.randoms())
    def test_order_of_keys_does_not_matter(self, value: dict[str, Any], random: Any) -> None:
        """
        A mapping has one form, however it was put together.
        """
        pairs = list(value.items())
        random.shuffle(pairs)

        assert rules.canonical(dict(pairs)) == rules.canonical(value)


class TestLink:
    """
    Hashes: golden values, and nothing ambiguous.
    """

    BODY = b'{"a":1}'

    def test_golden(self) -> None:
        """
        Changing any of these would make every ledger ever written unreadable.
        """
        first = rules.link(GENESIS, 1, self.BODY)
        second = rules.link(first, 2, b"")

        assert bytes(32) == GENESIS
        assert rules.entry_hash(self.BODY).hex() == ENTRY_HASH
        assert first.hex() == FIRST_LINK
        assert second.hex() == SECOND_LINK

    @given(st.binary(min_size=32, max_size=32), st.integers(1, 2**63 - 1), ANY_JSON)
    def test_two_implementations_agree(self, before: bytes, seq: int, value: Any) -> None:
        """
        The offline verifier gives the same hash.
        """
        body = rules.canonical(value)

        again = offline.hash_link(before.hex(), seq, body.decode())

        assert again == rules.link(before, seq, body).hex()

    def test_an_entry_is_no_link(self) -> None:
        """
        The label keeps one kind of hash from passing for the other.
        """
        inner = GENESIS + (1).to_bytes(8, "big") + rules.entry_hash(self.BODY)

        assert rules.entry_hash(inner) != rules.link(GENESIS, 1, self.BODY)


class TestTampering:
    """
    Every kind of tampering is found, at the right number, by both implementations.
    """

    @given(CHAINS)
    def test_an_honest_chain_is_good(self, links: list[Link]) -> None:
        """
        Nothing is found where nothing is wrong.
        """
        assert rules.first(links, head_of(links)) is None
        assert offline.check(exported(links, head_of(links)))[0] == len(links)

    def test_an_empty_chain_is_good(self) -> None:
        """
        A ledger begins with nothing.
        """
        assert rules.first([], (0, GENESIS)) is None
        assert offline.check(exported([], (0, GENESIS)))[0] == 0

    @given(CHAINS, st.data())
    def test_edited_body(self, links: list[Link], data: st.DataObject) -> None:
        """
        Any bit of any body.
        """
        head = head_of(links)
        at = data.draw(st.integers(0, len(links) - 1))
        digit = data.draw(st.integers(0, 9))
        body = links[at].body or b""
        forged = body[:-2] + str(digit).encode() + body[-1:]
        assume(forged not in {one.body for one in links})
        links[at] = dataclasses.replace(links[at], body=forged)

        assert found_at(links, head) == (at + 1, Wrong.EDITED)

    @given(CHAINS, st.data())
    def test_edited_hash(self, links: list[Link], data: st.DataObject) -> None:
        """
        Any bit of any hash.
        """
        head = head_of(links)
        at = data.draw(st.integers(0, len(links) - 1))
        bit = 1 << data.draw(st.integers(0, 255))
        own = data.draw(st.booleans())
        here = links[at]
        forged = int.from_bytes(here.hash if own else here.prev_hash, "big") ^ bit
        digest = forged.to_bytes(32, "big")
        links[at] = (
            dataclasses.replace(here, hash=digest)
            if own
            else dataclasses.replace(here, prev_hash=digest)
        )

        wrong = Wrong.EDITED if own else Wrong.MISLINKED
        assert found_at(links, head) == (at + 1, wrong)

    @given(CHAINS, st.data())
    def test_deleted(self, links: list[Link], data: st.DataObject) -> None:
        """
        Any one of them, the last included.
        """
        head = head_of(links)
        at = data.draw(st.integers(0, len(links) - 1))
        last = at == len(links) - 1
        del links[at]

        assert found_at(links, head) == (at + 1, Wrong.CUT if last else Wrong.MISSING)

    @given(CHAINS, st.data())
    def test_deleted_and_renumbered(self, links: list[Link], data: st.DataObject) -> None:
        """
        The gap is closed by counting anew; the hash before it gives that away.
        """
        at = data.draw(st.integers(0, len(links) - 2))
        del links[at]
        links = [dataclasses.replace(one, seq=seq) for seq, one in enumerate(links, start=1)]

        assert found_at(links, head_of(links)) == (at + 1, Wrong.MISLINKED)

    @given(CHAINS, st.data())
    def test_swapped_entries(self, links: list[Link], data: st.DataObject) -> None:
        """
        Two numbers exchange what they number.
        """
        head = head_of(links)
        one, other = sorted(data.draw(st.permutations(range(len(links))))[:2])
        links[one], links[other] = (
            dataclasses.replace(links[one], body=links[other].body),
            dataclasses.replace(links[other], body=links[one].body),
        )

        assert found_at(links, head) == (one + 1, Wrong.SWAPPED)

    @given(CHAINS, st.data())
    def test_swapped_links(self, links: list[Link], data: st.DataObject) -> None:
        """
        Two links exchange their numbers, hashes and all.
        """
        head = head_of(links)
        one, other = sorted(data.draw(st.permutations(range(len(links))))[:2])
        links[one], links[other] = (
            dataclasses.replace(links[other], seq=one + 1),
            dataclasses.replace(links[one], seq=other + 1),
        )

        assert found_at(links, head) == (one + 1, Wrong.SWAPPED)

    @given(CHAINS, st.data())
    def test_inserted(self, links: list[Link], data: st.DataObject) -> None:
        """
        A link put in with a hash that is right: the one after it gives it away.
        """
        at = data.draw(st.integers(0, len(links)))
        before = links[at - 1].hash if at else GENESIS
        body = rules.canonical({"forged": True})
        forged = Link(at + 1, before, rules.link(before, at + 1, body), body)
        shifted = [dataclasses.replace(one, seq=one.seq + 1) for one in links[at:]]
        head = head_of(links)

        found = found_at([*links[:at], forged, *shifted], (head[0] + bool(shifted), head[1]))

        assert found == (at + 2, Wrong.FORK) if shifted else (at + 1, Wrong.BEYOND)

    @given(CHAINS, st.data())
    def test_fork(self, links: list[Link], data: st.DataObject) -> None:
        """
        A second link of the same number, or one that follows an early link.
        """
        head = head_of(links)
        at = data.draw(st.integers(1, len(links) - 1))
        body = rules.canonical({"forged": True})
        forged = Link(
            at, links[at - 1].prev_hash, rules.link(links[at - 1].prev_hash, at, body), body
        )
        twice = [*links[:at], forged, *links[at:]]
        early = data.draw(st.integers(0, at - 1))
        parent = links[early - 1].hash if early else GENESIS
        follows = [*links[:at], dataclasses.replace(links[at], prev_hash=parent), *links[at + 1 :]]

        assert found_at(twice, head) == (at, Wrong.FORK)
        # Before link 1 there is no link to name, unless it is the one just before.
        wrong = Wrong.FORK if early or at == 1 else Wrong.MISLINKED
        assert found_at(follows, head) == (at + 1, wrong)

    @given(CHAINS, st.data())
    def test_head(self, links: list[Link], data: st.DataObject) -> None:
        """
        The tail cut off, the head set back, or the head's hash changed.
        """
        head = head_of(links)
        left = data.draw(st.integers(0, len(links) - 1))

        assert found_at(links[:left], head) == (left + 1, Wrong.CUT)
        assert found_at(links, head_of(links[:left])) == (left + 1, Wrong.BEYOND)
        assert found_at(links, (head[0], bytes(32))) == (head[0], Wrong.HEAD)

    @given(CHAINS, st.data())
    def test_rewritten_with_right_hashes(self, links: list[Link], data: st.DataObject) -> None:
        """
        Only a hash kept elsewhere shows it; with one it is found, and so is an older backup.
        """
        at = data.draw(st.integers(0, len(links) - 1))
        kept = {len(links): links[-1].hash}
        bodies: list[object] = [{"entry": number} for number in range(len(links))]
        bodies[at] = {"entry": "forged"}
        forged = chain_of(bodies)

        assert rules.first(forged, head_of(forged)) is None
        for chain in (forged, links[:-1]):
            checker = rules.Checker(kept)
            flaws = [checker.follow(one) for one in chain]
            flaw = next(filter(None, flaws), None) or checker.finish(head_of(chain))
            assert flaw is not None
            assert (flaw.seq, flaw.wrong) == (len(links), Wrong.REWRITTEN)
            with pytest.raises(offline.BadError, match=rf"^link {len(links)}: "):
                offline.check(exported(chain, head_of(chain)), {len(links): links[-1].hash.hex()})

    @pytest.mark.parametrize("body", [b'{"a": 1}', b'{"b":1,"a":1}', b'{"a":1.0}', b"{", b"[]"])
    def test_body_in_another_form(self, body: bytes) -> None:
        """
        A hash that is right over bytes that this service never writes.
        """
        link = Link(1, GENESIS, rules.link(GENESIS, 1, body), body)

        flaw = rules.first([link], head_of([link]))

        assert flaw is not None
        assert (flaw.seq, flaw.wrong) == (1, Wrong.FORM)

    def test_entry_gone_and_column_edited(self) -> None:
        """
        What only the database can show: no entry, or a column that contradicts the body.
        """
        (link,) = chain_of([{"kind": "released", "id": UUID(int=1)}])
        head = head_of([link])
        fine = dataclasses.replace(link, columns={"kind": "released", "id": UUID(int=1)})
        edited = dataclasses.replace(link, columns={"kind": "withdrawn"})
        gone = dataclasses.replace(link, body=None)

        wrong = [(flaw := rules.first([one], head)) and flaw.wrong for one in (fine, edited, gone)]

        assert wrong == [None, Wrong.ROW_EDITED, Wrong.NO_ENTRY]


class TestOffline:
    """
    The offline verifier: alone in the world, and honest about what it cannot tell.
    """

    FILE = Path(offline.__file__)

    def run(self, *arguments: str) -> tuple[int, str]:
        """
        Run it as anybody would, without anything of ours in reach.
        """
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(self.FILE), *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def test_standard_library_only(self) -> None:
        """
        It imports nothing that Python does not bring.
        """
        tree = ast.walk(ast.parse(self.FILE.read_text(encoding="utf-8")))
        names = {
            name.split(".")[0]
            for node in tree
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or "."]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }

        assert names
        assert names <= sys.stdlib_module_names

    def test_exit_codes(self, tmp_path: Path) -> None:
        """
        0 when good, 1 when bad, 2 when it cannot tell.
        """
        links = chain_of([{"é": number} for number in range(3)])
        lines = exported(links, head_of(links))
        kept = f"3:{links[-1].hash.hex()}"
        file = tmp_path / "export.ndjson"

        def after(*some: str) -> tuple[int, str]:
            file.write_text("".join(f"{line}\n" for line in some), encoding="utf-8")
            return self.run(str(file), "--expect", kept)

        assert after(*lines) == (0, f"GOOD  3 links; to be kept: {kept}\n")
        assert after(*lines[:1], *lines[2:])[0] == 1
        assert after(*lines[:-1])[0] == 2
        assert after(*lines, lines[0])[0] == 2
        assert after("{}")[0] == 2
        assert after("[" * 100_000)[0] == 2
        assert after()[0] == 2
        assert self.run(str(tmp_path / "nothing"))[0] == 2
