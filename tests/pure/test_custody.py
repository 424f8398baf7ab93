"""
The rules of custody as a state machine (6.6): whatever people try, there is exactly one holder, or none when gone.
"""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from app.custody import rules
from app.custody.rules import Actor, DisposalKind, Holder, Item, Transit

AGENCY, LABORATORY = UUID(int=1), UUID(int=2)
PLACE = UUID(int=30)
ROOM = 1
PEOPLE = {
    name: Actor(UUID(int=10 + number), home)
    for number, (name, home) in enumerate(
        [
            ("agent", AGENCY),
            ("second agent", AGENCY),
            ("technician", LABORATORY),
            ("second technician", LABORATORY),
            ("supervisor", LABORATORY),
        ]
    )
}
NOW_FAST = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

HUNT = settings(NOW_FAST, max_examples=1500, phases=[Phase.generate], print_blob=False)
"""For a counterexample that is known to be there: found, not made small."""

people = st.sampled_from(sorted(PEOPLE))


class Custody(RuleBasedStateMachine):
    """
    One item, everybody who may touch it, and a record kept beside the rules of what must hold.
    """

    def __init__(self) -> None:
        """
        Begin with the agency's first statement: its agent holds the item.
        """
        super().__init__()
        self.item = Item(Holder(AGENCY, PEOPLE["agent"].client_id))
        self.periods: list[tuple[int, int | None, Holder]] = []
        self.clock = 0
        self.holds: set[UUID] = set()
        self.performer: Actor | None = None
        self.kind = DisposalKind.DESTROYED
        self.two: set[UUID] = set()
        self.parent, self.tolerance = Decimal(100), Decimal(1)
        self.taken = Decimal(0)
        self._open(self.item.holder)

    @initialize(person=people)
    def begin(self, person: str) -> None:
        """
        Or later on: somebody at the agency or the laboratory has it.
        """
        self._open(Holder(PEOPLE[person].agency_id, PEOPLE[person].client_id))

    def _open(self, holder: Holder | None) -> None:
        # The holder before ends at the very instant at which the next begins.
        self.clock += 1
        if self.periods and self.periods[-1][1] is None:
            since, _, before = self.periods[-1]
            self.periods[-1] = (since, self.clock, before)
        if holder is not None:
            self.periods.append((self.clock, None, holder))
        self.item = replace(self.item, holder=holder, transit=None)

    @rule(giver=people, receiver=people)
    def offer(self, giver: str, receiver: str) -> None:
        """
        Somebody offers the item to somebody.
        """
        actor, other = PEOPLE[giver], PEOPLE[receiver]
        if rules.why_not_offered(self.item, actor, other.client_id) is None:
            assert actor.client_id != other.client_id
            assert self.item.holder is not None
            assert self.item.holder.client_id == actor.client_id
            assert self.item.transit is None
            transit = Transit(actor.client_id, other.agency_id, other.client_id)
            self.item = replace(self.item, transit=transit)

    @rule(person=people)
    def accept(self, person: str) -> None:
        """
        Somebody accepts.
        """
        actor = PEOPLE[person]
        if rules.why_not_accepted(self.item, actor) is None:
            assert self.item.transit is not None
            assert actor.client_id == self.item.transit.receiver
            assert actor.client_id != self.item.transit.giver
            self._open(Holder(actor.agency_id, actor.client_id))

    @rule()
    def withdraw(self) -> None:
        """
        The giver thinks better of it.
        """
        self.item = replace(self.item, transit=None)

    @rule(person=people)
    def store(self, person: str) -> None:
        """
        Somebody puts it into storage.
        """
        actor = PEOPLE[person]
        room = ROOM - (self.item.holder is not None and self.item.holder.place_id is not None)
        full = rules.why_not_stored([("S-1", room)], closed=False)
        if actor.agency_id != LABORATORY or full is not None:
            return
        if rules.why_not_moved(self.item, actor) is None:
            assert self.item.transit is None
            self._open(Holder(LABORATORY, None, PLACE))

    @rule(person=people)
    def take(self, person: str) -> None:
        """
        Somebody takes it out.
        """
        actor = PEOPLE[person]
        if rules.why_not_taken(self.item, actor) is None:
            assert actor.agency_id == LABORATORY
            self._open(Holder(actor.agency_id, actor.client_id))

    @rule()
    def analyze(self) -> None:
        """
        Somebody would start an analysis.
        """
        if rules.why_not_analyzed(self.item, LABORATORY) is None:
            assert self.item.transit is None
            assert self.item.holder is not None
            assert self.item.holder.agency_id == LABORATORY

    @rule(amount=st.decimals(Decimal("0.1"), Decimal(120), places=1))
    def split(self, amount: Decimal) -> None:
        """
        Somebody takes a part, or uses some.
        """
        why = rules.why_not_split(
            parent=self.parent, taken=self.taken, wanted=amount, tolerance=self.tolerance
        )
        if why is None:
            self.taken += amount

    @rule(person=people)
    def hold(self, person: str) -> None:
        """
        A party lays a legal hold.
        """
        self.holds.add(PEOPLE[person].agency_id)

    @rule(person=people)
    def lift(self, person: str) -> None:
        """
        A party lifts its hold.
        """
        self.holds.discard(PEOPLE[person].agency_id)

    @rule(person=people, kind=st.sampled_from(DisposalKind))
    def propose(self, person: str, kind: DisposalKind) -> None:
        """
        Somebody proposes its end.
        """
        actor = PEOPLE[person]
        if actor.agency_id != LABORATORY:
            return
        if rules.why_not_disposed(self.item, actor, len(self.holds)) is None:
            self.item = replace(self.item, disposal_open=True)
            self.performer, self.kind = actor, kind

    @rule(person=people)
    def confirm(self, person: str) -> None:
        """
        Somebody confirms it.
        """
        if self.performer is None:
            return
        actor = PEOPLE[person]
        why = rules.why_not_confirmed(
            self.item,
            self.kind,
            performer=self.performer.client_id,
            owner_agency_id=AGENCY,
            actor=actor,
            holds=len(self.holds),
        )
        if why is None:
            assert not self.holds
            self.two = {self.performer.client_id, actor.client_id}
            assert len(self.two) == 2
            self.performer = None
            back = Holder(actor.agency_id, actor.client_id)
            self._open(back if self.kind is DisposalKind.RETURNED else None)
            self.item = replace(self.item, disposal_open=False)

    @invariant()
    def exactly_one_holder(self) -> None:
        """
        No gap, no overlap; after destruction nobody, and nothing begins again.
        """
        ends = [until for _, until, _ in self.periods]
        starts = [since for since, _, _ in self.periods]
        assert ends[:-1] == starts[1:]
        assert (ends[-1] is None) == (self.item.holder is not None)

    @invariant()
    def weight_is_kept(self) -> None:
        """
        Parts and what was used never exceed the whole, within its stated tolerance.
        """
        assert self.taken <= self.parent + self.tolerance


