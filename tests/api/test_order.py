"""
What supervisors decide about the order: rush requests, policies, benches; each by name, each with its bounds.
"""

from datetime import date, timedelta

import pytest

from app.access import service as access
from app.access.rules import ClientKind, Role
from app.kit.db import OPERATOR, as_laboratory
from app.samples import service as samples
from app.samples.ranking_rules import answer_by, days_off
from app.samples.service import policies
from tests.api.matrix import policy_text
from tests.api.test_evidence import keys, screened
from tests.builders import World

SOON = (date.today() + timedelta(days=20)).isoformat()  # noqa: DTZ011 - any day ahead will do
TODAY = (date.today() + timedelta(days=0)).isoformat()  # noqa: DTZ011 - a start that is due at once


async def second_supervisor(world: World) -> None:
    """
    Hire another supervisor.
    """
    async with world.database.transaction(OPERATOR) as session:
        client_id = await access.create_client(
            session,
            agency_id=world.agencies["laboratory"],
            name="second_supervisor",
            kind=ClientKind.PERSON,
            roles=[Role.SUPERVISOR],
        )
        world.keys["second_supervisor"] = await access.create_key(session, client_id=client_id)


async def asked(world: World, sample_id: str, reason: str) -> str:
    """
    Ask for a sample to be hurried; return the request's id.
    """
    answer = await world.as_("agent").post(
        f"/v1/samples/{sample_id}/rush-requests", json={"reason": reason, "needed_by": SOON}
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


class TestRush:
    """
    Asked with a reason, answered by a name.
    """

    async def test_public_safety_moves_the_order_within_bounds(self, world: World) -> None:
        """
        A granted public-safety request is a bounded head start with its own sentence; asking alone moves nothing.
        """
        sample = await world.received(samples=[{"exhibit_number": "1", "suspected": ["cocaine"]}])
        (before,) = await keys(world, sample)
        request = await asked(world, sample, "public_safety")
        assert await keys(world, sample) == [before]

        answer = await world.as_("supervisor").post(
            f"/v1/lab/rush-requests/{request}/decision",
            json={"decision": "grant", "remarks": "two people in hospital"},
        )

        assert answer.status_code == 201, answer.text
        assert answer.json()["decided_by_name"] == "supervisor"
        assert (await keys(world, sample))[0] < before
        shown = (await world.as_("agent").get(f"/v1/samples/{sample}/assessment")).json()
        assert any(one["code"] == "public_safety" for one in shown["reasons"])

    async def test_a_hearing_reserves_a_start_and_leaves_the_key_alone(self, world: World) -> None:
        """
        Negative control for courts: the key is the same to the microsecond, and the bench takes it on its day.
        """
        risky = await world.received(samples=[{"exhibit_number": "1", "suspected": ["fentanyl"]}])
        dull = await world.received(
            samples=[{"exhibit_number": "1", "suspected": ["cannabis"]}],
            hearings=[{"kind": "trial", "date": SOON}],
        )
        before = await keys(world, risky, dull)
        request = await asked(world, dull, "hearing_within_30_days")

        granted = await world.as_("supervisor").post(
            f"/v1/lab/rush-requests/{request}/decision",
            json={"decision": "grant", "remarks": "trial", "start_by": TODAY},
        )

        assert granted.status_code == 201, granted.text
        assert await keys(world, risky, dull) == before
        assert (await world.claim(stage="screen"))["sample"]["id"] == dull
        assert (await world.claim(stage="screen"))["sample"]["id"] == risky

    async def test_a_refusal_says_when(self, world: World) -> None:
        """
        Without the earliest day a refusal is no answer; with it the agency reads it, and who decided.
        """
        sample = await world.received()
        request = await asked(world, sample, "person_in_custody")
        path = f"/v1/lab/rush-requests/{request}/decision"
        refuse = {"decision": "refuse", "remarks": "the bench is full"}

        assert (await world.as_("supervisor").post(path, json=refuse)).status_code == 422
        done = await world.as_("supervisor").post(path, json={**refuse, "earliest_on": SOON})
        again = await world.as_("supervisor").post(path, json={**refuse, "earliest_on": SOON})

        assert done.status_code == 201, done.text
        assert again.status_code == 409
        (read,) = (await world.as_("agent").get(f"/v1/samples/{sample}/rush-requests")).json()[
            "items"
        ]
        assert (read["state"], read["earliest_on"]) == ("refused", SOON)

    async def test_the_report_of_court_dates(self, world: World) -> None:
        """
        Open samples with a hearing ahead are listed for supervisors; a reserved start is taken into account.
        """
        sample = await world.received(hearings=[{"kind": "trial", "date": TODAY}])
        request = await asked(world, sample, "hearing_within_30_days")
        await world.as_("supervisor").post(
            f"/v1/lab/rush-requests/{request}/decision",
            json={"decision": "grant", "remarks": "trial", "start_by": SOON},
        )

        shown = (await world.as_("supervisor").get("/v1/lab/court-dates")).json()

        (line,) = shown["items"]
        assert line["sample_id"] == sample
        assert line["at_risk"] is True

    @pytest.mark.parametrize(
        ("asked_on", "country", "due"),
        [
            (date(2026, 11, 25), "CA", date(2026, 11, 27)),
            (date(2026, 11, 27), "CA", date(2026, 12, 1)),
            (date(2026, 12, 24), "CA", date(2026, 12, 29)),
            (date(2026, 12, 24), None, date(2026, 12, 28)),
        ],
    )
    def test_the_answer_clock_counts_business_days(
        self, asked_on: date, country: str | None, due: date
    ) -> None:
        """
        Weekends and the laboratory's public holidays do not count.
        """
        assert answer_by(asked_on, days_off(country)) == due


class TestPolicies:
    """
    Weights are data: proposed, compared, approved by somebody else, applied.
    """

    async def test_from_proposal_to_every_open_sample(self, world: World) -> None:
        """
        Four eyes; the comparison names who moves; every open sample is ranked anew; old assessments stay.
        """
        await second_supervisor(world)
        waiting = [
            await world.received(samples=[{"exhibit_number": "1", "suspected": [name]}])
            for name in ("cocaine", "fentanyl")
        ]
        on_its_way = (await world.submit())["samples"][0]["id"]
        text = policy_text(f"p-{waiting[0][-8:]}", **{"line = 0.25": "line = 2.0"})

        proposed = await world.as_("supervisor").post(
            "/v1/lab/policies", json={"document": text, "reason": "less for the middle"}
        )
        assert proposed.status_code == 201, proposed.text
        policy = proposed.json()
        assert policy["comparison"]["compared"] == 2
        path = f"/v1/lab/policies/{policy['id']}/decision"
        approve = {"decision": "approve", "remarks": "looked at"}
        own = await world.as_("supervisor").post(path, json=approve)
        assert own.status_code == 409
        decided = await world.as_("second_supervisor").post(path, json=approve)
        assert decided.status_code == 201, decided.text

        before = await keys(world, *waiting)
        laboratory = world.agencies["laboratory"]
        await policies.apply_due_of(world.database, laboratory)

        assert await keys(world, *waiting) != before
        for sample in (*waiting, on_its_way):
            shown = (await world.as_("agent").get(f"/v1/samples/{sample}/assessments")).json()
            assert [one["policy"] for one in shown["items"]] == [policy["name"], "2026-11-second"]
        in_force = (await world.as_("technician").get("/v1/lab/policy")).json()
        assert (in_force["name"], in_force["applied"]) == (policy["name"], 3)
        assert in_force["applied_at"] is not None

    async def test_a_policy_that_cannot_be_read_is_refused(self, world: World) -> None:
        """
        A weight without its source is named; a name that assessments carry is never given new weights.
        """
        unsourced = policy_text("p-unsourced", **{'source = "assumption: eq': 'origin = "eq'})
        unsourced = unsourced.replace(
            'bits = 3.0\nsource = "assumption: a named supervisor', 'bits = 3.0\norigin = "a named'
        )
        for text, status in (
            (unsourced, 422),
            ("no toml", 422),
            (policy_text("2026-11-first"), 409),
        ):
            answer = await world.as_("supervisor").post(
                "/v1/lab/policies", json={"document": text, "reason": "tried"}
            )
            assert answer.status_code == status, answer.text


class TestBenches:
    """
    A bench does what it is declared for.
    """

    async def test_a_bench_for_both_screens_first(self, world: World) -> None:
        """
        It confirms only while nothing waits to be screened.
        """
        first = await world.received()
        await screened(world, first, ["cocaine"])
        second = await world.received()
        declared = await world.as_("supervisor").put(
            "/v1/lab/benches/B-1", json={"stages": ["confirm", "screen"]}
        )
        assert declared.json()["stages"] == ["screen", "confirm"]

        taken = [await world.claim(bench="B-1") for _ in range(2)]

        assert [(one["stage"], one["sample"]["id"]) for one in taken] == [
            ("screen", second),
            ("confirm", first),
        ]


class TestQuality:
    """
    How good the order was, by the laboratory's own results.
    """

    async def test_first_predictions_beside_results(self, world: World) -> None:
        """
        Counted once a day and stored; the agency's record is brought up to date.
        """
        for name, found in (("fentanyl", ["fentanyl"]), ("fentanyl", ["caffeine"])):
            sample = await world.received(samples=[{"exhibit_number": "1", "suspected": [name]}])
            await screened(world, sample, found)
        async with world.database.transaction(
            as_laboratory(world.agencies["laboratory"])
        ) as session:
            await samples.quality.count(session, day=date(2026, 11, 25))

        (day,) = (await world.as_("supervisor").get("/v1/lab/ranking/quality")).json()["items"]

        assert day["figures"]["overall"] == {"resolved": 2, "lethal": 1}
