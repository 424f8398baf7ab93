"""
Standard Webhooks: our signatures against the published vectors and against the reference library.
"""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from app.webhooks import signing

A = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
B = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
ID_A = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIME_A = 1614265330
BODY_A = b'{"test": 2432232314}'
SIGNED_A = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
SIGNED_B = "v1,78nXHjpFP0tVJQW5D0SBwmVyyW87BV/rL6MgfM/Bw44="


def headers(signature: str, *, stamp: str = str(TIME_A)) -> dict[str, str]:
    """
    Return the headers of the first vector with another signature or timestamp.
    """
    return {signing.ID: ID_A, signing.TIMESTAMP: stamp, signing.SIGNATURE: signature}


class TestVectors:
    """
    What others computed.
    """

    @pytest.mark.parametrize(
        ("secret", "message_id", "timestamp", "body", "signature"),
        [
            pytest.param(A, ID_A, TIME_A, BODY_A, SIGNED_A, id="W1"),
            pytest.param(
                B,
                "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                1649367553,
                b'{"email":"test@example.com","username":"test_user"}',
                "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
                id="W2",
            ),
            pytest.param(
                A, ID_A, TIME_A, b"", "v1,v48jdbgvh29KJz2Qc+ghw8G6vG3nAKnujWBg8oM/62A=", id="W4"
            ),
            pytest.param(
                A,
                ID_A,
                TIME_A,
                '{"agency":"Sûreté du Québec"}'.encode(),
                "v1,GbdB/PEo9XwCzxWelVWAii8hlSbPc0hDj8p1dU9Q5CU=",
                id="W5",
            ),
        ],
    )
    def test_signs_as_published(
        self, secret: str, message_id: str, timestamp: int, body: bytes, signature: str
    ) -> None:
        """
        The same id, time, body and secret give the published signature, and it verifies.
        """
        made = signing.sign([secret], message_id=message_id, timestamp=timestamp, body=body)

        assert made == {
            signing.ID: message_id,
            signing.TIMESTAMP: str(timestamp),
            signing.SIGNATURE: signature,
        }
        signing.verify(secret, made, body, now=timestamp)

    def test_the_specifications_own_body(self) -> None:
        """
        W6: the body the specification prints, under a secret chosen for the vector.
        """
        made = signing.sign(
            [A], message_id="msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", timestamp=1674087231, body=SPEC_BODY
        )

        assert made[signing.SIGNATURE] == "v1,ARw42xaAApl/nxRo+iPGYwSaMQaOwMo2eyH5JBRA+bQ="

    def test_signs_with_both_secrets_during_a_rotation(self) -> None:
        """
        W7: the new secret's signature stands first, and either secret verifies.
        """
        made = signing.sign([B, A], message_id=ID_A, timestamp=TIME_A, body=BODY_A)

        assert f"{SIGNED_B} {SIGNED_A}" == made[signing.SIGNATURE]
        signing.verify(A, made, BODY_A, now=TIME_A)
        signing.verify(B, made, BODY_A, now=TIME_A)


# The minified body printed in the specification.
SPEC_BODY = (
    b'{"type":"contact.created","timestamp":"2022-11-03T20:26:10.344522Z",'
    b'"data":{"id":"1f81eb52-5198-4599-803e-771906343485"}}'
)
PRIVATE = (
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
)
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
SIGNED_ASYMMETRIC = (
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
)


class TestAsymmetric:
    """
    ``v1a``: signed with a key nobody else holds.
    """

    def test_signs_as_published(self) -> None:
        """
        W3: the published private key gives the published signature, and the public one verifies it.
        """
        made = signing.sign([PRIVATE], message_id=ID_A, timestamp=TIME_A, body=BODY_A)

        assert made[signing.SIGNATURE] == SIGNED_ASYMMETRIC
        signing.verify(PUBLIC, made, BODY_A, now=TIME_A)

    def test_the_public_key_follows_from_the_seed(self) -> None:
        """
        The private key's text is the seed and the public key behind it.
        """
        seed = base64.b64decode(PRIVATE.removeprefix(signing.PRIVATE_PREFIX))[:32]

        assert signing.write_keys(seed) == (PRIVATE, PUBLIC)

    @pytest.mark.parametrize(
        "signature",
        [
            SIGNED_ASYMMETRIC.replace("TBAg==", "TBBg=="),
            SIGNED_ASYMMETRIC.replace("hnO3", "hnO4"),
            SIGNED_ASYMMETRIC[:40],
            SIGNED_ASYMMETRIC.replace("v1a,", "v1,"),
            "v1a,",
            SIGNED_A,
        ],
    )
    def test_refuses_a_wrong_one(self, signature: str) -> None:
        """
        Altered, cut, under another version, empty, or the other kind's.
        """
        with pytest.raises(signing.BadSignatureError):
            signing.verify(PUBLIC, headers(signature), BODY_A, now=TIME_A)

    def test_refuses_another_body_id_and_time(self) -> None:
        """
        All three are signed.
        """
        made = signing.sign([PRIVATE], message_id=ID_A, timestamp=TIME_A, body=BODY_A)

        for changed in ({signing.ID: "msg_x"}, {signing.TIMESTAMP: str(TIME_A + 1)}):
            with pytest.raises(signing.BadSignatureError):
                signing.verify(PUBLIC, made | changed, BODY_A, now=TIME_A)
        with pytest.raises(signing.BadSignatureError):
            signing.verify(PUBLIC, made, BODY_A + b" ", now=TIME_A)

    def test_the_reference_library_passes_over_it(self) -> None:
        """
        Both kinds in one header: a receiver that knows only ``v1`` verifies as before.
        """
        now = int(datetime.now(UTC).timestamp())
        made = signing.sign([PRIVATE, A], message_id=ID_A, timestamp=now, body=BODY_A)

        assert Webhook(A).verify(BODY_A, made)


