"""
What follows from a receiver's answer, and where a push may go.
"""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.webhooks import rules
from app.webhooks.addresses import acceptable
from app.webhooks.rules import DeliveryState, Outcome, Reply, next_step

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class TestNextStep:
    """
    One reply, one step.
    """

    @pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
    def test_success_delivers(self, status: int) -> None:
        """
        Any 2xx, even on the last attempt.
        """
        step = next_step(rules.MOST_ATTEMPTS, Reply(status=status), jitter=0.5, now=NOW)

        assert DeliveryState.DELIVERED is step.state
        assert Outcome.DELIVERED is step.outcome

    @pytest.mark.parametrize(
        "status", [None, 100, 300, 301, 302, 307, 308, 400, 401, 404, 409, 422, 500, 501, 599]
    )
    def test_everything_else_is_tried_again(self, status: int | None) -> None:
        """
        A redirect is a failure; a client error may be a bad deploy, and silence a pulled cable.
        """
        step = next_step(2, Reply(status=status, error="timeout"), jitter=0, now=NOW)

        assert DeliveryState.PENDING is step.state
        assert Outcome.FAILED is step.outcome
        assert 300 == step.wait_s
        assert not step.disables

    @pytest.mark.parametrize("attempts", [1, 5, 10])
    def test_gone_disables_and_keeps_what_is_owed(self, attempts: int) -> None:
        """
        410 ends the endpoint, not the delivery.
        """
        step = next_step(attempts, Reply(status=410), jitter=0, now=NOW)

        assert DeliveryState.PENDING is step.state
        assert step.disables

    @pytest.mark.parametrize("status", [None, 302, 404, 429, 500, 503])
    def test_the_last_failure_exhausts(self, status: int | None) -> None:
        """
        After ten attempts the schedule is used up, whatever the receiver asks for.
        """
        reply = Reply(status=status, retry_after="60")
        step = next_step(rules.MOST_ATTEMPTS, reply, jitter=0, now=NOW)

        assert DeliveryState.EXHAUSTED is step.state

    @pytest.mark.parametrize("status", sorted(rules.THROTTLED))
    def test_patience_asked_for_is_given(self, status: int) -> None:
        """
        Seconds, or a date on the receiver's own clock, or a date on ours.
        """
        theirs = NOW + timedelta(hours=-5)
        asked = [
            Reply(status=status, retry_after="600"),
            Reply(
                status=status,
                retry_after=format_datetime(theirs + timedelta(minutes=10), usegmt=True),
                date=format_datetime(theirs, usegmt=True),
            ),
            Reply(
                status=status, retry_after=format_datetime(NOW + timedelta(minutes=10), usegmt=True)
            ),
        ]

        assert [600.0] * 3 == [next_step(1, reply, jitter=0, now=NOW).wait_s for reply in asked]

    @pytest.mark.parametrize("value", ["315360000", "9" * 400, "Fri, 01 Jan 2100 00:00:00 GMT"])
    def test_patience_is_capped_at_a_day(self, value: str) -> None:
        """
        Ten years of patience would be a loss by another name.
        """
        step = next_step(1, Reply(status=429, retry_after=value), jitter=1, now=NOW)

        assert rules.LONGEST_WAIT_S == step.wait_s

    @pytest.mark.parametrize(
        "value",
        ["0", "-5", "1.5", "soon", "", "Sun, 01 Mar 2020 00:00:00 GMT", "٣", "Fri, 99 Foo 2100"],
    )
    def test_haste_and_nonsense_change_nothing(self, value: str) -> None:
        """
        Our own schedule is the least wait.
        """
        step = next_step(2, Reply(status=503, retry_after=value), jitter=0, now=NOW)

        assert 300 == step.wait_s

    def test_patience_counts_only_where_it_is_meant(self) -> None:
        """
        A 500 with Retry-After follows the schedule.
        """
        step = next_step(2, Reply(status=500, retry_after="7200"), jitter=0, now=NOW)

        assert 300 == step.wait_s


