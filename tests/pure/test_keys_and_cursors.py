"""
API keys, ids and cursors: what is well-formed, what is refused, what is sealed.
"""

import string
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access import keys
from app.kit import ids, paging
from app.kit.paging import BadCursor

KEY = b"k" * 32
SCOPE = "samples:agency:filters"


class TestKeys:
    """
    ``asl_live_<id>_<secret><checksum>`` (E10).
    """

    def test_a_new_key_reads_back(self) -> None:
        """
        What is shown once is what is recognized later, and only its hash is kept.
        """
        text, stored = keys.make()
        found = keys.read(text)

        assert found == stored
        assert found is not None
        assert found.matches(stored.secret_sha256)
        assert not found.matches(b"")
        assert text.startswith("asl_live_")
        assert stored.key_id not in text.rpartition("_")[2]
        assert len({keys.make()[0] for _ in range(100)}) == 100

    def test_a_secret_has_128_bits_and_more(self) -> None:
        """
        32 characters out of 62 are 190 bits.
        """
        secret = keys.make()[0].rpartition("_")[2][:32]

        assert 62 ** len(secret) > 2**128

    @given(st.integers(min_value=0, max_value=58), st.sampled_from(string.printable))
    def test_one_wrong_character_is_refused(self, place: int, other: str) -> None:
        """
        Wherever a key is mistyped, its checksum or its form tells without asking anybody.
        """
        text, _ = keys.make()
        place = min(place, len(text) - 1)
        wrong = text[:place] + other + text[place + 1 :]

        assert (keys.read(wrong) is None) == (wrong != text)

    @given(st.text(max_size=80))
    def test_whatever_is_sent(self, text: str) -> None:
        """
        No text raises; none that was not made here is taken.
        """
        assert keys.read(text) is None

    @pytest.mark.parametrize("strange", ["\x00", "'", "\u00e9", "\n", "_", "-"])
    def test_a_right_checksum_over_strange_characters(self, strange: str) -> None:
        """
        The checksum is no secret: whoever computes it still gets nothing past the alphabet.
        """
        body = f"asl_live_{strange * 12}_{'a' * 32}"

        assert keys.read(body + keys._checksum(body)) is None


class TestIds:
    """
    Prefixed ids.
    """

    @given(st.uuids(), st.sampled_from(sorted(ids.PREFIXES)))
    def test_there_and_back(self, value: UUID, prefix: str) -> None:
        """
        Written and read back it is the same; under another prefix it is nothing.
        """
        written = ids.write(prefix, value)

        assert ids.read(prefix, written) == value
        assert [other for other in ids.PREFIXES if ids.read(other, written)] == [prefix]

    @given(st.text(max_size=40))
    def test_whatever_is_sent(self, text: str) -> None:
        """
        No text raises: what is no id is nothing.
        """
        assert ids.read("smp", text) is None
        assert ids.read("smp", f"smp_{text}") is None

    def test_one_id_has_one_form(self) -> None:
        """
        Capitals and look-alike letters are no second name for the same thing.
        """
        written = ids.write("smp", ids.new())

        assert ids.read("smp", written.upper()) is None
        assert ids.read("smp", f" {written}") is None
        assert ids.read("smp", written + "0") is None

    def test_new_ids_sort_by_time(self) -> None:
        """
        Later ids sort after earlier ones, written or not.
        """
        made = [ids.new() for _ in range(200)]
        written = [ids.write("smp", one) for one in made]

        assert made == sorted(made)
        assert written == sorted(written)
        assert {one.version for one in made} == {7}


class TestCursors:
    """
    Opaque, sealed, and bound to one tenant and one question (I4).
    """

    @given(st.lists(st.one_of(st.integers(), st.text()), min_size=1, max_size=4))
    def test_there_and_back(self, values: list[int | str]) -> None:
        """
        The same question reads its cursor back.
        """
        cursor = paging.write(KEY, scope=SCOPE, values=values)

        assert paging.read(KEY, scope=SCOPE, cursor=cursor) == values

    @given(st.text(max_size=100))
    def test_whatever_is_sent(self, text: str) -> None:
        """
        Nothing that was not written here is read, and nothing raises otherwise.
        """
        with pytest.raises(BadCursor):
            paging.read(KEY, scope=SCOPE, cursor=text)

    @given(st.integers(min_value=0), st.sampled_from(string.ascii_letters + string.digits + "-_"))
    def test_one_changed_character_is_refused(self, place: int, other: str) -> None:
        """
        An altered cursor is refused; one that means the same bytes is the same cursor.
        """
        cursor = paging.write(KEY, scope=SCOPE, values=["019a0000-0000-7000-8000-000000000000"])
        place %= len(cursor) - 1
        changed = cursor[:place] + other + cursor[place + 1 :]

        if changed != cursor:
            with pytest.raises(BadCursor):
                paging.read(KEY, scope=SCOPE, cursor=changed)

    @pytest.mark.parametrize(
        ("key", "scope"), [(b"x" * 32, SCOPE), (KEY, "samples:other:filters"), (KEY, "")]
    )
    def test_another_key_or_question(self, key: bytes, scope: str) -> None:
        """
        Another tenant's, another question's and another installation's cursor are refused.
        """
        cursor = paging.write(KEY, scope=SCOPE, values=[1])

        with pytest.raises(BadCursor):
            paging.read(key, scope=scope, cursor=cursor)

    def test_it_tells_nothing_of_its_scope(self) -> None:
        """
        Two tenants' cursors of the same place differ, and neither holds its tenant.
        """
        one, other = [paging.write(KEY, scope=f"samples:{who}", values=[7]) for who in ("a", "b")]

        assert one != other
        assert len(one) == len(other)
