"""
What is picked from a submission, and what cannot be.
"""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ranking.facts import Facts, FieldTest
from app.ranking.intake import facts_from


class TestIntake:
    """
    What is picked, and what cannot be.
    """

    BODY: ClassVar[dict[str, Any]] = {
        "agency_file_number": "F-1",
        "seized_at": "2026-03-01T12:00:00Z",
        "country": "CA",
        "region": "CA-AB",
        "route": "mail",
        "parcel": {"origin_country": "CN", "weight_g": 20.0},
        "references": [],
        "hearings": [],
    }
    SAMPLE: ClassVar[dict[str, Any]] = {
        "exhibit_number": "1",
        "suspected": ["héroïne"],
        "form": "powder",
        "colour": "brown",
        "markings": None,
        "quantity_seized": {"value": 2.0, "unit": "g", "kind": "net", "uncertainty": None},
        "field_tests": [
            {"technique": "ftir", "target": "heroin", "result": "detected", "device": None}
        ],
        "reported_effects": ["overdose"],
        "circumstances": ["linked_overdose"],
    }

    def test_it_picks_what_bears_on_the_risk(self) -> None:
        """
        Field by field.
        """
        picked = facts_from(self.BODY, self.SAMPLE)

        assert (
            Facts(
                suspected=("héroïne",),
                form="powder",
                colour="brown",
                country="CA",
                region="CA-AB",
                year=2026,
                route="mail",
                origin_country="CN",
                quantity_seized=(2.0, "g"),
                field_tests=(FieldTest("ftir", "heroin", "detected"),),
                reported_effects=("overdose",),
                circumstances=("linked_overdose",),
            )
            == picked
        )

    @given(
        st.lists(
            st.fixed_dictionaries({"kind": st.text(), "date": st.dates().map(str)}), max_size=4
        ),
        st.lists(st.fixed_dictionaries({"kind": st.text(), "number": st.text()}), max_size=4),
        st.text(),
    )
    def test_hearings_references_and_descriptions_change_nothing(
        self, hearings: list[Any], references: list[Any], description: str
    ) -> None:
        """
        A court date cannot reach the ranking.
        """
        told = {**self.BODY, "hearings": hearings, "references": references}

        assert facts_from(self.BODY, self.SAMPLE) == facts_from(
            told, {**self.SAMPLE, "description": description}
        )

    def test_facts_have_no_room_for_a_date_or_a_person(self) -> None:
        """
        The type itself is the guarantee.
        """
        names = {field.name for field in fields(Facts)}

        assert not {
            name
            for name in names
            for word in ("date", "hearing", "court", "name", "agency")
            if word in name
        }

    @pytest.mark.parametrize(
        "body", [{}, {"seized_at": None, "parcel": None}, {"seized_at": "soon"}]
    )
    def test_nothing_told_is_still_ranked(self, body: dict[str, Any]) -> None:
        """
        Absent moves nothing.
        """
        assert Facts() == facts_from(body, {})

    def test_an_instant_is_as_good_as_its_text(self) -> None:
        """
        The year is all that is kept of it.
        """
        assert facts_from({"seized_at": datetime(2024, 5, 6, tzinfo=UTC)}, {}).year == 2024