class TestVerify:
    """
    What a receiver must refuse, and what it must not.
    """

    @pytest.mark.parametrize(
        "signature",
        [
            SIGNED_A.replace("OE=", "OA="),
            SIGNED_A[:20],
            "v1,",
            "v1",
            "",
            SIGNED_A.replace("v1,", "v2,"),
            "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
            SIGNED_B,
        ],
    )
    def test_refuses_a_wrong_signature(self, signature: str) -> None:
        """
        Altered, cut, empty, of another version (W3's among them) or by another secret.
        """
        with pytest.raises(signing.BadSignatureError):
            signing.verify(A, headers(signature), BODY_A, now=TIME_A)

    @pytest.mark.parametrize("missing", [signing.ID, signing.TIMESTAMP, signing.SIGNATURE])
    def test_refuses_a_missing_header(self, missing: str) -> None:
        """
        All three are needed.
        """
        kept = {name: value for name, value in headers(SIGNED_A).items() if name != missing}

        with pytest.raises(signing.BadSignatureError):
            signing.verify(A, kept, BODY_A, now=TIME_A)

    @pytest.mark.parametrize("stamp", ["hello", "", "-1", "1614265330.0", "٣"])
    def test_refuses_a_timestamp_that_is_none(self, stamp: str) -> None:
        """
        Whole seconds in ASCII, or nothing.
        """
        with pytest.raises(signing.BadSignatureError):
            signing.verify(A, headers(SIGNED_A, stamp=stamp), BODY_A, now=TIME_A)

    @pytest.mark.parametrize("skew", [-301, 301])
    def test_refuses_the_old_and_the_early(self, skew: int) -> None:
        """
        Five minutes both ways, and not a second more.
        """
        signing.verify(A, headers(SIGNED_A), BODY_A, now=TIME_A + skew // 301 * 300)
        with pytest.raises(signing.BadSignatureError):
            signing.verify(A, headers(SIGNED_A), BODY_A, now=TIME_A + skew)

    def test_accepts_the_right_one_among_others(self) -> None:
        """
        Unknown versions and other secrets' signatures are skipped.
        """
        signature = f"{SIGNED_B} v2,abc {SIGNED_A} v1,wrong"

        signing.verify(A, headers(signature), BODY_A, now=TIME_A)

    @pytest.mark.parametrize("secret", [A.removeprefix("whsec_"), A.rstrip("=")])
    def test_accepts_a_secret_without_prefix_or_padding(self, secret: str) -> None:
        """
        As the reference library does.
        """
        signing.verify(secret, headers(SIGNED_A), BODY_A, now=TIME_A)

    def test_refuses_an_empty_secret(self) -> None:
        """
        An empty key would sign for anybody.
        """
        with pytest.raises(ValueError, match="empty"):
            signing.verify("whsec_", headers(SIGNED_A), BODY_A, now=TIME_A)


class TestSign:
    """
    What we promise to send.
    """

    def test_refuses_an_ambiguous_id(self) -> None:
        """
        A full stop in the id could move the border between id and time.
        """
        with pytest.raises(ValueError, match="full stop"):
            signing.sign([A], message_id="evt.1", timestamp=TIME_A, body=b"{}")

    @pytest.mark.parametrize("count", [0, 23, 65])
    def test_makes_no_secret_of_the_wrong_length(self, count: int) -> None:
        """
        24 to 64 bytes, as the standard wants.
        """
        with pytest.raises(ValueError, match="24 to 64"):
            signing.write_secret(b"x" * count)

    @given(random=st.binary(min_size=32, max_size=32), text=st.text(max_size=50))
    def test_is_understood_by_the_reference_library(self, random: bytes, text: str) -> None:
        """
        The official package verifies what we sign, and refuses it when one byte changed.
        """
        secret = signing.write_secret(random)
        body = text.encode()
        now = datetime.now(UTC)
        made = signing.sign(
            [secret], message_id="evt_01h", timestamp=int(now.timestamp()), body=body
        )

        Webhook(secret).verify(body, made, json_parse=False)
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body + b" ", made, json_parse=False)

    @given(random=st.binary(min_size=24, max_size=64))
    def test_reads_its_own_secrets(self, random: bytes) -> None:
        """
        The key is the decoded bytes, not the text.
        """
        secret = signing.write_secret(random)

        assert random == signing.read_secret(secret)
        assert random == base64.b64decode(secret.removeprefix("whsec_"))
