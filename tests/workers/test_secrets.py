"""
Sealed boxes: they open with the right key, for the right owner, unaltered, or not at all.
"""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kit import secrets
from app.kit.secrets import Purpose

MASTER = bytes(range(32))
KEY = secrets.derive(MASTER, Purpose.WEBHOOK_SECRET)


class TestBox:
    """
    What is sealed, and how it may be opened.
    """

    @given(plain=st.binary(max_size=200), owner=st.binary(max_size=20))
    def test_opens_again(self, plain: bytes, owner: bytes) -> None:
        """
        And no two boxes look alike.
        """
        box = secrets.seal(KEY, plain, bound_to=owner)

        assert secrets.unseal(KEY, box, bound_to=owner) == plain
        assert box != secrets.seal(KEY, plain, bound_to=owner)

    @given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
    def test_refuses_every_flipped_bit(self, place: int, bit: int) -> None:
        """
        In the version, the key id, the nonce, the text or the tag.
        """
        box = bytearray(secrets.seal(KEY, b"whsec_x", bound_to=b"a"))
        box[place % len(box)] ^= 1 << bit

        with pytest.raises(secrets.SecretsError):
            secrets.unseal(KEY, bytes(box), bound_to=b"a")

    def test_refuses_another_owner(self) -> None:
        """
        A box moved to another endpoint's row stays shut.
        """
        box = secrets.seal(KEY, b"whsec_x", bound_to=b"a")

        with pytest.raises(secrets.DamagedBoxError):
            secrets.unseal(KEY, box, bound_to=b"b")

    @pytest.mark.parametrize("length", range(0, 40, 7))
    def test_refuses_what_is_cut(self, length: int) -> None:
        """
        At any length, the empty one included.
        """
        with pytest.raises(secrets.SecretsError):
            secrets.unseal(
                KEY, secrets.seal(KEY, b"whsec_x", bound_to=b"a")[:length], bound_to=b"a"
            )


class TestKey:
    """
    One master, one key per purpose.
    """

    def test_the_wrong_one_says_which_is_needed(self) -> None:
        """
        Both ids are named, neither key is.
        """
        other = secrets.derive(os.urandom(32), Purpose.WEBHOOK_SECRET)
        box = secrets.seal(KEY, b"whsec_x", bound_to=b"a")

        with pytest.raises(secrets.WrongKeyError, match=KEY.id.hex()) as caught:
            secrets.unseal(other, box, bound_to=b"a")
        assert other.id.hex() in str(caught.value)
        assert KEY.raw.hex() not in repr(KEY) + str(caught.value)

    def test_each_purpose_has_its_own(self) -> None:
        """
        What one derives, another cannot open or forge.
        """
        keys = [secrets.derive(MASTER, purpose) for purpose in Purpose]

        assert len({key.raw for key in keys}) == len({key.id for key in keys}) == len(Purpose)
        assert len({secrets.mac(key, b"x") for key in keys}) == len(Purpose)
        assert secrets.derive(MASTER, Purpose.CURSOR_MAC) == secrets.derive(
            MASTER, Purpose.CURSOR_MAC
        )

    @pytest.mark.parametrize("length", [0, 16, 31, 33])
    def test_the_master_has_its_length(self, length: int) -> None:
        """
        A short key is not stretched in silence.
        """
        with pytest.raises(ValueError, match="32 bytes"):
            secrets.derive(b"x" * length, Purpose.CURSOR_MAC)