class TestSchedule:
    """
    Ten attempts over three days.
    """

    def test_is_the_standard_s_own(self) -> None:
        """
        0, 5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h: the last at 75:35:05.
        """
        assert 10 == rules.MOST_ATTEMPTS
        assert timedelta(hours=75, minutes=35, seconds=5) == timedelta(seconds=sum(rules.WAITS_S))

    @given(jitter=st.floats(0, 1))
    def test_spans_three_days_whatever_chance_does(self, jitter: float) -> None:
        """
        At least 72 hours in all; the first retry within five seconds (B6).
        """
        waits = [
            next_step(number, Reply(status=500), jitter=jitter, now=NOW).wait_s
            for number in range(1, rules.MOST_ATTEMPTS)
        ]

        assert 2.5 <= waits[0] <= 5
        assert sum(waits) >= 72 * 3600
        assert waits == sorted(waits)

    @given(
        attempts=st.integers(1, 20),
        status=st.one_of(st.none(), st.integers(100, 599)),
        retry_after=st.one_of(st.none(), st.text(max_size=40)),
        jitter=st.floats(0, 1),
    )
    def test_always_decides(
        self, attempts: int, status: int | None, retry_after: str | None, jitter: float
    ) -> None:
        """
        Whatever a receiver says, there is one bounded step, and only 2xx delivers.
        """
        reply = Reply(status=status, retry_after=retry_after, date=retry_after)
        step = next_step(attempts, reply, jitter=jitter, now=NOW)

        assert 0 <= step.wait_s <= rules.LONGEST_WAIT_S * (1 + rules.SPREAD)
        delivered = status is not None and 200 <= status < 300
        assert delivered == (step.state is DeliveryState.DELIVERED)
        assert step.state is not DeliveryState.SENDING


class TestUrl:
    """
    What an endpoint's address may look like.
    """

    @pytest.mark.parametrize(
        "url",
        [
            "https://hooks.example.org/assayline",
            "https://hooks.example.org:8443/a?b=c",
            "https://93.184.215.14/x",
            "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/x",
            "https://xn--bcher-kva.example/",
        ],
    )
    def test_accepts_the_public_internet(self, url: str) -> None:
        """
        A name or a public address, over https.
        """
        assert rules.fault_of_url(url, allow_loopback=False) is None

    @pytest.mark.parametrize(
        "url",
        [
            "http://hooks.example.org/",
            "ftp://hooks.example.org/",
            "https://",
            "https:///path",
            "hooks.example.org",
            "https://me:secret@hooks.example.org/",
            "https://@hooks.example.org/",
            "https://hooks.example.org/#part",
            "https://hooks.example.org:22/",
            "https://hooks.example.org:99999/",
            "https://bücher.example/",
            "https://hooks.example.org/a b",
            "https://hooks.example.org\\@127.0.0.1/",
            "https://hooks.example.org/\r\nX: y",
            "https://127.0.0.1/",
            "https://localhost/",
            "https://localhost./",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0/",
            "https://127.1/",
            "https://169.254.169.254/latest",
            "https://[fd00:ec2::254]/",
            "https://hooks.example.org/" + "a" * 2048,
        ],
    )
    def test_refuses_the_rest_with_a_reason(self, url: str) -> None:
        """
        Each fault is told to whoever typed it.
        """
        assert rules.fault_of_url(url, allow_loopback=False)

    @pytest.mark.parametrize(
        "url", ["http://127.0.0.1:9000/x", "http://localhost:1/", "http://[::1]:8/"]
    )
    def test_lets_development_listen_on_its_own_machine(self, url: str) -> None:
        """
        Plain http to loopback, and to nothing else.
        """
        assert rules.fault_of_url(url, allow_loopback=True) is None
        assert rules.fault_of_url(url, allow_loopback=False)
        assert rules.fault_of_url("http://10.0.0.1/", allow_loopback=True)
        assert rules.fault_of_url("ftp://127.0.0.1/", allow_loopback=True)


class TestAddress:
    """
    Which addresses a push may go to, after its name was resolved.
    """

    @pytest.mark.parametrize(
        "text",
        [
            "0.0.0.0",  # noqa: S104 - nothing is bound to it
            "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.255",
            "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.0.192",
            "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255",
            "198.51.100.7", "203.0.113.9",
            "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
            "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "100::1", "2001::1", "2001:10::1",
            "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254",
            "fe80::1", "fe80::1%1", "fec0::1", "ff02::1", "ff0e::1",
        ],
    )  # fmt: skip
    def test_refuses_what_is_not_public(self, text: str) -> None:
        """
        ``is_global`` says yes to a dozen of these.
        """
        assert not acceptable(ip_address(text), allow_loopback=False)

    @pytest.mark.parametrize(
        "text",
        [
            "8.8.8.8",
            "93.184.215.14",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "2a00:1450::1",
        ],
    )
    def test_accepts_what_is(self, text: str) -> None:
        """
        Neighbors of refused blocks among them.
        """
        assert acceptable(ip_address(text), allow_loopback=False)

    @pytest.mark.parametrize("text", ["127.0.0.1", "::1"])
    def test_opens_loopback_and_nothing_else_for_development(self, text: str) -> None:
        """
        The metadata address stays shut.
        """
        assert acceptable(ip_address(text), allow_loopback=True)
        assert not acceptable(ip_address("169.254.169.254"), allow_loopback=True)
        assert not acceptable(ip_address("::ffff:127.0.0.1"), allow_loopback=True)
