"""
The life of a sample: one table of moves, and what must be true of any such table.
"""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.rules import MAY, Role, Scope
from app.samples.rules import (
    CLAIMED_AT,
    ENDED,
    FINAL,
    HALTED,
    HELD,
    MOVES,
    OLDEST_EVERY,
    Act,
    Queue,
    Stage,
    Status,
    allowed,
    claim_scope,
    is_small_parcel,
    is_small_quantity,
    moves_of,
    oldest_starts,
)
from app.webhooks.rules import EventType

EVERYTHING = frozenset(Scope)


class TestMoves:
    """
    What the table of moves promises.
    """

    def test_every_state_is_reached(self) -> None:
        """
        From a submission every state can be reached.
        """
        reached = {Status.SUBMITTED}
        for _ in Status:
            reached |= {move.target for move in MOVES if move.source in reached}

        assert reached == set(Status)

    def test_only_a_supervisor_reopens_what_is_final(self) -> None:
        """
        What is final has no move out of it but ``reopen``, a report not even that, and everything else has one.
        """
        leaving = [move for move in MOVES if move.target is not move.source]

        assert {move.source for move in leaving if move.act is not Act.REOPEN} == (
            set(Status) - FINAL
        )
        assert {move.source for move in moves_of(Act.REOPEN)} == ENDED == FINAL - {Status.REPORTED}
        assert {move.scope for move in moves_of(Act.REOPEN)} == {Scope.OVERSEE}

    def test_an_act_leads_to_one_place(self) -> None:
        """
        Act, source and what is remembered name one move: the statement that carries it out has no choice.
        """
        counts = Counter((move.act, move.source, move.came_from) for move in MOVES)

        assert set(counts.values()) == {1}
        # An act that asks what is remembered asks it wherever it starts from there.
        for act in Act:
            asks = {
                source: {move.came_from is None for move in moves_of(act) if move.source is source}
                for source in Status
            }
            assert all(len(one) <= 1 for one in asks.values())

    def test_what_is_halted_remembers_where_it_goes_on(self) -> None:
        """
        Every pause and ending remembers a status that no claim holds, and a way leads back to each that is remembered.
        """
        for status in HALTED:
            remembered = {
                move.remembers for move in MOVES if move.target is status and move.remembers
            }
            back = Act.RESUME if status is Status.ON_HOLD else Act.REOPEN
            ways = [move for move in moves_of(back) if move.source is status]
            assert remembered == {move.target for move in ways} == {move.came_from for move in ways}
            assert not remembered & HELD
        for move in MOVES:
            assert (move.target in HALTED) == (
                move.remembers is not None or move.source is move.target in HALTED
            )

    def test_every_claim_that_is_halted_ends(self) -> None:
        """
        A move from a status under a claim out of the course says how the claim ends; no other does.
        """
        for move in MOVES:
            assert (move.ends_claim is not None) == (
                move.source in HELD and move.target in HALTED and move.target is not move.source
            )

    @pytest.mark.parametrize("status", sorted(HELD))
    def test_what_is_held_can_be_given_back(self, status: Status) -> None:
        """
        Every state under a claim is put back by its holder and lapses by itself, to where it was claimed from.
        """
        (claimed,) = [move for move in moves_of(Act.CLAIM) if move.target is status]
        for act in (Act.PUT_BACK, Act.LAPSE):
            (back,) = [move for move in moves_of(act) if move.source is status]
            assert back.target is claimed.source
            assert back.queue is Queue.STAYS

    def test_only_the_service_lapses(self) -> None:
        """
        Nobody's role lets a claim lapse, and what contradicts a finding is told by itself; all else needs a scope.
        """
        assert {move.act for move in MOVES if move.scope is None} == {Act.LAPSE, Act.CONTRADICT}

    def test_claims_wait_where_the_stages_say(self) -> None:
        """
        Each stage is claimed from the one status that waits for it, by whoever may.
        """
        assert {move.source for move in moves_of(Act.CLAIM)} == set(CLAIMED_AT.values())
        assert [claim_scope(stage) for stage in Stage] == [Scope.BENCH, Scope.BENCH, Scope.REVIEW]

    def test_what_is_queued_waits_for_that_stage(self) -> None:
        """
        A move that queues for a stage leads to the status from which that stage is claimed.
        """
        for move in MOVES:
            if move.stage is not None:
                assert move.target is CLAIMED_AT[move.stage]
            assert (move.stage is not None) == (move.queue in {Queue.ENTERS, Queue.NEXT_STAGE})

    def test_what_is_announced_is_an_event(self) -> None:
        """
        Every announcement is an event type that receivers can know.
        """
        assert {move.announces for move in MOVES if move.announces} <= {
            str(one) for one in EventType
        }

    def test_nothing_is_reported_without_review(self) -> None:
        """
        The only way to a report leads through a review, whose scope no bench role has.
        """
        assert {
            move.source
            for move in MOVES
            if move.target is Status.REPORTED and move.source is not Status.REPORTED
        } == {Status.IN_REVIEW}
        assert {move.scope for move in moves_of(Act.REPORT)} == {Scope.REVIEW}
        assert Scope.REVIEW not in MAY[Role.TECHNICIAN]

    @given(st.lists(st.sampled_from(MOVES), max_size=60))
    def test_any_walk_keeps_the_queue_in_step(self, tried: list[object]) -> None:
        """
        Along any walk a sample is in the queue exactly from its receipt to its report, at the stage of its status.
        """
        status, stage, remembered = Status.SUBMITTED, None, None
        for move in tried or MOVES * 2:
            assert isinstance(move, type(MOVES[0]))
            if move.source is not status or move.came_from not in {None, remembered}:
                continue
            assert status not in FINAL or move.act is Act.REOPEN or move.target is status
            if move.remembers or move.target not in HALTED:
                remembered = move.remembers
            status = move.target
            assert (remembered is not None) == (status in HALTED)
            if move.queue is Queue.LEAVES:
                stage = None
            elif move.stage is not None:
                stage = move.stage
            waits = status not in {Status.SUBMITTED, *FINAL, *HALTED}
            assert (stage is not None) == waits
            if status in CLAIMED_AT.values():
                assert stage is not None
                assert CLAIMED_AT[stage] is status

    def test_allowed_is_what_the_table_says(self) -> None:
        """
        What a caller is offered follows from the table and their scopes; at the end only what corrects.
        """
        assert allowed(Status.SUBMITTED, MAY[Role.TECHNICIAN]) == (
            Act.RECEIVE,
            Act.REJECT,
            Act.HOLD,
        )
        assert allowed(Status.SUBMITTED, MAY[Role.AGENT]) == (Act.WITHDRAW,)
        assert allowed(Status.SCREENED, MAY[Role.AGENT]) == ()
        assert set(allowed(Status.REPORTED, EVERYTHING)) == {
            Act.TAKE_BACK,
            Act.AMEND,
            Act.CERTIFY,
        }
        assert Act.REPORT in allowed(Status.IN_REVIEW, MAY[Role.REVIEWER])
        for status in Status:
            assert set(allowed(status, EVERYTHING)) == {
                move.act for move in MOVES if move.source is status and move.scope
            }