class TestCustody:
    """
    The machine on the rules as they are, and on rules that were broken.
    """

    def test_whatever_people_try(self) -> None:
        """
        Two-party handover, one holder, no analysis in transit, destroyed is gone, weight is kept.
        """
        run_state_machine_as_test(Custody, settings=NOW_FAST)

    @pytest.mark.parametrize(
        "broken",
        [
            "why_not_offered",
            "why_not_accepted",
            "why_not_moved",
            "why_not_taken",
            "why_not_analyzed",
            "why_not_split",
            "why_not_confirmed",
        ],
    )
    def test_a_broken_rule_is_found(self, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
        """
        Negative control: with any one rule always content, the machine finds a way to break a promise (H6).
        """
        monkeypatch.setattr(rules, broken, lambda *_, **__: None)

        with pytest.raises((AssertionError, ExceptionGroup)):
            run_state_machine_as_test(Custody, settings=HUNT)


class TestWords:
    """
    What a refusal says.
    """

    def test_what_is_left(self) -> None:
        """
        A portion that has too little says how much is left, and within what.
        """
        said = rules.why_not_split(
            parent=Decimal(10), taken=Decimal("9.5"), wanted=Decimal(2), tolerance=Decimal("0.1")
        )

        assert said == "This portion has 0.5 left (within 0.1), less than 2."
        assert (
            rules.why_not_split(
                parent=None, taken=Decimal(9), wanted=Decimal(2), tolerance=Decimal(0)
            )
            is None
        )

    def test_the_last(self) -> None:
        """
        A use is the last when what remains could not be told from the tolerance.
        """
        tenth = Decimal("0.1")

        assert rules.uses_up(
            whole=Decimal(5), used=Decimal(4), wanted=Decimal("0.9"), tolerance=tenth
        )
        assert not rules.uses_up(
            whole=Decimal(5), used=Decimal(4), wanted=Decimal("0.8"), tolerance=tenth
        )
        assert not rules.uses_up(whole=None, used=Decimal(4), wanted=Decimal(1), tolerance=tenth)

    def test_full_and_closed(self) -> None:
        """
        A place takes nothing more when it, or anything it lies in, is full or closed.
        """
        assert rules.why_not_stored([("room", None), ("box", 1)], closed=False) is None
        assert "room is full" in str(rules.why_not_stored([("room", 0), ("box", 1)], closed=False))
        assert "closed" in str(rules.why_not_stored([("box", 1)], closed=True))

    def test_whom_a_hold_stops(self) -> None:
        """
        A hold laid after the proposal still stops the second person.
        """
        item = Item(Holder(LABORATORY, None, PLACE), disposal_open=True)

        said = rules.why_not_confirmed(
            item,
            DisposalKind.DESTROYED,
            performer=PEOPLE["technician"].client_id,
            owner_agency_id=AGENCY,
            actor=PEOPLE["supervisor"],
            holds=1,
        )

        assert "1 legal hold" in str(said)
