"""
An agency's receiver: what it takes, drops, turns away, and how it shows a double.
"""

import json

import pytest

from app.demo.receivers import Receiver
from app.kit.clock import utc_now
from app.webhooks import signing


@pytest.fixture
def receiver() -> Receiver:
    """
    A receiver with a secret.
    """
    return Receiver("an agency", secret=signing.write_secret(b"s" * 32))


def push(receiver: Receiver, event_id: str, *, sequence: int = 2, secret: str | None = None) -> int:
    """
    Push one event about one sample and return the answer's status.
    """
    data = {"sample_id": "smp_1", "sequence": sequence, "summary": {"status": f"state {sequence}"}}
    body = json.dumps({"type": "sample.received", "data": data}).encode()
    headers = signing.sign(
        [secret or receiver.secret],
        message_id=event_id,
        timestamp=int(utc_now().timestamp()),
        body=body,
    )
    return receiver.take(headers, body)[0]


class TestTake:
    """
    What becomes of a push.
    """

    def test_a_double_is_confirmed_and_has_no_effect(self, receiver: Receiver) -> None:
        """
        The same id twice is one effect.
        """
        answers = [push(receiver, "evt_1"), push(receiver, "evt_1")]

        assert answers == [200, 200]
        assert receiver.effects == ["evt_1"]
        assert receiver.doubles == 1

    def test_one_fact_under_two_ids_shows(self, receiver: Receiver) -> None:
        """
        The receiver cannot know, the count can.
        """
        push(receiver, "evt_1")
        push(receiver, "evt_2")

        assert len(receiver.effects) == 2
        assert len(set(receiver.facts)) == 1

    def test_a_wrong_signature_is_refused(self, receiver: Receiver) -> None:
        """
        It has no effect, and is counted.
        """
        answer = push(receiver, "evt_1", secret=signing.write_secret(b"x" * 32))

        assert answer == 401
        assert (receiver.refused, receiver.effects) == (1, [])

    def test_an_older_event_does_not_turn_a_sample_back(self, receiver: Receiver) -> None:
        """
        The sequence decides, not the order of arrival.
        """
        push(receiver, "evt_2", sequence=5)
        push(receiver, "evt_1", sequence=2)

        assert receiver.latest["smp_1"] == (5, "state 5")
        assert (receiver.late, len(receiver.effects)) == (1, 2)

    def test_down(self, receiver: Receiver) -> None:
        """
        Everything is turned away, and taken afterwards.
        """
        receiver.down = True
        first = push(receiver, "evt_1")
        receiver.down = False
        second = push(receiver, "evt_1")

        assert (first, second) == (503, 200)
        assert (receiver.turned_away, receiver.effects) == (1, ["evt_1"])