class TestSmall:
    """
    What counts as small, at the edges.
    """

    @pytest.mark.parametrize(
        ("route", "parcel", "small"),
        [
            ("mail", {"weight_g": 30}, True),
            ("courier", {"weight_g": 0.0}, True),
            ("mail", {"weight_g": 30.000001}, False),
            ("mail", {"weight_g": None}, False),
            ("mail", {}, False),
            ("mail", None, False),
            ("unknown", {"weight_g": 1}, False),
            (None, {"weight_g": 1}, False),
        ],
    )
    def test_parcel(
        self, route: str | None, parcel: dict[str, float] | None, *, small: bool
    ) -> None:
        """
        By mail or courier, weighed, and 30 g or less.
        """
        assert is_small_parcel(route, parcel) is small

    @pytest.mark.parametrize(
        ("quantity", "small"),
        [
            ({"value": 30, "unit": "g"}, True),
            ({"value": 0, "unit": "g"}, True),
            ({"value": 30.01, "unit": "g"}, False),
            ({"value": None, "unit": "g"}, False),
            ({"unit": "g"}, False),
            ({"value": 3, "unit": "tablet"}, False),
            ({"value": 3, "unit": "mL"}, False),
            ({"value": 3}, False),
            ({}, False),
            (None, False),
        ],
    )
    def test_quantity(self, quantity: dict[str, object] | None, *, small: bool) -> None:
        """
        Weighed, and 30 g or less; zero is a trace.
        """
        assert is_small_quantity(quantity) is small


class TestOldest:
    """
    Every twentieth start takes the oldest.
    """

    @given(st.lists(st.integers(min_value=1, max_value=50), max_size=200))
    def test_however_they_are_taken(self, counts: list[int]) -> None:
        """
        One by one or many at once: of n starts exactly n // 20 took the oldest, never more than one in twenty early.
        """
        started = oldest = 0
        for count in counts:
            some = oldest_starts(started, count)
            assert 0 <= some <= count
            started += count
            oldest += some
            assert oldest == started // OLDEST_EVERY

    def test_one_by_one(self) -> None:
        """
        The twentieth, the fortieth, the sixtieth.
        """
        taken = [number + 1 for number in range(60) if oldest_starts(number, 1)]

        assert taken == [20, 40, 60]
